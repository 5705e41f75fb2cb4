// How often one recipient may be written to. Meta's throughput page, "pair rate": one message in 6 seconds to
// the same user; up to 45 may go at once and are borrowed from the time after them; 131056 beyond ("retry
// after 4^X seconds"). Pure: time is an argument. Remembers only recipients who limit something still.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>
#include <utility>

#include "core/time.h"
#include "messaging/lanes.h"

namespace posthorn {

// How many messages of a lane may go to one recipient at once, everything counted that went to him before.
// People and automation have nearly all that Meta grants; five are left for what the number sends by other
// ways. API sends leave half of it to people. A broadcast borrows nothing: it can wait.
constexpr int pair_burst(Lane lane) {
  constexpr int kBursts[] = {40, 20, 1};  // reply, api, broadcast
  return kBursts[static_cast<std::size_t>(lane)];
}

class PairLimiter {
 public:
  static constexpr Duration kSpacing = std::chrono::seconds(6);
  // The longest that what was sent can limit what follows.
  static constexpr Duration kMemory = kSpacing * pair_burst(Lane::reply);
  static constexpr int kMaxPenaltyExponent = 6;  // 4^6 s: a little over an hour

  // The earliest instant for this recipient; `now` or earlier means at once.
  MonotonicTime next(std::uint64_t recipient, Lane lane, MonotonicTime now) const;
  void sent(std::uint64_t recipient, MonotonicTime now);
  // 131056 for this pair: waits 4^X seconds, X growing with each refusal until a send succeeds; refusals of
  // what had left together count as one. More had been borrowed than we knew: for a while nothing is. Returns
  // the instant.
  MonotonicTime refused(std::uint64_t recipient, MonotonicTime now);
  void succeeded(std::uint64_t recipient);
  void forget_before(MonotonicTime now);  // called now and then; frees what no longer limits anything
  std::size_t size() const { return paid_until_.size() + refused_.size(); }

 private:
  struct Refused {
    MonotonicTime until{};          // nothing goes before
    MonotonicTime careful_until{};  // nothing is borrowed before
    MonotonicTime last_sent{};
    int exponent = 0;
  };

  // Each message takes 6 seconds, one after the other: until then all that was sent is paid for. Looked up
  // only, never iterated.
  std::unordered_map<std::uint64_t, MonotonicTime> paid_until_;
  std::deque<std::pair<MonotonicTime, std::uint64_t>> look_again_;  // one entry a recipient above, in order
  std::map<std::uint64_t, Refused> refused_;
  MonotonicTime sweep_at_{};  // of refused_
};

}  // namespace posthorn
