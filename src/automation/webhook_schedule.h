// When a webhook that failed is tried again. Pure.
#pragma once
#include <optional>
#include <string_view>

#include "core/time.h"

namespace posthorn {

// A delivery is given up, and an endpoint that only fails is disabled, after so long.
inline constexpr Duration kWebhookPatience = std::chrono::hours(72);
inline constexpr Duration kLongestWebhookPause = std::chrono::hours(4);

// After `failed` attempts (at least 1): 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 2 h, then 4 h each, lengthened
// by up to a fifth; `unit` in [0, 1) is the draw. The first attempt is immediate.
Duration webhook_pause(int failed, double unit);

// How many attempts of an endpoint may fail in a row before it counts as down: then it is probed by one
// request at a time, after pauses of 1 s, 2 s, … at most one minute.
inline constexpr int kFailuresUntilDown = 5;
Duration webhook_probe_pause(int failures);  // 0 while it is not down

// Value of a Retry-After header, seconds or an HTTP date (RFC 9110, 10.2.3), from `now` on; at most
// kLongestWebhookPause. Nothing if it cannot be understood.
std::optional<Duration> parse_retry_after(std::string_view value, WallTime now);

}  // namespace posthorn
