// Conversations when two people become one, and when that is undone. Part of people.h's implementation.
#pragma once
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "messaging/people_merge_record.h"
#include "storage/database.h"

namespace posthorn::people_conversations {

// Each conversation of `absorbed` goes to `kept`: its messages into the one with the same account, or as a
// whole.
Result<std::vector<MergedConversation>> unite(Transaction& tx, PersonId kept, PersonId absorbed);
Result<> separate(Transaction& tx, PersonId kept, PersonId absorbed, const MergedConversation& merged,
                  WallTime now);

}  // namespace posthorn::people_conversations
