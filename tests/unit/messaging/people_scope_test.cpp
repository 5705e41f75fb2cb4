// A business account enters a portfolio while its people exist: they are one with those known there.
#include "messaging/people_scope.h"

#include <fmt/format.h>

#include "messaging/person_suppressions.h"
#include "messaging/suppressions.h"
#include "people_fixture.h"

namespace posthorn::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class ScopeTest : public PeopleTest {
 protected:
  people_scope::Moved move(Account& account, std::string_view portfolio, bool with_others = false) {
    const auto moved = people_scope::move(tx(), account, portfolio, with_others, second(9));
    EXPECT_TRUE(moved) << moved.error().message;
    account = accounts::get(tx(), account.id).value();
    return moved.value_or(people_scope::Moved{});
  }
  Error refused(const Account& account, std::string_view portfolio, bool with_others = false) {
    const auto moved = people_scope::move(tx(), account, portfolio, with_others, second(9));
    EXPECT_FALSE(moved);
    return moved ? Error{} : moved.error();
  }
  std::int64_t in_scope(std::string_view scope) {
    return number(
        fmt::format("SELECT (SELECT COUNT(*) FROM person_addresses WHERE scope = '{0}') + (SELECT COUNT(*) "
                    "FROM person_former_addresses WHERE scope = '{0}')",
                    scope));
  }
};

TEST_F(ScopeTest, PeopleGoAlongWithEverythingTheyHad) {
  const PersonId anna = resolve(other, {bsuid("DE.1"), parent("DE.ENT.1"), phone("491701")}, "Anna").id;
  change(other, "user_changed_number", {bsuid("DE.1")}, {bsuid("DE.2"), phone("491702")});
  const auto moved = move(other, "P");
  EXPECT_EQ(moved.people, 1);
  EXPECT_EQ(moved.merged, 0);
  EXPECT_THAT(moved.accounts, ElementsAre(other.id));
  EXPECT_EQ(other.portfolio, "P");
  EXPECT_EQ(in_scope("w3"), 0);
  EXPECT_EQ(text("SELECT portfolio FROM people"), "P");
  EXPECT_EQ(id_of(shop, {bsuid("DE.2")}), anna.value);
  EXPECT_EQ(id_of(shop, {bsuid("DE.1")}), anna.value) << "the former user id";
  EXPECT_EQ(id_of(desk, {phone("491702")}), anna.value);
  EXPECT_EQ(people_count(), 1);
}

TEST_F(ScopeTest, WhoIsKnownThereIsTheSamePerson) {
  const PersonId there = resolve(shop, {bsuid("DE.1"), phone("491701")}, "Anna").id;
  const PersonId here = resolve(other, {bsuid("DE.1"), phone("491702")}, "", 2).id;
  const PersonId by_number = resolve(other, {phone("491703")}, "", 2).id;
  const PersonId known_number = resolve(shop, {bsuid("DE.3"), phone("491703")}, "", 2).id;
  ASSERT_TRUE(person_suppressions::add(tx(), {here, "w3", "keyword", "STOP", second(3)}));
  const auto moved = move(other, "P");
  EXPECT_EQ(moved.people, 2);
  EXPECT_EQ(moved.merged, 2);
  EXPECT_EQ(id_of(other, {bsuid("DE.1")}), there.value);
  EXPECT_EQ(people::get(tx(), here)->id, there);
  EXPECT_THAT(addresses(there), UnorderedElementsAre("DE.1", "491702")) << "the number heard of last";
  EXPECT_THAT(former(there), ElementsAre("491701"));
  EXPECT_TRUE(person_suppressions::contains(tx(), there, "w3").value());
  EXPECT_EQ(people::get(tx(), known_number)->id, by_number) << "the older one is kept";
  EXPECT_THAT(addresses(by_number), UnorderedElementsAre("DE.3", "491703"));
  EXPECT_EQ(people_count(), 2);
  EXPECT_EQ(in_scope("w3"), 0);
}

TEST_F(ScopeTest, OfTwoPeopleWithOneNumberTheLaterKeepsIt) {
  const PersonId first = resolve(shop, {bsuid("DE.1"), phone("491701")}, "", 1).id;
  const PersonId later = resolve(other, {bsuid("DE.2"), phone("491701")}, "", 2).id;
  const PersonId early = resolve(other, {bsuid("DE.3"), phone("491702")}, "", 1).id;
  const PersonId last = resolve(shop, {bsuid("DE.4"), phone("491702")}, "", 2).id;
  EXPECT_EQ(move(other, "P").merged, 0);
  EXPECT_THAT(addresses(first), ElementsAre("DE.1"));
  EXPECT_THAT(former(first), ElementsAre("491701"));
  EXPECT_THAT(addresses(later), UnorderedElementsAre("DE.2", "491701"));
  EXPECT_THAT(addresses(early), ElementsAre("DE.3"));
  EXPECT_THAT(addresses(last), UnorderedElementsAre("DE.4", "491702"));
  EXPECT_EQ(id_of(desk, {phone("491701")}), later.value);
}

TEST_F(ScopeTest, MergesMadeBeforeCanStillBeUndone) {
  const PersonId anna = resolve(other, {bsuid("DE.1")}).id;
  const PersonId bert = resolve(other, {bsuid("DE.2"), phone("491702")}).id;
  const auto id = people::merge(tx(), anna, bert, "olga", "", second(3)).value();
  move(other, "P");
  ASSERT_TRUE(people::undo_merge(tx(), id, second(10)));
  EXPECT_THAT(addresses(anna), ElementsAre("DE.1"));
  EXPECT_THAT(addresses(bert), UnorderedElementsAre("DE.2", "491702"));
  EXPECT_EQ(in_scope("w3"), 0);
}

TEST_F(ScopeTest, WhoWasTakenApartStaysApart) {
  const PersonId there = resolve(shop, {bsuid("DE.1")}).id;
  const PersonId here = resolve(other, {bsuid("DE.1"), phone("491701")}, "", 2).id;
  const auto id = people::merge(tx(), there, here, "olga", "", second(3)).value();
  ASSERT_TRUE(people::undo_merge(tx(), id, second(4)));
  EXPECT_EQ(move(other, "P").merged, 0);
  EXPECT_EQ(people_count(), 2);
  EXPECT_EQ(in_scope("w3"), 0);
}

TEST_F(ScopeTest, EveryNumberOfTheBusinessGoesAlong) {
  Account second_number =
      add({.name = "other2", .business_id = "w3", .sender_id = "33", .sealed_token = "t"});
  const PersonId anna = resolve(other, {bsuid("DE.1")}).id;
  EXPECT_THAT(move(other, "Q").accounts, ElementsAre(other.id, second_number.id));
  second_number = accounts::get(tx(), second_number.id).value();
  EXPECT_EQ(second_number.portfolio, "Q");
  EXPECT_EQ(id_of(second_number, {bsuid("DE.1")}), anna.value);
  EXPECT_EQ(move(other, "").people, 1) << "and out again";
  EXPECT_EQ(in_scope("w3"), 1);
  EXPECT_EQ(move(other, "").people, 0) << "twice is once";
}

TEST_F(ScopeTest, WhatCannotBeToldApartIsRefused) {
  resolve(shop, {bsuid("DE.1")});
  const Error shared = refused(shop, "Q");
  EXPECT_EQ(shared.code, ErrorCode::conflict);
  EXPECT_EQ(shared.field, "portfolio");
  EXPECT_THAT(shared.message, HasSubstr("desk of business w2"));
  EXPECT_EQ(refused(shop, "", true).code, ErrorCode::invalid_argument);
  EXPECT_EQ(refused(insta, "Q").field, "account");
  EXPECT_EQ(in_scope("P"), 1);
  EXPECT_EQ(move(shop, "Q", true).accounts.size(), 2U);
  EXPECT_EQ(accounts::get(tx(), desk.id)->portfolio, "Q");
}

TEST_F(ScopeTest, NewNumbersAreWhereTheirBusinessIs) {
  const auto of = [&](std::string_view business, std::string_view wanted) {
    const auto portfolio = people_scope::for_new_account(tx(), business, wanted);
    return portfolio ? *portfolio : portfolio.error().field;
  };
  EXPECT_EQ(of("w1", ""), "P");
  EXPECT_EQ(of("w1", "P"), "P");
  EXPECT_EQ(of("w1", "Q"), "portfolio") << "refused";
  EXPECT_EQ(of("w3", "Q"), "portfolio") << "its people would have to move";
  EXPECT_EQ(of("w3", ""), "");
  EXPECT_EQ(of("w9", "Q"), "Q");
}

}  // namespace
}  // namespace posthorn::test
