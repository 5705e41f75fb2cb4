// Our own messages: stored in their conversation and queued in one transaction, then joined with everything
// that tells what became of them: the channel's answer, statuses, receipts, and the echo that may come before
// the answer.
//
// SQL only: every function works inside the caller's transaction.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "messaging/delivery.h"
#include "messaging/lanes.h"
#include "messaging/send_rows.h"
#include "messaging/send_state.h"
#include "storage/database.h"

namespace posthorn {

struct NewReply {
  ConversationId conversation;
  std::string type;  // text, image, template, …: what is shown
  std::string text;  // what a person reads
  // The request body without recipient, a JSON object. WhatsApp: {"type":"text","text":{"body":"…"}};
  // Instagram and Messenger: {"message":{"text":"…"}}, with "messaging_type" and "tag" where they are not
  // RESPONSE.
  std::string content;
  std::string author;    // key or user, 'automation:<rule>'
  std::string reply_to;  // channel id of the message it answers; empty: none
  Lane lane = Lane::reply;
  SendPolicy policy = SendPolicy::at_most_once;
  std::string purpose;  // "reply", "automation:<rule>", "action:<name>"
};

struct QueuedReply {
  MessageId message;
  std::int64_t send_row = 0;
  AccountId account;  // whose dispatcher is to be woken after the commit
};

namespace outgoing_messages {

// Stores the message and queues its send. not_found: no such conversation. invalid_argument: the content is
// no JSON object, or names a recipient itself. conflict: the person has no address on this account.
Result<QueuedReply> queue_reply(Transaction& tx, const NewReply& reply, WallTime now);

// The message behind a single send; none for sends without a conversation.
Result<std::optional<MessageId>> of_send(Transaction& tx, std::int64_t send_row);

// The channel's id of our message became known. An echo that was stored as a message of its own before that
// is taken back: what was said about it now is about ours.
Result<> named(Transaction& tx, MessageId message, std::string_view channel_id, WallTime now);

// A single send changed: its message learns the channel's id, and 'message.status' is logged when its word
// changed.
Result<> send_changed(Transaction& tx, std::int64_t send_row, const StoredSend& before,
                      const StoredSend& after, WallTime now);

// A receipt or status for one of our messages. Joins the send behind it, or the message itself; logs
// 'message.status' when the word changed. Messages that are not ours stay as they are.
Result<> join_delivery(Transaction& tx, MessageId message, DeliveryKind kind, WallTime at, int code,
                       WallTime now);

// "accepted", "sent", "delivered", "read", "failed", or "" while nothing is known.
std::string_view status_word(SendState state, std::uint32_t delivery_bits);

}  // namespace outgoing_messages
}  // namespace posthorn
