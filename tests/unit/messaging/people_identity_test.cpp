// Changes of identity, in any order.
#include "people_fixture.h"

namespace posthorn::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr const char* kNumber = "user_changed_number";
constexpr const char* kUserId = "user_changed_user_id";

TEST_F(PeopleTest, ANewNumberKeepsThePerson) {
  const auto anna = resolve(shop, {bsuid("DE.1"), phone("491701")}, "Anna");
  forget_events();
  const auto changed =
      change(shop, kNumber, {bsuid("DE.1"), phone("491701")}, {bsuid("DE.2"), phone("491702")});
  EXPECT_EQ(changed.id, anna.id);
  EXPECT_TRUE(changed.changed);
  EXPECT_THAT(addresses(anna.id), ElementsAre("DE.2", "491702"));
  EXPECT_THAT(former(anna.id), UnorderedElementsAre("DE.1", "491701"));
  EXPECT_THAT(
      event_log(),
      ElementsAre(R"(person.identity_changed person:1 {"person_id":1,"reason":"user_changed_number"})"));
  EXPECT_EQ(id_of(shop, {bsuid("DE.1"), phone("491701")}), anna.id.value) << "a late message";
  EXPECT_THAT(addresses(anna.id), ElementsAre("DE.2", "491702")) << "changes nothing";
  EXPECT_NE(id_of(shop, {phone("491701")}), anna.id.value) << "the number is free for others";
}

TEST_F(PeopleTest, TheSameChangeTwiceIsOne) {
  const auto anna = resolve(shop, {bsuid("DE.1"), phone("491701")});
  change(shop, kNumber, {bsuid("DE.1")}, {bsuid("DE.2"), phone("491702")});
  const auto changes = number("SELECT total_changes()");
  const auto again = change(shop, kNumber, {bsuid("DE.1")}, {bsuid("DE.2"), phone("491702")}, 6);
  EXPECT_EQ(again.id, anna.id);
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(number("SELECT total_changes()"), changes);
}

TEST_F(PeopleTest, WhatTheEventDoesNotNameGoesAlong) {
  const auto by_id = resolve(shop, {bsuid("DE.1"), parent("DE.ENT.1"), phone("491701")});
  change(shop, kUserId, {bsuid("DE.1")}, {bsuid("DE.2")});
  EXPECT_THAT(addresses(by_id.id), ElementsAre("DE.2"))
      << "a hidden new number: the old one is somebody else's";
  const auto by_number = resolve(shop, {bsuid("DE.5"), phone("491705")});
  change(shop, kNumber, {phone("491705")}, {bsuid("DE.6"), phone("491706")});
  EXPECT_THAT(addresses(by_number.id), ElementsAre("DE.6", "491706"));
  const auto update = resolve(shop, {bsuid("DE.7"), phone("491707")});
  change(shop, "user_id_update", {bsuid("DE.7")}, {bsuid("DE.8")});
  EXPECT_THAT(addresses(update.id), ElementsAre("DE.8", "491707")) << "the number stays";
}

TEST_F(PeopleTest, AMessageBeforeTheChangeIsToldMakesOnePersonInTheEnd) {
  const auto anna = resolve(shop, {bsuid("DE.1"), phone("491701")});
  const auto early = resolve(shop, {bsuid("DE.2"), phone("491702")});
  const auto changed = change(shop, kNumber, {bsuid("DE.1")}, {bsuid("DE.2"), phone("491702")});
  EXPECT_EQ(changed.id, anna.id);
  EXPECT_THAT(changed.merged, ElementsAre(early.id));
  EXPECT_THAT(addresses(anna.id), ElementsAre("DE.2", "491702"));
}

TEST_F(PeopleTest, ChangesInTheWrongOrderEndTheSame) {
  const auto anna = resolve(shop, {bsuid("DE.1"), phone("491701")});
  change(shop, kNumber, {bsuid("DE.2"), phone("491702")}, {bsuid("DE.3"), phone("491703")}, 7);
  EXPECT_EQ(people_count(), 2);
  change(shop, kNumber, {bsuid("DE.1"), phone("491701")}, {bsuid("DE.2"), phone("491702")}, 6);
  EXPECT_EQ(people_count(), 1);
  EXPECT_THAT(addresses(anna.id), ElementsAre("DE.3", "491703"));
  for (const char* any : {"DE.1", "DE.2", "DE.3"}) EXPECT_EQ(id_of(shop, {bsuid(any)}), anna.id.value) << any;
}

// Each told when it arrived, with the time when it happened.
TEST_F(PeopleTest, WhatWasWrittenFromTheOldNumberMayComeAfterTheChange) {
  const auto late = [&](std::string number, int at) {
    return people::resolve(tx(), shop, party({phone(std::move(number))}, ""), second(20), second(at))
        ->id.value;
  };
  const auto changed = change(shop, kNumber, {phone("491701")}, {phone("491702")}, 10);
  EXPECT_EQ(late("491701", 9), changed.id.value) << "the first that we hear of the old number";
  EXPECT_EQ(late("491701", 3), changed.id.value) << "and older still";
  EXPECT_THAT(addresses(changed.id), ElementsAre("491702")) << "which gives nobody the number back";
  EXPECT_THAT(former(changed.id), ElementsAre("491701"));
  EXPECT_EQ(people_count(), 1);
  const auto next = late("491701", 11);
  EXPECT_NE(next, changed.id.value) << "written after the change: the number's new owner";
  EXPECT_EQ(late("491701", 12), next);
  EXPECT_EQ(late("491702", 13), changed.id.value);
}

TEST_F(PeopleTest, TwoChangesByNumbersAloneMayComeInTheWrongOrder) {
  const auto anna = resolve(shop, {phone("491701")}, "Anna", 1);
  const auto second_number = resolve(shop, {phone("491702")}, "", 7);
  EXPECT_EQ(change(shop, kNumber, {phone("491702")}, {phone("491703")}, 9).id, second_number.id);
  EXPECT_EQ(change(shop, kNumber, {phone("491701")}, {phone("491702")}, 5).id, anna.id);
  EXPECT_EQ(people_count(), 1);
  EXPECT_THAT(addresses(anna.id), ElementsAre("491703"));
  EXPECT_THAT(former(anna.id), UnorderedElementsAre("491701", "491702"));
}

TEST_F(PeopleTest, WhoHadTheNewNumberBeforeIsAnotherPerson) {
  const auto bert = resolve(shop, {phone("491702")}, "Bert", 1);
  change(shop, kNumber, {phone("491702")}, {phone("491709")}, 9);
  const auto anna = resolve(shop, {phone("491701")}, "Anna", 2);
  EXPECT_EQ(change(shop, kNumber, {phone("491701")}, {phone("491702")}, 10).id, anna.id);
  EXPECT_THAT(addresses(anna.id), ElementsAre("491702"));
  EXPECT_THAT(addresses(bert.id), ElementsAre("491709"));
}

TEST_F(PeopleTest, AKnownPersonsOldNumberIsTheirsForWhatIsOlderThanTheChange) {
  const auto anna = resolve(shop, {phone("491701")}, "Anna", 5);
  change(shop, kNumber, {phone("491701")}, {phone("491702")}, 10);
  const auto early = people::resolve(tx(), shop, party({phone("491701")}, ""), second(20), second(2));
  EXPECT_EQ(early->id, anna.id) << "before we heard of anybody";
  EXPECT_EQ(people_count(), 1);
}

TEST_F(PeopleTest, AUserIdMayComeBack) {
  const auto anna = resolve(shop, {bsuid("DE.1"), phone("491701")});
  change(shop, kNumber, {bsuid("DE.1")}, {bsuid("DE.2"), phone("491702")}, 5);
  change(shop, kNumber, {bsuid("DE.2")}, {bsuid("DE.1"), phone("491701")}, 6);
  EXPECT_THAT(addresses(anna.id), ElementsAre("DE.1", "491701"));
  EXPECT_EQ(people_count(), 1);
}

TEST_F(PeopleTest, AnUnknownPersonIsMadeAndTheOldIdNoted) {
  const auto made = change(shop, kNumber, {bsuid("DE.1")}, {bsuid("DE.2"), phone("491702")});
  EXPECT_TRUE(made.created);
  EXPECT_EQ(id_of(shop, {bsuid("DE.1"), phone("491701")}), made.id.value) << "a late message of the old id";
  EXPECT_EQ(people_count(), 1);
}

TEST_F(PeopleTest, SomebodyKnownByNumberOnlyTakesTheNewIds) {
  const auto list = resolve(shop, {phone("491701")});
  EXPECT_EQ(change(shop, kNumber, {bsuid("DE.1"), phone("491701")}, {bsuid("DE.2"), phone("491702")}).id,
            list.id);
  EXPECT_THAT(addresses(list.id), ElementsAre("DE.2", "491702"));
  EXPECT_EQ(id_of(shop, {bsuid("DE.1")}), list.id.value);
}

TEST_F(PeopleTest, TheNumbersNewOwnerIsNotTheOneWhoMoved) {
  const auto anna = resolve(shop, {bsuid("DE.1"), phone("491701")}, "", 1);
  const auto bert = resolve(shop, {bsuid("DE.9"), phone("491701")}, "", 8);
  // The event is from second 5, when the number was still Anna's; it names the number alone.
  const auto changed = change(shop, kNumber, {phone("491701")}, {bsuid("DE.2"), phone("491702")}, 5);
  EXPECT_EQ(changed.id, anna.id);
  EXPECT_THAT(addresses(bert.id), ElementsAre("DE.9", "491701"));
  EXPECT_EQ(id_of(shop, {bsuid("DE.2")}), anna.id.value);
}

TEST_F(PeopleTest, ANumberTakenOverFromAnother) {
  const auto anna = resolve(shop, {bsuid("DE.1"), phone("491701")}, "", 1);
  const auto bert = resolve(shop, {bsuid("DE.2"), phone("491702")}, "", 1);
  change(shop, kNumber, {bsuid("DE.1")}, {bsuid("DE.3"), phone("491702")}, 5);
  EXPECT_THAT(addresses(anna.id), ElementsAre("DE.3", "491702"));
  EXPECT_THAT(addresses(bert.id), ElementsAre("DE.2"));
  // Without user ids the time tells: Bert had the number before the change.
  const auto carl = resolve(shop, {phone("491703")}, "", 1);
  change(shop, kNumber, {phone("491703")}, {phone("491702")}, 9);
  EXPECT_THAT(addresses(carl.id), ElementsAre("491702"));
  EXPECT_EQ(people_count(), 3);
}

TEST_F(PeopleTest, ANewInstallationIsToldByItsHash) {
  Party p = party({bsuid("DE.1"), phone("491701")});
  p.identity_hash = "one";
  const auto anna = people::resolve(tx(), shop, p, second(1)).value();
  forget_events();
  IdentityEvent event;
  event.reason = "customer_identity_changed";
  event.person = p;
  event.person.identity_hash = "two";
  EXPECT_EQ(people::change_identity(tx(), shop, event, second(2))->id, anna.id);
  EXPECT_EQ(event_log().back(),
            R"(person.identity_changed person:1 {"person_id":1,"reason":"customer_identity_changed"})");
  forget_events();
  EXPECT_FALSE(people::change_identity(tx(), shop, event, second(3))->changed);
  EXPECT_THAT(event_log(), IsEmpty());
}

TEST_F(PeopleTest, AChangeToNothingIsRefused) {
  IdentityEvent event;
  event.previous = {bsuid("DE.1")};
  const auto result = people::change_identity(tx(), shop, event, second(1));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace posthorn::test
