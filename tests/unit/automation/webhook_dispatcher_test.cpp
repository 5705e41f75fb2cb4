// Webhooks out as receivers see them: everything once, in order of each conversation, whatever happens.
#include <gmock/gmock.h>

#include "automation/webhook_schedule.h"
#include "unit/automation/webhook_house.h"

namespace posthorn::webhook_testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kShop = "https://shop.example.org/hooks";
constexpr auto kOther = "https://other.example.org/hooks";

// The numbers in order of arrival, by conversation.
std::map<std::string, std::vector<int>> by_subject(const std::vector<std::string>& bodies) {
  std::map<std::string, std::vector<int>> out;
  for (const auto& body : bodies) out[subject_of(body)].push_back(n_of(body));
  return out;
}

TEST(WebhooksOut, SendsWhatHappensSignedOnce) {
  WebhookHouse house;
  house.start();
  house.happen("conversation:1", 0);  // before the endpoint: not for it
  house.add_endpoint(kShop);
  house.happen("conversation:1", 1);
  ASSERT_TRUE(house.wait_for([&] { return house.outside.successes() == 1; }));
  house.world.run_for(1h);
  ASSERT_THAT(house.outside.requests, SizeIs(1));
  const auto& got = house.outside.requests.front();
  EXPECT_EQ(got.url, kShop);
  EXPECT_EQ(n_of(got.body), 1);
  EXPECT_EQ(got.signature, sign_webhook(house.secret, got.id, got.timestamp, got.body));
  EXPECT_NEAR(static_cast<double>(got.timestamp),
              static_cast<double>(to_micros(house.world.wall_now())) / 1e6, 3700);
  EXPECT_THAT(got.body, HasSubstr(R"("type":"message.received")"));
}

TEST(WebhooksOut, SendsOnlyTheKindsThatAreWanted) {
  WebhookHouse house;
  house.start();
  house.add_endpoint(kShop, {"message.*"});
  house.add_endpoint(kOther, {"call.updated"});
  house.happen("conversation:1", 1, "message.received");
  house.happen("conversation:1", 2, "call.updated");
  house.happen("conversation:1", 3, "person.created");
  house.world.run_for(1min);
  EXPECT_THAT(by_subject(house.outside.taken(kShop))["conversation:1"], ElementsAre(1));
  EXPECT_THAT(by_subject(house.outside.taken(kOther))["conversation:1"], ElementsAre(2));
}

// Nothing that one event does to us may keep the others from going, nor the server from starting.
TEST(WebhooksOut, AnEventThatCannotBeToldOfIsPassedOver) {
  WebhookHouse house;
  house.start();
  house.add_endpoint(kShop);
  house.execute(
      "CREATE TRIGGER refuses BEFORE INSERT ON webhook_deliveries WHEN NEW.order_key = 'conversation:2' "
      "BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
  house.happen("conversation:2", 1);
  house.happen("conversation:1", 2);
  house.crash();
  house.start();
  ASSERT_TRUE(house.wait_for([&] { return house.outside.successes() == 1; }));
  house.happen("conversation:1", 3);
  house.world.run_for(5min);
  EXPECT_THAT(by_subject(house.outside.taken(kShop))["conversation:1"], ElementsAre(2, 3));
}

TEST(WebhooksOut, WhatIsPassedOverIsCounted) {
  WebhookHouse house;
  house.start();
  house.add_endpoint(kShop);
  house.execute(
      "CREATE TRIGGER refuses BEFORE INSERT ON webhook_deliveries WHEN NEW.order_key = 'conversation:2' "
      "BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
  house.happen("conversation:2", 1);
  house.happen("conversation:1", 2);
  ASSERT_TRUE(house.wait_for([&] { return house.outside.successes() == 1; }));
  EXPECT_THAT(house.life->metrics->prometheus_text(),
              HasSubstr(R"(posthorn_events_passed_over_total{consumer="webhooks_out"} 1)"));
}

TEST(WebhooksOut, AnExceptionIsAFailureOfThatDeliveryOnly) {
  WebhookHouse house;
  house.start();
  house.add_endpoint(kShop);
  house.outside.throws = true;
  house.happen("conversation:1", 1);
  house.world.run_for(1s);
  EXPECT_EQ(house.number("SELECT attempts FROM webhook_deliveries"), 1);
  EXPECT_THAT(house.text("SELECT last_error FROM webhook_deliveries"), HasSubstr("a bug"));
  house.outside.throws = false;
  house.happen("conversation:1", 2);
  house.world.run_for(2min);
  EXPECT_THAT(by_subject(house.outside.taken(kShop))["conversation:1"], ElementsAre(1, 2));
}

// What somebody unsends stays nowhere: not in what was delivered, nor in what waits.
TEST(WebhooksOut, WhatIsUnsentLeavesTheStoredBodies) {
  WebhookHouse house;
  house.start();
  house.add_endpoint(kShop);
  house.add_endpoint(kOther);
  bool down = true;
  house.outside.script = [&](const Received& got) {
    return Outside::answer(got.url == kOther && down ? 0 : 200);
  };
  house.say(1, "secret");
  house.say(2, "public");
  ASSERT_TRUE(house.wait_for([&] { return house.outside.taken(kShop).size() == 2; }));
  const std::string sent = house.outside.taken(kShop).front();
  EXPECT_THAT(sent, HasSubstr("secret"));
  house.unsend(1);
  ASSERT_TRUE(house.wait_for([&] { return house.outside.taken(kShop).size() == 3; }));
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM webhook_deliveries WHERE body LIKE '%secret%'"), 0);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM webhook_deliveries WHERE body LIKE '%public%'"), 2);
  const auto body =
      parse_json(house.text("SELECT body FROM webhook_deliveries WHERE message_id = 1 AND kind "
                            "= 'message.received' AND state = 1"));
  ASSERT_TRUE(body);
  const JsonView message = JsonView(*body)["data"]["message"];
  EXPECT_EQ(message["id"].integer_or(0), 1);
  EXPECT_EQ(message["text"].string_or("?"), "");
  EXPECT_NE(message["deleted_at"].string_or(""), "");
  EXPECT_EQ(message["attachments"][std::size_t{0}]["state"].string_or(""), "deleted");
  down = false;
  const std::size_t before = house.outside.requests.size();
  ASSERT_TRUE(house.wait_for([&] { return house.outside.taken(kOther).size() == 3; }));
  for (std::size_t i = before; i < house.outside.requests.size(); ++i)
    EXPECT_THAT(house.outside.requests[i].body, testing::Not(HasSubstr("secret")));
}

// Also if nobody is told of anything any more.
TEST(WebhooksOut, WhatIsUnsentLeavesTheBodiesOfDisabledEndpoints) {
  WebhookHouse house;
  house.start();
  const auto endpoint = house.add_endpoint(kShop, {"message.received"});
  house.say(1, "secret");
  ASSERT_TRUE(house.wait_for([&] { return house.outside.taken(kShop).size() == 1; }));
  (void)house.sql([endpoint](Transaction& tx) {
    return webhook_endpoints::disable(tx, endpoint, "by the test", WallTime{});
  });
  house.crash();
  house.start();
  house.unsend(1);
  house.world.run_for(11min);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM webhook_deliveries WHERE body LIKE '%secret%'"), 0);
}

TEST(WebhooksOut, AnHourOfOutageLosesNothingAndKeepsTheOrder) {
  WebhookHouse house;
  house.start();
  house.add_endpoint(kShop);
  bool down = true;
  house.outside.script = [&](const Received&) { return Outside::answer(down ? 0 : 200); };
  std::map<std::string, std::vector<int>> expected;
  for (int i = 0; i < 120; ++i) {
    const auto subject = fmt::format("conversation:{}", i % 12);
    expected[subject].push_back(i);
    house.happen(subject, i);
    house.world.run_for(30s);
  }
  EXPECT_EQ(house.outside.successes(), 0U);
  // A receiver that is down is asked about once a minute, not by every conversation at every step.
  EXPECT_LT(house.outside.requests.size(), 120U);
  down = false;
  ASSERT_TRUE(house.wait_for([&] { return house.outside.successes() >= 120; }, 5min));
  house.world.run_for(5h);
  EXPECT_EQ(house.outside.successes(), 120U);  // each exactly once
  EXPECT_EQ(by_subject(house.outside.taken()), expected);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM webhook_deliveries WHERE state = 0"), 0);
}

TEST(WebhooksOut, ASlowReceiverHoldsUpNobodyElse) {
  WebhookHouse house;
  house.start();
  house.add_endpoint(kShop);
  house.add_endpoint(kOther);
  house.outside.delay = [](const std::string& url) { return url == kShop ? Duration(14s) : Duration(5ms); };
  for (int i = 0; i < 50; ++i) house.happen(fmt::format("conversation:{}", i), i);
  ASSERT_TRUE(house.wait_for([&] { return house.outside.taken(kOther).size() == 50; }, 10s));
  EXPECT_LT(house.outside.taken(kShop).size(), 20U);
  ASSERT_TRUE(house.wait_for([&] { return house.outside.taken(kShop).size() == 50; }, 3min));
}

TEST(WebhooksOut, OneConversationWaitsOthersDoNot) {
  WebhookHouse house;
  house.start();
  house.add_endpoint(kShop);
  house.outside.script = [&](const Received& got) {
    return Outside::answer(n_of(got.body) == 1 ? 500 : 200);
  };
  house.happen("conversation:1", 1);
  house.happen("conversation:1", 2);
  house.happen("conversation:2", 3);
  house.world.run_for(20min);
  EXPECT_THAT(by_subject(house.outside.taken())["conversation:2"], ElementsAre(3));
  EXPECT_THAT(by_subject(house.outside.taken())["conversation:1"], IsEmpty());
  house.outside.script = [](const Received&) { return Outside::answer(200); };
  house.world.run_for(5h);
  EXPECT_THAT(by_subject(house.outside.taken())["conversation:1"], ElementsAre(1, 2));
}

TEST(WebhooksOut, GivesUpOneThatIsNeverTakenAndGoesOn) {
  WebhookHouse house;
  house.start();
  const auto id = house.add_endpoint(kShop);
  house.outside.script = [&](const Received& got) {
    return Outside::answer(n_of(got.body) == 1 ? 400 : 204);
  };
  house.happen("conversation:1", 1);
  house.happen("conversation:1", 2);
  for (int hour = 0; hour < 80; ++hour) {  // others are taken meanwhile: the endpoint is well
    house.happen("conversation:2", 100 + hour);
    house.world.run_for(1h);
  }
  EXPECT_THAT(by_subject(house.outside.taken())["conversation:1"], ElementsAre(2));
  EXPECT_THAT(by_subject(house.outside.taken())["conversation:2"], SizeIs(80));
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM webhook_deliveries WHERE state = 2"), 1);
  EXPECT_TRUE(house.endpoint(id).enabled);
}

TEST(WebhooksOut, DisablesWhatFailsForThreeDays) {
  WebhookHouse house;
  house.start();
  const auto id = house.add_endpoint(kShop);
  house.add_endpoint(kOther, {"webhook_endpoint.*"});
  house.outside.script = [](const Received& got) { return Outside::answer(got.url == kShop ? 500 : 200); };
  house.happen("conversation:1", 1);
  house.world.run_for(71h);
  EXPECT_TRUE(house.endpoint(id).enabled);
  house.world.run_for(10h);
  const auto endpoint = house.endpoint(id);
  EXPECT_FALSE(endpoint.enabled);
  EXPECT_THAT(endpoint.disabled_reason, HasSubstr("3 days"));
  ASSERT_THAT(house.outside.taken(kOther), SizeIs(1));
  EXPECT_THAT(house.outside.taken(kOther).front(), HasSubstr("webhook_endpoint.disabled"));
  const auto asked = house.outside.requests.size();
  house.happen("conversation:1", 2);  // while disabled: not queued
  house.world.run_for(24h);
  EXPECT_EQ(house.outside.requests.size(), asked);
  // Enabled again: what waited comes, what happened meanwhile is for a replay.
  house.outside.script = [](const Received&) { return Outside::answer(200); };
  const WallTime now = house.life->process.clock().wall_now();
  ASSERT_TRUE(house.sql([=](Transaction& tx) { return webhook_endpoints::enable(tx, id, now); }).value());
  house.life->out->wake();
  house.happen("conversation:1", 3);
  house.world.run_for(10min);
  EXPECT_THAT(by_subject(house.outside.taken(kShop))["conversation:1"], ElementsAre(1, 3));
}

TEST(WebhooksOut, GoneDisablesAtOnce) {
  WebhookHouse house;
  house.start();
  const auto id = house.add_endpoint(kShop);
  house.outside.script = [](const Received&) { return Outside::answer(410); };
  house.happen("conversation:1", 1);
  house.world.run_for(10s);
  EXPECT_FALSE(house.endpoint(id).enabled);
  EXPECT_THAT(house.endpoint(id).disabled_reason, HasSubstr("410"));
  house.world.run_for(24h);
  EXPECT_THAT(house.outside.requests, SizeIs(1));
}

TEST(WebhooksOut, RetryAfterIsHonouredForTheWholeEndpoint) {
  WebhookHouse house;
  house.start();
  house.add_endpoint(kShop);
  house.outside.script = [](const Received&) { return Outside::answer(429, "600"); };
  house.happen("conversation:1", 1);
  house.world.run_for(10s);
  house.outside.script = [](const Received&) { return Outside::answer(200); };
  house.happen("conversation:2", 2);
  house.world.run_for(9min);
  EXPECT_THAT(house.outside.requests, SizeIs(1));
  house.world.run_for(3min);
  EXPECT_EQ(house.outside.successes(), 2U);
}

TEST(WebhooksOut, RedirectsAndOtherAnswersAreFailures) {
  for (const int status : {0, 100, 301, 302, 307, 400, 401, 404, 500, 502}) {
    WebhookHouse house;
    house.start();
    house.add_endpoint(kShop);
    int times = 0;
    house.outside.script = [&](const Received&) { return Outside::answer(++times == 1 ? status : 200); };
    house.happen("conversation:1", 1);
    house.world.run_for(10s);
    EXPECT_THAT(house.outside.requests, SizeIs(2)) << status;
    EXPECT_EQ(house.outside.requests.front().id, house.outside.requests.back().id) << status;
    EXPECT_EQ(house.number("SELECT COUNT(*) FROM webhook_attempts"), 2) << status;
  }
}

TEST(WebhooksOut, BothSecretsSignWhileOneIsReplaced) {
  WebhookHouse house;
  house.start();
  const auto id = house.add_endpoint(kShop);
  const Secret fresh("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  const auto sealed = seal_webhook_secret(*house.life->box, id, fresh);
  const WallTime now = house.life->process.clock().wall_now();
  ASSERT_TRUE(house.sql(
      [=](Transaction& tx) { return webhook_endpoints::replace_secret(tx, id, sealed, now + 1h, now); }));
  house.happen("conversation:1", 1);
  house.world.run_for(1min);
  const auto& both = house.outside.requests.at(0);
  EXPECT_EQ(both.signature, sign_webhook(fresh, both.id, both.timestamp, both.body) + " " +
                                sign_webhook(house.secret, both.id, both.timestamp, both.body));
  house.world.run_for(2h);
  house.happen("conversation:1", 2);
  house.world.run_for(1min);
  const auto& one = house.outside.requests.at(1);
  EXPECT_EQ(one.signature, sign_webhook(fresh, one.id, one.timestamp, one.body));
}

TEST(WebhooksOut, ReplaysUnderTheSameId) {
  WebhookHouse house;
  house.start();
  const auto endpoint = house.add_endpoint(kShop);
  house.happen("conversation:1", 1);
  house.happen("conversation:1", 2);
  house.world.run_for(1min);
  ASSERT_EQ(house.outside.successes(), 2U);
  const WallTime now = house.life->process.clock().wall_now();
  const auto counts = house.sql([=](Transaction& tx) -> Result<std::vector<Replayed>> {
    PH_TRY_ASSIGN(const auto found, events::read_after(tx, EventId{0}, 100));
    WebhookBodies bodies(tx);
    std::vector<Replayed> out;
    for (const auto& event : found) {
      PH_TRY_ASSIGN(const auto one, webhook_deliveries::replay_event(tx, endpoint, event, bodies, now));
      out.push_back(one);
    }
    return out;
  });
  EXPECT_THAT(*counts, ElementsAre(Replayed::again, Replayed::again));
  house.life->out->wake();
  house.world.run_for(1min);
  ASSERT_THAT(house.outside.requests, SizeIs(4));
  EXPECT_EQ(house.outside.requests[2].id, house.outside.requests[0].id);
  EXPECT_EQ(house.outside.requests[3].id, house.outside.requests[1].id);
  EXPECT_EQ(house.outside.requests[2].body, house.outside.requests[0].body);
}

TEST(WebhooksOut, TestsNowWithoutTheQueue) {
  WebhookHouse house;
  house.start();
  const auto id = house.add_endpoint(kShop);
  house.outside.script = [](const Received&) { return Outside::answer(503); };
  const auto answer = house.run(house.life->out->test(id));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_THAT(house.outside.requests, SizeIs(1));
  EXPECT_EQ(house.run(house.life->out->test(WebhookEndpointId{99})).error().code, ErrorCode::not_found);
  EXPECT_EQ(house.endpoint(id).failures, 0);
}

TEST(WebhooksOut, DeletedEndpointsLeaveNothingBehind) {
  WebhookHouse house;
  house.start();
  const auto id = house.add_endpoint(kShop);
  house.outside.script = [](const Received&) { return Outside::answer(500); };
  for (int i = 0; i < 20; ++i) house.happen("conversation:1", i);
  house.world.run_for(1min);
  ASSERT_TRUE(house.sql([id](Transaction& tx) { return webhook_endpoints::remove(tx, id); }));
  EXPECT_GT(house.sql([](Transaction& tx) { return webhook_endpoints::next_id(tx); }).value(), id);
  house.world.run_for(1h);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM webhook_deliveries"), 0);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM webhook_attempts"), 0);
}

TEST(WebhooksOut, FinishedDeliveriesGoAfterTwoWeeks) {
  WebhookHouse house;
  house.start();
  house.add_endpoint(kShop);
  house.happen("conversation:1", 1);
  house.world.run_for(13 * 24h);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM webhook_deliveries"), 1);
  house.world.run_for(2 * 24h);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM webhook_deliveries"), 0);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM webhook_attempts"), 0);
}

TEST(WebhooksOut, StopsWhileRequestsAreUnderWay) {
  WebhookHouse house;
  house.start();
  house.add_endpoint(kShop);
  house.outside.delay = [](const std::string&) { return Duration(2s); };
  house.happen("conversation:1", 1);
  house.world.run_for(1s);
  auto stop = [](Life* life) -> Task<bool> {
    co_await life->out->stop();
    co_await life->feed->stop();
    co_return true;
  };
  EXPECT_TRUE(house.run(stop(house.life.get())));
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM webhook_deliveries WHERE state = 1"), 1);
}

// Kills at any step: receivers that remember webhook-id see everything once and in order; nothing is sent
// again after its answer was committed.
class WebhooksOutKills : public testing::TestWithParam<int> {};

TEST_P(WebhooksOutKills, LoseNothing) {
  WebhookHouse house(static_cast<std::uint64_t>(GetParam()) + 100);
  auto random = house.world.random("test");
  house.start();
  house.add_endpoint(kShop);
  house.add_endpoint(kOther, {"message.*"});
  house.outside.script = [&](const Received&) { return Outside::answer(random->below(4) == 0 ? 500 : 200); };
  std::map<std::string, std::vector<int>> expected;
  int committed_resends = 0;
  for (int i = 0; i < 60; ++i) {
    const auto subject = fmt::format("conversation:{}", i % 5);
    expected[subject].push_back(i);
    house.happen(subject, i);
    house.world.run_for(Duration(static_cast<Duration::rep>(random->below(40'000))));
    if (random->below(4) != 0) continue;
    house.crash();
    std::set<std::string> done;
    const auto looked = simulated::inspect(house.disk, [&done](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(SqlRows rows,
                    tx.query("SELECT webhook_id, endpoint_id FROM webhook_deliveries WHERE state = 1"));
      while (true) {
        PH_TRY_ASSIGN(const bool more, rows.next());
        if (!more) return {};
        done.insert(std::string(rows.text(0)) + (rows.integer(1) == 1 ? kShop : kOther));
      }
    });
    ASSERT_TRUE(looked);
    const auto before = house.outside.requests.size();
    house.start();
    house.world.run_for(1ms);
    for (auto at = before; at < house.outside.requests.size(); ++at)
      committed_resends +=
          done.contains(house.outside.requests[at].id + house.outside.requests[at].url) ? 1 : 0;
  }
  ASSERT_TRUE(house.wait_for(
      [&] { return house.outside.taken(kShop).size() == 60 && house.outside.taken(kOther).size() == 60; },
      24h));
  EXPECT_EQ(by_subject(house.outside.taken(kShop)), expected);
  EXPECT_EQ(by_subject(house.outside.taken(kOther)), expected);
  EXPECT_EQ(committed_resends, 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, WebhooksOutKills, testing::Range(0, 12));

}  // namespace
}  // namespace posthorn::webhook_testing
