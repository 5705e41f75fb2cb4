// Merging two people, and undoing it; opt-outs by person.
#include <fmt/format.h>

#include "messaging/people_merge_record.h"
#include "messaging/person_suppressions.h"
#include "messaging/suppressions.h"
#include "people_fixture.h"

namespace posthorn::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class MergeTest : public PeopleTest {
 protected:
  MergeTest() {
    anna = resolve(shop, {bsuid("DE.1"), phone("491701")}, "Anna").id;
    bert = resolve(shop, {bsuid("DE.2"), phone("491702")}, "Bert").id;
  }
  // Fields that tests look at; messages come with say().
  std::int64_t converse(const Account& account, PersonId person) {
    auto rows = tx().query(
                        "INSERT INTO conversations (account_id, person_id, created_at) VALUES ($1, $2, 0) "
                        "RETURNING id",
                        {account.id, person})
                    .value();
    EXPECT_TRUE(rows.next().value());
    return rows.integer(0);
  }
  std::int64_t say(std::int64_t conversation, int at) {
    std::int64_t id = 0;
    {
      auto rows = tx().query(
                          "INSERT INTO messages (conversation_id, direction, at, received_at, type) VALUES "
                          "($1, 0, $2, $2, "
                          "'text') RETURNING id",
                          {conversation, second(at)})
                      .value();
      EXPECT_TRUE(rows.next().value());
      id = rows.integer(0);
    }
    EXPECT_TRUE(tx().execute(
        "UPDATE conversations SET last_message_id = $2, last_message_at = $3, last_inbound_at = $3, "
        "last_action_at = $3, unread = unread + 1 WHERE id = $1",
        {conversation, id, second(at)}));
    return id;
  }
  std::int64_t merge(PersonId kept, PersonId absorbed) {
    auto merged = people::merge(tx(), kept, absorbed, "olga", "asked", second(20));
    EXPECT_TRUE(merged) << (merged ? "" : merged.error().message);
    return merged.value_or(0);
  }
  void undo(std::int64_t id) {
    const auto undone = people::undo_merge(tx(), id, second(30), "olga");
    EXPECT_TRUE(undone) << (undone ? "" : undone.error().message);
  }
  // Everything that a merge may change, as text: equal before a merge and after its undo.
  std::string state() {
    std::string out;
    for (const char* sql : {
             "SELECT id || ' ' || name || ' ' || given_name || ' ' || username || ' ' || merged_into FROM "
             "people ORDER BY id",
             "SELECT kind || ' ' || scope || ' ' || value || ' ' || person_id FROM person_addresses ORDER BY "
             "1",
             "SELECT kind || ' ' || value || ' ' || person_id FROM person_former_addresses ORDER BY 1",
             "SELECT id || ' ' || account_id || ' ' || person_id || ' ' || last_message_id || ' ' || "
             "last_message_at || ' ' || "
             "last_inbound_at || ' ' || last_action_at || ' ' || free_until || ' ' || unread || ' ' || "
             "archived || ' ' || "
             "assigned_to FROM conversations ORDER BY id",
             "SELECT label || ' ' || conversation_id || ' ' || last_message_id FROM conversation_labels "
             "ORDER BY 1",
             "SELECT id || ' ' || conversation_id || ' ' || moved_from FROM messages ORDER BY id",
             "SELECT message_id || ' ' || actor || ' ' || emoji FROM reactions ORDER BY 1",
             "SELECT id || ' ' || person_id || ' ' || conversation_id FROM calls ORDER BY id",
             "SELECT person_id || ' ' || business_id FROM person_suppressions ORDER BY 1",
             "SELECT phone || ' ' || business_id FROM suppressions ORDER BY 1",
             "SELECT word || ' ' || person_id FROM person_names ORDER BY 1",
         }) {
      auto rows = tx().query(sql).value();
      while (rows.next().value()) out += std::string(rows.text(0)) + "\n";
      out += "--\n";
    }
    return out;
  }
  PersonId anna, bert;
};

TEST_F(MergeTest, MovesEverythingAndUndoPutsItBack) {
  const auto a = converse(shop, anna);
  const auto b = converse(shop, bert);
  const auto c = converse(desk, bert);
  say(a, 1);
  const auto from_bert = say(b, 2);
  say(a, 3);
  const auto newest = say(b, 4);
  say(c, 5);
  ASSERT_TRUE(tx().execute("INSERT INTO reactions VALUES ($1, $2, 'x', 0)", {from_bert, bert}));
  ASSERT_TRUE(tx().execute("INSERT INTO conversation_labels VALUES ('vip', $1, $2)", {b, newest}));
  ASSERT_TRUE(
      tx().execute("UPDATE conversations SET assigned_to = 'olga', free_until = 99 WHERE id = $1", {b}));
  ASSERT_TRUE(tx().execute(
      "INSERT INTO calls (account_id, person_id, conversation_id, channel_id, state, started_at) "
      "VALUES (1, $1, $2, 'c', 'x', 0)",
      {bert, b}));
  ASSERT_TRUE(person_suppressions::add(tx(), {bert, "w1", "keyword", "STOP", second(1)}));
  const std::string before = state();
  forget_events();

  const auto id = merge(anna, bert);
  EXPECT_THAT(addresses(anna), UnorderedElementsAre("DE.1", "DE.2", "491701", "491702"));
  EXPECT_EQ(people::get(tx(), bert)->id, anna);
  EXPECT_EQ(number("SELECT COUNT(*) FROM messages WHERE conversation_id = 1"), 4);
  EXPECT_EQ(number("SELECT COUNT(*) FROM messages WHERE moved_from = 2"), 2);
  EXPECT_EQ(number("SELECT person_id FROM conversations WHERE id = 3"), anna.value)
      << "changes hands as a whole";
  EXPECT_EQ(text("SELECT last_message_id || ' ' || unread || ' ' || assigned_to || ' ' || free_until FROM "
                 "conversations "
                 "WHERE id = 1"),
            "4 4 olga 99");
  EXPECT_EQ(
      text("SELECT last_message_id || ' ' || unread || ' ' || archived FROM conversations WHERE id = 2"),
      "0 0 1");
  EXPECT_EQ(text("SELECT conversation_id || ' ' || last_message_id FROM conversation_labels"), "1 4");
  EXPECT_EQ(number("SELECT actor FROM reactions"), anna.value);
  EXPECT_EQ(text("SELECT person_id || ' ' || conversation_id FROM calls"), "1 1");
  EXPECT_TRUE(person_suppressions::contains(tx(), anna, "w1").value());
  EXPECT_TRUE(suppressions::contains(tx(), PhoneNumber::from_digits(491701), "w1").value()) << "both numbers";
  EXPECT_THAT(event_log(),
              ElementsAre(R"(person.merged person:1 {"kept":1,"absorbed":2,"merge_id":1,"actor":"olga"})"));

  undo(id);
  EXPECT_EQ(state(), before);
  EXPECT_EQ(event_log().back(),
            R"(person.unmerged person:1 {"kept":1,"absorbed":2,"merge_id":1,"actor":"olga"})");
}

TEST_F(MergeTest, MergesOfMergesAreUndoneInTurn) {
  const PersonId carl = resolve(shop, {bsuid("DE.3")}, "Carl").id;
  const auto a = converse(shop, anna);
  const auto b = converse(shop, bert);
  const auto c = converse(shop, carl);
  for (int i = 0; i < 3; ++i) {
    say(a, i);
    say(b, i + 3);
    say(c, i + 6);
  }
  const std::string before = state();
  const auto first = merge(bert, carl);
  const std::string between = state();
  const auto second_merge = merge(anna, bert);
  EXPECT_EQ(number("SELECT COUNT(*) FROM messages WHERE conversation_id = 1"), 9);
  EXPECT_EQ(people::get(tx(), carl)->id, anna);
  const auto refused = people::undo_merge(tx(), first, second(40));
  ASSERT_FALSE(refused) << "the one who was kept is merged itself";
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  undo(second_merge);
  EXPECT_EQ(state(), between);
  undo(first);
  EXPECT_EQ(state(), before);
}

TEST_F(MergeTest, LaterMessagesStayWithTheKeptPerson) {
  const auto b = converse(shop, bert);
  say(b, 1);
  const auto id = merge(anna, bert);  // the conversation changes hands
  const auto later = say(b, 21);
  undo(id);
  EXPECT_EQ(number("SELECT person_id FROM conversations WHERE id = 1"), bert.value);
  EXPECT_EQ(number("SELECT COUNT(*) FROM messages WHERE conversation_id = 1"), 1);
  EXPECT_EQ(
      text("SELECT person_id || ' ' || last_message_id || ' ' || unread FROM conversations WHERE id = 2"),
      fmt::format("{} {} 1", anna.value, later));
  EXPECT_EQ(text("SELECT last_message_id || ' ' || unread FROM conversations WHERE id = 1"), "1 1");
}

TEST_F(MergeTest, WhatWasReadStaysRead) {
  const auto a = converse(shop, anna);
  const auto b = converse(shop, bert);
  say(a, 1);
  say(b, 2);
  const auto id = merge(anna, bert);
  ASSERT_TRUE(tx().execute("UPDATE conversations SET unread = 0 WHERE id = $1", {a}));
  undo(id);
  EXPECT_EQ(number("SELECT SUM(unread) FROM conversations"), 0);
}

TEST_F(MergeTest, WhatHasMovedOnIsNotPutBack) {
  const auto id = merge(anna, bert);
  resolve(shop, {bsuid("DE.9"), phone("491702")});  // Bert's number has a new owner
  undo(id);
  EXPECT_THAT(addresses(bert), ElementsAre("DE.2"));
}

TEST_F(MergeTest, AnUndoneMergeIsNotMadeAgainByTheChannel) {
  const auto hidden = resolve(shop, {bsuid("DE.5")}).id;
  const auto list = resolve(shop, {phone("491705")}).id;
  resolve(shop, {bsuid("DE.5"), phone("491705")});
  undo(number("SELECT MAX(id) FROM person_merges"));
  const auto again = resolve(shop, {bsuid("DE.5"), phone("491705")});
  EXPECT_EQ(again.id, hidden);
  EXPECT_THAT(again.merged, IsEmpty());
  EXPECT_EQ(people::get(tx(), list)->id, list);
}

TEST_F(MergeTest, NamesFillGaps) {
  const auto nameless = resolve(shop, {bsuid("DE.5")}).id;
  const auto id = merge(nameless, anna);
  EXPECT_EQ(people::get(tx(), nameless)->name, "Anna");
  EXPECT_EQ(people::search(tx(), "ann", 10)->at(0).id, nameless);
  undo(id);
  EXPECT_EQ(people::get(tx(), nameless)->name, "");
  EXPECT_EQ(people::search(tx(), "ann", 10)->at(0).id, anna);
}

TEST_F(MergeTest, WhatCannotBeIsRefused) {
  struct Case {
    PersonId kept, absorbed;
    ErrorCode code;
    const char* field;
  };
  const PersonId carl = resolve(shop, {bsuid("DE.3")}).id;
  const auto id = merge(anna, bert);
  for (const auto& c : {Case{anna, anna, ErrorCode::conflict, "absorb_id"},
                        Case{anna, bert, ErrorCode::conflict, "absorb_id"},
                        Case{bert, carl, ErrorCode::conflict, "contact_id"},
                        Case{anna, PersonId{99}, ErrorCode::not_found, "absorb_id"},
                        Case{PersonId{99}, anna, ErrorCode::not_found, "contact_id"}}) {
    const auto result = people::merge(tx(), c.kept, c.absorbed, "x", "y", second(1));
    ASSERT_FALSE(result) << c.kept.value << " " << c.absorbed.value;
    EXPECT_EQ(result.error().code, c.code) << result.error().message;
    EXPECT_EQ(result.error().field, c.field);
  }
  EXPECT_EQ(people::undo_merge(tx(), 99, second(1)).error().code, ErrorCode::not_found);
  undo(id);
  EXPECT_EQ(people::undo_merge(tx(), id, second(1)).error().code, ErrorCode::conflict);
}

TEST_F(MergeTest, ADamagedRecordIsSaid) {
  for (const char* bad : {"{}", "[]", R"({"addresses":1})", "x"})
    EXPECT_FALSE(MergeRecord::parse(bad)) << bad;
  const auto id = merge(anna, bert);
  ASSERT_TRUE(tx().execute("UPDATE person_merges SET undo = '{}'"));
  EXPECT_EQ(people::undo_merge(tx(), id, second(1)).error().code, ErrorCode::data_loss);
}

// Opt-outs.

class OptOutTest : public PeopleTest {
 protected:
  bool add(PersonId person, std::string business, std::string source = "keyword") {
    return person_suppressions::add(tx(), {person, std::move(business), std::move(source), "STOP", second(2)})
        .value();
  }
  bool holds(PersonId person, std::string_view business) {
    return person_suppressions::contains(tx(), person, business).value();
  }
  bool number_listed(std::uint64_t digits, std::string_view business = "w1") {
    return suppressions::contains(tx(), PhoneNumber::from_digits(digits), business).value();
  }
};

TEST_F(OptOutTest, HoldForPeopleWithoutANumberAndForTheNumberTheyGetLater) {
  const PersonId anna = resolve(shop, {bsuid("DE.1")}).id;
  EXPECT_TRUE(add(anna, "w1"));
  EXPECT_FALSE(add(anna, "w1"));
  EXPECT_TRUE(holds(anna, "w1"));
  EXPECT_FALSE(holds(anna, "w2"));
  EXPECT_FALSE(number_listed(491701));
  resolve(shop, {bsuid("DE.1"), phone("491701")});
  EXPECT_TRUE(number_listed(491701));
  EXPECT_TRUE(person_suppressions::remove(tx(), anna, "w1").value());
  EXPECT_FALSE(person_suppressions::remove(tx(), anna, "w1").value());
  EXPECT_FALSE(holds(anna, "w1"));
  EXPECT_FALSE(number_listed(491701));
}

TEST_F(OptOutTest, CoverEverySpellingOfTheNumber) {
  const PersonId ana = resolve(shop, {phone("551188887777")}).id;
  add(ana, "");
  EXPECT_TRUE(number_listed(551188887777));
  EXPECT_TRUE(number_listed(5511988887777));
  const PersonId luis = resolve(shop, {phone("5215512345678")}).id;
  ASSERT_TRUE(
      suppressions::add(tx(), {PhoneNumber::from_digits(525512345678), "w1", "import", "", second(1)}));
  EXPECT_TRUE(holds(luis, "w1")) << "by the number alone";
}

TEST_F(OptOutTest, FollowThePersonAndNotTheNumber) {
  const PersonId anna = resolve(shop, {bsuid("DE.1"), phone("491701")}).id;
  ASSERT_TRUE(
      suppressions::add(tx(), {PhoneNumber::from_digits(491701), "w1", "keyword", "STOP", second(1)}));
  add(anna, "w2", "operator");
  const PersonId bert = resolve(shop, {bsuid("DE.2"), phone("491701")}).id;
  EXPECT_TRUE(holds(anna, "w1")) << "what she said by the number";
  EXPECT_TRUE(holds(anna, "w2"));
  EXPECT_FALSE(holds(bert, "w1"));
  EXPECT_FALSE(holds(bert, "w2"));
  EXPECT_EQ(person_suppressions::of(tx(), anna)->size(), 2U);
}

TEST_F(OptOutTest, WhatNamesTheNumberStaysWithIt) {
  const PersonId anna = resolve(shop, {bsuid("DE.1"), phone("491701")}).id;
  ASSERT_TRUE(suppressions::add(tx(), {PhoneNumber::from_digits(491701), "", "import", "", second(1)}));
  const PersonId bert = resolve(shop, {bsuid("DE.2"), phone("491701")}).id;
  EXPECT_TRUE(holds(bert, "w1"));
  EXPECT_FALSE(holds(anna, "w1"));
}

TEST_F(OptOutTest, FollowsMergesAndNeedsASource) {
  const PersonId anna = resolve(shop, {bsuid("DE.1")}).id;
  const PersonId bert = resolve(shop, {bsuid("DE.2")}).id;
  ASSERT_TRUE(people::merge(tx(), anna, bert, "x", "y", second(3)));
  EXPECT_TRUE(add(bert, "w1"));
  EXPECT_TRUE(holds(anna, "w1"));
  EXPECT_FALSE(person_suppressions::add(tx(), {anna, "w1", "", "", second(1)}));
  EXPECT_EQ(person_suppressions::add(tx(), {PersonId{99}, "w1", "keyword", "", second(1)}).error().code,
            ErrorCode::not_found);
}

}  // namespace
}  // namespace posthorn::test
