// Port: clocks and sleep. Real: real_clock.h. Simulated: simulated/world.h.
#pragma once
#include "core/time.h"
#include "platform/async.h"

namespace posthorn {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall_now() = 0;
  virtual MonotonicTime now() = 0;
  // Resumes on the caller's executor at or after `deadline`; at once if it has passed. Cancellable by Asio's
  // per-operation cancellation (`||` of awaitable operators); then it throws operation_aborted like Asio
  // timers.
  virtual Task<> sleep_until(MonotonicTime deadline) = 0;
  Task<> sleep_for(Duration d) { return sleep_until(now() + d); }
};

}  // namespace posthorn
