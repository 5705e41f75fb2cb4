#include "core/time_text.h"

#include <charconv>

#include <fmt/format.h>

namespace posthorn {
namespace {

// Reads exactly `digits` digits at the front of `text` and the separator after them, if one is asked for.
bool take(std::string_view& text, std::size_t digits, int& out, std::string_view separator = {}) {
  if (text.size() < digits + separator.size()) return false;
  for (char c : text.substr(0, digits))
    if (c < '0' || c > '9') return false;
  std::from_chars(text.data(), text.data() + digits, out);
  text.remove_prefix(digits);
  if (!text.starts_with(separator)) return false;
  text.remove_prefix(separator.size());
  return true;
}

bool take_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return true;
  std::size_t end = 1;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  text.remove_prefix(end);
  return end > 1;
}

bool take_offset(std::string_view& text, int& minutes) {
  minutes = 0;
  if (text == "Z" || text == "z") return true;
  if (!text.starts_with('+') && !text.starts_with('-')) return false;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  int h = 0, m = 0;
  if (!take(text, 2, h, ":") || !take(text, 2, m) || !text.empty() || h > 14 || m > 59) return false;
  minutes = sign * (h * 60 + m);
  return true;
}

}  // namespace

std::string iso_time(WallTime t) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(t);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

Result<WallTime> parse_iso_time(std::string_view text) {
  const auto refuse = [] {
    return fail(ErrorCode::invalid_argument,
                "not a time; write it like 2026-03-29T09:00:00Z or 2026-03-29T09:00+02:00");
  };
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offset = 0;
  if (!take(text, 4, year, "-") || !take(text, 2, month, "-") || !take(text, 2, day, "T")) return refuse();
  if (!take(text, 2, hour, ":") || !take(text, 2, minute)) return refuse();
  if (text.starts_with(':')) {
    text.remove_prefix(1);
    if (!take(text, 2, second) || !take_fraction(text)) return refuse();
  }
  if (!take_offset(text, offset) || hour > 23 || minute > 59 || second > 59) return refuse();
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return refuse();
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute - offset) + std::chrono::seconds(second);
}

}  // namespace posthorn
