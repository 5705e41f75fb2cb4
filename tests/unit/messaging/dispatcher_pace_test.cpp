// When intents are committed, and how often one person is written to.
#include <algorithm>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messaging/pair_limiter.h"
#include "messaging/single_sends.h"
#include "unit/messaging/messaging_house.h"

namespace posthorn::testing_house {
namespace {

using enum SendState;
constexpr CampaignId kC{7};
constexpr std::uint64_t kAnna = 491709;

// Single sends to kAnna, or to as many people as there are messages.
void queue(House& house, Lane lane, int messages, bool one_person) {
  const Result<> queued = house.sql([&](Transaction& tx) -> Result<> {
    for (int i = 0; i < messages; ++i) {
      const std::uint64_t phone = one_person ? kAnna : 491'000'000 + static_cast<std::uint64_t>(i);
      const SingleSend send{kAccount, lane, PhoneNumber::from_digits(phone), R"({"to":"x"})", {}, ""};
      PH_TRY(enqueue_single_send(tx, send, house.world.wall_now()));
    }
    return {};
  });
  ASSERT_TRUE(queued);
}

std::int64_t intents(House& house) {
  return house.number("SELECT COUNT(*) FROM sends WHERE state = 1");
}

class IntentsAtRate : public testing::TestWithParam<int> {
 protected:
  House house{1};
  int rate() const { return GetParam(); }
  // What leaves in a tenth of a second, a little more for what was late, and one that is being looked at.
  std::int64_t soon() const { return rate() * 135 / 1000 + 3; }

  void begin() {
    house.account.rate = rate();
    house.options.window = 0;
    house.open();
    house.add_account();
    house.add_campaign(kC, rate() * 5);
    queue(house, Lane::api, rate() * 5, false);
    house.start();
    house.life->dispatcher->add_broadcast(std::make_shared<ListSource>(kC));
  }
};

// A start waits for a second of Meta's rate: whoever dies meanwhile must leave nothing unknown.
TEST_P(IntentsAtRate, NothingIsCommittedWhileThePacerWaits) {
  begin();
  for (int i = 0; i < 8; ++i) {
    house.world.run_for(100ms);
    ASSERT_EQ(intents(house), 0) << "after " << (i + 1) * 100 << " ms";
  }
  house.world.run_for(500ms);
  EXPECT_GT(house.ledger.instants.size(), 0U);
}

TEST_P(IntentsAtRate, OnlyWhatLeavesWithinAMomentIsCommitted) {
  begin();
  for (int i = 0; i < 600; ++i) {
    house.world.run_for(10ms);
    const DispatcherStats stats = house.life->dispatcher->stats();
    ASSERT_LE(stats.ready, soon()) << "after " << i * 10 << " ms";
    ASSERT_LE(intents(house) - stats.in_flight, soon() + rate() / 8) << "outcomes wait to be committed too";
  }
  EXPECT_GT(house.ledger.instants.size(), static_cast<std::size_t>(rate()) * 4);
}

TEST_P(IntentsAtRate, TheRateIsKeptAllTheSame) {
  for (const Duration commit : {200us, 20'000us, 120'000us}) {
    House fresh{2};
    fresh.commit_latency = commit;
    fresh.account.rate = rate();
    fresh.options.window = 0;
    fresh.open();
    fresh.add_account();
    fresh.add_campaign(kC, rate() * 10);
    fresh.start();
    fresh.life->dispatcher->add_broadcast(std::make_shared<ListSource>(kC));
    ASSERT_TRUE(fresh.world.run_until([&] { return !fresh.life->observed.settled.empty(); }, 10min));
    const auto& sent = fresh.ledger.instants;
    const auto took = static_cast<double>((sent.back() - sent.front()).count()) / 1e6;
    EXPECT_LE(took, 10 / 0.97) << commit.count() << " µs a commit";
  }
}

INSTANTIATE_TEST_SUITE_P(Rates, IntentsAtRate, testing::Values(20, 80, 1000));

TEST(DispatcherPace, APauseOfTheNumberLeavesNothingCommitted) {
  House house{3};
  house.account.rate = 80;
  house.options.window = 0;
  house.open();
  house.add_account();
  queue(house, Lane::reply, 300, false);
  house.start();
  const MonotonicTime back = house.world.now() + 20s;
  house.life->channel.script = [&](const std::string&, int) {
    return house.world.now() < back ? ScriptedChannel::refuse(AnswerKind::number_paused, 131057)
                                    : ScriptedChannel::accept();
  };
  house.world.run_for(3s);
  EXPECT_EQ(intents(house), 0);
  house.world.run_for(4min);
  EXPECT_EQ(house.rows(CampaignId{}, accepted), 300);
}

// Rows that never left are only those that were about to.
TEST(DispatcherPace, AKillMakesUnknownWhatIsUnderWayAndLittleMore) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    House house(seed);
    house.account.rate = 80;
    house.options.window = 0;
    house.open();
    house.add_account();
    house.add_campaign(kC, 1000);
    queue(house, Lane::reply, 200, false);
    auto random = house.world.random("kills");
    constexpr int kKills = 10;
    for (int kill = 0; kill < kKills; ++kill) {
      house.start();
      house.life->dispatcher->add_broadcast(std::make_shared<ListSource>(kC));
      house.world.run_for(Duration(random->below(2'000'000)));
      house.crash();
      house.open();
    }
    house.start();
    const std::int64_t unknown_rows = house.number("SELECT COUNT(*) FROM sends WHERE state IN (5, 6)");
    const auto left = static_cast<std::int64_t>(house.ledger.requests.size());
    const std::int64_t accepted_rows = house.number("SELECT COUNT(*) FROM sends WHERE state = 2");
    // What left and was not known to be accepted is unknown for a reason; the rest never left.
    EXPECT_LE(unknown_rows - (left - accepted_rows), kKills * 13) << "seed " << seed;
  }
}

// Meta's bucket for one pair, as its throughput page describes it.
struct MetasBucket {
  std::map<std::string, MonotonicTime> paid_until;
  int refused = 0;
  bool take(const std::string& to, MonotonicTime now) {
    MonotonicTime& until = paid_until.try_emplace(to, now).first->second;
    until = std::max(until, now);
    if (until - now > 6s * 44) {
      ++refused;
      return false;
    }
    until += 6s;
    return true;
  }
};

class PairsAtDispatcher : public testing::Test {
 protected:
  House house{1};
  MetasBucket meta;

  void SetUp() override {
    house.open();
    house.add_account();
    house.add_campaign(kC, 1);
  }
  void start() {
    house.start();
    house.life->channel.script = [this](const std::string&, int) {
      return meta.take("anna", house.world.now()) ? ScriptedChannel::accept()
                                                  : ScriptedChannel::refuse(AnswerKind::pair_limited, 131056);
    };
  }
  std::size_t sent() const { return house.ledger.instants.size(); }
};

TEST_F(PairsAtDispatcher, RepliesAndApiSendsBurst) {
  struct Case {
    Lane lane;
    std::size_t at_once;
  };
  for (const Case& c : {Case{Lane::api, 20}, Case{Lane::reply, 40}}) {
    House fresh{1};
    fresh.open();
    fresh.add_account();
    queue(fresh, c.lane, 50, true);
    fresh.start();
    fresh.world.run_for(5s);
    EXPECT_EQ(fresh.ledger.instants.size(), c.at_once);
    fresh.world.run_for(1min);
    EXPECT_EQ(fresh.ledger.instants.size(), std::min<std::size_t>(50, c.at_once + 10));
    fresh.world.run_for(3min);
    EXPECT_EQ(fresh.ledger.instants.size(), 50U);
    for (int row = 1; row <= 50; ++row)
      EXPECT_EQ(row_of_token(fresh.ledger.tokens[static_cast<std::size_t>(row - 1)]),
                fmt::format("0.{}", row))
          << "in the order they were written";
    EXPECT_EQ(fresh.problems(), "");
  }
}

TEST_F(PairsAtDispatcher, ABroadcastBorrowsNothing) {
  house.execute(
      fmt::format("INSERT INTO single_sends (row_no, account_id, lane, phone, payload, queued_at) "
                  "VALUES (1, 1, 0, {0}, '{{\"a\":1}}', 0), (2, 1, 0, {0}, '{{\"a\":1}}', 0)",
                  ListSource::phone(kC, 1)));
  start();
  house.world.run_for(1s);
  ASSERT_EQ(sent(), 2U);
  house.life->dispatcher->add_broadcast(std::make_shared<ListSource>(kC));
  ASSERT_TRUE(house.world.run_until([&] { return sent() == 3; }, 1min));
  EXPECT_GE(house.ledger.instants[2] - house.ledger.instants[0], 12s);
  EXPECT_LE(house.ledger.instants[2] - house.ledger.instants[0], 14s);
}

TEST_F(PairsAtDispatcher, WhatWasBorrowedIsKnownAfterARestart) {
  queue(house, Lane::reply, 40, true);
  start();
  house.world.run_for(10s);
  ASSERT_EQ(sent(), 40U);
  house.crash(simulated::CrashLoss::none);
  house.open();
  queue(house, Lane::reply, 40, true);
  start();
  house.world.run_for(12s);
  EXPECT_LE(sent(), 45U);
  house.world.run_for(5min);
  EXPECT_EQ(sent(), 80U);
  EXPECT_EQ(meta.refused, 0);
}

// The recipient has no phone number: the payload tells him apart, after a restart as well.
TEST_F(PairsAtDispatcher, PeopleWithoutANumberHaveTheirOwnBucket) {
  const auto queue_for = [&](const std::string& user, int messages) {
    ASSERT_TRUE(house.sql([&](Transaction& tx) -> Result<> {
      const std::string payload = fmt::format(R"({{"messaging_product":"whatsapp","recipient":"{}"}})", user);
      for (int i = 0; i < messages; ++i) {
        PH_TRY(enqueue_single_send(tx, {kAccount, Lane::reply, {}, payload, {}, ""}, house.world.wall_now()));
      }
      return {};
    }));
  };
  queue_for("DE.1", 40);
  start();
  house.life->channel.script = [](const std::string&, int) { return ScriptedChannel::accept(); };
  house.world.run_for(5s);
  ASSERT_EQ(sent(), 40U);
  house.crash(simulated::CrashLoss::none);
  house.open();
  queue_for("DE.1", 5);
  queue_for("DE.2", 5);
  start();
  house.life->channel.script = [](const std::string&, int) { return ScriptedChannel::accept(); };
  house.world.run_for(2s);
  EXPECT_GE(sent(), 45U) << "the other person's";
  EXPECT_LE(sent(), 46U) << "one more after six seconds";
}

// Somebody else writes to the same person from this number: Meta's word counts.
TEST_F(PairsAtDispatcher, ARefusedPairBacksOffAndOthersGoOn) {
  for (int i = 0; i < 44; ++i) meta.take("anna", house.world.now());
  queue(house, Lane::reply, 10, true);
  start();
  house.world.run_for(1s);
  EXPECT_LE(meta.refused, 10) << "what was under way together";
  house.world.run_for(3min);
  EXPECT_EQ(house.rows(CampaignId{}, accepted), 10);
  EXPECT_EQ(house.rows(CampaignId{}, rejected), 0);
  EXPECT_LE(meta.refused, 20);
  EXPECT_EQ(house.problems(), "");
}

// A text and the menu after it: the second leaves when the first is answered, whatever else goes on, also on
// channels whose people have no phone number.
TEST(DispatcherOrder, OneAfterAnotherToEachPerson) {
  House house{5};
  house.open();
  house.add_account();
  const auto payload = [](int person) {
    return person % 2 == 0 ? fmt::format(R"({{"messaging_product":"whatsapp","recipient":"DE.{}"}})", person)
                           : fmt::format(R"({{"recipient":{{"id":"{}"}},"message":{{"text":"x"}}}})", person);
  };
  constexpr int kPeople = 20, kEach = 6;
  ASSERT_TRUE(house.sql([&](Transaction& tx) -> Result<> {
    for (int i = 0; i < kPeople * kEach; ++i) {
      const SingleSend send{kAccount, Lane::reply, {}, payload(i % kPeople), {}, ""};
      PH_TRY(enqueue_single_send(tx, send, house.world.wall_now()));
    }
    return {};
  }));
  house.start();
  std::map<int, std::vector<int>> rows_of;
  std::map<int, MonotonicTime> answered_at;
  auto random = house.world.random("answers");
  int together = 0;
  house.life->channel.script = [&](const std::string& token, int) {
    const int row = std::stoi(row_of_token(token).substr(2));
    const int person = (row - 1) % kPeople;
    EXPECT_GE(house.world.now(), answered_at[person]) << "row " << row << " left before the answer";
    for (const auto& [other, until] : answered_at) together += house.world.now() < until ? 1 : 0;
    ScriptedChannel::Plan plan = ScriptedChannel::accept();
    plan.delay = Duration(20'000 + static_cast<std::int64_t>(random->below(400'000)));
    answered_at[person] = house.world.now() + plan.delay;
    rows_of[person].push_back(row);
    return plan;
  };
  house.world.run_for(10s);
  EXPECT_GT(together, kPeople) << "people do not wait for one another";
  for (int person = 0; person < kPeople; ++person) {
    EXPECT_EQ(rows_of[person].size(), static_cast<std::size_t>(kEach)) << person;
    EXPECT_THAT(rows_of[person], testing::WhenSorted(testing::ContainerEq(rows_of[person]))) << person;
  }
  EXPECT_EQ(intents(house), 0);
  EXPECT_EQ(house.life->dispatcher->stats().ready, 0);
  EXPECT_EQ(house.problems(), "");
}

TEST(DispatcherOrder, WhatWaitsBehindGoesBackWhenTheNumberIsPausedOrStopped) {
  for (const bool stop : {false, true}) {
    House house{6};
    house.open();
    house.add_account();
    queue(house, Lane::reply, 3, true);
    house.start();
    const MonotonicTime back = house.world.now() + 5s;
    house.life->channel.script = [&](const std::string&, int) {
      ScriptedChannel::Plan plan = house.world.now() < back && !stop
                                       ? ScriptedChannel::refuse(AnswerKind::number_paused, 131057)
                                       : ScriptedChannel::accept();
      plan.delay = 1s;
      return plan;
    };
    house.world.run_for(500ms);
    EXPECT_EQ(house.life->dispatcher->stats().ready, 2);
    if (stop) house.run([](House* h) -> Task<> { co_await h->life->dispatcher->stop(10s); });
    house.world.run_for(1500ms);
    EXPECT_EQ(intents(house), 0);
    EXPECT_EQ(house.rows(CampaignId{}, deferred), stop ? 2 : 3);
    house.world.run_for(3min);
    EXPECT_EQ(house.rows(CampaignId{}, accepted), stop ? 1 : 3);
  }
}

// Whose request hangs holds up nobody else.
TEST(DispatcherOrder, AHangingAnswerIsOnesOwnTrouble) {
  House house{7};
  house.account.rate = 20;
  house.options.window = 0;
  house.open();
  house.add_account();
  queue(house, Lane::reply, 10, true);
  queue(house, Lane::reply, 200, false);
  house.start();
  house.life->channel.script = [](const std::string& token, int) {
    ScriptedChannel::Plan plan = ScriptedChannel::accept();
    if (std::stoi(row_of_token(token).substr(2)) <= 10) plan.delay = 30s;
    return plan;
  };
  house.world.run_for(15s);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM sends WHERE state = 2 AND row_no > 10"), 200);
}

// A bug in what writes one message down costs that message, not the process.
TEST(DispatcherOrder, AnExceptionWhileWritingCostsOneRow) {
  class Throwing : public ListSource {
   public:
    using ListSource::ListSource;
    Result<> render(const BroadcastRow& row, std::string_view token, std::string& body) const override {
      if (row.row_no == 3) throw std::runtime_error("a bug");
      return ListSource::render(row, token, body);
    }
  };
  House house{8};
  house.open();
  house.add_account();
  house.add_campaign(kC, 10);
  house.start();
  house.life->dispatcher->add_broadcast(std::make_shared<Throwing>(kC));
  house.world.run_for(5s);
  EXPECT_EQ(house.rows(kC, rejected), 1);
  EXPECT_EQ(house.rows(kC, accepted), 9);
}

}  // namespace
}  // namespace posthorn::testing_house
