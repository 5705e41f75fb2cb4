// Instants as ISO 8601 text, the only form the API speaks.
#pragma once
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/time.h"

namespace posthorn {

std::string iso_time(WallTime t);  // "2026-03-29T09:00:00Z"; parts of a second are cut off

// "2026-03-29T09:00:00Z", "2026-03-29T09:00+02:00"; seconds and their fraction may be missing, the offset may
// not.
Result<WallTime> parse_iso_time(std::string_view text);

}  // namespace posthorn
