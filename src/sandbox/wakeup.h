// Few sleeping coroutines for any number of deadlines: the owner keeps what is due, this only wakes it.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "platform/clock.h"

namespace posthorn::sandbox {

class Wakeup {
 public:
  Wakeup(Clock& clock, Executor executor, std::function<void()> fire);
  ~Wakeup() { stop(); }
  // Calls fire() at or after `when`. Only the earliest deadline counts; fire() arms the next one.
  void arm(MonotonicTime when);
  // Nothing is called any more. Touches neither clock nor executor: both may be gone. A sleep that has begun
  // goes on in the background and then ends by itself.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Things due at a time, in batches of one tick: a million of them cost one map node per tick, not one timer
// each.
template <class T>
class Calendar {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(2);

  void push(MonotonicTime due, T item) {
    const std::int64_t tick = (due.time_since_epoch().count() + kTick.count() - 1) / kTick.count();
    slots_[tick].push_back(std::move(item));
    ++size_;
  }
  // The items of the earliest tick that is due, in the order they were put in; empty when none is.
  std::vector<T> pop_due(MonotonicTime now) {
    std::vector<T> out;
    const auto first = slots_.begin();
    if (first == slots_.end() || time_of(first->first) > now) return out;
    out.swap(first->second);
    slots_.erase(first);
    size_ -= out.size();
    return out;
  }
  bool empty() const { return slots_.empty(); }
  std::size_t size() const { return size_; }
  MonotonicTime next() const { return time_of(slots_.begin()->first); }
  void clear() {
    slots_.clear();
    size_ = 0;
  }

 private:
  static MonotonicTime time_of(std::int64_t tick) { return MonotonicTime(Duration(tick * kTick.count())); }
  std::map<std::int64_t, std::vector<T>> slots_;
  std::size_t size_ = 0;
};

}  // namespace posthorn::sandbox
