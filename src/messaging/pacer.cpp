#include "messaging/pacer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace posthorn {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);
constexpr Duration kTolerance =
    std::chrono::milliseconds(20);  // how much lateness of our own is caught up at once
constexpr Duration kRefusalPause = std::chrono::seconds(1);  // refusals within it count as one
constexpr int kClimbShare = 20;                              // of the granted rate, for each clean second

Duration scaled(double seconds) {
  return Duration(static_cast<Duration::rep>(std::llround(seconds * 1e6)));
}

}  // namespace

Pacer::Pacer(PacerLimits limits, MonotonicTime start)
    : limits_(limits), written_(static_cast<std::size_t>(limits.rate), start), smooth_(start) {}

Duration Pacer::window() const {
  return scaled(1.0 / limits_.headroom);
}
Duration Pacer::spacing(int rate) const {
  return scaled(0.9 / rate);
}

int Pacer::current_rate(MonotonicTime now) const {
  if (reduced_rate_ == 0 || limits_.rate == 0) return limits_.rate;
  const auto clean_seconds = (now - refused_at_) / kSecond;
  const int step = std::max(1, limits_.rate / kClimbShare);
  return static_cast<int>(std::min<std::int64_t>(limits_.rate, reduced_rate_ + clean_seconds * step));
}

// When the nth slot of the window is free. Granted messages that are not written yet hold theirs with no end
// in sight.
MonotonicTime Pacer::window_opens(int rate, int nth) const {
  const std::size_t taken = unwritten_ + static_cast<std::size_t>(nth - 1);
  const auto slots = static_cast<std::size_t>(rate);
  if (taken >= slots) return MonotonicTime::max();
  const std::size_t needed = slots - taken;  // the newest `needed` writes must not fill the window
  if (written_.size() < needed) return MonotonicTime::min();
  return written_[written_.size() - needed] + window();
}

MonotonicTime Pacer::next(MonotonicTime now) const {
  if (now < paused_until_) return paused_until_;
  if (limits_.rate == 0) return now;
  const int rate = current_rate(now);
  return std::max(window_opens(rate, 1), smooth_ - kTolerance);
}

MonotonicTime Pacer::opens(int nth, MonotonicTime now) const {
  const MonotonicTime from = std::max(now, paused_until_);
  if (limits_.rate == 0) return from;
  const int rate = current_rate(now);
  const MonotonicTime smooth = std::max(smooth_, from) + spacing(rate) * (nth - 1) - kTolerance;
  return std::max({from, window_opens(rate, nth), smooth});
}

int Pacer::leave_within(Duration span, MonotonicTime now) const {
  const MonotonicTime until = now + span;
  if (opens(1, now) > until) return 0;
  if (limits_.rate == 0) return std::numeric_limits<int>::max();
  int leave = 1, too_many = current_rate(now) + 1;
  while (too_many - leave > 1) {
    const int middle = leave + (too_many - leave) / 2;
    (opens(middle, now) <= until ? leave : too_many) = middle;
  }
  return leave;
}

void Pacer::granted(MonotonicTime now) {
  ++unwritten_;
  if (limits_.rate == 0) return;
  const Duration step = spacing(current_rate(now));
  // Unused time is not saved up beyond the tolerance.
  smooth_ = std::max(smooth_, now) + step;
}

void Pacer::written(MonotonicTime now) {
  if (unwritten_ > 0) --unwritten_;
  if (limits_.rate == 0) return;
  written_.push_back(written_.empty() ? now : std::max(now, written_.back()));
  while (written_.size() > static_cast<std::size_t>(limits_.rate)) written_.pop_front();
}

void Pacer::returned() {
  if (unwritten_ > 0) --unwritten_;
}

void Pacer::refused(MonotonicTime now) {
  if (limits_.rate == 0) return;
  // What left before the last halving must not halve again.
  if (reduced_rate_ == 0 || now - halved_at_ >= kRefusalPause) {
    reduced_rate_ = std::max(1, current_rate(now) / 2);
    halved_at_ = now;
  }
  refused_at_ = now;
}

void Pacer::pause_until(MonotonicTime until) {
  paused_until_ = std::max(paused_until_, until);
}

void Pacer::set_rate(int rate, MonotonicTime now) {
  if (rate == limits_.rate) return;
  // Without a limit nothing was remembered: a new limit begins with all slots taken.
  if (limits_.rate == 0) written_.assign(static_cast<std::size_t>(rate), now);
  limits_.rate = rate;
  reduced_rate_ = 0;
  smooth_ = std::min(smooth_, now + kSecond);
  while (written_.size() > static_cast<std::size_t>(rate)) written_.pop_front();
}

}  // namespace posthorn
