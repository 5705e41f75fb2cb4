// Meta's limits, measured at arrival: messages a second of a number, messages to one person, people a day,
// management calls an hour. Keeps what tests want to know about the pace.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "core/time.h"
#include "sandbox/config.h"
#include "sandbox/flat_map.h"

namespace posthorn::sandbox {

// What one business number has seen since the last reset.
struct PaceRecord {
  std::uint64_t arrivals = 0;                        // messages that arrived, refused ones included
  std::uint64_t refused_rate = 0;                    // 130429
  std::uint64_t refused_pair = 0;                    // 131056
  std::uint64_t max_window = 0;                      // most arrivals in any (t - 1 s, t]
  MonotonicTime first, last;                         // of the arrivals
  std::map<std::int64_t, std::uint32_t> per_second;  // whole second of the monotonic clock → arrivals
};

class Limits {
 public:
  explicit Limits(const LimitConfig& config, std::size_t numbers);

  // Each returns true when the message may pass; call arrive() first, once a message.
  void arrive(std::size_t number, MonotonicTime now);
  bool allow_throughput(std::size_t number, int messages_per_second, MonotonicTime now);
  bool allow_pair(std::size_t number, std::uint64_t phone, MonotonicTime now);
  bool allow_user(std::uint64_t phone, MonotonicTime now);  // outside a customer service window only
  bool allow_management(MonotonicTime now);
  void inbound(std::size_t number, MonotonicTime now);

  const PaceRecord& record(std::size_t number) const { return numbers_.at(number).record; }
  // People counted in the last 24 hours; 0 while there is no limit.
  std::size_t users_today() const { return user_order_.size(); }
  std::uint64_t refused_users() const { return refused_users_; }
  LimitConfig& config() { return config_; }
  void clear();

 private:
  struct Number {
    PaceRecord record;
    std::deque<MonotonicTime> arrivals, granted;  // within the last second
    std::int64_t current_second = -1;
    std::uint32_t* current_count = nullptr;
  };
  LimitConfig config_;
  std::vector<Number> numbers_;
  FlatMap<std::int64_t>
      pairs_;  // hash of number and phone → theoretical arrival time of the next message, in µs
  std::size_t purge_pairs_at_ = 1 << 16;
  FlatMap<std::int64_t> users_;           // phone → when it was counted; older than a day means no more
  std::deque<MonotonicTime> user_order_;  // when each of the users of the last 24 hours was counted
  std::uint64_t refused_users_ = 0;
  std::deque<MonotonicTime> management_;
};

}  // namespace posthorn::sandbox
