// What a merge of two people has moved, so that it can be put back. Stored as JSON in person_merges.undo.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "messaging/person_suppressions.h"

namespace posthorn {

struct MergedAddress {
  int kind = 0;
  std::string scope, value;
};

// What a conversation shows and counts beside its messages.
struct ConversationState {
  std::int64_t last_inbound_at = 0, last_action_at = 0, free_until = 0;
  int unread = 0;
  bool archived = false;
  std::string assigned_to;
  std::vector<std::string> labels;
};

struct MergedConversation {
  ConversationId id;  // the absorbed person's
  AccountId account;
  ConversationId into;                // 0: it changed hands as a whole
  MessageId until;                    // its newest message then
  std::vector<std::int64_t> origins;  // conversations whose messages earlier merges had moved here
  ConversationState absorbed, kept;   // before
};

struct MergedCall {
  std::int64_t id = 0;
  ConversationId conversation;  // before
};

struct MergeRecord {
  std::vector<MergedAddress> addresses, former;
  std::vector<MergedConversation> conversations;
  std::vector<MergedCall> calls;
  person_suppressions::United suppressions;
  std::string name, given_name, username;  // what the kept person did not have and got; empty: nothing

  std::string to_json() const;
  static Result<MergeRecord> parse(std::string_view json);  // data_loss: it is none
};

}  // namespace posthorn
