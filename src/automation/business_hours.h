// When somebody is there: spans of the local day for each weekday, and days without any. Pure.
#pragma once
#include <array>
#include <chrono>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "core/json.h"
#include "core/result.h"
#include "core/time.h"

namespace posthorn::automation {

// Minutes of the local day, 0 to 1440. Ending at or before its start it reaches into the next day.
struct OpenSpan {
  int from_minute = 0;
  int until_minute = 0;  // exclusive
  friend bool operator==(const OpenSpan&, const OpenSpan&) = default;
};

struct BusinessHours {
  std::string time_zone = "UTC";                    // name of the IANA time zone database (core/time_zones.h)
  std::array<std::vector<OpenSpan>, 7> days;        // Monday first
  std::vector<std::chrono::year_month_day> closed;  // holidays, by the local calendar
  friend bool operator==(const BusinessHours&, const BusinessHours&) = default;
};

bool is_open(const BusinessHours& hours, WallTime at);

// {"time_zone": "Europe/Berlin", "days": {"mon": ["09:00-12:00", "13:00-17:00"], …}, "closed":
// ["2026-12-25"]}. Days that are not named are closed. Errors name the field.
Result<BusinessHours> parse_business_hours(const JsonView& view);
json::object to_json(const BusinessHours& hours);

}  // namespace posthorn::automation
