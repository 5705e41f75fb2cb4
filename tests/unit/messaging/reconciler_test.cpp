#include "messaging/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messaging/single_sends.h"
#include "unit/messaging/messaging_house.h"

namespace posthorn::testing_house {
namespace {

using enum SendState;
constexpr CampaignId kC{7};

class ReconcilerTest : public testing::Test {
 protected:
  House house{1};

  void begin(std::int64_t rows) {
    house.open();
    house.add_account();
    house.add_campaign(kC, rows);
    house.start();
  }
  void attach() { house.life->dispatcher->add_broadcast(std::make_shared<ListSource>(kC)); }
  // Row 3 gets no answer although it may have been taken; all others are accepted, and answered by a status
  // if `echo`.
  void lose_row_3(bool delivers, bool echo) {
    house.life->channel.script = [delivers](const std::string& token, int attempt) {
      ScriptedChannel::Plan plan = ScriptedChannel::accept();
      if (row_of_token(token) == "7.3" && attempt == 1) {
        plan.answer.kind = AnswerKind::unknown;
        plan.delivers = delivers;
      }
      return plan;
    };
    if (echo) {
      house.life->channel.on_received = [this](const std::string& t, const std::string& w) {
        if (row_of_token(t) != "7.3") house.post_status(t, w, "sent", 2s);
      };
    }
    attach();
  }
  int received(const std::string& row) { return house.ledger.received[row]; }
};

TEST_F(ReconcilerTest, GivesUpAfterTheHoldOnceWebhooksAreProvenAlive) {
  begin(200);
  lose_row_3(false, true);
  house.world.run_for(14min);
  EXPECT_EQ(house.rows(kC, unknown), 1);
  house.world.run_for(2min);
  EXPECT_EQ(house.rows(kC, unknown_final), 1);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM events WHERE kind = 'send.unknown_final'"), 1);
  EXPECT_THAT(house.life->observed.settled, testing::Contains(kC));
  EXPECT_EQ(house.problems(), "");
}

TEST_F(ReconcilerTest, HoldsOnWhileNoWebhooksCome) {
  begin(200);
  lose_row_3(true, false);
  house.world.run_for(2h);
  EXPECT_EQ(house.rows(kC, unknown), 1);
}

TEST_F(ReconcilerTest, EightDaysAreTheCeiling) {
  begin(30);
  lose_row_3(true, false);
  house.world.run_for(1min);
  house.execute(
      "UPDATE sends SET intent_at = intent_at - 691200000000, due_at = 1 WHERE state = 5");  // eight days
  house.world.run_for(10s);
  EXPECT_EQ(house.rows(kC, unknown_final), 1);
}

// Nothing is sent after the lost row that could prove the webhooks alive, but statuses came in since.
TEST_F(ReconcilerTest, ASmallCampaignIsHeldFourTimesAsLong) {
  begin(5);
  lose_row_3(false, true);
  house.world.run_for(58min);
  EXPECT_EQ(house.rows(kC, unknown), 1);
  house.world.run_for(4min);
  EXPECT_EQ(house.rows(kC, unknown_final), 1);
  EXPECT_THAT(house.life->observed.settled, testing::Contains(kC));
}

TEST_F(ReconcilerTest, ASmallCampaignWithoutAnyStatusIsHeldOn) {
  begin(5);
  lose_row_3(false, false);
  house.world.run_for(3h);
  EXPECT_EQ(house.rows(kC, unknown), 1);
}

TEST_F(ReconcilerTest, ProofSurvivesARestart) {
  begin(200);
  lose_row_3(false, true);
  house.world.run_for(5min);
  house.run([](House* h) -> Task<> { co_await h->life->dispatcher->stop(5s); });
  house.crash(simulated::CrashLoss::none);
  house.open();
  house.start();
  house.world.run_for(12min);
  EXPECT_EQ(house.rows(kC, unknown_final), 1);
}

TEST_F(ReconcilerTest, AnIndexThatACrashCutShortIsCompleted) {
  begin(100);
  attach();
  house.world.run_until([&] { return !house.life->observed.settled.empty(); }, 1min);
  house.crash(simulated::CrashLoss::none);
  house.open();
  ASSERT_LT(house.number("SELECT COUNT(*) FROM wamids"), 100);
  house.start();
  house.world.run_for(10s);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM wamids"), 100);
}

TEST_F(ReconcilerTest, ALateEchoStillCounts) {
  begin(200);
  lose_row_3(true, true);
  house.world.run_for(16min);
  ASSERT_EQ(house.rows(kC, unknown_final), 1);
  TokenMint mint(kKey);
  house.post_status(mint.make({kAccount, kC, 3, 1}), "wamid.late", "delivered", 1ms);
  house.world.run_for(2s);
  EXPECT_EQ(house.rows(kC, unknown_final), 0);
  EXPECT_EQ(house.rows(kC, accepted), 200);
  EXPECT_EQ(house.problems(), "");
}

TEST_F(ReconcilerTest, AtLeastOnceSendsAgainOnceAndTagsTheRow) {
  begin(200);
  house.execute(R"(UPDATE campaigns SET options = '{"at_least_once":true}')");
  lose_row_3(false, true);
  house.world.run_for(17min);
  EXPECT_EQ(house.rows(kC, accepted), 200);
  EXPECT_EQ(received("7.3"), 1);
  EXPECT_EQ(house.number("SELECT attempt FROM sends WHERE row_no = 3"), 2);
  EXPECT_EQ(house.number("SELECT delivery / 256 FROM sends WHERE row_no = 3"), 1);
  EXPECT_EQ(house.problems(), "");
}

TEST_F(ReconcilerTest, ACancelledCampaignSendsNothingAgain) {
  begin(200);
  house.execute(R"(UPDATE campaigns SET options = '{"at_least_once":true}')");
  lose_row_3(false, true);
  house.world.run_for(1min);
  house.execute("UPDATE campaigns SET state = 'cancelled'");
  house.world.run_for(17min);
  EXPECT_EQ(house.rows(kC, unknown_final), 1);
  EXPECT_EQ(house.ledger.requests["7.3"], 1);
}

TEST_F(ReconcilerTest, TheOperatorMaySendUnknownRowsAgain) {
  begin(200);
  lose_row_3(false, true);
  house.world.run_for(16min);
  std::int64_t rows = 0;
  ASSERT_TRUE(house.sql([&](Transaction& tx) -> Result<> {
    PH_TRY_ASSIGN(rows, requeue_unknown_final(tx, kC, house.world.wall_now()));
    return {};
  }));
  EXPECT_EQ(rows, 1);
  EXPECT_EQ(house.problems(), "");
  house.life->dispatcher->wake();
  house.world.run_for(5s);
  EXPECT_EQ(house.rows(kC, accepted), 200);
  EXPECT_EQ(received("7.3"), 1);
}

TEST_F(ReconcilerTest, StartUpTurnsIntentsIntoUnknown) {
  begin(500);
  attach();
  house.world.run_until([&] { return house.ledger.instants.size() > 100; }, 1min);
  house.crash(simulated::CrashLoss::none);
  house.open();
  ASSERT_GT(house.rows(kC, intent), 0);
  const std::int64_t intents = house.rows(kC, intent);
  house.start();
  EXPECT_EQ(house.rows(kC, intent), 0);
  EXPECT_EQ(house.rows(kC, unknown), intents);
  EXPECT_EQ(house.number("SELECT unknown FROM campaigns WHERE id = 7"), intents);
  EXPECT_EQ(house.problems(), "");
}

TEST_F(ReconcilerTest, CancellingTakesDeferredRowsOut) {
  begin(100);
  house.life->channel.script = [](const std::string&, int) {
    return ScriptedChannel::refuse(AnswerKind::retry, 133015);
  };
  attach();
  house.world.run_for(500ms);
  house.life->dispatcher->remove_broadcast(kC);
  house.world.run_for(2s);
  std::int64_t rows = 0;
  ASSERT_TRUE(house.sql([&](Transaction& tx) -> Result<> {
    PH_TRY_ASSIGN(rows, cancel_deferred(tx, kC, house.world.wall_now()));
    return {};
  }));
  EXPECT_EQ(rows, house.rows(kC, cancelled));
  EXPECT_EQ(house.rows(kC, deferred), 0);
  EXPECT_GT(rows, 0);
  EXPECT_EQ(house.problems(), "");
}

TEST_F(ReconcilerTest, StopWritesTheIndex) {
  begin(100);
  attach();
  house.world.run_until([&] { return !house.life->observed.settled.empty(); }, 1min);
  house.run([](House* h) -> Task<> { co_await h->life->reconciler->stop(); });
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM wamids"), 100);
}

// Lost replies, late and reordered statuses, kills: every row ends in one terminal state and nobody gets it
// twice (I2, I3, I8).
TEST(WholeRoom, EveryRowEndsOnceWhateverHappens) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    House house(seed);
    house.options.window = 24;
    auto random = house.world.random("faults");
    house.open();
    house.add_account();
    house.add_campaign(kC, 250);
    std::vector<std::pair<std::string, std::string>> undelivered;  // statuses Meta still has to bring
    for (int life = 0; life < 4; ++life) {
      if (life > 0) {
        house.crash();
        house.open();
      }
      house.life->channel.script = [&](const std::string&, int) {
        ScriptedChannel::Plan plan = ScriptedChannel::accept();
        plan.delay = Duration(1000 + random->below(200'000));
        const std::uint64_t dice = random->below(100);
        if (dice < 5) plan.answer.kind = AnswerKind::unknown;
        if (dice >= 5 && dice < 8) plan = ScriptedChannel::refuse(AnswerKind::not_sent, 0);
        if (dice >= 8 && dice < 10) plan = ScriptedChannel::refuse(AnswerKind::retry, 131016);
        return plan;
      };
      house.life->channel.on_received = [&](const std::string& t, const std::string& w) {
        undelivered.emplace_back(t, w);
        house.post_status(t, w, random->below(2) == 0 ? "sent" : "delivered",
                          Duration(random->below(3'000'000)));
      };
      house.start();
      house.life->dispatcher->add_broadcast(std::make_shared<ListSource>(kC));
      if (life < 3) house.world.run_for(Duration(random->below(600'000)));
    }
    house.world.run_for(2min);
    // Meta brings again what was lost in the crashes, twice and in another order.
    for (int round = 0; round < 2; ++round) {
      for (const auto& [t, w] : undelivered)
        house.post_status(t, w, "delivered", Duration(random->below(5'000'000)));
    }
    house.world.run_for(1min);
    ASSERT_EQ(house.problems(), "") << "seed " << seed;
    for (const auto& [row, times] : house.ledger.received) ASSERT_EQ(times, 1) << row << " seed " << seed;
    // Every row that a phone has is known as accepted; the rest was in flight at a kill and never reached
    // Meta.
    ASSERT_EQ(house.rows(kC, accepted), static_cast<std::int64_t>(house.ledger.received.size()))
        << "seed " << seed;
    ASSERT_LE(house.rows(kC, unknown), 3 * 24) << "seed " << seed;
    ASSERT_EQ(house.rows(kC, accepted) + house.rows(kC, unknown), 250) << "seed " << seed;
  }
}

TEST(WholeRoom, SameSeedSameTrace) {
  const auto trace = [](std::uint64_t seed) {
    House house(seed);
    house.open();
    house.add_account();
    house.add_campaign(kC, 300);
    house.start();
    house.life->channel.on_received = [&](const std::string& t, const std::string& w) {
      house.post_status(t, w, "sent", 5ms);
    };
    house.life->dispatcher->add_broadcast(std::make_shared<ListSource>(kC));
    house.world.run_for(300ms);
    house.crash();
    house.open();
    house.start();
    house.life->dispatcher->add_broadcast(std::make_shared<ListSource>(kC));
    house.world.run_for(30s);
    return house.world.trace_hash();
  };
  EXPECT_EQ(trace(5), trace(5));
  EXPECT_NE(trace(5), trace(6));
}

// How far away the end of row 3's hold is, by the present wall clock.
Duration hold_left(House& house) {
  const std::int64_t due = house.number("SELECT due_at FROM sends WHERE row_no = 3 AND state = 5");
  return Duration(due - to_micros(house.life->process.clock().wall_now()));
}

TEST_F(ReconcilerTest, HoldsMoveWithAStepOfTheWallClock) {
  for (const Duration step : {Duration(24h), Duration(-24h)}) {
    House fresh{3};
    fresh.open();
    fresh.add_account();
    fresh.add_campaign(kC, 30);
    fresh.start();
    fresh.life->channel.script = [](const std::string& token, int) {
      ScriptedChannel::Plan plan = ScriptedChannel::accept();
      if (row_of_token(token) == "7.3") plan.answer.kind = AnswerKind::unknown;
      return plan;
    };
    fresh.life->dispatcher->add_broadcast(std::make_shared<ListSource>(kC));
    fresh.world.run_for(1min);
    ASSERT_EQ(fresh.rows(kC, unknown), 1);
    const Duration before = hold_left(fresh);
    fresh.life->process.jump_wall_clock(step);
    fresh.world.run_for(10s);
    EXPECT_EQ(fresh.rows(kC, unknown), 1);
    EXPECT_NEAR(static_cast<double>((before - 10s).count()), static_cast<double>(hold_left(fresh).count()),
                1e6);
  }
}

TEST_F(ReconcilerTest, EvidenceFromBeforeAStepOfTheClockProvesNothing) {
  begin(200);
  lose_row_3(false, true);
  house.world.run_for(1min);
  house.life->process.jump_wall_clock(-24h);
  house.world.run_for(30min);
  EXPECT_EQ(house.rows(kC, unknown), 1);
}

TEST_F(ReconcilerTest, DeadlinesOfAClockThatRanAheadComeBackAtTheStart) {
  begin(30);
  lose_row_3(false, false);
  house.world.run_for(1min);
  house.execute(
      "UPDATE sends SET intent_at = intent_at + 86400000000, due_at = due_at + 86400000000, "
      "settled_at = settled_at + 86400000000 WHERE row_no = 3");
  house.execute("UPDATE campaigns SET accepted = accepted - 1, deferred = deferred + 1");
  house.execute(
      "UPDATE sends SET state = 4, wamid = NULL, settled_at = settled_at + 86400000000, "
      "due_at = settled_at + 86400000000 WHERE row_no = 4");
  house.crash(simulated::CrashLoss::none);
  house.open();
  house.start();
  house.world.run_for(1s);
  EXPECT_GT(hold_left(house), 14min);
  EXPECT_LE(hold_left(house), 15min);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM sends WHERE row_no = 3 AND intent_at > due_at"), 0);
  EXPECT_LE(house.number("SELECT due_at FROM sends WHERE row_no = 4"),
            to_micros(house.life->process.clock().wall_now()));
}

// The check itself must be able to fail.
TEST_F(ReconcilerTest, ConservationFindsWhatDoesNotAddUp) {
  begin(50);
  attach();
  house.world.run_until([&] { return !house.life->observed.settled.empty(); }, 1min);
  ASSERT_EQ(house.problems(), "");
  struct Damage {
    const char* statement;
    const char* repair;
    const char* finds;
  };
  for (const Damage& d :
       {Damage{"UPDATE campaigns SET accepted = accepted + 1", "UPDATE campaigns SET accepted = accepted - 1",
               "'accepted' says 51"},
        Damage{"UPDATE sends SET state = 3 WHERE row_no = 1", "UPDATE sends SET state = 2 WHERE row_no = 1",
               "'rejected' says 0"},
        Damage{"UPDATE sends SET delivery = 4 WHERE row_no = 1",
               "UPDATE sends SET delivery = 0 WHERE row_no = 1", "'read' says 0"},
        Damage{"UPDATE campaigns SET total = 10", "UPDATE campaigns SET total = 50", "the list has 10"},
        Damage{"UPDATE campaign_segments SET next_row = 40", "UPDATE campaign_segments SET next_row = 51",
               ""},
        Damage{"INSERT INTO single_sends (row_no, account_id, lane, phone, payload, queued_at, done) VALUES "
               "(9, 1, 0, 1, '{}', 0, 1)",
               "DELETE FROM single_sends", "Single send 9"}}) {
    house.execute(d.statement);
    if (*d.finds != 0) {
      EXPECT_THAT(house.problems(), testing::HasSubstr(d.finds));
    }
    house.execute(d.repair);
    EXPECT_EQ(house.problems(), "") << d.repair;
  }
}

}  // namespace
}  // namespace posthorn::testing_house
