#include "automation/business_hours.h"

#include <algorithm>

#include <fmt/format.h>

#include "automation/rule_fields.h"
#include "core/time_zones.h"

namespace posthorn::automation {
namespace {

constexpr std::array<std::string_view, 7> kDayNames = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr int kMinutesPerDay = 24 * 60;
constexpr std::size_t kMaxSpans = 10, kMaxClosed = 366;

struct LocalTime {
  std::chrono::sys_days day;  // of the local calendar
  int minute = 0;
};
LocalTime local_time(const BusinessHours& hours, WallTime at) {
  const WallTime local = at + std::chrono::minutes(zone_offset_minutes(hours.time_zone, at));
  const auto day = std::chrono::floor<std::chrono::days>(local);
  return {day, static_cast<int>(std::chrono::floor<std::chrono::minutes>(local - day).count())};
}

const std::vector<OpenSpan>& spans_of(const BusinessHours& hours, std::chrono::sys_days day) {
  static const std::vector<OpenSpan> kNone;
  if (std::ranges::find(hours.closed, std::chrono::year_month_day(day)) != hours.closed.end()) return kNone;
  return hours.days[std::chrono::weekday(day).iso_encoding() - 1];
}

bool over_midnight(const OpenSpan& span) {
  return span.until_minute <= span.from_minute;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "09:00" or, as an end, "24:00"; -1 if it is none.
int parse_minute(std::string_view text) {
  if (text.size() != 5 || text[2] != ':' || !is_digit(text[0]) || !is_digit(text[1]) || !is_digit(text[3]) ||
      !is_digit(text[4]))
    return -1;
  const int hour = (text[0] - '0') * 10 + (text[1] - '0');
  const int minute = (text[3] - '0') * 10 + (text[4] - '0');
  const int total = hour * 60 + minute;
  return minute < 60 && total <= kMinutesPerDay ? total : -1;
}

Result<OpenSpan> parse_span(const JsonView& view, std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash != std::string_view::npos) {
    const OpenSpan span{parse_minute(text.substr(0, dash)), parse_minute(text.substr(dash + 1))};
    if (span.from_minute >= 0 && span.from_minute < kMinutesPerDay && span.until_minute >= 0 &&
        span.from_minute != span.until_minute)
      return span;
  }
  return wrong(view, "must be hours such as \"09:00-17:00\"; \"00:00-24:00\" is the whole day");
}

Result<std::chrono::year_month_day> parse_day(const JsonView& view, std::string_view text) {
  const bool shaped = text.size() == 10 && text[4] == '-' && text[7] == '-';
  const auto number = [text](std::size_t from, std::size_t count) {
    int value = 0;
    for (std::size_t i = from; i < from + count; ++i)
      value = is_digit(text[i]) ? value * 10 + (text[i] - '0') : -100'000;
    return value;
  };
  if (shaped && number(0, 4) > 0 && number(5, 2) > 0 && number(8, 2) > 0) {
    const std::chrono::year_month_day day(std::chrono::year(number(0, 4)),
                                          std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                          std::chrono::day(static_cast<unsigned>(number(8, 2))));
    if (day.ok()) return day;
  }
  return wrong(view, "must be a day such as \"2026-12-25\"");
}

std::string minute_text(int minute) {
  return fmt::format("{:02}:{:02}", minute / 60, minute % 60);
}

Result<> parse_days(const JsonView& days, BusinessHours& hours) {
  PH_TRY(check_members(days, {"mon", "tue", "wed", "thu", "fri", "sat", "sun"}));
  bool any = false;
  for (std::size_t i = 0; i < kDayNames.size(); ++i) {
    PH_TRY_ASSIGN(const auto texts, texts_member(days, kDayNames[i], kMaxSpans));
    for (std::size_t k = 0; k < texts.size(); ++k) {
      PH_TRY_ASSIGN(const OpenSpan span, parse_span(days[kDayNames[i]][k], texts[k]));
      hours.days[i].push_back(span);
      any = true;
    }
  }
  if (!any) return wrong(days, "must name at least one day, such as {\"mon\": [\"09:00-17:00\"]}");
  return {};
}

}  // namespace

bool is_open(const BusinessHours& hours, WallTime at) {
  const LocalTime now = local_time(hours, at);
  const auto& today = spans_of(hours, now.day);
  const bool by_today = std::ranges::any_of(today, [&](const OpenSpan& span) {
    return now.minute >= span.from_minute && (over_midnight(span) || now.minute < span.until_minute);
  });
  if (by_today) return true;
  const auto& yesterday = spans_of(hours, now.day - std::chrono::days(1));
  return std::ranges::any_of(
      yesterday, [&](const OpenSpan& span) { return over_midnight(span) && now.minute < span.until_minute; });
}

Result<BusinessHours> parse_business_hours(const JsonView& view) {
  PH_TRY(check_members(view, {"time_zone", "days", "closed"}));
  BusinessHours hours;
  PH_TRY_ASSIGN(hours.time_zone, text_member(view, "time_zone", "UTC"));
  if (!is_time_zone(hours.time_zone)) {
    return wrong(view["time_zone"],
                 fmt::format("'{}' is not a known time zone; write a name such as \"Europe/Berlin\"",
                             hours.time_zone));
  }
  PH_TRY(parse_days(view["days"], hours));
  PH_TRY_ASSIGN(const auto closed, texts_member(view, "closed", kMaxClosed));
  for (std::size_t i = 0; i < closed.size(); ++i) {
    PH_TRY_ASSIGN(const auto day, parse_day(view["closed"][i], closed[i]));
    hours.closed.push_back(day);
  }
  return hours;
}

json::object to_json(const BusinessHours& hours) {
  json::object days;
  for (std::size_t i = 0; i < kDayNames.size(); ++i) {
    if (hours.days[i].empty()) continue;
    json::array spans;
    for (const OpenSpan& span : hours.days[i])
      spans.emplace_back(minute_text(span.from_minute) + "-" + minute_text(span.until_minute));
    days[kDayNames[i]] = std::move(spans);
  }
  json::array closed;
  for (const auto& day : hours.closed)
    closed.emplace_back(fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                                    static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day())));
  json::object out;
  out["time_zone"] = hours.time_zone;
  out["days"] = std::move(days);
  if (!closed.empty()) out["closed"] = std::move(closed);
  return out;
}

}  // namespace posthorn::automation
