// How messages and conversations are stored: the few statements behind conversations.h, messages.h and the
// applier.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "messaging/messages.h"
#include "storage/database.h"

namespace posthorn::message_rows {

// SELECT of a message and what its send knows; complete with WHERE and ORDER BY on `m`. read() takes its
// rows.
inline const std::string kSelect =
    "SELECT m.id, m.conversation_id, m.direction, m.at, m.received_at, m.channel_id, m.author_person, "
    "m.author, m.type, "
    "m.text, m.payload, m.content, m.reply_to, m.flags, m.error_code, m.error, m.send_row, m.delivery, "
    "m.delivered_at, "
    "m.read_at, m.edited_at, m.edit_number, m.deleted_at, s.row_no, s.state, s.delivery, s.delivered_at, "
    "s.read_at, "
    "s.code, s.detail FROM messages m LEFT JOIN sends s ON m.send_row <> 0 AND s.campaign_id = 0 AND "
    "s.row_no = m.send_row ";
Message read(SqlRows& rows);

// Beyond every id that was ever given out: the search index, events and rules know messages by it.
Result<std::int64_t> next_id(Transaction& tx);
Result<> remove(Transaction& tx, MessageId id);  // the row alone
// The row and its entry under the channel id (of hash `hash`; only if there is one). Touches no conversation.
Result<> insert(Transaction& tx, const Message& message, std::int64_t hash);
Result<> name(Transaction& tx, MessageId message, std::int64_t hash);  // entry under a channel id

// What a message changes in its conversation. Times never go back.
struct Touch {
  ConversationId conversation;
  MessageId message;  // becomes the last one if none is newer by the second; 0: leave it
  std::int64_t at = 0;
  std::int64_t inbound_at = 0, action_at = 0, free_until = 0;  // microseconds; 0: leave it
  int unread = 0;                                              // added
  bool unarchive = false;
};
// `labels`: whether the conversation may have labels, which keep the order of the inbox too.
Result<> touch(Transaction& tx, const Touch& touch, bool labels);

// The newest message that is left becomes the last one: after one was taken away.
Result<> find_last(Transaction& tx, ConversationId conversation);

}  // namespace posthorn::message_rows
