// Conversations: one for each person (or group) and account. SQL only: every function works inside the
// caller's transaction. No query costs more when the store grows: the inbox is paged by the last message's
// id.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "messaging/messaging_window.h"
#include "storage/database.h"

namespace posthorn {

struct Conversation {
  ConversationId id;
  AccountId account;
  PersonId person;  // 0: a group
  std::string group_id, subject;
  MessageId last_message;  // 0: none yet
  WallTime last_message_at{}, last_inbound_at{}, last_action_at{}, free_until{};
  int unread = 0;
  bool archived = false;
  std::string assigned_to;
  WallTime created_at{};
};

struct ConversationFilter {
  AccountId account;  // 0: every account
  std::optional<bool> archived = false;
  bool unread_only = false;
  std::string assigned_to;  // empty: whoever
  std::string label;        // empty: any
};

// A row of the inbox, ready to be shown.
struct InboxRow {
  Conversation conversation;
  std::string person_name, person_address;  // or the group's subject and id
  std::string preview;                      // of the last message, at most 200 characters
  int preview_direction = 0;                // messages.direction
  std::vector<std::string> labels;
};
struct InboxPage {
  std::vector<InboxRow> rows;  // newest activity first
  std::int64_t next = 0;       // pass as `before`; 0 at the end
};

namespace conversations {

// The conversation of this person with this account; made if there is none.
Result<ConversationId> of_person(Transaction& tx, AccountId account, PersonId person, WallTime now);
Result<ConversationId> of_group(Transaction& tx, AccountId account, std::string_view group_id, WallTime now);
Result<std::optional<ConversationId>> find(Transaction& tx, AccountId account, PersonId person);
Result<Conversation> get(Transaction& tx, ConversationId id);  // not_found
Result<std::vector<Conversation>> of(Transaction& tx, PersonId person);

// A page may have fewer rows than `limit` and still a `next` when a filter leaves out much.
Result<InboxPage> inbox(Transaction& tx, const ConversationFilter& filter, std::int64_t before,
                        int limit);  // 1 to 200
Result<InboxRow> row(Transaction& tx, ConversationId id);
// Conversations with something unread; account 0: every account. Counts to 10,000, which means: as many or
// more.
Result<std::int64_t> unread_count(Transaction& tx, AccountId account);

// Each also appends 'conversation.updated' to the event log. invalid_argument names the field.
Result<> mark_read(Transaction& tx, ConversationId id, std::string_view actor, WallTime now);
Result<> set_archived(Transaction& tx, ConversationId id, bool archived, std::string_view actor,
                      WallTime now);
Result<> assign(Transaction& tx, ConversationId id, std::string_view to, std::string_view actor,
                WallTime now);
Result<> add_label(Transaction& tx, ConversationId id, std::string_view label, std::string_view actor,
                   WallTime now);
Result<> remove_label(Transaction& tx, ConversationId id, std::string_view label, std::string_view actor,
                      WallTime now);
Result<std::vector<std::string>> labels(Transaction& tx, ConversationId id);

WindowFacts window_facts(const Conversation& conversation, channels::Channel channel);

}  // namespace conversations
}  // namespace posthorn
