// Full-text search over messages, newest first. The index is behind the store by moments (search_indexer.h).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "messaging/messages.h"
#include "platform/async.h"
#include "storage/database.h"

namespace posthorn {

struct MessageSearchQuery {
  std::string text;             // as typed; see search_text.h
  AccountId account;            // 0: every account
  ConversationId conversation;  // 0: every conversation
  std::string type;             // empty: any
  int direction = -1;           // messages.direction; -1: any
  std::int64_t before = 0;      // message id: only older ones; 0: from the newest
  int limit = 50;               // 1 to 200
};

struct MessageSearchPage {
  std::vector<Message> messages;  // newest first
  std::int64_t next = 0;          // pass as `before`; 0 at the end
};

// invalid_argument names the field. What was unsent or changed since it was indexed is left out.
Task<Result<MessageSearchPage>> search_messages(Database& database, Database& index,
                                                MessageSearchQuery query);

}  // namespace posthorn
