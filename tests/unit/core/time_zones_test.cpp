#include "core/time_zones.h"

#include <gtest/gtest.h>

namespace posthorn {
namespace {

using namespace std::chrono;

PhoneNumber phone(std::uint64_t digits) {
  return PhoneNumber::from_digits(digits);
}
WallTime at(int y, unsigned m, unsigned d, int hour, int minute = 0) {
  return sys_days(year(y) / month(m) / day(d)) + hours(hour) + minutes(minute);
}

struct Home {
  std::uint64_t digits;
  std::string_view zone;
  int january, july;
};
TEST(TimeZones, FollowTheNumber) {
  const Home homes[] = {
      {491701234567, "Europe/Berlin", 60, 120},
      {12125551234, "America/New_York", -300, -240},
      {14155552671, "America/Los_Angeles", -480, -420},
      {13125551234, "America/Chicago", -360, -300},
      {18085551234, "Pacific/Honolulu", -600, -600},
      {16025551234, "America/Phoenix", -420, -420},
      {79123456789, "Europe/Moscow", 180, 180},
      {77012345678, "Asia/Almaty", 300, 300},
      {5511987654321, "America/Sao_Paulo", -180, -180},
      {61412345678, "Australia/Sydney", 660, 600},
      {61892345678, "Australia/Perth", 480, 480},
      {525512345678, "America/Mexico_City", -360, -360},
      {919876543210, "Asia/Calcutta", 330, 330},
      {447912345678, "Europe/London", 0, 60},
      {353871234567, "Europe/Dublin", 0, 60},
      {34612345678, "Europe/Madrid", 60, 120},
      {6281234567890, "Asia/Jakarta", 420, 420},
      {9779841234567, "Asia/Katmandu", 345, 345},
      {999, "Etc/UTC", 0, 0},
  };
  for (const Home& home : homes) {
    EXPECT_EQ(time_zone_of(phone(home.digits)), home.zone) << home.digits;
    EXPECT_EQ(utc_offset_minutes(phone(home.digits), at(2026, 1, 15, 12)), home.january) << home.digits;
    EXPECT_EQ(utc_offset_minutes(phone(home.digits), at(2026, 7, 15, 12)), home.july) << home.digits;
  }
}

TEST(TimeZones, ChangeAtTheRightMinute) {
  EXPECT_EQ(zone_offset_minutes("Europe/Berlin", at(2026, 3, 29, 0, 59)), 60);
  EXPECT_EQ(zone_offset_minutes("Europe/Berlin", at(2026, 3, 29, 1, 0)), 120);
  EXPECT_EQ(zone_offset_minutes("Europe/Berlin", at(2026, 10, 25, 0, 59)), 120);
  EXPECT_EQ(zone_offset_minutes("Europe/Berlin", at(2026, 10, 25, 1, 0)), 60);
  EXPECT_EQ(zone_offset_minutes("America/New_York", at(2026, 3, 8, 6, 59)), -300);
  EXPECT_EQ(zone_offset_minutes("America/New_York", at(2026, 3, 8, 7, 0)), -240);
  EXPECT_EQ(zone_offset_minutes("America/New_York", at(2026, 11, 1, 6, 0)), -300);
  EXPECT_EQ(zone_offset_minutes("Australia/Sydney", at(2026, 4, 4, 15, 59)), 660);
  EXPECT_EQ(zone_offset_minutes("Australia/Sydney", at(2026, 4, 4, 16, 0)), 600);
  EXPECT_EQ(zone_offset_minutes("Australia/Sydney", at(2026, 10, 3, 16, 0)), 660);
  EXPECT_EQ(zone_offset_minutes("Nowhere/Else", at(2026, 7, 1, 0)), 0);
}

TEST(QuietHours, MoveSendsToTheirEnd) {
  const QuietHours night{21 * 60, 8 * 60};
  EXPECT_EQ(next_allowed_send(at(2026, 5, 1, 10), 0, night), at(2026, 5, 1, 10));
  EXPECT_EQ(next_allowed_send(at(2026, 5, 1, 20, 59), 0, night), at(2026, 5, 1, 20, 59));
  EXPECT_EQ(next_allowed_send(at(2026, 5, 1, 21), 0, night), at(2026, 5, 2, 8));
  EXPECT_EQ(next_allowed_send(at(2026, 5, 1, 3, 30) + seconds(20), 0, night), at(2026, 5, 1, 8));
  EXPECT_EQ(next_allowed_send(at(2026, 5, 1, 8), 0, night), at(2026, 5, 1, 8));
  EXPECT_EQ(next_allowed_send(at(2026, 5, 1, 10), -480, night),
            at(2026, 5, 1, 16));  // 2 at night in California
  EXPECT_EQ(next_allowed_send(at(2026, 5, 1, 16), 330, night), at(2026, 5, 2, 2, 30));
  const QuietHours noon{12 * 60, 14 * 60};
  EXPECT_EQ(next_allowed_send(at(2026, 5, 1, 13), 0, noon), at(2026, 5, 1, 14));
  EXPECT_EQ(next_allowed_send(at(2026, 5, 1, 14), 0, noon), at(2026, 5, 1, 14));
  const QuietHours none{0, 0};
  EXPECT_FALSE(is_quiet(at(2026, 5, 1, 0), 0, none));
  EXPECT_TRUE(is_quiet(at(1969, 12, 31, 23), 0, night));
}

TEST(TimeZones, AreKnownByEveryUsualName) {
  for (const std::string_view name :
       {"UTC", "Etc/UTC", "Europe/Berlin", "Asia/Calcutta", "Asia/Kolkata", "US/Eastern",
        "America/Argentina/Buenos_Aires", "Europe/Kiev", "America/Detroit"})
    EXPECT_TRUE(is_time_zone(name)) << name;
  for (const std::string_view name : {"", "Berlin", "europe/berlin", "CEST", "+02:00", "Europe/Atlantis"})
    EXPECT_FALSE(is_time_zone(name)) << name;
  EXPECT_EQ(zone_offset_minutes("Asia/Kolkata", at(2026, 7, 1, 12)), 330);
  EXPECT_EQ(zone_offset_minutes("America/Detroit", at(2026, 7, 1, 12)), -240);
  EXPECT_EQ(zone_offset_minutes("UTC", at(2026, 7, 1, 12)), 0);
}

}  // namespace
}  // namespace posthorn
