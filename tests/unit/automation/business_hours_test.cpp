#include "automation/business_hours.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace posthorn::automation {
namespace {

using namespace std::chrono;

BusinessHours hours(std::string_view text) {
  const json::value value = parse_json(text).value();
  const Result<BusinessHours> parsed = parse_business_hours(JsonView(value));
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *parsed;
}
WallTime utc(int y, unsigned m, unsigned d, int hour, int minute = 0) {
  return sys_days(year(y) / month(m) / day(d)) + std::chrono::hours(hour) + minutes(minute);
}

constexpr std::string_view kShop =
    R"({"time_zone": "Europe/Berlin", "days": {"mon": ["09:00-12:00", "13:00-17:00"],
  "fri": ["22:00-02:00"], "sun": ["00:00-24:00"]}, "closed": ["2026-12-25"]})";

struct Instant {
  WallTime at;
  bool open;
  const char* why;
};
TEST(BusinessHours, FollowTheLocalClock) {
  const BusinessHours shop = hours(kShop);
  const Instant cases[] = {
      {utc(2026, 1, 5, 7, 59), false, "Monday 8:59 in winter"},
      {utc(2026, 1, 5, 8, 0), true, "Monday 9:00 in winter"},
      {utc(2026, 7, 6, 6, 59), false, "Monday 8:59 in summer"},
      {utc(2026, 7, 6, 7, 0), true, "Monday 9:00 in summer"},
      {utc(2026, 1, 5, 10, 59), true, "11:59"},
      {utc(2026, 1, 5, 11, 0), false, "noon is the end"},
      {utc(2026, 1, 5, 11, 30), false, "lunch"},
      {utc(2026, 1, 5, 12, 0), true, "after lunch"},
      {utc(2026, 1, 5, 16, 0), false, "17:00"},
      {utc(2026, 1, 6, 9, 0), false, "Tuesday"},
      {utc(2026, 1, 9, 21, 0), true, "Friday 22:00"},
      {utc(2026, 1, 9, 23, 30), true, "Saturday 0:30 belongs to Friday"},
      {utc(2026, 1, 10, 1, 0), false, "Saturday 2:00"},
      {utc(2026, 1, 8, 23, 30), false, "Friday 0:30 belongs to Thursday"},
      {utc(2026, 1, 10, 23, 0), true, "Sunday 0:00"},
      {utc(2026, 1, 11, 22, 59), true, "Sunday 23:59"},
      {utc(2026, 1, 11, 23, 0), false, "Monday 0:00"},
      {utc(2026, 12, 25, 21, 30), false, "a holiday on a Friday"},
      {utc(2026, 12, 26, 0, 30), false, "nor its night"},
      {utc(2026, 12, 18, 21, 30), true, "the Friday before"},
  };
  for (const Instant& c : cases) EXPECT_EQ(is_open(shop, c.at), c.open) << c.why;
}

TEST(BusinessHours, HoldOnTheDaysOfTheClockChange) {
  const BusinessHours night = hours(R"({"time_zone": "Europe/Berlin", "days": {"sat": ["22:00-04:00"]}})");
  EXPECT_TRUE(is_open(night, utc(2026, 3, 29, 1, 30)));   // 3:30, the hour from 2 to 3 does not exist
  EXPECT_FALSE(is_open(night, utc(2026, 3, 29, 2, 0)));   // 4:00
  EXPECT_TRUE(is_open(night, utc(2026, 10, 25, 2, 30)));  // 3:30 in winter time
  EXPECT_FALSE(is_open(night, utc(2026, 10, 25, 3, 0)));
}

TEST(BusinessHours, WorkWestOfGreenwich) {
  const BusinessHours shop =
      hours(R"({"time_zone": "America/Los_Angeles", "days": {"mon": ["09:00-17:00"]}})");
  EXPECT_TRUE(is_open(shop, utc(2026, 1, 6, 0, 30)));  // Monday 16:30 there
  EXPECT_FALSE(is_open(shop, utc(2026, 1, 5, 9, 0)));  // Monday 1:00 there
}

TEST(BusinessHours, ComeBackFromTheirJson) {
  const BusinessHours shop = hours(kShop);
  EXPECT_EQ(hours(json::serialize(to_json(shop))), shop);
}

TEST(BusinessHours, RefuseWhatIsNoTime) {
  for (const char* span : {"", "9:00-17:00", "09:00", "09:00-", "-", "24:00-25:00", "09:60-10:00",
                           "09:00-09:00", "aa:00-10:00", "09:00 - 17:00", "24:00-09:00"}) {
    const json::value value = parse_json(fmt::format(R"({{"days": {{"mon": ["{}"]}}}})", span)).value();
    EXPECT_FALSE(parse_business_hours(JsonView(value))) << span;
  }
  for (const char* day :
       {"2026-13-01", "2026-02-30", "26-01-01", "2026/01/01", "2026-1-1", "0000-01-01", "2026-aa-01"}) {
    const json::value value =
        parse_json(fmt::format(R"({{"days": {{"mon": ["09:00-10:00"]}}, "closed": ["{}"]}})", day)).value();
    const auto parsed = parse_business_hours(JsonView(value));
    ASSERT_FALSE(parsed) << day;
    EXPECT_EQ(parsed.error().field, "closed[0]");
  }
}

}  // namespace
}  // namespace posthorn::automation
