#include <algorithm>

#include "platform/crypto.h"
#include "sandbox/json_text.h"
#include "sandbox_fixture.h"

namespace posthorn::sandbox {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST_F(SandboxTest, a_message_is_sent_delivered_and_read_with_signed_webhooks) {
  open_business();
  const Reply reply = send(order_update("+14155550123", "v1.7.1.2.1.abc"));
  ASSERT_TRUE(run_until_idle());
  EXPECT_THAT(statuses(),
              ElementsAre("sent v1.7.1.2.1.abc", "delivered v1.7.1.2.1.abc", "read v1.7.1.2.1.abc"));
  HmacSha256 sign{Secret(std::string(kDefaultAppSecret))};
  for (const ReceivedWebhook& w : webhooks) EXPECT_EQ(w.signature, "sha256=" + to_hex(sign(w.body)));
  const js::value first = js::parse(webhooks[0].body);
  EXPECT_EQ(first.at("object").as_string(), "whatsapp_business_account");
  EXPECT_EQ(first.at("entry").at(0).at("id").as_string(), kDefaultWaba);
  const js::value value = first.at("entry").at(0).at("changes").at(0).at("value");
  EXPECT_EQ(value.at("metadata").at("phone_number_id").as_string(), kDefaultNumber);
  EXPECT_EQ(value.at("contacts").at(0).at("wa_id").as_string(), "14155550123");
  const js::value status = value.at("statuses").at(0);
  EXPECT_EQ(status.at("id").as_string(), reply.wamid());
  EXPECT_EQ(status.at("pricing").at("category").as_string(), "utility");
  EXPECT_EQ(status.at("recipient_user_id").as_string(), user_id_of(14155550123));
  EXPECT_FALSE(status.as_object().contains("conversation"));
  EXPECT_EQ(status.at("timestamp").as_string().size(), 10U);
}

TEST_F(SandboxTest, a_new_secret_signs_from_now_on) {
  open_business();
  sandbox->set_app_secret(Secret("new"));
  send(order_update("+14155550123"));
  ASSERT_TRUE(run_until_idle());
  HmacSha256 sign{Secret("new")};
  EXPECT_EQ(webhooks.at(0).signature, "sha256=" + to_hex(sign(webhooks.at(0).body)));
}

TEST_F(SandboxTest, refused_webhooks_come_again_until_accepted) {
  open_business();
  refuse_next = 4;
  send(order_update("+14155550123"));
  ASSERT_TRUE(run_until_idle());
  std::vector<std::string> got = statuses();
  std::ranges::sort(got);
  EXPECT_THAT(got, ElementsAre("delivered t", "read t", "sent t"));
  EXPECT_EQ(sandbox->webhook_stats().failed_posts, 4U);
  EXPECT_EQ(sandbox->webhook_stats().acknowledged, 3U);
}

TEST_F(SandboxTest, meta_gives_up_after_seven_days) {
  open_business();
  answer_with = 500;
  send(order_update("+14155550123"));
  EXPECT_FALSE(run_until_idle(std::chrono::hours(24 * 6)));
  EXPECT_TRUE(run_until_idle(std::chrono::hours(24 * 2)));
  EXPECT_EQ(sandbox->webhook_stats().given_up, 3U);
}

TEST_F(SandboxTest, a_dead_callback_is_tried_again_when_it_lives) {
  sandbox->set_callback("http://shop:8080/webhooks/whatsapp");
  send(order_update("+14155550123"));
  world.run_for(std::chrono::minutes(10));
  EXPECT_GT(sandbox->webhook_stats().failed_posts, 3U);
  open_business();
  ASSERT_TRUE(run_until_idle(std::chrono::hours(3)));
  EXPECT_EQ(statuses().size(), 3U);
}

TEST_F(SandboxTest, updates_are_batched_but_never_beyond_the_limit) {
  SandboxConfig config = all_receive();
  config.webhooks.batch_max = 10;
  config.webhooks.updates_per_change = 3;
  config.webhooks.linger = seconds(1);
  config.phones.read = 0;
  make(config);
  open_business();
  for (int i = 0; i < 40; ++i)
    send(order_update("+1415" + std::to_string(5'550'000 + i), "t" + std::to_string(i)));
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(statuses().size(), 80U);
  EXPECT_LT(webhooks.size(), 30U);
  bool grouped = false;
  for (const ReceivedWebhook& w : webhooks) {
    std::size_t in_post = 0;
    const js::value root = js::parse(w.body);
    for (const js::value& c : root.at("entry").at(0).at("changes").as_array()) {
      const std::size_t n = c.at("value").at("statuses").as_array().size();
      EXPECT_LE(n, 3U);
      grouped = grouped || n > 1;
      in_post += n;
    }
    EXPECT_LE(in_post, 10U);
  }
  EXPECT_TRUE(grouped);
}

TEST_F(SandboxTest, chaos_drops_duplicates_and_reorders) {
  open_business();
  sandbox->chaos().webhooks.duplicate = 1;
  send(order_update("+14155550123"));
  ASSERT_TRUE(run_until_idle());
  EXPECT_THAT(statuses(),
              UnorderedElementsAre("sent t", "sent t", "delivered t", "delivered t", "read t", "read t"));
  webhooks.clear();
  sandbox->chaos().webhooks = WebhookChaos{};
  sandbox->chaos().webhooks.drop = 1;
  send(order_update("+14155550124"));
  ASSERT_TRUE(run_until_idle());
  EXPECT_TRUE(webhooks.empty());
  EXPECT_EQ(sandbox->webhook_stats().dropped, 3U);
  EXPECT_EQ(sandbox->ledger().received_by(14155550124), 1U) << "the phone has it all the same";
}

TEST_F(SandboxTest, reordering_swaps_statuses_of_one_message) {
  open_business();
  sandbox->chaos().webhooks.reorder = 0.5;
  sandbox->chaos().webhooks.reorder_by = std::chrono::minutes(5);
  for (int i = 0; i < 50; ++i) send(order_update("+1415" + std::to_string(5'550'000 + i), std::to_string(i)));
  ASSERT_TRUE(run_until_idle());
  const std::vector<std::string> got = statuses();
  EXPECT_EQ(got.size(), 150U);
  int swapped = 0;
  for (int i = 0; i < 50; ++i)
    if (std::ranges::find(got, "delivered " + std::to_string(i)) <
        std::ranges::find(got, "sent " + std::to_string(i)))
      ++swapped;
  EXPECT_GT(swapped, 5);
}

TEST_F(SandboxTest, concurrency_is_bounded) {
  SandboxConfig config = all_receive();
  config.webhooks.batch_max = 1;
  config.webhooks.max_in_flight = 2;
  make(config);
  open_business();
  for (int i = 0; i < 60; ++i) send(order_update("+1415" + std::to_string(5'550'000 + i)));
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(webhooks.size(), 180U);
  EXPECT_LE(business->connections(), 2U);
}

TEST_F(SandboxTest, inbound_messages_arrive_escaped_as_meta_does) {
  open_business();
  const auto name =
      sandbox->send_from_phone(4915112345678, R"({"type":"text","text":"Grüße 😀 a/b"})", kDefaultNumber);
  ASSERT_TRUE(name);
  ASSERT_TRUE(run_until_idle());
  EXPECT_THAT(webhooks.at(0).body, HasSubstr(R"(Gr\u00fc\u00dfe \ud83d\ude00 a\/b)"));
  const js::value root = js::parse(webhooks[0].body);
  const js::value& message = root.at("entry").at(0).at("changes").at(0).at("value").at("messages").at(0);
  EXPECT_EQ(message.at("text").at("body").as_string(), "Grüße 😀 a/b");
  EXPECT_EQ(message.at("from").as_string(), "4915112345678");
  EXPECT_EQ(message.at("id").as_string(), *name);
  EXPECT_FALSE(sandbox->send_from_phone(1, "{}", kDefaultNumber));
  EXPECT_FALSE(sandbox->send_from_phone(1, R"({"type":"hologram"})", kDefaultNumber));
  EXPECT_FALSE(sandbox->send_from_phone(1, R"({"type":"text","text":"x"})", "nope"));
}

TEST_F(SandboxTest, opting_out_is_announced_and_then_marketing_fails) {
  open_business();
  sandbox->set_marketing_preference(14155550123, true);
  ASSERT_TRUE(run_until_idle());
  EXPECT_THAT(webhooks.at(0).body,
              ::testing::AllOf(HasSubstr("user_preferences"), HasSubstr(R"("value":"stop")")));
  const std::string promo =
      R"({"messaging_product":"whatsapp","to":"+14155550123","type":"template","template":{"name":"product_video","language":{"code":"en_US"},"components":[{"type":"header","parameters":[{"type":"video","video":{"link":"https://x/v"}}]}]}})";
  EXPECT_EQ(send(promo).status, 200);
  EXPECT_EQ(send(order_update("+14155550123")).status, 200);
  ASSERT_TRUE(run_until_idle());
  const auto got = sandbox->ledger().messages_for(14155550123);
  EXPECT_EQ(got.at(0).error, 131050);
  EXPECT_EQ(got.at(1).fate, Fate::read) << "utility messages still pass";
}

TEST_F(SandboxTest, hidden_numbers_leave_only_the_user_id) {
  SandboxConfig config = all_receive();
  config.webhooks.hide_phone_numbers = true;
  config.webhooks.millisecond_timestamps = true;
  make(config);
  open_business();
  send(order_update("+14155550123"));
  ASSERT_TRUE(run_until_idle());
  const js::value root = js::parse(webhooks.at(0).body);
  const js::value& status = root.at("entry").at(0).at("changes").at(0).at("value").at("statuses").at(0);
  EXPECT_FALSE(status.as_object().contains("recipient_id"));
  EXPECT_EQ(status.at("timestamp").as_string().size(), 13U);
}

TEST_F(SandboxTest, held_messages_wait_for_the_verdict) {
  open_business();
  sandbox->chaos().held = 1;
  const Reply reply = send(order_update("+14155550123", "a"));
  EXPECT_EQ(reply.body.at("messages").at(0).at("message_status").as_string(), "held_for_quality_assessment");
  EXPECT_TRUE(sandbox->idle());
  sandbox->release_held(false);
  ASSERT_TRUE(run_until_idle());
  EXPECT_THAT(statuses(), ElementsAre("failed a"));
  EXPECT_THAT(webhooks.at(0).body, HasSubstr("132015"));
  send(order_update("+14155550124", "b"));
  sandbox->release_held(true);
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(sandbox->ledger().received_by(14155550124), 1U);
}

TEST_F(SandboxTest, the_callback_must_echo_the_challenge) {
  open_business();
  const std::string path = "/v25.0/" + std::string(kDefaultApp) + "/subscriptions";
  const std::string query =
      "?object=whatsapp_business_account&fields=messages&callback_url=http%3A%2F%2Fshop%3A8080%2Fhook&verify_"
      "token=";
  EXPECT_EQ(call("POST", path + query + "wrong").code(), 100);
  EXPECT_EQ(sandbox->config().webhooks.callback_url, "http://shop:8080/webhooks/whatsapp");
  const Reply good = call("POST", path + query + "right");
  EXPECT_EQ(good.status, 200) << good.text;
  EXPECT_EQ(sandbox->config().webhooks.callback_url, "http://shop:8080/hook");
}

TEST_F(SandboxTest, equal_seeds_give_equal_webhooks) {
  const auto run = [] {
    simulated::World world(9);
    simulated::Process meta(world, "meta");
    HttpClient client(meta.network(), meta.clock(), meta.executor());
    Sandbox sandbox(default_config(), meta.clock(), meta.random(), client, meta.executor());
    sandbox.start();
    sandbox.set_callback("http://nobody:1/");
    for (int i = 0; i < 100; ++i)
      std::ignore = sandbox.send_from_phone(14155550000 + static_cast<std::uint64_t>(i),
                                            R"({"type":"text","text":"x"})");
    world.run_for(seconds(30));
    const auto hash = world.trace_hash();
    sandbox.stop();
    meta.crash();
    return hash;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace posthorn::sandbox
