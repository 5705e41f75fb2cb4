#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "automation/automation_requests.h"
#include "automation/rule_defaults.h"
#include "automation_house.h"

namespace posthorn::automation {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr PhoneNumber kAda = PhoneNumber::from_digits(491700000001);

class RequestsTest : public testing::Test {
 protected:
  RequestsTest() {
    house.open();
    house.furnish();
  }
  // What a step answered: its error's message, or empty.
  std::string error(std::function<Result<>(Transaction&, const Account&)> step) {
    std::string message;
    house.sql([&](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(const Account account, accounts::get(tx, AccountId{1}));
      const Result<> done = step(tx, account);
      if (!done) message = done.error().field + ": " + done.error().message;
      return {};
    });
    return message;
  }
  std::string opening(PhoneNumber to) {
    return error([&](Transaction& tx, const Account& account) -> Result<> {
      PH_TRY(open_conversation(tx, account, to, house.world.wall_now()));
      return {};
    });
  }
  std::string checking(std::string_view definition) {
    return error([&](Transaction& tx, const Account&) -> Result<> {
      PH_TRY_ASSIGN(const json::value parsed, parse_json(definition));
      PH_TRY_ASSIGN(const RuleDefinition rule, parse_rule(parsed));
      return check_rule(tx, AccountId{}, rule);
    });
  }
  House house;
};

TEST_F(RequestsTest, NobodyIsWrittenToWithoutAWindow) {
  EXPECT_THAT(opening(PhoneNumber::from_digits(491700000009)),
              HasSubstr("to: +491700000009 has never written to Shop"));
  EXPECT_THAT(opening(kAda), HasSubstr("window with +491700000001 is closed"));
  house.arrive({});
  EXPECT_EQ(opening(kAda), "");
  house.execute("UPDATE accounts SET blocked_reason = 'payment' WHERE id = 1");
  EXPECT_THAT(opening(kAda), HasSubstr("account: Shop may not send: payment"));
}

TEST_F(RequestsTest, SendsTheMenuThatHolds) {
  house.arrive({});
  const auto send = [&](std::string_view name) {
    return error([&](Transaction& tx, const Account& account) -> Result<> {
      const WallTime now = house.world.wall_now();
      PH_TRY_ASSIGN(const Situation to, open_conversation(tx, account, kAda, now));
      PH_TRY_ASSIGN(const FoundMenu menu, get_menu(tx, account.id, name));
      PH_TRY(send_menu(tx, to, menu.stored.menu, "tester", now));
      return {};
    });
  };
  EXPECT_EQ(send("main"), "") << "the one to begin with";
  house.add_menu(
      "main",
      R"({"style": "buttons", "body": "Hi {name}", "sections": [{"rows": [{"id": "a", "title": "A"}]}]})");
  EXPECT_EQ(send("main"), "");
  EXPECT_THAT(send("nope"), HasSubstr("there are main, selfservice, services, support"));
  EXPECT_THAT(house.texts("SELECT author || ': ' || text FROM messages WHERE direction = 1 ORDER BY id"),
              ElementsAre("tester: What can we do for you?", "tester: Hi Ada 1"));
}

TEST_F(RequestsTest, RemembersWhatWasAskedFor) {
  house.sql([&](Transaction& tx) -> Result<> {
    const WallTime now = house.world.wall_now();
    const ConversationId conversation{1};
    EXPECT_FALSE(*cooling_down(tx, conversation, kAskedWelcome, 72h, now));
    PH_TRY(record_run(tx, conversation, {kAskedWelcome, MessageId{}, now}));
    EXPECT_TRUE(*cooling_down(tx, conversation, kAskedWelcome, 72h, now + 71h));
    EXPECT_FALSE(*cooling_down(tx, conversation, kAskedWelcome, 72h, now + 72h));
    EXPECT_FALSE(*cooling_down(tx, conversation, kAskedMenu, 72h, now));
    EXPECT_FALSE(*cooling_down(tx, ConversationId{2}, kAskedWelcome, 72h, now));
    return {};
  });
}

TEST_F(RequestsTest, ChecksRulesAgainstTheAccountsThereAre) {
  constexpr auto kMenu = R"({"do": [{"effect": "read"}, {"effect": "menu", "menu": "main"}]})";
  EXPECT_THAT(checking(kMenu), HasSubstr("rule.do[1].menu: the menu 'main' is not stored yet"));
  EXPECT_THAT(checking(R"({"do": [{"effect": "menu", "menu": "nope"}]})"),
              HasSubstr("there is no menu 'nope'"));
  house.add_menu(
      "main",
      R"({"body": "b", "button": "Go", "sections": [{"rows": [{"id": "a", "title": "twenty-two characters!"}]}]})");
  EXPECT_EQ(checking(kMenu), "");
  const std::string text = R"({"if": {"channels": ["whatsapp"]}, "do": [{"effect": "text", "text": ")" +
                           std::string(1001, 'x') + R"("}]})";
  const std::string everywhere =
      R"({"do": [{"effect": "text", "text": ")" + std::string(1001, 'x') + R"("}]})";
  EXPECT_EQ(checking(everywhere), "");
  house.execute(
      "INSERT INTO accounts (id, channel, name, business_id, sender_id, sealed_token, created_at, "
      "updated_at) VALUES "
      "(2, 'instagram', 'Insta', 'ig', '17', 'x', 0, 0)");
  EXPECT_THAT(checking(everywhere), HasSubstr("rule.do[0].text: a text on instagram"));
  EXPECT_EQ(checking(text), "") << "a rule for WhatsApp only is bound by WhatsApp only";
  EXPECT_THAT(checking(kMenu), HasSubstr("too long for instagram"));
}

TEST_F(RequestsTest, KeepsRulesByNameAndAccount) {
  const RuleId first = house.add_rule("a", R"({"do": [{"effect": "read"}]})");
  EXPECT_THROW(house.add_rule("a", R"({"do": [{"effect": "read"}]})"), std::runtime_error);
  house.sql([&](Transaction& tx) -> Result<> {
    PH_TRY_ASSIGN(Rule rule, get_rule(tx, first));
    rule.enabled = false;
    PH_TRY(save_rule(tx, rule, house.world.wall_now()));
    EXPECT_FALSE(get_rule(tx, first)->enabled);
    EXPECT_EQ((*find_rule(tx, AccountId{}, "a"))->id, first);
    EXPECT_FALSE(*find_rule(tx, AccountId{1}, "a"));
    PH_TRY(
        tx.execute("INSERT INTO automation_rules (account_id, name, rule, created_at, updated_at) VALUES (0, "
                   "'b', '{}', 0, 0)"));
    const RuleList list = *list_rules(tx);
    EXPECT_EQ(list.rules.size(), 1U);
    EXPECT_THAT(list.problems, ElementsAre(HasSubstr("(b): do must be a list")));
    PH_TRY(delete_rule(tx, first));
    EXPECT_EQ(delete_rule(tx, first).error().code, ErrorCode::not_found);
    return {};
  });
}

}  // namespace
}  // namespace posthorn::automation
