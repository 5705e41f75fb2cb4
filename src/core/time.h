// Time as values. Reading a clock is a port: platform/clock.h.
#pragma once
#include <chrono>
#include <cstdint>

namespace posthorn {

using Duration = std::chrono::microseconds;

// UTC wall-clock time. It may jump; it is for people, files and other systems, never for deadlines.
using WallTime = std::chrono::sys_time<Duration>;

// Time since an unspecified start that never goes back. Deadlines and pacing use this one only (invariant
// I27).
struct MonotonicClockTag {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonotonicClockTag>;
  static constexpr bool is_steady = true;
};
using MonotonicTime = std::chrono::time_point<MonotonicClockTag, Duration>;

// How wall times are stored in the database: microseconds since the Unix epoch.
constexpr std::int64_t to_micros(WallTime t) {
  return t.time_since_epoch().count();
}
constexpr WallTime wall_from_micros(std::int64_t us) {
  return WallTime(Duration(us));
}

}  // namespace posthorn
