// Portfolios and the suppression list through the API.
#include <gmock/gmock.h>

#include "actions/account_runtime.h"
#include "messaging/people.h"
#include "messaging/person_suppressions.h"
#include "unit/api/api_house.h"

namespace posthorn::api_testing {
namespace {

// Nothing is sent here; it only hears which accounts changed.
class QuietRuntime final : public AccountRuntime {
 public:
  std::vector<AccountId> refreshed;

  Result<whatsapp::GraphClient*> graph(const Account&) override { return none(); }
  Result<meta_messaging::MetaClient*> meta(const Account&) override { return none(); }
  Result<std::unique_ptr<meta_messaging::MetaClient>> meta_with(const Account&, Secret) override {
    return none();
  }
  Result<std::unique_ptr<whatsapp::GraphClient>> graph_with(Secret) override { return none(); }
  Task<Result<>> refresh(AccountId id) override {
    refreshed.push_back(id);
    co_return Result<>();
  }
  void wake(AccountId) override {}
  std::optional<RateView> rate(AccountId) const override { return std::nullopt; }

 private:
  static std::unexpected<Error> none() { return fail(ErrorCode::unavailable, "nobody is there"); }
};

class ChannelActions : public ApiHouse {
 protected:
  ChannelActions() {
    auto fill = [now = process.clock().wall_now()](Transaction& tx) -> Result<> {
      for (const char* name : {"shop", "desk"}) {
        NewAccount account;
        account.name = name;
        account.business_id = name;
        account.sender_id = std::string("1") + name;
        account.sealed_token = "sealed";
        PH_TRY_ASSIGN(const Account added, accounts::add(tx, account, now));
        channels::Party party;
        party.addresses = {{channels::AddressKind::bsuid, "BR.1"},
                           {channels::AddressKind::phone, "551188887777"}};
        PH_TRY_ASSIGN(const auto person, people::resolve(tx, added, party, now));
        PH_TRY(person_suppressions::add(tx, {person.id, name, "keyword", "STOP", now}));
      }
      return {};
    };
    EXPECT_TRUE(run(database->write(fill)));
    admin = new_key(Role::admin);
    services.accounts = &runtime;
  }
  QuietRuntime runtime;
  std::string admin;
};

TEST_F(ChannelActions, AccountsOfOnePortfolioShareTheirContacts) {
  EXPECT_EQ(call(admin, "set_channel_portfolio", R"({"account":"shop","portfolio":"500"})").status(), 200);
  const auto moved = call(admin, "set_channel_portfolio", R"({"account":"desk","portfolio":"500"})").answer();
  EXPECT_EQ(JsonView(moved)["portfolio"].string_or(""), "500");
  EXPECT_EQ(JsonView(moved)["channels_moved"].integer_or(0), 1);
  EXPECT_EQ(JsonView(moved)["contacts_moved"].integer_or(0), 1);
  EXPECT_EQ(JsonView(moved)["contacts_merged"].integer_or(0), 1);
  EXPECT_THAT(runtime.refreshed, ::testing::ElementsAre(AccountId{1}, AccountId{2}));
  const auto contacts = call(admin, "list_contacts", "{}").answer();
  EXPECT_EQ(JsonView(contacts)["contacts"].size(), 1U);
  EXPECT_EQ(call(admin, "set_channel_portfolio", R"({"account":"desk","portfolio":"desk"})").status(), 409);
  EXPECT_EQ(call(admin, "set_channel_portfolio", R"({"account":"desk"})").error_field(), "portfolio");
}

TEST_F(ChannelActions, OtherChannelsDoNotMakeTheChoiceOfANumberHarder) {
  const auto templates_without_account = [this] {
    return call(admin, "get_template", R"({"name":"nothing"})");
  };
  EXPECT_EQ(templates_without_account().error_field(), "account") << "two businesses";
  auto merge = [](Transaction& tx) -> Result<> {
    PH_TRY(tx.execute("UPDATE accounts SET business_id = 'shop'"));
    NewAccount page;
    page.channel = "messenger";
    page.name = "page";
    page.business_id = page.sender_id = "777";
    page.sealed_token = "sealed";
    PH_TRY(accounts::add(tx, page, WallTime{}));
    return {};
  };
  ASSERT_TRUE(run(database->write(merge)));
  EXPECT_EQ(templates_without_account().status(), 404) << "the template is what is missing";
  const auto told = call(admin, "send_template", R"({"to":"+491701234567","template_name":"t"})");
  EXPECT_THAT(told.response->body, ::testing::HasSubstr("choose from shop, desk\""));
}

TEST_F(ChannelActions, TheListHoldsEverySpelling) {
  EXPECT_EQ(call(admin, "remove_suppression", R"({"phone":"+5511988887777","business_id":"shop"})").status(),
            200);
  const auto left = call(admin, "check_suppression", R"({"phone":"+551188887777"})").answer();
  EXPECT_EQ(JsonView(left)["entries"].size(), 1U) << "of the other business";
  const auto added =
      call(admin, "add_suppressions", R"({"phones":["+5521988887777","+491701234567"]})").answer();
  EXPECT_EQ(JsonView(added)["added"].integer_or(0), 2);
  const auto other = call(admin, "check_suppression", R"({"phone":"+552188887777"})").answer();
  EXPECT_TRUE(JsonView(other)["suppressed"].boolean_or(false));
}

}  // namespace
}  // namespace posthorn::api_testing
