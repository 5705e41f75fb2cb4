#include "messaging/accounts.h"

#include <gmock/gmock.h>

#include "../storage/table_fixture.h"

namespace posthorn::test {
namespace {

using ::testing::HasSubstr;

class CountingRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& b : out) b = static_cast<std::byte>(++n_);
  }

 private:
  unsigned n_ = 0;
};

const WallTime kNow = wall_from_micros(1'000'000);
const WallTime kLater = wall_from_micros(2'000'000);

class AccountsTest : public TableTest {
 protected:
  NewAccount shop(std::string name = "shop", std::string sender = "111") {
    return {.name = std::move(name),
            .business_id = "waba",
            .sender_id = std::move(sender),
            .display_number = "+49 170 1",
            .sealed_token = "sealed"};
  }
  Account add_shop() { return accounts::add(tx(), shop(), kNow).value(); }
};

TEST_F(AccountsTest, AddsWithDefaultsAndFindsByEveryKey) {
  const Account a = add_shop();
  EXPECT_EQ(a.id, AccountId{1});
  EXPECT_EQ(a.channel, "whatsapp");
  EXPECT_EQ(a.throughput, 80);
  EXPECT_EQ(a.status, "UNKNOWN");
  EXPECT_FALSE(a.blocked());
  EXPECT_EQ(a.created_at, kNow);
  EXPECT_EQ(accounts::get(tx(), a.id).value().name, "shop");
  EXPECT_EQ(accounts::get_by_name(tx(), "shop").value().id, a.id);
  EXPECT_EQ(accounts::find_by_sender(tx(), "111").value()->id, a.id);
  EXPECT_FALSE(accounts::find_by_sender(tx(), "222").value());
  ASSERT_TRUE(accounts::add(tx(), shop("other", "222"), kNow));
  EXPECT_EQ(accounts::list(tx()).value().size(), 2U);
  EXPECT_EQ(accounts::list_by_business(tx(), "waba").value().size(), 2U);
  EXPECT_EQ(accounts::list_by_business(tx(), "else").value().size(), 0U);
}

TEST_F(AccountsTest, RefusesWhatIsMissingOrTaken) {
  add_shop();
  struct Case {
    std::string NewAccount::* field;
    std::string value;
    std::string name;
    ErrorCode code;
  };
  const Case cases[] = {
      {&NewAccount::channel, "", "channel", ErrorCode::invalid_argument},
      {&NewAccount::name, "", "name", ErrorCode::invalid_argument},
      {&NewAccount::business_id, "", "business_id", ErrorCode::invalid_argument},
      {&NewAccount::sender_id, "", "sender_id", ErrorCode::invalid_argument},
      {&NewAccount::sealed_token, "", "token", ErrorCode::invalid_argument},
      {&NewAccount::name, "shop", "name", ErrorCode::conflict},
      {&NewAccount::sender_id, "111", "sender_id", ErrorCode::conflict},
  };
  for (const Case& c : cases) {
    NewAccount a = shop("fresh", "999");
    a.*c.field = c.value;
    auto refused = accounts::add(tx(), a, kNow);
    ASSERT_FALSE(refused) << c.name;
    EXPECT_EQ(refused.error().code, c.code) << c.name;
    EXPECT_EQ(refused.error().field, c.name);
  }
  EXPECT_EQ(accounts::list(tx()).value().size(), 1U);
}

TEST_F(AccountsTest, AnUnknownNameListsTheKnownOnes) {
  EXPECT_THAT(accounts::get_by_name(tx(), "x").error().message, HasSubstr("none yet"));
  add_shop();
  auto missing = accounts::get_by_name(tx(), "shpo");
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("Known: shop"));
  EXPECT_EQ(accounts::get(tx(), AccountId{9}).error().code, ErrorCode::not_found);
}

TEST_F(AccountsTest, UpdatesOnlyWhatIsGiven) {
  const Account a = add_shop();
  ASSERT_TRUE(accounts::update(tx(), a.id, {.quality = "GREEN", .throughput = 1000}, kLater));
  Account now = accounts::get(tx(), a.id).value();
  EXPECT_EQ(now.quality, "GREEN");
  EXPECT_EQ(now.throughput, 1000);
  EXPECT_EQ(now.display_number, "+49 170 1");
  EXPECT_EQ(now.updated_at, kLater);
  EXPECT_EQ(accounts::update(tx(), a.id, {.throughput = 0}, kLater).error().field, "throughput");
  EXPECT_EQ(accounts::update(tx(), a.id, {.throughput = 10'001}, kLater).error().code,
            ErrorCode::invalid_argument);
  EXPECT_EQ(accounts::update(tx(), AccountId{9}, {.status = "X"}, kLater).error().code, ErrorCode::not_found);
}

TEST_F(AccountsTest, BlocksWithAReasonAndUnblocks) {
  const Account a = add_shop();
  EXPECT_FALSE(accounts::block(tx(), a.id, BlockKind::token, "", kLater));
  ASSERT_TRUE(accounts::block(tx(), a.id, BlockKind::token, "The access token has expired.", kLater));
  EXPECT_TRUE(accounts::get(tx(), a.id).value().blocked());
  ASSERT_TRUE(accounts::lift(tx(), a.id, BlockKind::ban, kLater));
  EXPECT_TRUE(accounts::get(tx(), a.id).value().blocked()) << "for another cause";
  ASSERT_TRUE(accounts::unblock(tx(), a.id, kLater));
  EXPECT_FALSE(accounts::get(tx(), a.id).value().blocked());
}

TEST_F(AccountsTest, TokensAreSealedForTheirAccountOnly) {
  CountingRandom random;
  SecretBox box(Secret(std::string(32, 'k')), random);
  NewAccount first = shop();
  first.sealed_token = accounts::seal_token(box, first.sender_id, Secret("EAAG-token"));
  Account a = accounts::add(tx(), first, kNow).value();
  EXPECT_EQ(a.sealed_token.find("EAAG"), std::string::npos);
  EXPECT_EQ(accounts::open_token(box, a).value().reveal(), "EAAG-token");

  ASSERT_TRUE(accounts::replace_token(tx(), a.id, accounts::seal_token(box, "111", Secret("new")), kLater));
  EXPECT_EQ(accounts::open_token(box, accounts::get(tx(), a.id).value()).value().reveal(), "new");
  a.sender_id = "222";
  auto swapped = accounts::open_token(box, a);
  ASSERT_FALSE(swapped);
  EXPECT_EQ(swapped.error().code, ErrorCode::data_loss);
}

}  // namespace
}  // namespace posthorn::test
