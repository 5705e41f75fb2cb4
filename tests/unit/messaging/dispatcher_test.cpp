#include "messaging/dispatcher.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messaging/single_sends.h"
#include "unit/messaging/messaging_house.h"

namespace posthorn::testing_house {
namespace {

using enum SendState;
constexpr CampaignId kC{7}, kD{8};

class DispatcherTest : public testing::Test {
 protected:
  House house{1};

  void begin(std::int64_t rows) {
    house.open();
    house.add_account();
    house.add_campaign(kC, rows);
    house.start();
  }
  std::shared_ptr<ListSource> attach(CampaignId campaign = kC) {
    auto source = std::make_shared<ListSource>(campaign);
    house.life->dispatcher->add_broadcast(source);
    return source;
  }
  bool settle(Duration limit = 10min) {
    return house.world.run_until([&] { return !house.life->observed.settled.empty(); }, limit);
  }
  void expect_sound() { EXPECT_EQ(house.problems(), ""); }
  void expect_each_once(std::int64_t rows, CampaignId campaign = kC) {
    std::int64_t once = 0;
    for (std::int64_t row = 1; row <= rows; ++row) {
      once += house.ledger.received[fmt::format("{}.{}", campaign.value, row)] == 1 ? 1 : 0;
    }
    EXPECT_EQ(once, rows);
  }
};

TEST_F(DispatcherTest, SendsEveryRowOnceAndSaysWhenItIsDone) {
  begin(1000);
  attach();
  ASSERT_TRUE(settle());
  EXPECT_EQ(house.rows(kC, accepted), 1000);
  expect_each_once(1000);
  expect_sound();
  EXPECT_EQ(house.number("SELECT SUM(recipients) FROM portfolio_usage"), 1000);
  EXPECT_EQ(house.number("SELECT SUM(accepted) FROM campaign_minutes"), 1000);
  EXPECT_EQ(house.life->dispatcher->stats().open, 0);
}

TEST_F(DispatcherTest, KeepsTheGrantedRate) {
  house.account.rate = 80;
  house.options.window = 0;
  begin(1000);
  attach();
  ASSERT_TRUE(settle());
  const auto& sent = house.ledger.instants;
  for (std::size_t i = 80; i < sent.size(); ++i) ASSERT_GE(sent[i] - sent[i - 80], 1s) << i;
  EXPECT_LE(sent.back() - sent.front(), Duration(static_cast<std::int64_t>(1000 / 80.0 / 0.98 * 1e6)));
}

TEST_F(DispatcherTest, NeverMoreIntentsThanTheWindow) {
  house.options.window = 10;
  begin(300);
  attach();
  std::int64_t most = 0;
  house.world.run_until(
      [&] {
        most = std::max<std::int64_t>(most, house.life->dispatcher->stats().open);
        return !house.life->observed.settled.empty();
      },
      10min);
  EXPECT_EQ(most, 10);
  expect_each_once(300);
}

TEST_F(DispatcherTest, SuppressedPhonesAreSkippedAndCounted) {
  begin(50);
  house.execute(fmt::format(
      "INSERT INTO suppressions (phone, business_id, source, created_at) VALUES ({}, 'waba', 'keyword', 0)",
      ListSource::phone(kC, 5)));
  attach();
  ASSERT_TRUE(settle());
  EXPECT_EQ(house.rows(kC, suppressed), 1);
  EXPECT_EQ(house.ledger.requests.count("7.5"), 0U);
  expect_sound();
}

TEST_F(DispatcherTest, PermanentErrorsRejectTheRowAndCountTheCode) {
  begin(20);
  house.options.error_share_pause = 0;
  house.life->channel.script = [](const std::string& token, int) {
    return row_of_token(token) == "7.3" ? ScriptedChannel::refuse(AnswerKind::rejected, 131026)
                                        : ScriptedChannel::accept();
  };
  attach();
  ASSERT_TRUE(settle());
  EXPECT_EQ(house.rows(kC, rejected), 1);
  EXPECT_EQ(house.number("SELECT submission FROM campaign_errors WHERE campaign_id = 7 AND code = 131026"),
            1);
  expect_sound();
}

TEST_F(DispatcherTest, RetriesCostAnAttemptAndEndAccepted) {
  begin(20);
  house.life->channel.script = [](const std::string&, int attempt) {
    return attempt < 3 ? ScriptedChannel::refuse(AnswerKind::retry, 133015) : ScriptedChannel::accept();
  };
  attach();
  ASSERT_TRUE(settle());
  EXPECT_EQ(house.rows(kC, accepted), 20);
  EXPECT_EQ(house.number("SELECT MIN(attempt) FROM sends"), 3);
  expect_sound();
}

TEST_F(DispatcherTest, UnreachableChannelBurnsNobodyAndGoesOnByItself) {
  begin(200);
  const MonotonicTime back = house.world.now() + 90s;
  int refused = 0;
  house.life->channel.script = [&](const std::string&, int) {
    if (house.world.now() >= back) return ScriptedChannel::accept();
    ++refused;
    return ScriptedChannel::refuse(AnswerKind::not_sent, 0);
  };
  attach();
  house.world.run_for(60s);
  EXPECT_TRUE(house.life->dispatcher->stats().unreachable);
  expect_sound();
  ASSERT_TRUE(settle());
  EXPECT_LE(refused, 64 + 20);  // one window, then probes
  EXPECT_EQ(house.rows(kC, accepted), 200);
  EXPECT_EQ(house.number("SELECT MAX(attempt) FROM sends"), 1);
  expect_each_once(200);
}

TEST_F(DispatcherTest, SilentChannelCostsOneWindowAndAFewProbes) {
  begin(600);
  const MonotonicTime back = house.world.now() + 90s;
  int unanswered = 0;
  house.life->channel.script = [&](const std::string&, int) {
    if (house.world.now() >= back) return ScriptedChannel::accept();
    ++unanswered;
    ScriptedChannel::Plan plan = ScriptedChannel::refuse(AnswerKind::unknown, 0);
    plan.answer.answered = false;  // taken, and never answered
    plan.delay = 10s;
    return plan;
  };
  attach();
  house.world.run_for(60s);
  EXPECT_TRUE(house.life->dispatcher->stats().unreachable);
  house.world.run_for(120s);
  EXPECT_LE(unanswered, 64 + 10);  // one window, then probes
  EXPECT_EQ(house.rows(kC, accepted), 600 - unanswered) << "the rest is sent when answers come again";
}

TEST_F(DispatcherTest, AnOutageWithNothingLeftToSendIsNoReasonToLookAgainAndAgain) {
  begin(20);
  house.life->channel.script = [](const std::string&, int) {
    ScriptedChannel::Plan plan = ScriptedChannel::refuse(AnswerKind::unknown, 0);
    plan.answer.answered = false;
    return plan;
  };
  attach();
  house.world.run_for(20s);
  const std::uint64_t before = house.world.handlers_run();
  house.world.run_for(40s);
  EXPECT_LT(house.world.handlers_run() - before, 2'000U);
}

TEST_F(DispatcherTest, UnknownOutcomesAreHeldAndNotSentAgain) {
  begin(100);
  house.life->channel.script = [](const std::string& token, int) {
    ScriptedChannel::Plan plan = ScriptedChannel::accept();
    if (row_of_token(token) == "7.9") plan.answer.kind = AnswerKind::unknown;
    return plan;
  };
  attach();
  EXPECT_FALSE(settle(60min));
  EXPECT_EQ(house.rows(kC, unknown), 1);
  expect_each_once(100);
  expect_sound();
}

TEST_F(DispatcherTest, LostTokenBlocksTheAccountAndBurnsNobody) {
  begin(500);
  int calls = 0;
  house.life->channel.script = [&](const std::string&, int) {
    return ++calls > 100 ? ScriptedChannel::refuse(AnswerKind::account_stop, 190) : ScriptedChannel::accept();
  };
  attach();
  ASSERT_TRUE(house.world.run_until([&] { return !house.life->observed.accounts.empty(); }, 1min));
  house.world.run_for(1min);
  EXPECT_LE(calls, 100 + 64);
  EXPECT_EQ(
      house.number("SELECT COUNT(*) FROM campaigns WHERE state = 'paused' AND state_reason = 'because'"), 1);
  EXPECT_EQ(house.rows(kC, rejected), 0);
  EXPECT_EQ(house.rows(kC, intent), 0);
  expect_sound();
  // A new token: goes on at the same rows.
  house.execute("UPDATE accounts SET blocked_reason = ''");
  house.execute("UPDATE campaigns SET state = 'running'");
  calls = -100'000;
  house.life->observed.settled.clear();
  house.life->dispatcher->update_account(house.account);
  attach();
  ASSERT_TRUE(settle());
  EXPECT_EQ(house.rows(kC, accepted), 500);
  expect_each_once(500);
}

TEST_F(DispatcherTest, PausedTemplateStopsTheCampaignOnly) {
  begin(300);
  house.add_campaign(kD, 300);
  house.life->channel.script = [](const std::string& token, int) {
    return row_of_token(token).starts_with("7.") ? ScriptedChannel::refuse(AnswerKind::campaign_stop, 132015)
                                                 : ScriptedChannel::accept();
  };
  attach(kC);
  attach(kD);
  ASSERT_TRUE(settle());
  EXPECT_THAT(house.life->observed.settled, testing::Contains(kD));
  ASSERT_FALSE(house.life->observed.paused.empty());
  EXPECT_EQ(house.life->observed.paused.front().first, kC);
  EXPECT_EQ(house.rows(kC, rejected), 0);
  EXPECT_EQ(house.rows(kD, accepted), 300);
  expect_sound();
}

TEST_F(DispatcherTest, TooManyFailuresPauseTheCampaign) {
  begin(2000);
  house.life->channel.script = [](const std::string&, int) {
    return ScriptedChannel::refuse(AnswerKind::rejected, 131026);
  };
  attach();
  ASSERT_TRUE(house.world.run_until([&] { return !house.life->observed.paused.empty(); }, 10min));
  house.world.run_for(1min);
  EXPECT_LE(house.rows(kC, rejected), 200);
  EXPECT_THAT(house.life->observed.paused.front().second, testing::HasSubstr("131026"));
  expect_sound();
}

TEST_F(DispatcherTest, PauseTakesBackWhatIsReadyAndResumeSendsIt) {
  house.account.rate = 20;
  house.options.window = 0;
  begin(200);
  attach();
  house.world.run_for(4s);
  house.execute("UPDATE campaigns SET state = 'paused'");
  house.life->dispatcher->remove_broadcast(kC);
  const std::size_t sent = house.ledger.instants.size();
  house.world.run_for(10s);
  EXPECT_EQ(house.ledger.instants.size(), sent);
  EXPECT_EQ(house.rows(kC, intent), 0);
  EXPECT_GT(house.rows(kC, deferred), 0);
  expect_sound();
  house.execute("UPDATE campaigns SET state = 'running'");
  attach();
  ASSERT_TRUE(settle());
  expect_each_once(200);
  expect_sound();
}

TEST_F(DispatcherTest, CancelledWhileOnTheWayBack) {
  house.account.rate = 20;
  house.options.window = 0;
  begin(200);
  attach();
  house.world.run_for(4s);
  house.execute(
      "UPDATE campaigns SET state = 'cancelled', cancelled = cancelled + total - (SELECT COUNT(*) FROM "
      "sends)");
  house.life->dispatcher->remove_broadcast(kC);
  house.world.run_for(10s);
  EXPECT_EQ(house.rows(kC, intent) + house.rows(kC, deferred), 0);
  EXPECT_GT(house.rows(kC, cancelled), 0);
  expect_sound();
}

TEST_F(DispatcherTest, TwoBroadcastsShareFairly) {
  begin(1000);
  house.add_campaign(kD, 1000);
  attach(kC);
  attach(kD);
  house.world.run_until([&] { return house.ledger.tokens.size() >= 400; }, 10min);
  const auto first =
      std::count_if(house.ledger.tokens.begin(), house.ledger.tokens.begin() + 400,
                    [](const std::string& token) { return row_of_token(token).starts_with("7."); });
  EXPECT_GE(first, 160);
  EXPECT_LE(first, 240);
}

TEST_F(DispatcherTest, AReplyPassesABroadcast) {
  house.account.rate = 20;
  house.options.window = 0;
  begin(1000);
  attach();
  house.world.run_for(5s);
  const Result<> queued = house.sql([this](Transaction& tx) -> Result<> {
    const SingleSend send{kAccount, Lane::reply, PhoneNumber::from_digits(491709), R"({"to":"+491709"})",
                          {},       "test:7"};
    PH_TRY(enqueue_single_send(tx, send, house.world.wall_now()));
    return {};
  });
  ASSERT_TRUE(queued);
  house.life->dispatcher->wake();
  const std::size_t before = house.ledger.tokens.size();
  ASSERT_TRUE(house.world.run_until([&] { return house.ledger.requests.contains("0.1"); }, 1min));
  EXPECT_LE(house.ledger.tokens.size() - before, 5U);
  house.world.run_for(1s);
  expect_sound();
}

TEST_F(DispatcherTest, SingleSendsAreChecked) {
  begin(1);
  struct Case {
    Lane lane;
    const char* payload;
  };
  for (const Case& c : {Case{Lane::broadcast, "{\"a\":1}"}, Case{Lane::api, "[]"}, Case{Lane::api, "{}"},
                        Case{Lane::api, "{"}, Case{Lane::api, R"({"biz_opaque_callback_data":"x"})"}}) {
    const Result<> done = house.sql([&](Transaction& tx) -> Result<> {
      PH_TRY(enqueue_single_send(tx, {kAccount, c.lane, {}, c.payload, {}, ""}, house.world.wall_now()));
      return {};
    });
    EXPECT_FALSE(done) << c.payload;
  }
}

// Broadcasts borrow nothing from Meta's later slots.
TEST_F(DispatcherTest, ABroadcastWaitsSixSecondsAcrossARestart) {
  begin(1);
  ASSERT_TRUE(house.sql([&](Transaction& tx) -> Result<> {
    const SingleSend send{kAccount,        Lane::api, PhoneNumber::from_digits(ListSource::phone(kC, 1)),
                          R"({"to":"x"})", {},        ""};
    PH_TRY(enqueue_single_send(tx, send, house.world.wall_now()));
    return {};
  }));
  house.life->dispatcher->wake();
  ASSERT_TRUE(house.world.run_until([&] { return house.ledger.instants.size() == 1; }, 1min));
  house.world.run_for(1s);
  house.crash(simulated::CrashLoss::none);
  house.open();
  house.start();
  attach();
  ASSERT_TRUE(house.world.run_until([&] { return house.ledger.instants.size() == 2; }, 1min));
  EXPECT_GE(house.ledger.instants[1] - house.ledger.instants[0], 6s);
}

// I2: what the pacer cannot release soon must not wait as an intent.
TEST_F(DispatcherTest, ASlowerNumberGivesBackWhatWouldWaitTooLong) {
  house.account.rate = 80;
  house.options.window = 64;
  begin(400);
  house.life->channel.script = [](const std::string&, int) { return ScriptedChannel::accept(); };
  attach();
  house.world.run_for(2s);
  DispatcherAccount slow = house.account;
  slow.rate = 1;
  house.life->dispatcher->update_account(slow);
  house.world.run_for(1s);
  EXPECT_LE(house.rows(kC, intent), 2);
  house.world.run_for(2min);
  EXPECT_LE(house.rows(kC, intent), 2);
  EXPECT_EQ(house.number("SELECT MAX(attempt) FROM sends"), 1);
  EXPECT_EQ(house.number(fmt::format("SELECT COUNT(*) FROM sends WHERE state = 1 AND intent_at < {}",
                                     to_micros(house.world.wall_now()) - 3'000'000)),
            0);
  expect_sound();
  house.life->dispatcher->update_account(house.account);
  ASSERT_TRUE(settle());
  expect_each_once(400);
}

TEST_F(DispatcherTest, APausedNumberHoldsNoIntents) {
  begin(300);
  const MonotonicTime back = house.world.now() + 30s;
  house.life->channel.script = [&](const std::string&, int) {
    return house.world.now() < back ? ScriptedChannel::refuse(AnswerKind::number_paused, 131057)
                                    : ScriptedChannel::accept();
  };
  attach();
  house.world.run_for(10s);
  EXPECT_EQ(house.rows(kC, intent), 0);
  ASSERT_TRUE(settle(5min));
  EXPECT_EQ(house.rows(kC, accepted), 300);
  expect_sound();
}

TEST_F(DispatcherTest, WhoOptsOutAfterAFirstAttemptGetsNoSecond) {
  begin(20);
  house.life->channel.script = [](const std::string&, int attempt) {
    return attempt == 1 ? ScriptedChannel::refuse(AnswerKind::retry, 133015) : ScriptedChannel::accept();
  };
  attach();
  house.world.run_for(500ms);
  house.execute(fmt::format(
      "INSERT INTO suppressions (phone, business_id, source, created_at) VALUES ({}, 'waba', 'keyword', 0)",
      ListSource::phone(kC, 5)));
  ASSERT_TRUE(settle());
  EXPECT_EQ(house.rows(kC, suppressed), 1);
  EXPECT_EQ(house.ledger.requests["7.5"], 1);
  EXPECT_EQ(house.rows(kC, accepted), 19);
  expect_sound();
}

TEST_F(DispatcherTest, RetriesWaitForTheirSegmentToOpen) {
  begin(20);
  house.life->channel.script = [](const std::string&, int attempt) {
    return attempt == 1 ? ScriptedChannel::refuse(AnswerKind::retry, 133015) : ScriptedChannel::accept();
  };
  attach();
  house.world.run_for(500ms);
  ASSERT_EQ(house.ledger.instants.size(), 20U);
  const MonotonicTime opens = house.world.now() + 2h;
  house.execute(
      fmt::format("UPDATE campaign_segments SET not_before = {}", to_micros(house.world.wall_now() + 2h)));
  ASSERT_TRUE(settle(3h));
  EXPECT_GE(house.ledger.instants.at(20), opens);
  EXPECT_EQ(house.rows(kC, accepted), 20);
  expect_sound();
}

// 131026 speaks against the list; 131049 is Meta's own choice.
TEST_F(DispatcherTest, FailedDeliveriesCountTowardsTheErrorShare) {
  for (const int code : {131026, 131049}) {
    House fresh{2};
    fresh.options.window = 10;
    fresh.options.error_share_pause = 0.3;
    fresh.account.rate = 20;
    fresh.open();
    fresh.add_account();
    fresh.add_campaign(kC, 2000);
    fresh.start();
    fresh.life->channel.on_received = [&](const std::string& t, const std::string& w) {
      fresh.post_status(t, w, "failed", 1s, code);
    };
    fresh.life->dispatcher->add_broadcast(std::make_shared<ListSource>(kC));
    fresh.world.run_for(30s);
    const bool pauses = code == 131026;
    EXPECT_EQ(fresh.life->observed.paused.size(), pauses ? 1U : 0U) << code;
    EXPECT_EQ(fresh.number("SELECT COUNT(*) FROM campaigns WHERE state = 'paused'"), pauses ? 1 : 0) << code;
    EXPECT_EQ(fresh.problems(), "");
  }
}

TEST_F(DispatcherTest, ThrottlingSlowsTheNumberAndBurnsNobody) {
  house.account.rate = 80;
  house.options.window = 0;
  begin(400);
  int refusals = 0;
  std::vector<MonotonicTime> passed;
  house.life->channel.script = [&](const std::string&, int) {
    const MonotonicTime now = house.world.now();
    const auto in_last_second =
        std::count_if(passed.begin(), passed.end(), [&](MonotonicTime t) { return now - t < 1s; });
    if (in_last_second >= 60) {  // Meta grants less than we were told
      ++refusals;
      return ScriptedChannel::refuse(AnswerKind::throttled, 130429);
    }
    passed.push_back(now);
    return ScriptedChannel::accept();
  };
  attach();
  ASSERT_TRUE(settle());
  EXPECT_GT(refusals, 0);
  EXPECT_LT(refusals, 100);
  EXPECT_EQ(house.rows(kC, accepted), 400);
  expect_each_once(400);
}

TEST_F(DispatcherTest, DamagedListPausesTheCampaign) {
  begin(100);
  auto source = std::make_shared<ListSource>(kC);
  source->broken = true;
  house.life->dispatcher->add_broadcast(source);
  ASSERT_TRUE(house.world.run_until([&] { return !house.life->observed.paused.empty(); }, 1min));
  EXPECT_THAT(house.life->observed.paused.front().second, testing::HasSubstr("checksum"));
}

TEST_F(DispatcherTest, ARowThatCannotBeRenderedIsRejectedAlone) {
  begin(100);
  attach()->unrenderable = 50;
  ASSERT_TRUE(settle());
  EXPECT_EQ(house.rows(kC, rejected), 1);
  EXPECT_EQ(house.rows(kC, accepted), 99);
  expect_sound();
}

TEST_F(DispatcherTest, StopLeavesNothingInIntent) {
  begin(5000);
  attach();
  house.world.run_for(1s);
  house.run([](House* h) -> Task<> { co_await h->life->dispatcher->stop(10s); });
  EXPECT_EQ(house.rows(kC, intent), 0);
  EXPECT_GT(house.rows(kC, accepted), 0);
  expect_sound();
  const std::size_t sent = house.ledger.instants.size();
  house.world.run_for(10s);
  EXPECT_EQ(house.ledger.instants.size(), sent);
}

TEST_F(DispatcherTest, StopGivesUpAnswersThatDoNotCome) {
  begin(500);
  house.life->channel.script = [](const std::string&, int) {
    ScriptedChannel::Plan plan = ScriptedChannel::accept();
    plan.delay = 1h;
    return plan;
  };
  attach();
  house.world.run_for(1s);
  house.run([](House* h) -> Task<> { co_await h->life->dispatcher->stop(2s); });
  EXPECT_EQ(house.rows(kC, intent), 0);
  EXPECT_EQ(house.rows(kC, unknown),
            56);  // what was in flight: the window less the share kept for single sends
  expect_sound();
}

TEST_F(DispatcherTest, DiskFullStopsTakingAndGoesOnByItself) {
  begin(3000);
  attach();
  house.world.run_for(200ms);
  house.disk.set_capacity(house.disk.used_bytes() + 4096);
  house.world.run_for(30s);
  EXPECT_TRUE(house.life->dispatcher->stats().store_full);
  const std::size_t sent = house.ledger.instants.size();
  house.world.run_for(30s);
  EXPECT_LE(house.ledger.instants.size(), sent + 64);
  house.disk.set_capacity(0);
  ASSERT_TRUE(settle());
  expect_each_once(3000);
  expect_sound();
}

// kill -9 at many instants: at_most_once means nobody gets it twice, and only what was in flight may miss it.
TEST(DispatcherCrash, NobodyTwiceAndAtMostAWindowUnknownPerCrash) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    House house(seed);
    house.options.window = 32;
    house.open();
    house.add_account();
    house.add_campaign(kC, 1000);
    auto random = house.world.random("crashes");
    constexpr int kCrashes = 3;
    for (int crash = 0; crash <= kCrashes; ++crash) {
      if (crash > 0) {
        house.crash();
        house.open();
      }
      house.start();
      house.life->dispatcher->add_broadcast(std::make_shared<ListSource>(kC));
      if (crash < kCrashes) house.world.run_for(Duration(random->below(400'000)));
    }
    ASSERT_TRUE(
        house.world.run_until([&] { return house.ledger.instants.size() >= 1000 - 32 * kCrashes; }, 10min))
        << "seed " << seed;
    house.world.run_for(5s);
    const std::int64_t unknown_rows = house.rows(kC, unknown);
    ASSERT_LE(unknown_rows, 32 * kCrashes) << "seed " << seed;
    ASSERT_EQ(house.rows(kC, accepted) + unknown_rows, 1000) << "seed " << seed;
    for (const auto& [row, times] : house.ledger.received) ASSERT_EQ(times, 1) << row << " seed " << seed;
    ASSERT_EQ(house.problems(), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace posthorn::testing_house
