// The operating system's clocks.
#pragma once
#include "platform/clock.h"

namespace posthorn {

class RealClock final : public Clock {
 public:
  explicit RealClock(Executor executor) : executor_(std::move(executor)) {}
  WallTime wall_now() override;
  MonotonicTime now() override;
  Task<> sleep_until(MonotonicTime deadline) override;

 private:
  Executor executor_;
};

}  // namespace posthorn
