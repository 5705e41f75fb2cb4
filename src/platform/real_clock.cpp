#include "platform/real_clock.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace posthorn {

WallTime RealClock::wall_now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

MonotonicTime RealClock::now() {
  const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
  return MonotonicTime(std::chrono::duration_cast<Duration>(since_start));
}

Task<> RealClock::sleep_until(MonotonicTime deadline) {
  // now() rounds down, so one more unit keeps the promise "at or after".
  const std::chrono::steady_clock::time_point expiry(deadline.time_since_epoch() + Duration(1));
  if (expiry <= std::chrono::steady_clock::now()) co_return;
  asio::steady_timer timer(executor_, expiry);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace posthorn
