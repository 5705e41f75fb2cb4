#include "messaging/group_members.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "messaging/people_rows.h"

namespace posthorn::group_members {
namespace {

// Two people who turned out to be one: the later times stay.
void join(GroupMember& one, const GroupMember& other) {
  one.joined_at = std::max(one.joined_at, other.joined_at);
  if (other.left_at <= one.left_at) return;
  one.left_at = other.left_at;
  one.how = other.how;
}

}  // namespace

Result<> joined(Transaction& tx, ConversationId group, PersonId person, WallTime at) {
  PH_TRY(
      tx.execute("INSERT INTO group_members (conversation_id, person_id, joined_at) VALUES ($1, $2, $3) "
                 "ON CONFLICT (conversation_id, person_id) DO UPDATE SET joined_at = CASE WHEN "
                 "excluded.joined_at > group_members.joined_at THEN excluded.joined_at ELSE "
                 "group_members.joined_at END",
                 {group, person, at}));
  return {};
}

Result<> left(Transaction& tx, ConversationId group, PersonId person, WallTime at, std::string_view how) {
  PH_TRY(tx.execute(
      "INSERT INTO group_members (conversation_id, person_id, left_at, how) VALUES ($1, $2, $3, $4) "
      "ON CONFLICT (conversation_id, person_id) DO UPDATE SET left_at = excluded.left_at, how = "
      "excluded.how WHERE excluded.left_at > group_members.left_at",
      {group, person, at, how}));
  return {};
}

Result<> ended(Transaction& tx, ConversationId group, WallTime at) {
  PH_TRY(
      tx.execute("UPDATE group_members SET left_at = $2, how = 'deleted' WHERE conversation_id = $1 AND "
                 "joined_at > left_at AND joined_at <= $2",
                 {group, at}));
  return {};
}

Result<std::vector<GroupMember>> of(Transaction& tx, ConversationId group) {
  std::vector<GroupMember> rows_of_all;
  {
    PH_TRY_ASSIGN(auto rows, tx.query("SELECT person_id, joined_at, left_at, how FROM group_members WHERE "
                                      "conversation_id = $1 ORDER BY person_id",
                                      {group}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      rows_of_all.push_back({PersonId{rows.integer(0)}, wall_from_micros(rows.integer(1)),
                             wall_from_micros(rows.integer(2)), std::string(rows.text(3))});
    }
  }
  std::map<PersonId, GroupMember> by_person;
  for (const GroupMember& row : rows_of_all) {
    PH_TRY_ASSIGN(const PersonId person, people_rows::follow_merges(tx, row.person));
    GroupMember& member = by_person[person];
    member.person = person;
    join(member, row);
  }
  std::vector<GroupMember> out;
  for (auto& [person, member] : by_person) out.push_back(std::move(member));
  std::ranges::sort(out, [](const GroupMember& a, const GroupMember& b) {
    return std::tuple(!a.present(), a.joined_at, a.person) < std::tuple(!b.present(), b.joined_at, b.person);
  });
  return out;
}

}  // namespace posthorn::group_members
