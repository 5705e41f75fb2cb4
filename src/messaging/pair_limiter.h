// How often one recipient may be written to: Meta allows one message in 6 seconds to the same user and
// answers 131056 beyond
// ("pair rate"; retry after 4^X seconds). Pure: time is an argument. Remembers only recipients of the last
// few seconds.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>
#include <utility>

#include "core/time.h"

namespace posthorn {

class PairLimiter {
 public:
  static constexpr Duration kSpacing = std::chrono::seconds(6);
  static constexpr int kMaxPenaltyExponent = 6;  // 4^6 s: a little over an hour

  // The earliest instant for this recipient; `now` or earlier means at once.
  MonotonicTime next(std::uint64_t phone, MonotonicTime now) const;
  void sent(std::uint64_t phone, MonotonicTime now);
  // 131056 for this pair: waits 4^X seconds, X growing with each refusal until a send succeeds. Returns the
  // instant.
  MonotonicTime refused(std::uint64_t phone, MonotonicTime now);
  void succeeded(std::uint64_t phone) { penalties_.erase(phone); }
  void forget_before(MonotonicTime now);  // called now and then; frees what no longer limits anything
  std::size_t size() const { return blocked_until_.size(); }

 private:
  void block(std::uint64_t phone, MonotonicTime until);

  std::unordered_map<std::uint64_t, MonotonicTime> blocked_until_;  // looked up only, never iterated
  std::deque<std::pair<MonotonicTime, std::uint64_t>> expiry_;      // of plain spacing, in order
  std::multimap<MonotonicTime, std::uint64_t> long_expiry_;         // of penalties
  std::map<std::uint64_t, int> penalties_;
};

}  // namespace posthorn
