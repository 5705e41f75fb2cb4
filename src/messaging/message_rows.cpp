#include "messaging/message_rows.h"

#include "messaging/send_state.h"
#include "messaging/settings.h"

namespace posthorn::message_rows {
namespace {

// Unchanged columns are written as they are: one statement serves every kind of touch. Whoever wrote last
// within one second counts as the last: channels tell whole seconds.
constexpr std::string_view kTouch =
    "UPDATE conversations SET "
    "last_message_id = CASE WHEN $2 <> 0 AND $3 / 1000000 >= last_message_at / 1000000 THEN $2 ELSE "
    "last_message_id END, "
    "last_message_at = CASE WHEN $2 <> 0 AND $3 > last_message_at THEN $3 ELSE last_message_at END, "
    "last_inbound_at = CASE WHEN $4 > last_inbound_at THEN $4 ELSE last_inbound_at END, "
    "last_action_at = CASE WHEN $5 > last_action_at THEN $5 ELSE last_action_at END, "
    "free_until = CASE WHEN $6 > free_until THEN $6 ELSE free_until END, "
    "unread = unread + $7, archived = CASE WHEN $8 <> 0 THEN 0 ELSE archived END WHERE id = $1";
// Acts that are no message leave the indexes alone.
constexpr std::string_view kTouchTimes =
    "UPDATE conversations SET "
    "last_inbound_at = CASE WHEN $2 > last_inbound_at THEN $2 ELSE last_inbound_at END, "
    "last_action_at = CASE WHEN $3 > last_action_at THEN $3 ELSE last_action_at END, "
    "free_until = CASE WHEN $4 > free_until THEN $4 ELSE free_until END WHERE id = $1";

// In settings: the greatest id when a message was last removed.
constexpr std::string_view kLastRemoved = "messages.last_id";

}  // namespace

Message read(SqlRows& r) {
  Message m;
  m.id = MessageId{r.integer(0)};
  m.conversation = ConversationId{r.integer(1)};
  m.direction = static_cast<MessageDirection>(r.integer(2));
  m.at = wall_from_micros(r.integer(3));
  m.received_at = wall_from_micros(r.integer(4));
  m.channel_id = r.text(5);
  m.author_person = PersonId{r.integer(6)};
  m.author = r.text(7);
  m.type = r.text(8);
  m.text = r.text(9);
  m.payload = r.text(10);
  m.content = r.text(11);
  m.reply_to = r.text(12);
  m.flags = static_cast<int>(r.integer(13));
  m.error_code = static_cast<int>(r.integer(14));
  m.error = r.text(15);
  m.send_row = r.integer(16);
  m.delivery = static_cast<int>(r.integer(17));
  m.delivered_at = wall_from_micros(r.integer(18));
  m.read_at = wall_from_micros(r.integer(19));
  m.edited_at = wall_from_micros(r.integer(20));
  m.edit_number = static_cast<int>(r.integer(21));
  m.deleted_at = wall_from_micros(r.integer(22));
  if (m.send_row == 0) return m;
  m.submission = to_string(SendState::queued);
  if (r.is_null(23)) return m;
  m.submission = to_string(static_cast<SendState>(r.integer(24)));
  m.delivery = static_cast<int>(r.integer(25));
  m.delivered_at = wall_from_micros(r.integer(26));
  m.read_at = wall_from_micros(r.integer(27));
  m.error_code = static_cast<int>(r.integer(28));
  m.error = r.text(29);
  return m;
}

Result<std::int64_t> next_id(Transaction& tx) {
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT COALESCE(MAX(id), 0) + 1 FROM (SELECT MAX(id) AS id FROM messages UNION ALL "
                         "SELECT CAST(value AS BIGINT) FROM settings WHERE name = $1) AS used",
                         {kLastRemoved}));
  PH_TRY(rows.next());
  return rows.integer(0);
}

Result<> remove(Transaction& tx, MessageId id) {
  PH_TRY_ASSIGN(const std::int64_t next, next_id(tx));
  PH_TRY(settings::set(tx, kLastRemoved, std::to_string(next - 1)));
  PH_TRY(tx.execute("DELETE FROM messages WHERE id = $1", {id}));
  return {};
}

Result<> insert(Transaction& tx, const Message& m, std::int64_t hash) {
  PH_TRY(tx.execute(
      "INSERT INTO messages (id, conversation_id, direction, at, received_at, channel_id, author_person, "
      "author, type, "
      "text, payload, content, reply_to, flags, error_code, error, send_row, delivery, delivered_at, "
      "read_at) VALUES "
      "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
      {m.id,
       m.conversation,
       static_cast<int>(m.direction),
       m.at,
       m.received_at,
       m.channel_id,
       m.author_person,
       m.author,
       m.type,
       m.text,
       m.payload,
       m.content.empty() ? std::string_view("{}") : std::string_view(m.content),
       m.reply_to,
       m.flags,
       m.error_code,
       m.error,
       m.send_row,
       m.delivery,
       m.delivered_at,
       m.read_at}));
  return m.channel_id.empty() ? Result<>() : name(tx, m.id, hash);
}

Result<> name(Transaction& tx, MessageId message, std::int64_t hash) {
  PH_TRY(tx.execute("INSERT INTO message_ids (hash, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                    {hash, message}));
  return {};
}

Result<> touch(Transaction& tx, const Touch& t, bool labels) {
  if (!t.message && t.unread == 0 && !t.unarchive) {
    PH_TRY(tx.execute(kTouchTimes, {t.conversation, t.inbound_at, t.action_at, t.free_until}));
    return {};
  }
  PH_TRY(tx.execute(kTouch, {t.conversation, t.message, t.at, t.inbound_at, t.action_at, t.free_until,
                             t.unread, t.unarchive}));
  if (!labels) return {};
  PH_TRY(tx.execute(
      "UPDATE conversation_labels SET last_message_id = (SELECT last_message_id FROM conversations "
      "WHERE id = $1) WHERE conversation_id = $1",
      {t.conversation}));
  return {};
}

Result<> find_last(Transaction& tx, ConversationId conversation) {
  std::int64_t id = 0;
  std::int64_t at = 0;
  {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("SELECT id, at FROM messages WHERE conversation_id = $1 AND direction <> 2 "
                           "ORDER BY at DESC, id DESC LIMIT 1",
                           {conversation}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    if (found) {
      id = rows.integer(0);
      at = rows.integer(1);
    }
  }
  PH_TRY(tx.execute("UPDATE conversations SET last_message_id = $2, last_message_at = $3 WHERE id = $1",
                    {conversation, id, at}));
  PH_TRY(tx.execute("UPDATE conversation_labels SET last_message_id = $2 WHERE conversation_id = $1",
                    {conversation, id}));
  return {};
}

}  // namespace posthorn::message_rows
