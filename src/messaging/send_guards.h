// Two small judges of the dispatcher, pure: is the channel reachable, and does a broadcast fail too often?
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "core/time.h"

namespace posthorn {

// After a few exchanges in a row without an answer (no connection, broken off, timed out) the channel counts
// as unreachable: nothing is taken until `until`, then one probe.
class Outage {
 public:
  static constexpr int kFailures = 3;
  static constexpr Duration kFirst = std::chrono::seconds(1);
  static constexpr Duration kLongest = std::chrono::seconds(30);

  // Returns when to try again. `jitter` in [0, 1).
  MonotonicTime failed(MonotonicTime now, double jitter) {
    if (active() && now < until_)
      return until_;  // it left before the outage was known, and tells nothing new
    ++failures_;
    const int doublings = std::clamp(failures_ - kFailures, 0, 5);
    const Duration delay = std::min(kLongest, kFirst * (1 << doublings));
    until_ = std::max(
        until_, now + delay +
                    Duration(static_cast<Duration::rep>(jitter * 0.25 * static_cast<double>(delay.count()))));
    return until_;
  }
  void reached() {
    failures_ = 0;
    until_ = {};
  }
  bool active() const { return failures_ >= kFailures; }
  MonotonicTime until() const { return until_; }

 private:
  int failures_ = 0;
  MonotonicTime until_{};
};

// Does a failure with this code speak against the list or the message? Not when Meta keeps marketing from
// people for reasons of its own while their numbers are fine: 131049 (they get enough of it) and 130472 (an
// experiment). 0: no failure.
constexpr bool counts_for_error_share(int code) {
  return code != 0 && code != 131049 && code != 130472;
}

// The share of failures among the last outcomes of a broadcast.
class ErrorShare {
 public:
  explicit ErrorShare(int outcomes) : size_(static_cast<std::size_t>(std::max(outcomes, 4))) {}

  void add(int failure_code) {  // 0: no failure
    last_.push_back(failure_code);
    if (failure_code != 0) ++failures_;
    if (last_.size() <= size_) return;
    if (last_.front() != 0) --failures_;
    last_.pop_front();
  }
  // Outcomes that looked good turn out to be failures: `rows` of `judged` that were heard of at once. When
  // those are more than are looked at, most of them were sent before the last ones, and only their share
  // counts.
  void failed_later(int failure_code, int rows, int judged) {
    const auto size = static_cast<std::int64_t>(size_);
    if (judged > size) rows = static_cast<int>((rows * size + judged / 2) / judged);
    for (; rows > 0; --rows) {
      const auto good = std::find(last_.rbegin(), last_.rend(), 0);
      if (good == last_.rend()) return;
      *good = failure_code;
      ++failures_;
    }
  }
  // Judged from a quarter of the outcomes on, so that a short bad list is stopped as well.
  bool above(double share) const {
    if (share <= 0 || last_.size() < size_ / 4) return false;
    if (static_cast<std::size_t>(failures_) == last_.size()) return true;
    return static_cast<double>(failures_) > share * static_cast<double>(last_.size());
  }
  int failures() const { return failures_; }
  int outcomes() const { return static_cast<int>(last_.size()); }
  int most_frequent_code() const {
    std::map<int, int> seen;
    for (const int code : last_) seen[code] += code != 0 ? 1 : 0;
    const auto most = std::max_element(seen.begin(), seen.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == seen.end() ? 0 : most->first;
  }

 private:
  std::size_t size_;
  std::deque<int> last_;
  int failures_ = 0;
};

}  // namespace posthorn
