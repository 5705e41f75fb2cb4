// What is remembered of people between transactions. That it never differs from the tables is shown over the
// simulated crowd of people_property_test.cpp as well.
#include "messaging/people_cache.h"

#include "people_fixture.h"

namespace posthorn::test {
namespace {

class PeopleCacheTest : public PeopleTest {
 protected:
  // One transaction: whom `who` is remembered as, then what the tables say is remembered.
  std::optional<PersonId> see(const Account& account, const Party& who, bool committed = true) {
    EXPECT_TRUE(cache.begin(tx()));
    const auto known = cache.person(account.id, who);
    const auto found = people::resolve(tx(), account, who, second(1));
    EXPECT_TRUE(found);
    if (found && found->holds_all) cache.remember(account.id, who, found->id);
    const auto transaction = cache.end(tx());
    EXPECT_TRUE(transaction);
    if (committed && transaction) cache.confirm(*transaction);
    return known;
  }

  PeopleCache cache;
  const Party ada = party({bsuid("DE.1"), phone("49151")}, "Ada");
};

TEST_F(PeopleCacheTest, WhoWroteBeforeIsRemembered) {
  EXPECT_FALSE(see(shop, ada));
  EXPECT_EQ(see(shop, ada), PersonId{id_of(shop, {bsuid("DE.1")})});
  EXPECT_FALSE(see(desk, ada)) << "addresses are of an account's scope";
}

TEST_F(PeopleCacheTest, AnotherNameIsLookedUp) {
  see(shop, ada);
  const Party renamed = party(ada.addresses, "Ada Lovelace");
  EXPECT_FALSE(see(shop, renamed));
  EXPECT_TRUE(see(shop, renamed));
  EXPECT_FALSE(see(shop, ada)) << "the old name again is a change too";
  EXPECT_TRUE(see(shop, party(ada.addresses))) << "no name tells nothing";
}

TEST_F(PeopleCacheTest, WhatWasNotCommittedIsForgotten) {
  see(shop, ada, false);
  EXPECT_FALSE(see(shop, ada));
  EXPECT_TRUE(see(shop, ada));
}

TEST_F(PeopleCacheTest, AnotherTransactionInBetweenForgetsToo) {
  ASSERT_TRUE(cache.begin(tx()));
  cache.remember(shop.id, ada, PersonId{1});
  const auto first = cache.end(tx());
  ASSERT_TRUE(cache.begin(tx()));  // before the first commit is confirmed
  EXPECT_FALSE(cache.person(shop.id, ada));
  cache.confirm(*first);
  cache.remember(shop.id, ada, PersonId{2});  // and this one fails
  ASSERT_TRUE(cache.begin(tx()));
  EXPECT_FALSE(cache.person(shop.id, ada));
}

TEST_F(PeopleCacheTest, WhateverMovesAnAddressForgetsAll) {
  const Party eve = party({bsuid("DE.9"), phone("49160")}, "Eve");
  const auto forgets = [&](auto change) {
    see(shop, eve);
    EXPECT_TRUE(see(shop, eve));
    change();
    EXPECT_FALSE(see(shop, eve));
  };
  const std::int64_t person = id_of(shop, {bsuid("DE.1")});
  const std::int64_t stranger = id_of(shop, {phone("49170")});
  std::int64_t merge = 0;
  forgets([&] {
    ASSERT_TRUE(people::merge(tx(), PersonId{person}, PersonId{stranger}, "me", "same", second(2)));
    merge = number("SELECT MAX(id) FROM person_merges");
  });
  forgets([&] { ASSERT_TRUE(people::undo_merge(tx(), merge, second(3), "me")); });
  forgets([&] { change(shop, "user_changed_number", {bsuid("DE.1")}, {bsuid("DE.2"), phone("49152")}); });
  forgets([&] { resolve(shop, {bsuid("DE.3"), phone("49152")}, "", 9); });
  forgets([&] { resolve(shop, {bsuid("DE.10"), phone("49160")}, "", 9); });
}

TEST_F(PeopleCacheTest, ConversationsAreOfAnAccountAndAPerson) {
  ASSERT_TRUE(cache.begin(tx()));
  cache.remember(shop.id, PersonId{3}, ConversationId{7});
  EXPECT_EQ(cache.conversation(shop.id, PersonId{3}), ConversationId{7});
  EXPECT_FALSE(cache.conversation(desk.id, PersonId{3}));
  EXPECT_FALSE(cache.conversation(shop.id, PersonId{7}));
}

TEST_F(PeopleCacheTest, MemoryIsBounded) {
  PeopleCache small(10);
  for (int i = 0; i < 1000; ++i) {
    const Party somebody = party({phone(std::to_string(49'000 + i))});
    small.remember(shop.id, somebody, PersonId{i + 1});
    ASSERT_TRUE(small.person(shop.id, somebody));
  }
  EXPECT_FALSE(small.person(shop.id, party({phone("49000")})));
}

}  // namespace
}  // namespace posthorn::test
