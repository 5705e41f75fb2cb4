#include "automation/webhook_schedule.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace posthorn {
namespace {

using namespace std::chrono_literals;

constexpr std::array<Duration, 8> kPauses = {5s, 30s, 2min, 10min, 30min, 1h, 2h, kLongestWebhookPause};
constexpr Duration kLongestProbePause = 1min;
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= 0) return value;
  return std::nullopt;
}

// "Sun, 06 Nov 1994 08:49:37 GMT", the only form that may be sent.
std::optional<WallTime> http_date(std::string_view text) {
  constexpr std::size_t kLength = 29;
  if (text.size() != kLength || !text.ends_with(" GMT")) return std::nullopt;
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto day = number(text.substr(5, 2)), year = number(text.substr(12, 4)),
             hour = number(text.substr(17, 2)), minute = number(text.substr(20, 2)),
             second = number(text.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date(
      std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
      std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

}  // namespace

Duration webhook_pause(int failed, double unit) {
  const auto step = std::clamp<std::size_t>(static_cast<std::size_t>(std::max(failed, 1)), 1, kPauses.size());
  const Duration pause = kPauses[step - 1];
  return pause + Duration(static_cast<Duration::rep>(static_cast<double>(pause.count()) * 0.2 * unit));
}

Duration webhook_probe_pause(int failures) {
  if (failures < kFailuresUntilDown) return Duration(0);
  const int doublings = std::min(failures - kFailuresUntilDown, 6);
  return std::min<Duration>(kLongestProbePause, std::chrono::seconds(1LL << doublings));
}

std::optional<Duration> parse_retry_after(std::string_view value, WallTime now) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error == std::errc() && end == value.data() + value.size() && seconds >= 0) {
    constexpr auto kMost = std::chrono::duration_cast<std::chrono::seconds>(kLongestWebhookPause).count();
    return std::chrono::seconds(std::min<std::int64_t>(seconds, kMost));
  }
  const auto date = http_date(value);
  if (!date) return std::nullopt;
  return std::clamp<Duration>(*date - now, Duration(0), kLongestWebhookPause);
}

}  // namespace posthorn
