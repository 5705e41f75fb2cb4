#include "sandbox/phones.h"

#include <map>

#include <gtest/gtest.h>

#include "sandbox_fixture.h"

namespace posthorn::sandbox {
namespace {

constexpr int kPeople = 200'000;

double share(int n) {
  return static_cast<double>(n) / kPeople;
}

TEST(Phones, behave_in_the_configured_shares) {
  const Phones phones(PhoneBehaviourConfig{}, 1);
  std::map<PhoneKind, int> kinds;
  int read = 0, replies = 0, stops = 0, opt_outs = 0;
  for (int i = 0; i < kPeople; ++i) {
    const std::uint64_t phone = 491701000000 + static_cast<std::uint64_t>(i);
    ++kinds[phones.kind(phone)];
    const Journey j = phones.journey(phone, static_cast<std::uint64_t>(i));
    read += j.read;
    replies += j.reply == "Thank you!";
    stops += j.reply == "STOP";
    opt_outs += j.opts_out;
  }
  EXPECT_NEAR(share(kinds[PhoneKind::receives]), 0.96, 0.002);
  EXPECT_NEAR(share(kinds[PhoneKind::not_on_whatsapp]), 0.015, 0.001);
  EXPECT_NEAR(share(kinds[PhoneKind::not_chosen]), 0.01, 0.001);
  EXPECT_NEAR(share(kinds[PhoneKind::blocked]), 0.002, 0.0005);
  EXPECT_NEAR(share(read), 0.96 * 0.65, 0.005);
  EXPECT_NEAR(share(replies), 0.96 * 0.03, 0.002);
  EXPECT_NEAR(share(stops), 0.96 * 0.003, 0.0006);
  EXPECT_NEAR(share(opt_outs), 0.96 * 0.004, 0.0006);
}

TEST(Phones, a_phone_always_behaves_alike) {
  const Phones a(PhoneBehaviourConfig{}, 1), b(PhoneBehaviourConfig{}, 1);
  for (std::uint64_t p = 491700000000; p < 491700001000; ++p) {
    EXPECT_EQ(a.kind(p), b.kind(p));
    EXPECT_EQ(a.journey(p, 5).read_after, b.journey(p, 5).read_after);
  }
}

struct Magic {
  std::uint64_t phone;
  int code;
};
class MagicNumbers : public ::testing::TestWithParam<Magic> {};
TEST_P(MagicNumbers, carry_a_code) {
  EXPECT_EQ(Phones::magic_error(GetParam().phone), GetParam().code);
}
INSTANTIATE_TEST_SUITE_P(All, MagicNumbers,
                         ::testing::Values(Magic{490000131026, 131026}, Magic{10000131049, 131049},
                                           Magic{10000130429, 130429}, Magic{491701131026, 0},
                                           Magic{490000131999, 0}, Magic{490001131026, 0}));

TEST_F(SandboxTest, magic_numbers_fail_at_once_or_by_webhook) {
  open_business();
  EXPECT_EQ(send(order_update("+490000131048")).code(), 131048);
  EXPECT_EQ(send(order_update("+490000131026")).status, 200);
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(statuses(), std::vector<std::string>{"failed t"});
  EXPECT_EQ(sandbox->ledger().messages_for(490000131026).at(0).error, 131026);
  const js::value root = js::parse(webhooks.at(0).body);
  const js::value& status = root.at("entry").at(0).at("changes").at(0).at("value").at("statuses").at(0);
  EXPECT_EQ(status.at("errors").at(0).at("code").as_int64(), 131026);
  const js::object& contact =
      root.at("entry").at(0).at("changes").at(0).at("value").at("contacts").at(0).as_object();
  EXPECT_EQ(contact.at("wa_id").as_string(), "490000131026");
  EXPECT_FALSE(contact.contains("user_id"));  // nobody was reached
}

TEST_F(SandboxTest, a_test_may_decide_about_one_phone) {
  open_business();
  PhoneOverride talkative;
  talkative.reads = false;
  talkative.replies = "STOP";
  sandbox->phones().set_override(14155550123, talkative);
  PhoneOverride blocked;
  blocked.kind = PhoneKind::blocked;
  sandbox->phones().set_override(14155550124, blocked);
  PhoneOverride broken;
  broken.kind = PhoneKind::fails;
  broken.error_code = 130472;
  sandbox->phones().set_override(14155550125, broken);
  send(order_update("+14155550123", "a"));
  send(order_update("+14155550124", "b"));
  send(order_update("+14155550125", "c"));
  ASSERT_TRUE(run_until_idle());
  EXPECT_THAT(statuses(), ::testing::UnorderedElementsAre("sent a", "delivered a", "sent b", "failed c"));
  EXPECT_THAT(webhooks.back().body, ::testing::HasSubstr(R"("text":{"body":"STOP"})"));
  EXPECT_EQ(sandbox->ledger().received_by(14155550124), 0U);
}

TEST(Phones, user_ids_carry_the_country) {
  EXPECT_TRUE(user_id_of(4915112345678).starts_with("DE."));
  EXPECT_TRUE(user_id_of(14155550123).starts_with("US."));
  EXPECT_NE(user_id_of(14155550123), user_id_of(14155550124));
}

}  // namespace
}  // namespace posthorn::sandbox
