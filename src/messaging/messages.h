// Messages of conversations, incoming, outgoing and private notes. SQL only: every function works inside the
// caller's transaction.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "storage/database.h"

namespace posthorn {

enum class MessageDirection : std::uint8_t { in = 0, out = 1, note = 2 };  // values are stored

// Bits of messages.flags; values are stored.
namespace message_flags {
inline constexpr int kForwarded = 1;
inline constexpr int kHistory = 2;    // imported from before: nobody is told
inline constexpr int kStandby = 4;    // another app owns the thread
inline constexpr int kEcho = 8;       // sent by our side, but not through Posthorn
inline constexpr int kReferral = 16;  // content holds a referral
}  // namespace message_flags

struct Message {
  MessageId id;
  ConversationId conversation;
  MessageDirection direction = MessageDirection::in;
  WallTime at{}, received_at{};
  std::string channel_id;
  PersonId author_person;
  std::string author;
  std::string type, text, payload, content, reply_to;
  int flags = 0;
  int error_code = 0;
  std::string error;
  std::int64_t send_row = 0;
  int delivery = 0;  // messaging/delivery.h; of the send when there is one
  WallTime delivered_at{}, read_at{};
  std::string submission;  // out with send_row: queued, intent, accepted, rejected, unknown, …
  WallTime edited_at{}, deleted_at{};
  int edit_number = 0;
};

struct ReactionRow {
  PersonId actor;  // 0: our side
  std::string emoji;
  WallTime at{};
};

struct MessagePage {
  std::vector<Message> messages;  // newest first
  std::string next;               // pass as `before`; empty at the end
};

namespace messages {

// Stores one and makes it the conversation's last, if none there is newer by the channel's time. Its id is
// chosen here; its channel id, if known, leads to it from now on.
Result<MessageId> insert(Transaction& tx, const Message& message);
// By the channel's id (wamid, mid). `account` narrows to its conversations: two accounts that write to each
// other may both know an id. 0: any.
Result<std::optional<MessageId>> find_by_channel_id(Transaction& tx, std::string_view channel_id,
                                                    AccountId account = {});
Result<Message> get(Transaction& tx, MessageId id);  // not_found

// A page of a conversation by time, newest first; `before` is a page's `next` or empty. limit 1 to 500.
Result<MessagePage> page(Transaction& tx, ConversationId conversation, std::string_view before, int limit);
// Around a message, for search hits and quotes: up to `limit` older, it, and up to `limit` newer; newest
// first.
Result<std::vector<Message>> around(Transaction& tx, MessageId id, int limit);
// The newest of all conversations (or of one direction); `before` is an id, 0: from the newest.
Result<std::vector<Message>> newest(Transaction& tx, std::optional<MessageDirection> direction,
                                    std::int64_t before, int limit);

Result<std::vector<ReactionRow>> reactions(Transaction& tx, MessageId id);
Result<MessageId> add_note(Transaction& tx, ConversationId conversation, std::string_view text,
                           std::string_view author, WallTime now);

// What a line of the inbox or a notification shows: the text, a caption with its kind, or the kind; cut to
// `limit` code points.
std::string preview(const Message& message, std::size_t limit = 200);

}  // namespace messages
}  // namespace posthorn
