#include "messaging/intake.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/messaging/messaging_house.h"

namespace posthorn::testing_house {
namespace {

using enum SendState;
constexpr CampaignId kC{7};

std::string change(const std::string& field, const std::string& value) {
  return fmt::format(
      R"({{"object":"whatsapp_business_account","entry":[{{"id":"waba","time":1,"changes":[{{"field":"{}","value":{}}}]}}]}})",
      field, value);
}

std::string message(const std::string& id, const std::string& text) {
  return change(
      "messages",
      fmt::format(
          R"({{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550783881",)"
          R"("phone_number_id":"106540352242922"}},"contacts":[{{"profile":{{"name":"A"}},"wa_id":"491701234567"}}],)"
          R"("messages":[{{"from":"491701234567","id":"{}","timestamp":"1767225600","type":"text","text":{{"body":"{}"}}}}]}})",
          id, text));
}

class IntakeTest : public testing::Test {
 protected:
  House house{1};
  TokenMint mint{kKey};

  void SetUp() override {
    house.open();
    house.add_account();
    house.add_campaign(kC, 100);
    house.start();
  }
  std::string token(std::int64_t row, int attempt = 1) { return mint.make({kAccount, kC, row, attempt}); }
  // Sends the rows of the campaign through the dispatcher, without statuses.
  void send_all() {
    house.life->dispatcher->add_broadcast(std::make_shared<ListSource>(kC));
    house.world.run_until([&] { return !house.life->observed.settled.empty(); }, 10min);
    house.life->observed.settled.clear();
  }
  Result<JournalId> accept(std::string body) {
    auto answer = std::make_shared<std::optional<Result<JournalId>>>();
    auto task = [](Life* life, std::string b,
                   std::shared_ptr<std::optional<Result<JournalId>>> out) -> Task<> {
      *out = co_await life->intake->accept(std::move(b), "whatsapp");
    };
    house.life->process.spawn(task(house.life.get(), std::move(body), answer));
    house.world.run_until([&] { return answer->has_value(); }, 1min);
    return answer->value();
  }
  void apply(std::string body) {
    ASSERT_TRUE(accept(std::move(body)));
    applied();
  }
  void applied() {
    house.run([](House* h) -> Task<> { co_await h->life->intake->applied(); });
  }
  void status(std::int64_t row, const std::string& word, std::int64_t at = 1'767'225'700, int code = 0) {
    apply(status_body(token(row), "wamid." + token(row), word, at, code));
  }
  std::int64_t events(const std::string& kind) {
    return house.number(fmt::format("SELECT COUNT(*) FROM events WHERE kind = '{}'", kind));
  }
  std::int64_t counter(const std::string& name) {
    return house.number("SELECT " + name + " FROM campaigns WHERE id = 7");
  }
};

TEST_F(IntakeTest, TheBodyIsInTheJournalVerbatimWhenAcceptReturns) {
  const std::string body = status_body("", "wamid.x", "sent", 5) + "  ";
  const Result<JournalId> id = accept(body);
  ASSERT_TRUE(id);
  EXPECT_EQ(house.journal_number(fmt::format(
                "SELECT COUNT(*) FROM journal WHERE id = {} AND CAST(body AS TEXT) = '{}'", id->value, body)),
            1);
}

// Until schema 2 the journal was a table of the main database.
TEST_F(IntakeTest, AnOldJournalIsMovedAndAppliedAtTheStart) {
  house.run([](House* h) -> Task<> {
    auto plant = [body = message("wamid.old", "hi")](Transaction& tx) {
      return tx.execute("INSERT INTO journal (id, source, received_at, body) VALUES (7, 'whatsapp', 5, $1)",
                        {Blob{body}});
    };
    EXPECT_TRUE(co_await h->life->database->write(std::move(plant)));
  });
  house.crash();
  house.open();
  house.start();
  house.world.run_for(5s);
  applied();
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM journal"), 0);
  EXPECT_EQ(house.journal_number("SELECT COUNT(*) FROM journal WHERE id = 7 AND received_at = 5"), 1);
  EXPECT_EQ(events("message.received"), 1);
  EXPECT_EQ(accept(message("wamid.new", "hi")).value(), JournalId{8});
}

TEST_F(IntakeTest, ManyBodiesAtOnceGetIdsOfTheirOwn) {
  for (int i = 0; i < 500; ++i)
    house.life->process.spawn(deliver(house.life.get(), message("wamid.m" + std::to_string(i), "hi")));
  house.world.run_for(5s);
  applied();
  EXPECT_EQ(house.journal_number("SELECT COUNT(*) FROM journal"), 500);
  EXPECT_EQ(events("message.received"), 500);
  EXPECT_LT(house.disk.counters().syncs, 200U);  // they shared commits
}

TEST_F(IntakeTest, StatusesMoveTheRowAndTheCounters) {
  send_all();
  status(1, "sent", 1'767'225'701);
  status(1, "read", 1'767'225'703);
  status(1, "delivered", 1'767'225'702);
  status(2, "failed", 1'767'225'704, 131049);
  EXPECT_EQ(counter("sent"), 1);
  EXPECT_EQ(counter("delivered"), 1);
  EXPECT_EQ(counter("read"), 1);
  EXPECT_EQ(counter("failed"), 1);
  EXPECT_EQ(house.number("SELECT delivered_at FROM sends WHERE campaign_id = 7 AND row_no = 1"),
            1'767'225'702'000'000);
  EXPECT_EQ(house.number("SELECT delivery FROM campaign_errors WHERE code = 131049"), 1);
  EXPECT_EQ(house.number("SELECT code FROM sends WHERE campaign_id = 7 AND row_no = 2"), 131049);
  EXPECT_EQ(house.problems(), "");
}

// I14: whatever is delivered again, in whatever order, changes nothing.
TEST_F(IntakeTest, RedeliveryChangesNothing) {
  send_all();
  std::vector<std::string> bodies;
  for (std::int64_t row = 1; row <= 20; ++row) {
    for (const char* word : {"sent", "delivered", "read"})
      bodies.push_back(status_body(token(row), "wamid." + token(row), word, 1'767'225'700 + row));
  }
  bodies.push_back(message("wamid.in", "hello"));
  bodies.push_back(message("wamid.stop", "STOP"));
  for (int round = 0; round < 5; ++round) {
    std::rotate(bodies.begin(), bodies.begin() + 17, bodies.end());
    for (const std::string& body : bodies) house.life->process.spawn(deliver(house.life.get(), body));
    house.world.run_for(1s);
  }
  applied();
  EXPECT_EQ(counter("read"), 20);
  EXPECT_EQ(counter("sent"), 20);
  EXPECT_EQ(events("message.received"), 2);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM suppressions"), 1);
  EXPECT_EQ(house.number("SELECT SUM(read) FROM campaign_minutes"), 20);
  EXPECT_EQ(house.problems(), "");
}

TEST_F(IntakeTest, EchoBeforeTheAnswerSettlesAndTheAnswerChangesNothing) {
  house.life->channel.on_received = [this](const std::string& t, const std::string& wamid) {
    house.post_status(t, wamid, "sent", 1ms);
  };
  send_all();
  house.world.run_for(1s);
  EXPECT_EQ(house.rows(kC, accepted), 100);
  EXPECT_EQ(counter("accepted"), 100);
  EXPECT_EQ(counter("sent"), 100);
  EXPECT_EQ(house.problems(), "");
}

TEST_F(IntakeTest, EchoesSettleUnknownRows) {
  house.life->channel.script = [](const std::string&, int) {
    ScriptedChannel::Plan plan = ScriptedChannel::accept();
    plan.answer.kind = AnswerKind::unknown;
    return plan;
  };
  house.life->channel.on_received = [this](const std::string& t, const std::string& wamid) {
    house.post_status(t, wamid, "sent", 20s);
  };
  send_all();
  house.world.run_for(1min);
  EXPECT_EQ(house.rows(kC, accepted), 100);
  EXPECT_EQ(house.rows(kC, unknown), 0);
  EXPECT_EQ(house.problems(), "");
}

TEST_F(IntakeTest, AnEchoOfALostRowKeepsItFromBeingSent) {
  apply(status_body(token(5), "wamid." + token(5), "delivered", 1'767'225'700));
  EXPECT_EQ(house.rows(kC, accepted), 1);
  send_all();
  EXPECT_FALSE(house.ledger.requests.contains("7.5"));
  EXPECT_EQ(house.ledger.received.size(), 99U);
  EXPECT_EQ(house.rows(kC, accepted), 100);
  EXPECT_EQ(house.problems(), "");
}

TEST_F(IntakeTest, EchoesOfUnknownCampaignsAreForeign) {
  apply(status_body(mint.make({kAccount, CampaignId{99}, 1, 1}), "wamid.99", "sent", 5));
  apply(status_body(token(101), "wamid.101", "sent", 5));  // the list has 100 rows
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM sends"), 0);
}

TEST_F(IntakeTest, StatusesWithoutTokenFindTheirRowByWamid) {
  send_all();
  apply(status_body("", "wamid." + token(3), "delivered", 1'767'225'700));  // index not written yet
  EXPECT_EQ(counter("delivered"), 1);
  house.world.run_for(10s);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM wamids"), 100);
  apply(status_body("somebody else's", "wamid." + token(4), "delivered", 1'767'225'700));
  EXPECT_EQ(counter("delivered"), 2);
  EXPECT_EQ(house.problems(), "");
}

TEST_F(IntakeTest, AStatusThatComesBeforeItsWamidIsKnownIsTriedAgain) {
  apply(status_body("", "wamid." + token(3), "delivered", 1'767'225'700));
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM parked_events WHERE reason = 'unmatched'"), 1);
  send_all();
  house.world.run_for(20s);
  EXPECT_EQ(counter("delivered"), 1);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM parked_events"), 0);
}

TEST_F(IntakeTest, ForeignStatusesAreDroppedAfterAFewTries) {
  apply(status_body("", "wamid.of.another.app", "delivered", 1'767'225'700));
  house.world.run_for(2min);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM parked_events"), 0);
  EXPECT_THAT(house.life->metrics->prometheus_text(),
              testing::HasSubstr("posthorn_statuses_foreign_total 1"));
}

// What the owner wrote on the phone: the echo may come long after its statuses.
TEST_F(IntakeTest, AStatusWaitsForAnEchoThatComesDaysLater) {
  apply(status_body("", "wamid.phone", "delivered", 1'767'225'700));
  apply(status_body("", "wamid.phone", "read", 1'767'225'800));
  house.world.run_for(2min);
  ASSERT_EQ(house.number("SELECT COUNT(*) FROM parked_events"), 0);
  ASSERT_EQ(house.number("SELECT COUNT(*) FROM early_changes"), 2);
  house.world.run_for(std::chrono::hours(24 * 3));
  apply(change(
      "smb_message_echoes",
      R"({"metadata":{"phone_number_id":"106540352242922"},"message_echoes":[{"from":"15550100","to":"491511",)"
      R"("id":"wamid.phone","timestamp":"1767225600","type":"text","text":{"body":"hello"}}]})"));
  EXPECT_EQ(house.number("SELECT delivered_at FROM messages"), 1'767'225'700'000'000);
  EXPECT_EQ(house.number("SELECT read_at FROM messages"), 1'767'225'800'000'000);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM early_changes"), 0);
}

TEST_F(IntakeTest, PoisonIsParkedAndBlocksNothing) {
  send_all();
  for (const std::string& poison :
       {std::string("not json"), std::string(""), std::string("{"), std::string("[]"),
        std::string("{}\0x", 4), std::string(200'000, '['), change("messages", "7"),
        change("messages", R"({"statuses":[{"id":5}]})")}) {
    ASSERT_TRUE(accept(poison));
  }
  status(1, "sent");
  EXPECT_EQ(counter("sent"), 1);
  EXPECT_GE(house.number("SELECT COUNT(*) FROM parked_events WHERE reason <> 'unmatched'"), 5);
}

// A body our own tables refuse, for whatever reason, must not hold up the others (I15).
TEST_F(IntakeTest, WhatCannotBeStoredIsParkedAfterAFewTries) {
  send_all();
  house.execute(
      "CREATE TRIGGER refuses BEFORE INSERT ON messages WHEN NEW.channel_id = 'wamid.bad' BEGIN SELECT "
      "RAISE(ABORT, 'refused by the test'); END");
  ASSERT_TRUE(accept(message("wamid.good1", "hello")));
  ASSERT_TRUE(accept(message("wamid.bad", "hello")));
  ASSERT_TRUE(accept(message("wamid.good2", "hello")));
  status(1, "sent");
  EXPECT_EQ(counter("sent"), 1);
  EXPECT_EQ(events("message.received"), 2);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM parked_events WHERE reason LIKE '%refused by the test%'"), 1);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM parked_events"), 1);
  // Once the cause is gone, an operator applies it.
  house.execute("DROP TRIGGER refuses");
  house.run([](House* h) -> Task<> {
    const Result<> replayed = co_await h->life->intake->replay_parked(1);
    EXPECT_TRUE(replayed) << replayed.error().message;
  });
  EXPECT_EQ(events("message.received"), 3);
}

// A body that was parked as a whole: what fails of it in another way is parked on its own, the rest is
// applied.
TEST_F(IntakeTest, OfABodyParkedAsAWholeNothingIsLost) {
  house.execute(
      "CREATE TRIGGER refuses BEFORE INSERT ON messages WHEN NEW.channel_id = 'wamid.bad' BEGIN SELECT "
      "RAISE(ABORT, 'refused by the test'); END");
  std::string body = message("wamid.stranger", "first");
  body.replace(body.find("106540352242922"), 15, "106540352242999");
  const std::string rest = message("wamid.bad", "second");
  const std::string entries = "\"entry\":[";
  const std::size_t end = body.rfind("]}");
  body.insert(end, "," + rest.substr(rest.find(entries) + entries.size(),
                                     rest.rfind("]}") - rest.find(entries) - entries.size()));
  ASSERT_TRUE(accept(body));
  applied();
  ASSERT_EQ(house.number("SELECT COUNT(*) FROM parked_events WHERE position = -1"), 1);
  house.execute("DROP TRIGGER refuses");
  house.run([](House* h) -> Task<> {
    const Result<> replayed = co_await h->life->intake->replay_parked(1);
    EXPECT_FALSE(replayed) << "one of its events is for an account that nobody knows";
  });
  EXPECT_EQ(events("message.received"), 1);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM parked_events WHERE position >= 0"), 1);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM parked_events"), 1);
}

// What is parked keeps its body; the bodies after it go all the same, however many there are.
TEST_F(IntakeTest, ParkedBodiesDoNotKeepTheOthers) {
  ASSERT_TRUE(accept(message("wamid.first", "hello")));
  applied();
  const std::string old = std::to_string(to_micros(house.world.wall_now()) - 9LL * 24 * 3600 * 1'000'000);
  const Result<> filled = house.sql(
      [&](Transaction& tx) -> Result<> {
        PH_TRY(tx.execute("DELETE FROM journal"));
        PH_TRY(
            tx.execute("WITH RECURSIVE n(i) AS (SELECT -30000 UNION ALL SELECT i + 1 FROM n WHERE i < -1) "
                       "INSERT INTO journal (id, source, received_at, body) SELECT i, 'meta', " +
                       old + " + i, 'x' FROM n"));
        return {};
      },
      house.life->journal.get());
  ASSERT_TRUE(filled) << filled.error().message;
  house.execute(
      "WITH RECURSIVE n(i) AS (SELECT -30000 UNION ALL SELECT i + 1 FROM n WHERE i < -24001) "
      "INSERT INTO parked_events (journal_id, position, reason, body, parked_at) SELECT i, 0, 'why', '', " +
      old + " FROM n");
  house.world.run_for(3min);
  EXPECT_EQ(house.journal_number("SELECT COUNT(*) FROM journal"), 6000);
}

// What nobody replayed in time goes, and its body with it; not a day before.
TEST_F(IntakeTest, ParkedEventsExpire) {
  ASSERT_TRUE(accept("not json"));
  ASSERT_TRUE(accept("not json either"));
  applied();
  ASSERT_EQ(house.number("SELECT COUNT(*) FROM parked_events"), 2);
  const std::int64_t now = to_micros(house.world.wall_now());
  const std::int64_t day = 24LL * 3600 * 1'000'000;
  const auto age = [&](int id, std::int64_t days) {
    house.execute(fmt::format("UPDATE parked_events SET parked_at = {} WHERE id = {}", now - days * day, id));
    const Result<> aged = house.sql(
        [&](Transaction& tx) -> Result<> {
          PH_TRY(tx.execute("UPDATE journal SET received_at = $2 WHERE id = $1", {id, now - days * day}));
          return {};
        },
        house.life->journal.get());
    ASSERT_TRUE(aged);
  };
  age(1, 91);
  age(2, 89);
  house.world.run_for(3min);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM parked_events"), 1);
  EXPECT_EQ(house.number("SELECT id FROM parked_events"), 2);
  EXPECT_EQ(house.journal_number("SELECT COUNT(*) FROM journal WHERE id <= 2"), 1);
  EXPECT_THAT(house.life->metrics->prometheus_text(), testing::HasSubstr("posthorn_parked_expired_total 1"));
}

TEST_F(IntakeTest, ParkedEventsMayBeKeptForEver) {
  IntakeOptions options;
  options.keep_parked = Duration(0);
  Life& life = *house.life;
  life.intake = std::make_unique<Intake>(
      IntakePorts{*life.database, *life.journal, life.process.clock(), null_log(), *life.metrics,
                  *life.wamids, life.proof, life.observed, life.process.executor()},
      kKey, options);
  house.run([](House* h) -> Task<> { EXPECT_TRUE(co_await h->life->intake->start()); });
  ASSERT_TRUE(accept("not json"));
  applied();
  house.execute("UPDATE parked_events SET parked_at = 1");
  house.world.run_for(3min);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM parked_events"), 1);
}

// Another system that sends from the same number has statuses too: those that nobody here knows must go as
// fast as they come.
TEST_F(IntakeTest, ManyForeignStatusesAreDroppedAtOnce) {
  for (int i = 0; i < 1500; ++i)
    ASSERT_TRUE(accept(status_body("", fmt::format("wamid.foreign.{}", i), "delivered", 1'767'225'700)));
  house.world.run_for(40s);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM parked_events"), 0);
}

// The journal can be replayed as long as it is kept, so what was applied must be known as long.
TEST_F(IntakeTest, WhatWasAppliedIsKnownAsLongAsTheJournalIsKept) {
  IntakeOptions options;
  options.keep_journal = 24h * 40;
  Life& life = *house.life;
  life.intake = std::make_unique<Intake>(
      IntakePorts{*life.database, *life.journal, life.process.clock(), null_log(), *life.metrics,
                  *life.wamids, life.proof, life.observed, life.process.executor()},
      kKey, options);
  house.run([](House* h) -> Task<> { EXPECT_TRUE(co_await h->life->intake->start()); });
  apply(change("account_alerts", R"({"entity_type":"WABA","entity_id":"1","alert_type":"X"})"));
  const std::int64_t known = house.number("SELECT COUNT(*) FROM applied_events");
  ASSERT_GE(known, 1);
  house.execute("UPDATE applied_events SET applied_at = applied_at - 2592000000000");
  house.world.run_for(3min);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM applied_events"), known);
}

TEST_F(IntakeTest, ReplayIsRepeatable) {
  send_all();
  apply(message("wamid.a", "hello"));
  status(1, "delivered");
  ASSERT_TRUE(accept("not json"));
  applied();
  house.run([](House* h) -> Task<> {
    for (int i = 0; i < 3; ++i) {
      const Result<std::int64_t> bodies =
          co_await h->life->intake->replay_journal(JournalId{1}, JournalId{100});
      EXPECT_EQ(bodies.value_or(-1), 3);
    }
    const Result<> parked = co_await h->life->intake->replay_parked(1);
    EXPECT_EQ(parked.error().code, ErrorCode::conflict);
    const Result<> missing = co_await h->life->intake->replay_parked(42);
    EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  });
  EXPECT_EQ(events("message.received"), 1);
  EXPECT_EQ(counter("delivered"), 1);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM parked_events"), 1);
}

TEST_F(IntakeTest, KeywordsStopAndStart) {
  struct Case {
    const char* text;
    std::int64_t suppressed;
  };
  int n = 0;
  for (const Case& c : {Case{"Please stop writing", 0}, Case{" stop. ", 1}, Case{"hello", 1},
                        Case{"Start", 0}, Case{"STOP!", 1}}) {
    apply(message("wamid.k" + std::to_string(++n), c.text));
    EXPECT_EQ(
        house.number("SELECT COUNT(*) FROM suppressions WHERE phone = 491701234567 AND business_id = 'waba'"),
        c.suppressed)
        << c.text;
  }
  EXPECT_EQ(events("contact.opted_out"), 2);
}

TEST_F(IntakeTest, PreferencesStopAndResume) {
  const auto preference = [](const char* value, int at) {
    return change(
        "user_preferences",
        fmt::format(
            R"({{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550783881","phone_number_id":"106540352242922"}},"user_preferences":[{{"wa_id":"491701234567","user_id":"u","detail":"d","category":"marketing_messages","value":"{}","timestamp":{}}}]}})",
            value, at));
  };
  apply(preference("stop", 1));
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM suppressions WHERE source = 'user_preferences'"), 1);
  apply(preference("resume", 2));
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM suppressions"), 0);
}

TEST_F(IntakeTest, APausedTemplatePausesItsCampaigns) {
  apply(change(
      "message_template_status_update",
      R"({"event":"PAUSED","message_template_id":77,"message_template_name":"offer","message_template_language":"en_US","reason":"NONE"})"));
  ASSERT_EQ(house.life->observed.paused.size(), 1U);
  EXPECT_EQ(house.life->observed.paused.front().first, kC);
  EXPECT_EQ(
      house.number("SELECT COUNT(*) FROM campaigns WHERE state = 'paused' AND state_reason LIKE '%PAUSED%'"),
      1);
  EXPECT_EQ(events("campaign.paused"), 1);
}

TEST_F(IntakeTest, AnotherTemplatesEventsDoNotPause) {
  apply(change(
      "message_template_status_update",
      R"({"event":"PAUSED","message_template_id":77,"message_template_name":"other","message_template_language":"en_US","reason":"NONE"})"));
  EXPECT_TRUE(house.life->observed.paused.empty());
}

TEST_F(IntakeTest, ThroughputUpgradeReachesTheAccount) {
  apply(change("phone_number_quality_update",
               R"({"display_phone_number":"15550783881","event":"THROUGHPUT_UPGRADE"})"));
  EXPECT_EQ(house.number("SELECT throughput FROM accounts WHERE id = 1"), 1000);
  EXPECT_THAT(house.life->observed.accounts, testing::ElementsAre(kAccount));
}

TEST_F(IntakeTest, ABanBlocksTheAccountAndItsLiftingUnblocks) {
  apply(change("account_update",
               R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE","waba_ban_date":"x"}})"));
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM accounts WHERE blocked_reason <> ''"), 1);
  EXPECT_EQ(house.life->observed.paused.size(), 1U);
  apply(
      change("account_update",
             R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE","waba_ban_date":"x"}})"));
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM accounts WHERE blocked_reason <> ''"), 0);
}

TEST_F(IntakeTest, StoreFullRefusesAndRecovers) {
  ASSERT_TRUE(accept(message("wamid.1", "a")));
  house.disk.set_capacity(house.disk.used_bytes() + 4096);
  bool refused = false;
  for (int i = 0; i < 300 && !refused; ++i) {
    const Result<JournalId> id = accept(message("wamid.f" + std::to_string(i), std::string(3000, 'x')));
    refused = !id;
    if (!id) {
      EXPECT_EQ(id.error().code, ErrorCode::resource_exhausted);
    }
  }
  EXPECT_TRUE(refused);
  house.disk.set_capacity(0);
  EXPECT_TRUE(accept(message("wamid.2", "b")));
  house.world.run_for(5s);
  applied();
  EXPECT_EQ(house.journal_number("SELECT COUNT(*) FROM journal"), events("message.received"));
}

// I13, I14 across crashes: what was acknowledged is applied exactly once.
TEST(IntakeCrash, AcknowledgedIsAppliedExactlyOnce) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    House house(seed);
    house.open();
    house.add_account();
    auto random = house.world.random("crashes");
    int acknowledged = 0;
    int sent = 0;
    for (int life = 0; life < 4; ++life) {
      if (life > 0) {
        house.crash();
        house.open();
      }
      house.start();
      for (int i = 0; i < 50; ++i) {
        auto task = [](Life* l, std::string body, int* count) -> Task<> {
          const Result<JournalId> id = co_await l->intake->accept(std::move(body), "whatsapp");
          if (id) ++*count;
        };
        const std::string body = message("wamid." + std::to_string(++sent), "x");
        house.life->process.post_after(Duration(random->below(20'000)), [&house, task, body, &acknowledged] {
          house.life->process.spawn(task(house.life.get(), body, &acknowledged));
        });
      }
      house.world.run_for(Duration(random->below(25'000)));
    }
    house.world.run_for(10s);
    house.run([](House* h) -> Task<> { co_await h->life->intake->applied(); });
    const std::int64_t applied = house.number("SELECT COUNT(*) FROM events WHERE kind = 'message.received'");
    ASSERT_GE(applied, acknowledged) << "seed " << seed;
    ASSERT_EQ(applied, house.journal_number("SELECT COUNT(*) FROM journal")) << "seed " << seed;
    ASSERT_EQ(applied,
              house.number("SELECT COUNT(DISTINCT data) FROM events WHERE kind = 'message.received'"))
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace posthorn::testing_house
