#include "core/time_zones.h"

#include <algorithm>
#include <chrono>

namespace posthorn {
namespace {

struct ChangeDay {
  std::int16_t month, week, weekday;  // month 0: there is no daylight saving time
  std::int16_t minute;                // after local midnight; may be negative or beyond a day
};

struct ZoneRule {
  std::string_view name;
  std::int16_t standard, daylight;  // minutes east of UTC
  ChangeDay start, end;
};

struct ZonePrefix {
  std::uint32_t digits;
  std::uint16_t zone;
};

#include "core/time_zone_data.inc"

constexpr int kMinutesPerDay = 24 * 60;

std::int64_t floor_minutes(WallTime t) {
  return std::chrono::floor<std::chrono::minutes>(t.time_since_epoch()).count();
}

// Minutes since the epoch on the local clock when the change happens.
std::int64_t change_minute(std::chrono::year year, const ChangeDay& change) {
  using namespace std::chrono;
  const month_day_last last(month(static_cast<unsigned>(change.month)));
  const weekday day(static_cast<unsigned>(change.weekday));
  const year_month in_month = year / last.month();
  const sys_days date = change.week == 5 ? sys_days(in_month / day[std::chrono::last])
                                         : sys_days(in_month / day[static_cast<unsigned>(change.week)]);
  return std::int64_t{date.time_since_epoch().count()} * kMinutesPerDay + change.minute;
}

int offset_of(const ZoneRule& zone, WallTime at) {
  if (zone.start.month == 0) return zone.standard;
  const std::int64_t utc = floor_minutes(at);
  const auto local_day = std::chrono::floor<std::chrono::days>(at + std::chrono::minutes(zone.standard));
  const std::chrono::year year = std::chrono::year_month_day(local_day).year();
  // The change to daylight saving is told by the standard clock, the change back by the daylight one.
  const std::int64_t start = change_minute(year, zone.start) - zone.standard;
  const std::int64_t end = change_minute(year, zone.end) - zone.daylight;
  const bool daylight =
      start < end ? utc >= start && utc < end : utc >= start || utc < end;  // south of the equator
  return daylight ? zone.daylight : zone.standard;
}

const ZoneRule* zone_by_number(PhoneNumber number) {
  for (std::uint64_t prefix = number.digits(); prefix > 0; prefix /= 10) {
    if (prefix > UINT32_MAX) continue;
    const auto* found =
        std::lower_bound(std::begin(kZonePrefixes), std::end(kZonePrefixes), prefix,
                         [](const ZonePrefix& entry, std::uint64_t wanted) { return entry.digits < wanted; });
    if (found != std::end(kZonePrefixes) && found->digits == prefix) return &kZones[found->zone];
  }
  return nullptr;
}

// Zones that people know by another name than the table, or whose rule is that of a larger neighbour (links
// of the time zone database, file "backward").
struct ZoneAlias {
  std::string_view name, rule;
};
constexpr ZoneAlias kAliases[] = {
    {"Africa/Algiers", "Africa/Lagos"},
    {"Africa/Asmara", "Africa/Asmera"},
    {"Africa/Tripoli", "Africa/Johannesburg"},
    {"America/Argentina/Buenos_Aires", "America/Buenos_Aires"},
    {"America/Bahia", "America/Sao_Paulo"},
    {"America/Detroit", "America/New_York"},
    {"America/Fortaleza", "America/Sao_Paulo"},
    {"America/Indiana/Indianapolis", "America/New_York"},
    {"America/Indianapolis", "America/New_York"},
    {"America/Kentucky/Louisville", "America/New_York"},
    {"America/Managua", "America/Costa_Rica"},
    {"America/Monterrey", "America/Mexico_City"},
    {"America/Montreal", "America/Toronto"},
    {"America/Nuuk", "America/Godthab"},
    {"America/Recife", "America/Sao_Paulo"},
    {"Asia/Famagusta", "Asia/Nicosia"},
    {"Asia/Kathmandu", "Asia/Katmandu"},
    {"Asia/Kolkata", "Asia/Calcutta"},
    {"Asia/Kuala_Lumpur", "Asia/Singapore"},
    {"Asia/Macau", "Asia/Hong_Kong"},
    {"Asia/Saigon", "Asia/Ho_Chi_Minh"},
    {"Asia/Tel_Aviv", "Asia/Jerusalem"},
    {"Asia/Yangon", "Asia/Rangoon"},
    {"Atlantic/Faroe", "Atlantic/Faeroe"},
    {"Atlantic/Madeira", "Europe/Lisbon"},
    {"Australia/Canberra", "Australia/Sydney"},
    {"Australia/Hobart", "Australia/Sydney"},
    {"Australia/Melbourne", "Australia/Sydney"},
    {"Europe/Belfast", "Europe/London"},
    {"Europe/Busingen", "Europe/Zurich"},
    {"Europe/Kiev", "Europe/Kyiv"},
    {"Europe/Minsk", "Europe/Moscow"},
    {"Europe/Riga", "Europe/Helsinki"},
    {"Europe/Tallinn", "Europe/Helsinki"},
    {"Europe/Vilnius", "Europe/Helsinki"},
    {"Pacific/Chuuk", "Pacific/Truk"},
    {"Pacific/Pohnpei", "Pacific/Ponape"},
    {"US/Central", "America/Chicago"},
    {"US/Eastern", "America/New_York"},
    {"US/Mountain", "America/Denver"},
    {"US/Pacific", "America/Los_Angeles"},
};

const ZoneRule* zone_by_name(std::string_view name) {
  for (const ZoneAlias& alias : kAliases) {
    if (alias.name == name) name = alias.rule;
  }
  const auto* found =
      std::lower_bound(std::begin(kZones), std::end(kZones), name,
                       [](const ZoneRule& rule, std::string_view wanted) { return rule.name < wanted; });
  return found != std::end(kZones) && found->name == name ? found : nullptr;
}

int minute_of_day(WallTime at, int offset_minutes) {
  const std::int64_t minute = (floor_minutes(at) + offset_minutes) % kMinutesPerDay;
  return static_cast<int>(minute < 0 ? minute + kMinutesPerDay : minute);
}

}  // namespace

std::string_view time_zone_of(PhoneNumber number) {
  const ZoneRule* zone = zone_by_number(number);
  return zone != nullptr ? zone->name : "Etc/UTC";
}

int utc_offset_minutes(PhoneNumber number, WallTime at) {
  const ZoneRule* zone = zone_by_number(number);
  return zone != nullptr ? offset_of(*zone, at) : 0;
}

int zone_offset_minutes(std::string_view zone, WallTime at) {
  const ZoneRule* rule = zone_by_name(zone);
  return rule != nullptr ? offset_of(*rule, at) : 0;
}

bool is_time_zone(std::string_view zone) {
  return zone == "UTC" || zone == "Etc/UTC" || zone_by_name(zone) != nullptr;
}

bool is_quiet(WallTime at, int offset_minutes, QuietHours quiet) {
  const int minute = minute_of_day(at, offset_minutes);
  if (quiet.from_minute <= quiet.until_minute)
    return minute >= quiet.from_minute && minute < quiet.until_minute;
  return minute >= quiet.from_minute || minute < quiet.until_minute;
}

WallTime next_allowed_send(WallTime earliest, int offset_minutes, QuietHours quiet) {
  if (!is_quiet(earliest, offset_minutes, quiet)) return earliest;
  const int wait =
      (quiet.until_minute - minute_of_day(earliest, offset_minutes) + kMinutesPerDay) % kMinutesPerDay;
  return std::chrono::floor<std::chrono::minutes>(earliest) + std::chrono::minutes(wait);
}

}  // namespace posthorn
