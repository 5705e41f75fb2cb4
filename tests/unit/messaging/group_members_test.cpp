// Who is in a group, whatever the order in which its events come.
#include "messaging/group_members.h"

#include <algorithm>

#include "messaging/people.h"
#include "unit/messaging/conversation_house.h"

namespace posthorn::test {
namespace {

using channels::AddressKind;

class GroupMembersTest : public ConversationTest {
 protected:
  channels::GroupEvent event(std::string type, int seconds, std::string content = "{}") {
    channels::GroupEvent e;
    e.group_id = "grp";
    e.type = std::move(type);
    e.content = std::move(content);
    e.at = at(seconds);
    return e;
  }
  channels::GroupEvent joins(std::string who, int seconds) {
    auto e = event("group_participants_add", seconds);
    e.added.push_back(person(std::move(who), AddressKind::bsuid));
    return e;
  }
  channels::GroupEvent leaves(std::string who, int seconds, std::string by = "participant") {
    auto e = event("group_participants_remove", seconds, fmt::format(R"({{"initiated_by":"{}"}})", by));
    e.removed.push_back(person(std::move(who), AddressKind::bsuid));
    return e;
  }
  std::vector<GroupMember> members() {
    auto read = group_members::of(tx(), ConversationId{1});
    EXPECT_TRUE(read) << read.error().message;
    return read.value_or(std::vector<GroupMember>());
  }
};

TEST_F(GroupMembersTest, ComeAndGo) {
  wa(joins("US.1", 1));
  wa(joins("US.2", 2));
  wa(joins("US.3", 3));
  wa(leaves("US.1", 5));
  wa(leaves("US.2", 6, "business"));
  const auto all = members();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].person, PersonId{3}) << "those who are in it first";
  EXPECT_TRUE(all[0].present());
  EXPECT_EQ(all[1].person, PersonId{1});
  EXPECT_EQ(all[1].joined_at, at(1));
  EXPECT_EQ(all[1].left_at, at(5));
  EXPECT_EQ(all[1].how, "left");
  EXPECT_EQ(all[2].how, "removed");
}

TEST_F(GroupMembersTest, EveryOrderOfArrivalEndsTheSame) {
  std::vector<int> order = {0, 1, 2, 3};
  int group = 0;
  do {
    ++group;
    for (const int i : order) {
      auto e =
          i % 2 == 0 ? joins("US.1", 10 + i) : leaves("US.1", 10 + i, i == 1 ? "participant" : "business");
      e.group_id = "grp" + std::to_string(group);
      wa(e);
    }
    const auto all = group_members::of(tx(), ConversationId{group}).value();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_FALSE(all[0].present());
    EXPECT_EQ(all[0].joined_at, at(12));
    EXPECT_EQ(all[0].left_at, at(13));
    EXPECT_EQ(all[0].how, "removed");
  } while (std::ranges::next_permutation(order).found);
}

TEST_F(GroupMembersTest, WhoComesBackIsInIt) {
  wa(joins("US.1", 1));
  wa(leaves("US.1", 2));
  wa(joins("US.1", 3));
  ASSERT_EQ(members().size(), 1U);
  EXPECT_TRUE(members()[0].present());
  EXPECT_EQ(members()[0].joined_at, at(3));
}

TEST_F(GroupMembersTest, SomebodyFromBeforeIsKnownByTheirLeaving) {
  wa(leaves("US.1", 2));
  ASSERT_EQ(members().size(), 1U);
  EXPECT_FALSE(members()[0].present());
  EXPECT_EQ(members()[0].joined_at, WallTime{});
}

TEST_F(GroupMembersTest, WithoutWordOfWhoDidItTheRequestTells) {
  auto asked = event("group_participants_remove", 2);
  asked.request_id = "R1";
  asked.removed.push_back(person("US.1", AddressKind::bsuid));
  wa(asked);
  auto unasked = event("group_participants_remove", 2, "not JSON");
  unasked.removed.push_back(person("US.2", AddressKind::bsuid));
  wa(unasked);
  EXPECT_EQ(members()[0].how, "removed");
  EXPECT_EQ(members()[1].how, "left");
}

TEST_F(GroupMembersTest, ADeletedGroupHasNoMembers) {
  wa(joins("US.1", 1));
  wa(joins("US.2", 2));
  wa(leaves("US.2", 3));
  auto failed = event("group_delete", 4);
  failed.error_code = 131000;
  wa(failed);
  EXPECT_TRUE(members()[0].present()) << "it was not deleted";
  wa(event("group_delete", 5));
  for (const auto& member : members()) EXPECT_FALSE(member.present());
  EXPECT_EQ(members()[0].how, "deleted");
  EXPECT_EQ(members()[0].left_at, at(5));
  EXPECT_EQ(members()[1].how, "left");
}

TEST_F(GroupMembersTest, TwoWhoAreOneAreOneMember) {
  wa(joins("US.1", 1));
  wa(leaves("US.1", 2));
  wa(joins("US.2", 3));
  const auto merge =
      people::merge(tx(), PersonId{1}, PersonId{2}, "eve", "one person", wall_from_micros(now_));
  ASSERT_TRUE(merge);
  ASSERT_EQ(members().size(), 1U);
  EXPECT_EQ(members()[0].person, PersonId{1});
  EXPECT_TRUE(members()[0].present());
  ASSERT_TRUE(people::undo_merge(tx(), *merge, wall_from_micros(now_)));
  EXPECT_EQ(members().size(), 2U);
}

TEST_F(GroupMembersTest, NobodyIsMadeOfAnEmptyEntry) {
  auto e = event("group_participants_add", 1);
  e.added.emplace_back();
  wa(e);
  EXPECT_TRUE(members().empty());
}

}  // namespace
}  // namespace posthorn::test
