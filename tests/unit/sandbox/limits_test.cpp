#include "sandbox_fixture.h"

namespace posthorn::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string phone(int i) {
  return "+1415" + std::to_string(5'000'000 + i);
}

TEST_F(SandboxTest, the_eighty_first_message_in_a_second_is_130429) {
  for (int i = 0; i < 80; ++i) ASSERT_EQ(send(order_update(phone(i))).status, 200) << i;
  const Reply over = send(order_update(phone(80)));
  EXPECT_EQ(over.code(), 130429);
  EXPECT_EQ(over.status, 429);
  world.run_for(milliseconds(999));
  EXPECT_EQ(send(order_update(phone(81))).code(), 130429) << "the window slides";
  world.run_for(milliseconds(1));
  EXPECT_EQ(send(order_update(phone(82))).status, 200);
  const PaceRecord& pace = sandbox->pace(kDefaultNumber);
  EXPECT_EQ(pace.refused_rate, 2U);
  EXPECT_EQ(pace.arrivals, 83U);
  EXPECT_EQ(pace.max_window, 82U);
}

TEST_F(SandboxTest, each_number_has_its_own_limit) {
  for (int i = 0; i < 20; ++i) ASSERT_EQ(send(order_update(phone(i)), kDefaultCoexistenceNumber).status, 200);
  EXPECT_EQ(send(order_update(phone(20)), kDefaultCoexistenceNumber).code(), 130429);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(send(order_update(phone(i)), kDefaultFastNumber).status, 200);
  EXPECT_EQ(send(order_update(phone(1000)), kDefaultFastNumber).code(), 130429);
}

TEST_F(SandboxTest, one_person_gets_45_at_once_and_then_one_in_six_seconds) {
  for (int i = 0; i < 45; ++i) ASSERT_EQ(send(order_update("+14155550123")).status, 200) << i;
  EXPECT_EQ(send(order_update("+14155550123")).code(), 131056);
  EXPECT_EQ(send(order_update("+14155550124")).status, 200) << "others are not concerned";
  world.run_for(seconds(6));
  EXPECT_EQ(send(order_update("+14155550123")).status, 200);
  EXPECT_EQ(send(order_update("+14155550123")).code(), 131056);
  EXPECT_EQ(sandbox->pace(kDefaultNumber).refused_pair, 2U);
}

TEST_F(SandboxTest, the_portfolio_reaches_only_so_many_people_a_day) {
  SandboxConfig config = all_receive();
  config.limits.portfolio_daily_users = 3;
  make(config);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(send(order_update(phone(i))).status, 200);
  EXPECT_EQ(send(order_update(phone(3))).code(), 131048);
  EXPECT_EQ(send(order_update(phone(1))).status, 200) << "counted already";
  ASSERT_TRUE(sandbox->send_from_phone(14155000009, R"({"type":"text","text":"Hi"})", kDefaultNumber));
  EXPECT_EQ(send(order_update(phone(9))).status, 200) << "inside a window nobody counts";
  world.run_for(std::chrono::hours(24));
  EXPECT_EQ(send(order_update(phone(3))).status, 200);
  EXPECT_EQ(sandbox->limits().users_today(), 1U);
}

TEST_F(SandboxTest, management_calls_are_limited_by_the_hour) {
  SandboxConfig config = all_receive();
  config.limits.management_calls_per_hour = 2;
  make(config);
  const std::string path = "/v25.0/" + std::string(kDefaultWaba) + "/message_templates";
  EXPECT_EQ(call("GET", path).status, 200);
  EXPECT_EQ(call("GET", path).status, 200);
  EXPECT_EQ(call("GET", path).code(), 80007);
  EXPECT_EQ(send(order_update(phone(1))).status, 200) << "messages are not among them";
  world.run_for(std::chrono::hours(1));
  EXPECT_EQ(call("GET", path).status, 200);
}

TEST_F(SandboxTest, a_throughput_upgrade_begins_with_maintenance) {
  open_business();
  ASSERT_TRUE(sandbox->upgrade_throughput(kDefaultNumber, 1000, seconds(60)));
  EXPECT_EQ(send(order_update(phone(1))).code(), 131057);
  world.run_for(seconds(61));
  for (int i = 0; i < 500; ++i) ASSERT_EQ(send(order_update(phone(i))).status, 200);
  ASSERT_FALSE(webhooks.empty());
  EXPECT_THAT(webhooks[0].body, ::testing::HasSubstr("THROUGHPUT_UPGRADE"));
  EXPECT_FALSE(sandbox->upgrade_throughput("1", 1000, seconds(1)));
}

TEST(Limits, the_pace_series_counts_every_arrival) {
  Limits limits(LimitConfig{}, 1);
  for (int i = 0; i < 2500; ++i) limits.arrive(0, MonotonicTime(milliseconds(2 * i)));
  const PaceRecord& r = limits.record(0);
  EXPECT_EQ(r.max_window, 500U);
  EXPECT_EQ(r.per_second.size(), 5U);
  for (const auto& [second, count] : r.per_second) EXPECT_EQ(count, 500U) << second;
}

TEST(Limits, pairs_are_forgotten_when_their_time_has_passed) {
  Limits limits(LimitConfig{}, 1);
  for (std::uint64_t i = 1; i < 300'000; ++i)
    ASSERT_TRUE(limits.allow_pair(0, i, MonotonicTime(milliseconds(i))));
  for (int i = 0; i < 44; ++i) ASSERT_TRUE(limits.allow_pair(0, 299'999, MonotonicTime(seconds(300))));
  EXPECT_FALSE(limits.allow_pair(0, 299'999, MonotonicTime(seconds(300))));
}

}  // namespace
}  // namespace posthorn::sandbox
