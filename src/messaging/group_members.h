// Who is in a WhatsApp group, as its events tell: Meta has no list of those who were there before. SQL only:
// every function works inside the caller's transaction. Events come late and in any order; the latest of each
// kind counts.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "storage/database.h"

namespace posthorn {

struct GroupMember {
  PersonId person;
  WallTime joined_at{};  // the last time; the epoch: before anything was told
  WallTime left_at{};    // the last time; the epoch: never
  std::string
      how;  // of the last leaving: 'left', 'removed' (by the business), 'deleted' (the group); empty: never
  bool present() const { return joined_at > left_at; }
};

namespace group_members {

Result<> joined(Transaction& tx, ConversationId group, PersonId person, WallTime at);
Result<> left(Transaction& tx, ConversationId group, PersonId person, WallTime at, std::string_view how);
// The group was deleted: whoever was in it is in it no more.
Result<> ended(Transaction& tx, ConversationId group, WallTime at);
// Follows merges; those who are in it first, by the time they joined.
Result<std::vector<GroupMember>> of(Transaction& tx, ConversationId group);

}  // namespace group_members
}  // namespace posthorn
