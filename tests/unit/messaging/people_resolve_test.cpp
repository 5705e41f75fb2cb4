// From addresses to people.
#include "people_fixture.h"

namespace posthorn::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_F(PeopleTest, APersonIsMadeOnceAndFoundByEachAddress) {
  const auto anna = resolve(shop, {bsuid("DE.1"), phone("491701")}, "Anna");
  EXPECT_TRUE(anna.created);
  EXPECT_THAT(event_log(), ElementsAre(R"(person.created person:1 {"person_id":1})"));
  for (const auto& addresses : std::vector<std::vector<Address>>{{bsuid("DE.1"), phone("491701")},
                                                                 {bsuid("DE.1")},
                                                                 {phone("491701")},
                                                                 {phone("491701"), bsuid("DE.1")}}) {
    const auto again = resolve(shop, addresses);
    EXPECT_EQ(again.id, anna.id);
    EXPECT_FALSE(again.created);
    EXPECT_FALSE(again.changed);
  }
  EXPECT_EQ(event_log().size(), 1U);
  EXPECT_EQ(people::get(tx(), anna.id)->name, "Anna");
  EXPECT_EQ(people::get(tx(), anna.id)->portfolio, "P");
}

TEST_F(PeopleTest, NothingIsWrittenWhenNothingIsNew) {
  resolve(shop, {bsuid("DE.1"), phone("491701")}, "Anna");
  const auto before = number("SELECT total_changes()");
  resolve(shop, {bsuid("DE.1"), phone("491701")}, "Anna");
  resolve(desk, {bsuid("DE.1"), phone("491701")});
  EXPECT_EQ(number("SELECT total_changes()"), before);
}

TEST_F(PeopleTest, ScopesAreThePortfolioOrTheReceivingAccount) {
  const auto first = id_of(shop, {bsuid("DE.1"), phone("491701")});
  EXPECT_EQ(id_of(desk, {phone("491701")}), first) << "same portfolio";
  EXPECT_NE(id_of(other, {phone("491701")}), first) << "another portfolio";
  const auto gram = id_of(insta, {{AddressKind::instagram_scoped, "77"}});
  EXPECT_EQ(id_of(insta, {{AddressKind::instagram_scoped, "77"}}), gram);
  EXPECT_NE(id_of(page, {{AddressKind::page_scoped, "77"}}), gram);
  EXPECT_EQ(people_count(), 4);
}

TEST_F(PeopleTest, ScopedIdsNeverMergeByThemselves) {
  const auto anna = id_of(other, {phone("491701")});
  const auto gram = id_of(insta, {{AddressKind::instagram_scoped, "77"}, phone("491701")});
  EXPECT_NE(gram, anna);
  EXPECT_THAT(addresses(PersonId{gram}), ElementsAre("77"));
}

TEST_F(PeopleTest, ANumberAloneAndLaterWithAUserIdIsOnePerson) {
  const auto list = resolve(shop, {phone("491701")});
  const auto seen = resolve(shop, {bsuid("DE.1"), phone("491701")}, "Anna");
  EXPECT_EQ(seen.id, list.id);
  EXPECT_TRUE(seen.changed);
  EXPECT_FALSE(seen.created);
  EXPECT_EQ(id_of(shop, {bsuid("DE.1")}), list.id.value);
  EXPECT_EQ(event_log().back(), R"(person.updated person:1 {"person_id":1})");
}

TEST_F(PeopleTest, AUserIdAndANumberKnownApartBecomeOneTheOlderKept) {
  const auto hidden = id_of(shop, {bsuid("DE.1")});
  const auto list = id_of(shop, {phone("491701")});
  const auto both = resolve(shop, {bsuid("DE.1"), phone("491701")});
  EXPECT_EQ(both.id.value, hidden);
  EXPECT_THAT(both.merged, ElementsAre(PersonId{list}));
  EXPECT_EQ(people::get(tx(), PersonId{list})->id.value, hidden) << "the old id leads to the person";
  EXPECT_EQ(people_count(), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM person_merges WHERE actor = 'channel' AND reason = 'same_address'"),
            1);

  const auto number_first = id_of(shop, {phone("491702")});
  id_of(shop, {bsuid("DE.2")});
  EXPECT_EQ(resolve(shop, {bsuid("DE.2"), phone("491702")}).id.value, number_first);
}

TEST_F(PeopleTest, ANumberWithANewUserIdIsAnotherPersons) {
  const auto old_owner = resolve(shop, {bsuid("DE.1"), phone("491701")}, "Anna");
  forget_events();
  const auto new_owner = resolve(shop, {bsuid("DE.2"), phone("491701")}, "Bert", 9);
  EXPECT_NE(new_owner.id, old_owner.id);
  EXPECT_THAT(addresses(old_owner.id), ElementsAre("DE.1"));
  EXPECT_THAT(former(old_owner.id), ElementsAre("491701"));
  EXPECT_EQ(*people::former_addresses(tx(), old_owner.id)->front().valid_to, second(9));
  EXPECT_THAT(addresses(new_owner.id), ElementsAre("DE.2", "491701"));
  EXPECT_THAT(event_log(),
              ElementsAre(R"(person.created person:2 {"person_id":2})",
                          R"(person.identity_changed person:1 {"person_id":1,"reason":"new_owner"})"));
  EXPECT_EQ(id_of(shop, {phone("491701")}), new_owner.id.value);
  EXPECT_EQ(people::get(tx(), old_owner.id)->name, "Anna");
}

TEST_F(PeopleTest, AKnownUserIdTakesANumberFromAnother) {
  const auto anna = resolve(shop, {bsuid("DE.1"), phone("491701")});
  const auto bert = resolve(shop, {bsuid("DE.2"), phone("491702")});
  const auto moved = resolve(shop, {bsuid("DE.2"), phone("491701")});
  EXPECT_EQ(moved.id, bert.id);
  EXPECT_THAT(moved.merged, IsEmpty());
  EXPECT_THAT(addresses(anna.id), ElementsAre("DE.1"));
  EXPECT_THAT(addresses(bert.id), ElementsAre("DE.2", "491701"));
  EXPECT_THAT(former(bert.id), ElementsAre("491702"));
}

TEST_F(PeopleTest, ParentIdsAreAddressesOfTheirOwn) {
  const auto anna = resolve(shop, {bsuid("DE.1"), parent("DE.ENT.9"), phone("491701")});
  EXPECT_EQ(id_of(shop, {parent("DE.ENT.9")}), anna.id.value);
  EXPECT_EQ(id_of(shop, {parent("DE.ENT.9"), phone("491701")}), anna.id.value);
  // A person first seen by the parent's id gets the rest.
  const auto bert = id_of(shop, {parent("DE.ENT.8")});
  EXPECT_EQ(id_of(shop, {bsuid("DE.2"), parent("DE.ENT.8"), phone("491702")}), bert);
  // A different user id is a different person, whatever the weaker ones say.
  const auto carl = resolve(shop, {bsuid("DE.3"), parent("DE.ENT.8")});
  EXPECT_NE(carl.id.value, bert);
  EXPECT_THAT(addresses(PersonId{bert}), UnorderedElementsAre("DE.2", "491702"));
}

TEST_F(PeopleTest, SpellingsOfANumberAreOneNumber) {
  const auto ana = resolve(shop, {phone("551188887777")});
  EXPECT_EQ(id_of(shop, {bsuid("BR.1"), phone("5511988887777")}), ana.id.value);
  EXPECT_EQ(id_of(shop, {phone("551188887777")}), ana.id.value);
  const auto list = people::addresses(tx(), ana.id).value();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1].value, "5511988887777");
  EXPECT_EQ(list[1].shown, "551188887777");
  EXPECT_EQ(people::send_address(tx(), shop, ana.id)->phone, "551188887777");
  const auto other_spelling = resolve(shop, {bsuid("BR.1"), phone("5511988887777")});
  EXPECT_FALSE(other_spelling.changed);
  EXPECT_EQ(people::send_address(tx(), shop, ana.id)->phone, "5511988887777");
}

TEST_F(PeopleTest, NamesFollowTheChannelAndEmptyTellsNothing) {
  const auto anna = resolve(shop, {bsuid("DE.1")}, "Anna");
  EXPECT_TRUE(resolve(shop, {bsuid("DE.1")}, "Anna M").changed);
  EXPECT_FALSE(resolve(shop, {bsuid("DE.1")}).changed);
  Party named = party({bsuid("DE.1")});
  named.username = "anna.m";
  named.identity_hash = "h";
  EXPECT_TRUE(people::resolve(tx(), shop, named, second(2))->changed);
  const Person p = people::get(tx(), anna.id).value();
  EXPECT_EQ(p.name, "Anna M");
  EXPECT_EQ(p.username, "anna.m");
  EXPECT_EQ(p.updated_at, second(2));
}

TEST_F(PeopleTest, EventsThatNameNobodyAreRefused) {
  for (const auto& bad : std::vector<std::vector<Address>>{{},
                                                           {bsuid("")},
                                                           {{AddressKind::page_scoped, "7"}},
                                                           {phone("+49170")},
                                                           {phone("DE.1")},
                                                           {phone("")}}) {
    const auto result = people::resolve(tx(), shop, party(bad), second(1));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(result.error().field, "addresses");
    EXPECT_EQ(people::find(tx(), shop, bad).value(), std::nullopt);
  }
  EXPECT_EQ(people_count(), 0);
}

TEST_F(PeopleTest, FindChangesNothing) {
  EXPECT_EQ(people::find(tx(), shop, {bsuid("DE.1")}).value(), std::nullopt);
  const auto anna = resolve(shop, {bsuid("DE.1"), phone("491701")});
  const auto before = number("SELECT total_changes()");
  EXPECT_EQ(people::find(tx(), desk, {phone("491701")}).value(), anna.id);
  EXPECT_EQ(people::find(tx(), shop, {bsuid("DE.2"), phone("491701")}).value(), std::nullopt)
      << "another user id";
  EXPECT_EQ(people::find(tx(), other, {phone("491701")}).value(), std::nullopt);
  const std::vector<Address> whatever = {
      phone("491701"), bsuid("491701"), {AddressKind::page_scoped, "491701"}};
  EXPECT_EQ(people::find(tx(), shop, whatever).value(), anna.id) << "as people type it";
  EXPECT_EQ(number("SELECT total_changes()"), before);
}

TEST_F(PeopleTest, TheHotPathUsesIndexesOnly) {
  auto rows =
      tx().query(
              "EXPLAIN QUERY PLAN SELECT p.id, p.name, p.username, p.identity_hash, a.kind, a.scope, "
              "a.value, "
              "a.shown, a.valid_from FROM person_addresses s JOIN people p ON p.id = s.person_id JOIN "
              "person_addresses a ON a.person_id = s.person_id WHERE s.kind = 1 AND s.scope = '' AND s.value "
              "= ''")
          .value();
  while (rows.next().value()) EXPECT_TRUE(rows.text(3).starts_with("SEARCH")) << rows.text(3);
}

}  // namespace
}  // namespace posthorn::test
