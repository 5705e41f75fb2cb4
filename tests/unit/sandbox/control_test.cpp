#include "sandbox_fixture.h"

namespace posthorn::sandbox {
namespace {

TEST_F(SandboxTest, the_control_api_shows_the_ledger) {
  send(order_update("+14155550123", "v1.a.1.1"));
  send(order_update("+14155550123", "v1.a.1.2"));
  ASSERT_TRUE(run_until_idle());
  const Reply summary = call("GET", "/sandbox/ledger/summary?token_fields=3", "", "");
  EXPECT_EQ(summary.body.at("accepted").as_int64(), 2);
  EXPECT_EQ(summary.body.at("received").as_int64(), 2);
  EXPECT_EQ(summary.body.at("duplicate_tokens").as_int64(), 0);
  EXPECT_EQ(summary.body.at("duplicate_phone_subject").as_int64(), 1);
  EXPECT_EQ(summary.body.at("duplicates_by_token_fields").as_int64(), 1);
  EXPECT_EQ(summary.body.at("numbers").at(0).at("max_in_one_second").as_int64(), 2);
  const Reply phone = call("GET", "/sandbox/ledger/phone/14155550123", "", "");
  EXPECT_EQ(phone.body.at("messages").as_array().size(), 2U);
  EXPECT_EQ(phone.body.at("messages").at(0).at("subject").as_string(), "order_update/en_US");
  EXPECT_EQ(call("GET", "/sandbox/ledger/token/v1.a.1.2", "", "").body.at("messages").as_array().size(), 1U);
  EXPECT_EQ(call("GET", "/sandbox/pace", "", "").body.at("numbers").at(0).at("per_second").as_array().size(),
            1U);
  EXPECT_EQ(call("POST", "/sandbox/reset", "", "").status, 200);
  EXPECT_EQ(call("GET", "/sandbox/ledger/summary", "", "").body.at("accepted").as_int64(), 0);
  EXPECT_TRUE(call("GET", "/sandbox/health", "", "").body.at("idle").as_bool());
}

TEST_F(SandboxTest, names_do_not_repeat_after_a_reset) {
  const std::string before = send(order_update("+14155550123")).wamid();
  sandbox->reset();
  EXPECT_NE(send(order_update("+14155550123")).wamid(), before);
}

TEST_F(SandboxTest, a_reset_forgets_webhooks_under_way) {
  open_business();
  answer_with = 500;
  send(order_update("+14155550123"));
  world.run_for(std::chrono::seconds(10));
  sandbox->reset();
  EXPECT_TRUE(sandbox->idle());
  answer_with = 200;
  webhooks.clear();
  world.run_for(std::chrono::hours(2));
  EXPECT_TRUE(webhooks.empty());
}

TEST_F(SandboxTest, the_control_api_pulls_strings) {
  open_business();
  EXPECT_EQ(
      call(
          "POST", "/sandbox/chaos",
          R"({"faults":[{"kind":"lost_reply","rate":1,"remaining":1}],"webhooks":{"duplicate":0.5},"held":0})",
          "")
          .status,
      200);
  EXPECT_EQ(sandbox->chaos().webhooks.duplicate, 0.5);
  EXPECT_TRUE(send(order_update("+14155550123")).reset);
  EXPECT_EQ(call("GET", "/sandbox/chaos", "", "").body.at("faults").at(0).at("injected").as_int64(), 1);
  EXPECT_EQ(call("DELETE", "/sandbox/chaos", "", "").status, 200);
  EXPECT_TRUE(sandbox->chaos().faults().empty());
  EXPECT_EQ(call("POST", "/sandbox/phones/14155550123/send", R"({"type":"text","text":"STOP"})", "").status,
            200);
  EXPECT_EQ(
      call("POST", "/sandbox/phones/14155550124/behaviour", R"({"kind":"fails","code":131049})", "").status,
      200);
  EXPECT_EQ(call("POST", "/sandbox/phones/14155550125/preference", R"({"value":"stop"})", "").status, 200);
  EXPECT_TRUE(sandbox->phones().opted_out(14155550125));
  EXPECT_EQ(call("POST", "/sandbox/templates/order_update/en_US", R"({"status":"PAUSED"})", "").status, 200);
  EXPECT_EQ(send(order_update("+14155550126")).code(), 132015);
  EXPECT_EQ(call("POST", "/sandbox/tokens", R"({"expire":true})", "").status, 200);
  EXPECT_EQ(send(order_update("+14155550126")).code(), 190);
  EXPECT_EQ(call("POST", "/sandbox/tokens", R"({"restore":true,"add":"second"})", "").status, 200);
  EXPECT_EQ(call("GET", "/v25.0/" + std::string(kDefaultWaba), "", "second").status, 200);
  EXPECT_EQ(call("POST", "/sandbox/account", R"({"restricted":true})", "").status, 200);
  EXPECT_EQ(send(order_update("+14155550126")).code(), 131031);
  EXPECT_EQ(
      call("POST", "/sandbox/numbers/" + std::string(kDefaultNumber), R"({"messages_per_second":1000})", "")
          .status,
      200);
  EXPECT_EQ(sandbox->config().numbers.at(0).messages_per_second, 80) << "fixtures stay";
  EXPECT_EQ(
      call("POST", "/sandbox/callback", R"({"url":"http://shop:8080/other","verify_token":"right"})", "")
          .status,
      200);
  EXPECT_EQ(
      call("POST", "/sandbox/config", R"({"limits":{"throughput":false},"phones":{"read":0}})", "").status,
      200);
  EXPECT_FALSE(sandbox->limits().config().throughput);
  EXPECT_EQ(sandbox->config().webhooks.callback_url, "http://shop:8080/other");
}

struct BadControl {
  std::string_view method, path, body;
  int status;
};
class BadControls : public SandboxTest, public ::testing::WithParamInterface<BadControl> {};
TEST_P(BadControls, are_refused_with_a_message) {
  const Reply r =
      call(std::string(GetParam().method), std::string(GetParam().path), std::string(GetParam().body), "");
  EXPECT_EQ(r.status, GetParam().status) << r.text;
  EXPECT_FALSE(r.body.at("error").at("message").as_string().empty());
}
INSTANTIATE_TEST_SUITE_P(
    All, BadControls,
    ::testing::Values(BadControl{"GET", "/sandbox/nothing", "", 404},
                      BadControl{"GET", "/sandbox/ledger/phone/abc", "", 400},
                      BadControl{"POST", "/sandbox/chaos", "{", 400},
                      BadControl{"POST", "/sandbox/chaos", R"({"faults":[{"kind":"x"}]})", 400},
                      BadControl{"POST", "/sandbox/chaos", R"({"faults":[{"kind":"error","rate":2}]})", 400},
                      BadControl{"POST", "/sandbox/phones/1/behaviour", R"({"kind":"sings"})", 400},
                      BadControl{"POST", "/sandbox/phones/1/send", "{}", 400},
                      BadControl{"POST", "/sandbox/templates/a/b", R"({"status":"PAUSED"})", 404},
                      BadControl{"POST", "/sandbox/templates/a/b", "{}", 400},
                      BadControl{"POST", "/sandbox/templates", R"({"name":"x"})", 400},
                      BadControl{"POST", "/sandbox/config", R"({"limits":{"speed":1}})", 400},
                      BadControl{"POST", "/sandbox/numbers/1", R"({"quality":"RED"})", 404},
                      BadControl{"POST", "/sandbox/callback",
                                 R"({"url":"http://nobody:1/","verify_token":"x"})", 502}));

struct BadConfig {
  std::string_view json, field;
};
class BadConfigs : public ::testing::TestWithParam<BadConfig> {};
TEST_P(BadConfigs, name_the_field_and_change_nothing) {
  SandboxConfig config = default_config();
  const auto merged = merge_config(config, GetParam().json);
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().field, GetParam().field);
  EXPECT_EQ(config.phones.read, PhoneBehaviourConfig().read);
}
INSTANTIATE_TEST_SUITE_P(
    All, BadConfigs,
    ::testing::Values(BadConfig{"[]", ""}, BadConfig{"{", ""}, BadConfig{R"({"colour":1})", "colour"},
                      BadConfig{R"({"phones":{"read":0.1,"sings":1}})", "phones.sings"},
                      BadConfig{R"({"phones":{"read":2}})", "phones.read"},
                      BadConfig{R"({"webhooks":{"batch_max":1001}})", "webhooks.batch_max"},
                      BadConfig{R"({"webhooks":{"batch_max":0}})", "webhooks.batch_max"},
                      BadConfig{R"({"numbers":[]})", "numbers"},
                      BadConfig{R"({"numbers":[{"id":"1"}]})", "numbers[0]"},
                      BadConfig{R"({"limits":[]})", "limits"}, BadConfig{R"({"token":""})", "token"},
                      BadConfig{R"({"accounts":{}})", "accounts"},
                      BadConfig{R"({"accounts":[{"flavour":"x","id":"1","token":"t"}]})",
                                "accounts[0].flavour"},
                      BadConfig{R"({"accounts":[{"flavour":"messenger","id":"1"}]})", "accounts[0]"},
                      BadConfig{R"({"accounts":[{"nose":1}]})", "accounts[0].nose"}));

TEST(Config, merges_over_the_defaults) {
  SandboxConfig config = default_config();
  ASSERT_TRUE(merge_config(
      config,
      R"({"waba_id":"7","token":"t","numbers":[{"id":"1","display_phone_number":"+1 2","messages_per_second":5}],
    "webhooks":{"linger_ms":1.5,"callback_url":"http://x/"},"limits":{"pair":false},"phones":{"read":0},"templates":[]})"));
  EXPECT_EQ(config.waba_id, "7");
  EXPECT_EQ(config.tokens.at(0).token.reveal(), "t");
  EXPECT_EQ(config.numbers.at(0).messages_per_second, 5);
  EXPECT_EQ(config.webhooks.linger, Duration(1500));
  EXPECT_FALSE(config.limits.pair);
  EXPECT_EQ(config.phones.receive, PhoneBehaviourConfig().receive);
  EXPECT_TRUE(config.templates.empty());
  EXPECT_EQ(config.accounts.size(), 3U);
  ASSERT_TRUE(merge_config(config, R"({"accounts":[{"flavour":"messenger","id":"5","token":"p"}]})"));
  ASSERT_EQ(config.accounts.size(), 1U);
  EXPECT_EQ(config.accounts[0].page_id, "5");
  EXPECT_EQ(config.accounts[0].token.reveal(), "p");
}

}  // namespace
}  // namespace posthorn::sandbox
