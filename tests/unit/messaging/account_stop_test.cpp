// What stops an account or a broadcast: written down also on a full disk, only for the token that was
// refused, and lifted only by what is about the same cause.
#include <gmock/gmock.h>

#include "messaging/accounts.h"
#include "unit/messaging/messaging_house.h"

namespace posthorn::testing_house {
namespace {

using testing::HasSubstr;
constexpr CampaignId kC{7};

// A disk on which only the reserve is left.
class TightDatabase final : public Database {
 public:
  explicit TightDatabase(Database& inner) : inner_(inner) {}
  bool full = false;

 protected:
  Task<Result<>> run_write(Work work, Urgency urgency) override {
    if (full && urgency == Urgency::normal) co_return fail(ErrorCode::resource_exhausted, "the disk is full");
    auto pass = [work = std::move(work)](Transaction& tx) mutable { return work(tx); };
    co_return co_await inner_.write_urgent(std::move(pass));
  }
  Task<Result<>> run_read(Work work) override {
    auto pass = [work = std::move(work)](Transaction& tx) mutable { return work(tx); };
    co_return co_await inner_.read(std::move(pass));
  }

 private:
  Database& inner_;
};

class AccountStop : public testing::Test {
 protected:
  AccountStop() {
    house.open();
    house.add_account();  // its sealed token is 'x'
    house.add_campaign(kC, 300);
    Life& life = *house.life;
    tight = std::make_unique<TightDatabase>(*life.database);
    dispatcher = std::make_unique<Dispatcher>(
        DispatcherPorts{*tight, life.process.clock(), life.process.random(), null_log(), *life.metrics,
                        life.channel, *life.wamids, life.proof, life.observed, life.process.executor()},
        house.account, kKey, house.options);
    dispatcher->start();
  }
  ~AccountStop() override {
    dispatcher.reset();
    house.life.reset();
  }
  // Every answer from the hundredth on.
  void answer(SendAnswer stop, bool and_fill_the_disk) {
    house.life->channel.script = [this, stop, and_fill_the_disk](const std::string&, int) {
      if (++calls < 100) return ScriptedChannel::accept();
      tight->full = tight->full || and_fill_the_disk;
      auto plan = ScriptedChannel::refuse(stop.kind, 190);
      plan.answer = stop;
      return plan;
    };
    dispatcher->add_broadcast(std::make_shared<ListSource>(kC));
  }
  static SendAnswer lost_token(std::string sealed_token) {
    SendAnswer out;
    out.kind = AnswerKind::account_stop;
    out.code = 190;
    out.reason = "because";
    out.block = BlockKind::token;
    out.sealed_token = std::move(sealed_token);
    return out;
  }
  std::int64_t blocked() { return house.number("SELECT COUNT(*) FROM accounts WHERE blocked_reason <> ''"); }
  std::int64_t paused() { return house.number("SELECT COUNT(*) FROM campaigns WHERE state = 'paused'"); }

  House house{3};
  std::unique_ptr<TightDatabase> tight;
  std::unique_ptr<Dispatcher> dispatcher;
  int calls = 0;
};

TEST_F(AccountStop, BlocksOnAFullDisk) {
  answer(lost_token("x"), true);
  house.world.run_for(10s);
  EXPECT_TRUE(tight->full);
  EXPECT_EQ(blocked(), 1);
  EXPECT_EQ(paused(), 1);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM account_blocks WHERE kind = 'token'"), 1);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM events WHERE kind = 'account.blocked'"), 1) << "once";
  tight->full = false;
  house.world.run_for(10s);
  EXPECT_EQ(house.rows(kC, SendState::intent), 0) << "the outcomes waited";
  EXPECT_EQ(house.problems(), "");
}

TEST_F(AccountStop, PausesABroadcastOnAFullDisk) {
  SendAnswer stop;
  stop.kind = AnswerKind::campaign_stop;
  stop.code = 132015;
  stop.reason = "because";
  answer(stop, true);
  house.world.run_for(10s);
  EXPECT_EQ(paused(), 1);
  EXPECT_EQ(blocked(), 0);
  tight->full = false;
  house.world.run_for(10s);
  EXPECT_EQ(house.rows(kC, SendState::intent), 0);
  EXPECT_EQ(house.problems(), "");
}

TEST_F(AccountStop, AFormerTokensRefusalBlocksNobody) {
  answer(lost_token("the token before"), false);
  house.world.run_for(10s);
  EXPECT_EQ(blocked(), 0);
  EXPECT_EQ(paused(), 1) << "what was taken off the dispatcher must not look as if it ran";
  EXPECT_EQ(house.rows(kC, SendState::rejected), 0);
  EXPECT_EQ(house.problems(), "");
}

std::string account_update(const std::string& event, int time) {
  return fmt::format(
      R"({{"object":"whatsapp_business_account","entry":[{{"id":"waba","time":{},"changes":[{{"field":"account_update","value":{}}}]}}]}})",
      time, event);
}

// Event by event: what is blocked afterwards, in the order of the words.
class Restored : public testing::Test {
 protected:
  Restored() {
    house.open();
    house.add_account();
    house.start();
  }
  void tell(const std::string& event) {
    house.life->process.spawn(deliver(house.life.get(), account_update(event, ++told_)));
    house.world.run_for(5s);
  }
  void lose_token() {
    const auto done = house.sql([](Transaction& tx) {
      return accounts::block(tx, kAccount, BlockKind::token, "The token has expired.", WallTime{});
    });
    ASSERT_TRUE(done);
  }
  std::string reason() {
    std::string out;
    const auto done = house.sql([&out](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(const Account account, accounts::get(tx, kAccount));
      out = account.blocked_reason;
      return {};
    });
    EXPECT_TRUE(done);
    return out;
  }
  House house{4};

 private:
  int told_ = 0;  // the same once more is another event, no redelivery
};

constexpr const char* kBan = R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE"}})";
constexpr const char* kReinstated =
    R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}})";
constexpr const char* kLost = R"({"event":"PARTNER_REMOVED"})";
constexpr const char* kBack = R"({"event":"ACCOUNT_RECONNECTED"})";
constexpr const char* kRestricted =
    R"({"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING"}]})";

TEST_F(Restored, ALiftedBanLeavesALostToken) {
  lose_token();
  tell(kReinstated);
  EXPECT_EQ(reason(), "The token has expired.");
  tell(kBan);
  EXPECT_THAT(reason(), HasSubstr("DISABLED_UPDATE"));
  EXPECT_THAT(reason(), HasSubstr("The token has expired."));
  tell(kReinstated);
  EXPECT_EQ(reason(), "The token has expired.");
}

TEST_F(Restored, ANewTokenLeavesABan) {
  lose_token();
  tell(kBan);
  const auto lifted =
      house.sql([](Transaction& tx) { return accounts::lift(tx, kAccount, BlockKind::token, WallTime{}); });
  ASSERT_TRUE(lifted);
  EXPECT_THAT(reason(), HasSubstr("DISABLED_UPDATE"));
  tell(kReinstated);
  EXPECT_EQ(reason(), "");
}

TEST_F(Restored, EachCauseIsLiftedByItsOwnEvent) {
  tell(kLost);
  tell(kBan);
  tell(kRestricted);
  tell(kBack);
  EXPECT_THAT(reason(), testing::Not(HasSubstr("PARTNER_REMOVED")));
  EXPECT_THAT(reason(), HasSubstr("DISABLED_UPDATE"));
  tell(kReinstated);
  EXPECT_THAT(reason(), HasSubstr("ACCOUNT_RESTRICTION"));
  EXPECT_THAT(reason(), testing::Not(HasSubstr("DISABLED_UPDATE")));
  const auto by_hand = house.sql([](Transaction& tx) { return accounts::unblock(tx, kAccount, WallTime{}); });
  ASSERT_TRUE(by_hand);
  EXPECT_EQ(reason(), "");
}

}  // namespace
}  // namespace posthorn::testing_house
