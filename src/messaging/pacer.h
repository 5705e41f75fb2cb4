// When may the next message of one phone number leave? Pure: time is an argument, the answer is an instant.
//
// Hard rule (I9): in no window of one second, seen at the receiver, more than the granted number. Each
// message holds one of N slots from the moment it is granted until a second and a guard after its last byte
// was written, so requests that are slow to leave cannot bunch up. Soft rule: spacing of 0.9/N with a small
// tolerance, so that traffic is smooth and a hiccup is caught up without a burst. A pacer starts with all
// slots taken, as if N had just been sent by the process before it.
#pragma once
#include <cstddef>
#include <deque>

#include "core/time.h"

namespace posthorn {

struct PacerLimits {
  int rate = 80;            // granted messages per second; 0: no limit (benches against a sandbox)
  double headroom = 0.985;  // share of the limit to use; the rest is the guard for jitter on the way
};

class Pacer {
 public:
  Pacer(PacerLimits limits, MonotonicTime start);

  // The earliest instant one more message may leave; `now` or earlier means at once. MonotonicTime::max():
  // not before one of the granted messages was written (all slots are taken by them).
  MonotonicTime next(MonotonicTime now) const;
  void granted(MonotonicTime now);  // the caller takes the slot that next() offered
  void written(MonotonicTime now);  // a granted message's last byte leaves now
  void returned();                  // a granted message did not leave at all

  // The receiver refused for rate (130429, 4, HTTP 429): halves the rate, at most once a second. It climbs
  // back by a twentieth of the granted rate for each clean second.
  void refused(MonotonicTime now);
  void pause_until(MonotonicTime until);       // nothing leaves before (131057, 133004); only ever extends
  void set_rate(int rate, MonotonicTime now);  // a new grant, in the middle of traffic

  // When the nth message from now (1: the next) may leave, if nobody refuses and all are written as they are
  // granted; `now` or earlier means at once. MonotonicTime::max(): not before one of the granted was written.
  MonotonicTime opens(int nth, MonotonicTime now) const;
  // How many messages may leave within `span` from now, at most as many as are granted for a second; all of
  // them (INT_MAX) without a limit.
  int leave_within(Duration span, MonotonicTime now) const;
  MonotonicTime paused_until() const { return paused_until_; }

  int granted_rate() const { return limits_.rate; }
  int current_rate(MonotonicTime now) const;
  std::size_t unwritten() const { return unwritten_; }

 private:
  MonotonicTime window_opens(int rate, int nth) const;
  Duration spacing(int rate) const;
  Duration window() const;

  PacerLimits limits_;
  std::deque<MonotonicTime> written_;  // the last `rate` writes, oldest first
  std::size_t unwritten_ = 0;
  MonotonicTime smooth_{};  // when the smooth schedule is due next
  MonotonicTime paused_until_{};
  int reduced_rate_ = 0;  // after the last refusal; 0: none
  MonotonicTime refused_at_{}, halved_at_{};
};

}  // namespace posthorn
