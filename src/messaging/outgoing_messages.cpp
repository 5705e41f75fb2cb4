#include "messaging/outgoing_messages.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "core/json.h"
#include "core/json_writer.h"
#include "messaging/accounts.h"
#include "messaging/conversations.h"
#include "messaging/media_uploads.h"
#include "messaging/message_rows.h"
#include "messaging/messages.h"
#include "messaging/people.h"
#include "messaging/single_sends.h"
#include "messaging/status_applier.h"
#include "storage/event_log.h"

namespace posthorn::outgoing_messages {
namespace {

constexpr int kMediaUnusable = 131053;  // Meta could not use the file (error table)

struct Recipient {
  std::string phone, user_id, group_id;
};

Result<Recipient> recipient_of(Transaction& tx, const Account& account, const Conversation& conversation) {
  if (!conversation.group_id.empty()) return Recipient{{}, {}, conversation.group_id};
  PH_TRY_ASSIGN(people::SendAddress address, people::send_address(tx, account, conversation.person));
  if (address.phone.empty() && address.user_id.empty()) {
    return fail(ErrorCode::conflict, fmt::format("Person {} has no address that account '{}' could write to.",
                                                 conversation.person.value, account.name));
  }
  return Recipient{std::move(address.phone), std::move(address.user_id), {}};
}

// Meta uses the number if both are given; the user id goes along for people who change it.
void address_whatsapp(json::object& body, const Recipient& to, const std::string& reply_to) {
  body["messaging_product"] = "whatsapp";
  body["recipient_type"] = to.group_id.empty() ? "individual" : "group";
  if (!to.group_id.empty()) {
    body["to"] = to.group_id;
  } else if (!to.phone.empty()) {
    body["to"] = "+" + to.phone;
  } else {
    body["recipient"] = to.user_id;
  }
  if (!reply_to.empty()) body["context"] = json::object{{"message_id", reply_to}};
}

void address_meta(json::object& body, const Recipient& to, const std::string& reply_to) {
  body["recipient"] = json::object{{"id", to.user_id}};
  if (!body.contains("messaging_type")) body["messaging_type"] = "RESPONSE";
  if (!reply_to.empty()) body["reply_to"] = json::object{{"mid", reply_to}};
}

Result<std::string> payload_of(const NewReply& reply, const Account& account, const Recipient& to) {
  PH_TRY_ASSIGN(json::value content, parse_json(reply.content));
  if (!content.is_object() || content.as_object().empty()) {
    return fail(ErrorCode::invalid_argument,
                "The content must be the request body without recipient, a JSON object.", "content");
  }
  json::object& body = content.as_object();
  for (const std::string_view name : {"to", "recipient", "recipient_type"}) {
    if (body.contains(name)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("The content names '{}': the conversation says to whom it goes.", name),
                  fmt::format("content.{}", name));
    }
  }
  account.channel == "whatsapp" ? address_whatsapp(body, to, reply.reply_to)
                                : address_meta(body, to, reply.reply_to);
  return json::serialize(body);
}

PhoneNumber phone_of(const Recipient& to) {
  std::uint64_t digits = 0;
  const char* const end = to.phone.data() + to.phone.size();
  const auto parsed = std::from_chars(to.phone.data(), end, digits);
  return PhoneNumber::from_digits(parsed.ec == std::errc() && parsed.ptr == end ? digits : 0);
}

Message message_of(const NewReply& reply, std::int64_t send_row, WallTime now) {
  Message message;
  message.conversation = reply.conversation;
  message.direction = MessageDirection::out;
  message.at = message.received_at = now;
  message.author = reply.author;
  message.type = reply.type;
  message.text = reply.text;
  message.content = reply.content;
  message.reply_to = reply.reply_to;
  message.send_row = send_row;
  return message;
}

Result<> log_sent(Transaction& tx, const Message& message, const Conversation& conversation,
                  const Account& account, WallTime now) {
  std::string data;
  JsonWriter(data)
      .begin_object()
      .member("message_id", message.id.value)
      .member("conversation_id", conversation.id.value)
      .member("account_id", account.id.value)
      .member("person_id", conversation.person.value)
      .member("type", std::string_view(message.type))
      .member("channel", std::string_view(account.channel))
      .end_object();
  return events::note(tx, now, "message.sent", fmt::format("conversation:{}", conversation.id.value), data);
}

Result<> log_status(Transaction& tx, MessageId message, ConversationId conversation, std::string_view word,
                    int code, WallTime now) {
  if (code == kMediaUnusable) {
    PH_TRY(media_uploads::forget_those_of(tx, message));
  }
  std::string data;
  JsonWriter json(data);
  json.begin_object()
      .member("message_id", message.value)
      .member("conversation_id", conversation.value)
      .member("status", word);
  if (code != 0) json.member("code", code);
  json.end_object();
  return events::note(tx, now, "message.status", fmt::format("conversation:{}", conversation.value), data);
}

// What a message row knows about its own delivery.
struct Stored {
  ConversationId conversation;
  bool ours = false;
  std::int64_t send_row = 0;
  Delivery delivery;
  int code = 0;
  std::string channel_id;
};

Result<Stored> load(Transaction& tx, MessageId id) {
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT conversation_id, direction, send_row, delivery, delivered_at, read_at, "
                         "error_code, channel_id FROM messages WHERE id = $1",
                         {id}));
  Stored stored;
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return stored;
  stored.conversation = ConversationId{rows.integer(0)};
  stored.ours = rows.integer(1) == static_cast<int>(MessageDirection::out);
  stored.send_row = rows.integer(2);
  stored.delivery.bits = static_cast<std::uint32_t>(rows.integer(3));
  stored.delivery.delivered_at = rows.integer(4);
  stored.delivery.read_at = rows.integer(5);
  stored.code = static_cast<int>(rows.integer(6));
  stored.channel_id = rows.text(7);
  return stored;
}

// What was said about the echo is about our message from now on, and the echo is gone.
Result<> absorb(Transaction& tx, MessageId message, MessageId echo, WallTime now) {
  PH_TRY_ASSIGN(const Stored gone, load(tx, echo));
  PH_TRY(tx.execute(
      "INSERT INTO reactions (message_id, actor, emoji, at) SELECT $1, actor, emoji, at FROM reactions "
      "WHERE message_id = $2 ON CONFLICT DO NOTHING",
      {message, echo}));
  PH_TRY(tx.execute("UPDATE attachments SET message_id = $1 WHERE message_id = $2", {message, echo}));
  PH_TRY(tx.execute(
      "UPDATE messages SET text = e.text, content = e.content, edited_at = e.edited_at, edit_number = "
      "e.edit_number, deleted_at = e.deleted_at FROM messages e WHERE messages.id = $1 AND e.id = $2 "
      "AND (e.edited_at <> 0 OR e.deleted_at <> 0)",
      {message, echo}));
  PH_TRY(tx.execute("DELETE FROM reactions WHERE message_id = $1", {echo}));
  PH_TRY(message_rows::remove(tx, echo));
  PH_TRY(message_rows::find_last(tx, gone.conversation));
  std::string data;
  JsonWriter(data)
      .begin_object()
      .member("message_id", echo.value)
      .member("conversation_id", gone.conversation.value)
      .end_object();
  PH_TRY(events::note(tx, now, "message.deleted", fmt::format("conversation:{}", gone.conversation.value),
                      data));
  const Delivery& d = gone.delivery;
  if ((d.bits & delivery_bits::kDelivered) != 0) {
    PH_TRY(join_delivery(tx, message, DeliveryKind::delivered, wall_from_micros(d.delivered_at), 0, now));
  }
  if ((d.bits & delivery_bits::kRead) == 0) return {};
  return join_delivery(tx, message, DeliveryKind::read, wall_from_micros(d.read_at), 0, now);
}

// Other messages of the same account under this id.
Result<std::vector<MessageId>> echoes(Transaction& tx, MessageId message, std::int64_t hash,
                                      std::string_view channel_id) {
  std::vector<MessageId> found;
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT e.id FROM message_ids i JOIN messages e ON e.id = i.message_id "
                         "JOIN conversations ec ON ec.id = e.conversation_id "
                         "JOIN messages m ON m.id = $2 JOIN conversations mc ON mc.id = m.conversation_id "
                         "WHERE i.hash = $1 AND e.channel_id = $3 AND e.id <> $2 AND e.send_row = 0 "
                         "AND ec.account_id = mc.account_id ORDER BY e.id",
                         {hash, message, channel_id}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return found;
    found.push_back(MessageId{rows.integer(0)});
  }
}

}  // namespace

std::string_view status_word(SendState state, std::uint32_t bits) {
  const std::string_view word = delivery_word(bits);
  if (!word.empty() && word != "held") return word;
  switch (state) {
    case SendState::accepted:
      return "accepted";
    case SendState::rejected:
    case SendState::suppressed:
    case SendState::cancelled:
    case SendState::expired:
      return "failed";
    default:
      return "";
  }
}

Result<QueuedReply> queue_reply(Transaction& tx, const NewReply& reply, WallTime now) {
  PH_TRY_ASSIGN(const Conversation conversation, conversations::get(tx, reply.conversation));
  PH_TRY_ASSIGN(const Account account, accounts::get(tx, conversation.account));
  PH_TRY_ASSIGN(const Recipient to, recipient_of(tx, account, conversation));
  SingleSend send;
  send.account = account.id;
  send.lane = reply.lane;
  send.phone = phone_of(to);
  PH_TRY_ASSIGN(send.payload, payload_of(reply, account, to));
  send.policy = reply.policy;
  send.purpose = reply.purpose;
  QueuedReply queued;
  queued.account = account.id;
  PH_TRY_ASSIGN(queued.send_row, enqueue_single_send(tx, send, now));
  Message message = message_of(reply, queued.send_row, now);
  PH_TRY_ASSIGN(message.id, messages::insert(tx, message));
  queued.message = message.id;
  PH_TRY(log_sent(tx, message, conversation, account, now));
  return queued;
}

Result<std::optional<MessageId>> of_send(Transaction& tx, std::int64_t send_row) {
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT id FROM messages WHERE send_row = $1 AND send_row <> 0", {send_row}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return std::nullopt;
  return MessageId{rows.integer(0)};
}

Result<> named(Transaction& tx, MessageId message, std::string_view channel_id, WallTime now) {
  PH_TRY_ASSIGN(const std::int64_t changed,
                tx.execute("UPDATE messages SET channel_id = $2 WHERE id = $1 AND channel_id <> $2",
                           {message, channel_id}));
  if (changed == 0) return {};
  const std::int64_t hash = wamid_hash(channel_id);
  PH_TRY_ASSIGN(const std::vector<MessageId> before_us, echoes(tx, message, hash, channel_id));
  PH_TRY(message_rows::name(tx, message, hash));
  for (const MessageId echo : before_us) {
    PH_TRY(tx.execute("DELETE FROM message_ids WHERE hash = $1 AND message_id = $2", {hash, echo}));
    PH_TRY(absorb(tx, message, echo, now));
  }
  return {};
}

Result<> send_changed(Transaction& tx, std::int64_t send_row, const StoredSend& before,
                      const StoredSend& after, WallTime now) {
  const std::string_view word = status_word(after.row.state, after.delivery.bits);
  const bool new_word = !word.empty() && word != status_word(before.row.state, before.delivery.bits);
  const bool new_name = !after.wamid.empty() && before.wamid != after.wamid;
  if (!new_word && !new_name) return {};
  PH_TRY_ASSIGN(const std::optional<MessageId> message, of_send(tx, send_row));
  if (!message) return {};
  if (new_name) {
    PH_TRY(named(tx, *message, after.wamid, now));
  }
  if (!new_word) return {};
  PH_TRY_ASSIGN(const Stored stored, load(tx, *message));
  return log_status(tx, *message, stored.conversation, word, word == "failed" ? after.code : 0, now);
}

Result<> join_delivery(Transaction& tx, MessageId message, DeliveryKind kind, WallTime at, int code,
                       WallTime now) {
  PH_TRY_ASSIGN(Stored stored, load(tx, message));
  if (!stored.ours) return {};
  const std::int64_t when = std::max<std::int64_t>(to_micros(at), 1);
  if (stored.send_row != 0) {
    StatusFact fact;
    fact.key = {CampaignId{}, stored.send_row};
    fact.kind = kind;
    fact.at = when;
    fact.code = code;
    fact.wamid = stored.channel_id;
    PH_TRY_ASSIGN(const StoredSend send, load_send(tx, fact.key));
    fact.account = send.account;
    Progress progress(to_micros(now));
    AppliedStatuses applied;
    return send.exists ? apply_statuses(tx, {fact}, to_micros(now), progress, applied) : Result<>();
  }
  const std::string_view before = delivery_word(stored.delivery.bits);
  // Of several failures the one with the smallest code is kept: their times are not.
  const bool failed_before = (stored.delivery.bits & delivery_bits::kFailed) != 0;
  if (kind == DeliveryKind::failed) stored.code = failed_before ? std::min(stored.code, code) : code;
  join(stored.delivery, kind, when, code);
  PH_TRY(tx.execute(
      "UPDATE messages SET delivery = $2, delivered_at = $3, read_at = $4, error_code = $5 WHERE id = $1",
      {message, static_cast<std::int64_t>(stored.delivery.bits), stored.delivery.delivered_at,
       stored.delivery.read_at, stored.code}));
  const std::string_view after = delivery_word(stored.delivery.bits);
  return after == before ? Result<>() : log_status(tx, message, stored.conversation, after, stored.code, now);
}

}  // namespace posthorn::outgoing_messages
