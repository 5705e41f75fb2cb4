#include "sandbox_fixture.h"

namespace posthorn::sandbox {
namespace {

struct FaultCase {
  std::string_view name;
  FaultKind kind;
  bool processed_flag;
  bool reset;  // no answer at all
  int status;  // otherwise
  int code;
  std::size_t in_ledger;
};

class Faults : public SandboxTest, public ::testing::WithParamInterface<FaultCase> {};

TEST_P(Faults, do_what_they_say) {
  const FaultCase& c = GetParam();
  Fault fault;
  fault.kind = c.kind;
  fault.rate = 1;
  fault.code = 131016;
  fault.processed = c.processed_flag;
  fault.remaining = 1;
  sandbox->chaos().add(fault);
  const MonotonicTime before = world.now();
  const Reply reply = send(order_update("+14155550123"));
  EXPECT_EQ(reply.reset, c.reset);
  if (!c.reset) EXPECT_EQ(reply.status, c.status);
  if (!reply.body.is_null()) EXPECT_EQ(reply.code(), c.code);
  EXPECT_EQ(sandbox->ledger().size(), c.in_ledger);
  EXPECT_EQ(sandbox->chaos().injected(c.kind), 1U);
  if (c.kind == FaultKind::hang) EXPECT_GE(world.now() - before, std::chrono::seconds(30));
  EXPECT_EQ(send(order_update("+14155550124")).status, 200) << "used up";
}

INSTANTIATE_TEST_SUITE_P(
    All, Faults,
    ::testing::Values(FaultCase{"error", FaultKind::error, true, false, 500, 131016, 0},
                      FaultCase{"error_200", FaultKind::error_200, false, false, 200, 131016, 0},
                      FaultCase{"empty_500", FaultKind::http_500_empty, false, false, 500, 0, 0},
                      FaultCase{"empty_500_processed", FaultKind::http_500_empty, true, false, 500, 0, 1},
                      FaultCase{"html", FaultKind::http_502_html, false, false, 502, 0, 0},
                      FaultCase{"garbage", FaultKind::garbage_200, true, false, 200, 0, 1},
                      FaultCase{"truncated", FaultKind::truncated_200, false, false, 200, 0, 1},
                      FaultCase{"lost_reply", FaultKind::lost_reply, false, true, 0, 0, 1},
                      FaultCase{"reset_before", FaultKind::reset_before, true, true, 0, 0, 0},
                      FaultCase{"hang", FaultKind::hang, false, true, 0, 0, 0},
                      FaultCase{"hang_processed", FaultKind::hang, true, true, 0, 0, 1},
                      FaultCase{"slow", FaultKind::slow, false, false, 200, 0, 1},
                      FaultCase{"retry_after", FaultKind::retry_after, false, false, 429, 130429, 0}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(SandboxTest, retry_after_is_absurd) {
  Fault fault;
  fault.kind = FaultKind::retry_after;
  fault.rate = 1;
  fault.code = 31'536'000;
  sandbox->chaos().add(fault);
  EXPECT_EQ(send(order_update("+14155550123")).headers.get("Retry-After"), "31536000");
}

TEST_F(SandboxTest, faults_come_at_their_rates) {
  Fault lost, error;
  lost.kind = FaultKind::lost_reply;
  lost.rate = 0.2;
  error.rate = 0.1;
  error.code = 131000;
  sandbox->chaos().add(lost);
  sandbox->chaos().add(error);
  sandbox->limits().config().throughput = false;
  int resets = 0, errors = 0;
  for (int i = 0; i < 2000; ++i) {
    const Reply r = send(order_update("+1415" + std::to_string(5'550'000 + i)));
    resets += r.reset;
    errors += r.code() == 131000;
  }
  EXPECT_NEAR(resets, 400, 80);
  EXPECT_NEAR(errors, 200, 60);
  EXPECT_EQ(sandbox->ledger().size(), 2000U - static_cast<std::size_t>(errors));
}

TEST_F(SandboxTest, faults_can_be_for_one_number_or_for_management) {
  Fault one, management;
  one.rate = management.rate = 1;
  one.number = kDefaultFastNumber;
  management.management = true;
  management.code = 2;
  sandbox->chaos().add(one);
  sandbox->chaos().add(management);
  EXPECT_EQ(send(order_update("+14155550123")).status, 200);
  EXPECT_EQ(send(order_update("+14155550123"), kDefaultFastNumber).code(), 131000);
  const Reply r = call("GET", "/v25.0/" + std::string(kDefaultWaba));
  EXPECT_EQ(r.code(), 2);
  EXPECT_TRUE(r.body.at("error").at("is_transient").as_bool());
}

TEST_F(SandboxTest, templates_can_be_paused_in_the_middle) {
  open_business();
  ASSERT_TRUE(sandbox->set_template_status("order_update", "en_US", "PAUSED"));
  EXPECT_EQ(send(order_update("+14155550123")).code(), 132015);
  ASSERT_TRUE(sandbox->set_template_status("order_update", "en_US", "DISABLED"));
  EXPECT_EQ(send(order_update("+14155550123")).code(), 132016);
  ASSERT_TRUE(sandbox->set_template_category("order_update", "en_US", "MARKETING"));
  ASSERT_TRUE(sandbox->set_template_quality("order_update", "en_US", "RED"));
  ASSERT_TRUE(sandbox->set_number_quality(kDefaultNumber, "RED"));
  EXPECT_FALSE(sandbox->set_template_status("order_update", "xx", "PAUSED"));
  sandbox->restrict_account(true);
  EXPECT_EQ(send(order_update("+14155550123")).code(), 131031);
  ASSERT_TRUE(run_until_idle());
  std::string all;
  for (const auto& w : webhooks) {
    all += w.body;
    for (const js::value& entry :
         js::parse(w.body).at("entry").as_array())  // what concerns the account carries its time there
      EXPECT_GT(entry.at("time").as_int64(), 1'600'000'000) << w.body;
  }
  sandbox->restrict_account(false);
  ASSERT_TRUE(run_until_idle());
  EXPECT_THAT(webhooks.back().body,
              ::testing::ContainsRegex(R"re("waba_ban_date":"[A-Z][a-z]+ [0-9]+, 20[0-9][0-9]")re"));
  for (const char* field :
       {"message_template_status_update", "template_category_update", "message_template_quality_update",
        "phone_number_quality_update", "account_update"})
    EXPECT_THAT(all, ::testing::HasSubstr(std::string(R"("field":")") + field));
}

TEST(FaultKinds, are_named) {
  EXPECT_EQ(*parse_fault_kind("lost_reply"), FaultKind::lost_reply);
  EXPECT_EQ(to_string(FaultKind::retry_after), "retry_after");
  const auto bad = parse_fault_kind("meteor");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, ::testing::HasSubstr("lost_reply"));
}

}  // namespace
}  // namespace posthorn::sandbox
