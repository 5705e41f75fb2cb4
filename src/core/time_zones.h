// Local time of a phone number's owner, as far as the number tells it.
//
// Tables generated from the `phonenumbers` package (number prefix → IANA zones) and the IANA time zone
// database (zone → rule); tools/generate_time_zones.py. Where a prefix covers several zones the most populous
// one stands first in our table of main zones; a mobile number of such a country gets the zone of its capital
// or largest city.
#pragma once
#include <string_view>

#include "core/phone_number.h"
#include "core/time.h"

namespace posthorn {

std::string_view time_zone_of(PhoneNumber number);  // IANA name, "Etc/UTC" when nothing is known

// UTC offset in minutes, east positive, by the rule in force today; the daylight saving rules are those of
// the time zone database's version in time_zone_data.inc. Historic offsets are not known.
int utc_offset_minutes(PhoneNumber number, WallTime at);
int zone_offset_minutes(std::string_view zone, WallTime at);  // 0 for a zone that is not known

// Whether zone_offset_minutes() knows it: the main zones, their newer and older names, "UTC".
bool is_time_zone(std::string_view zone);

// Minutes of the local day. No sending from `from` up to, not including, `until`; equal means no quiet hours.
struct QuietHours {
  int from_minute = 21 * 60;
  int until_minute = 8 * 60;
};
bool is_quiet(WallTime at, int offset_minutes, QuietHours quiet);
// `earliest` itself, or the end of the quiet hours it falls into.
WallTime next_allowed_send(WallTime earliest, int offset_minutes, QuietHours quiet);

}  // namespace posthorn
