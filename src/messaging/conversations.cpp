#include "messaging/conversations.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/json_writer.h"
#include "storage/event_log.h"

namespace posthorn::conversations {
namespace {

constexpr std::size_t kMaxName = 100;  // bytes of a label or of whom it is assigned to

const std::string kSelect =
    "SELECT id, account_id, person_id, group_id, subject, last_message_id, last_message_at, last_inbound_at, "
    "last_action_at, free_until, unread, archived, assigned_to, created_at FROM conversations ";
const std::string kOne = kSelect + "WHERE id = $1";
const std::string kOfPerson = kSelect + "WHERE person_id = $1 AND person_id <> 0 ORDER BY id";

Conversation read_row(SqlRows& r) {
  Conversation c;
  c.id = ConversationId{r.integer(0)};
  c.account = AccountId{r.integer(1)};
  c.person = PersonId{r.integer(2)};
  c.group_id = r.text(3);
  c.subject = r.text(4);
  c.last_message = MessageId{r.integer(5)};
  c.last_message_at = wall_from_micros(r.integer(6));
  c.last_inbound_at = wall_from_micros(r.integer(7));
  c.last_action_at = wall_from_micros(r.integer(8));
  c.free_until = wall_from_micros(r.integer(9));
  c.unread = static_cast<int>(r.integer(10));
  c.archived = r.integer(11) != 0;
  c.assigned_to = r.text(12);
  c.created_at = wall_from_micros(r.integer(13));
  return c;
}

std::string subject_of(ConversationId id) {
  return fmt::format("conversation:{}", id.value);
}

Result<> log_change(Transaction& tx, ConversationId id, std::string_view change, std::string_view actor,
                    WallTime now) {
  std::string data;
  JsonWriter(data)
      .begin_object()
      .member("conversation_id", id.value)
      .member("change", change)
      .member("actor", actor)
      .end_object();
  return events::note(tx, now, "conversation.updated", subject_of(id), data);
}

Result<std::optional<ConversationId>> find_any(Transaction& tx, AccountId account, PersonId person,
                                               std::string_view group_id) {
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT id FROM conversations WHERE account_id = $1 AND person_id = $2 "
                         "AND group_id = $3",
                         {account, person, group_id}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return std::nullopt;
  return ConversationId{rows.integer(0)};
}

Result<ConversationId> find_or_make(Transaction& tx, AccountId account, PersonId person,
                                    std::string_view group_id, WallTime now) {
  PH_TRY_ASSIGN(const std::optional<ConversationId> known, find_any(tx, account, person, group_id));
  if (known) return *known;
  ConversationId id;
  {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("INSERT INTO conversations (account_id, person_id, group_id, created_at) "
                           "VALUES ($1, $2, $3, $4) RETURNING id",
                           {account, person, group_id, now}));
    PH_TRY(rows.next());
    id.value = rows.integer(0);
  }
  std::string data;
  JsonWriter(data)
      .begin_object()
      .member("conversation_id", id.value)
      .member("account_id", account.value)
      .member("person_id", person.value)
      .end_object();
  PH_TRY(events::note(tx, now, "conversation.created", subject_of(id), data));
  return id;
}

// not_found unless it exists; true if the statement changed something.
Result<bool> change(Transaction& tx, ConversationId id, std::string_view sql,
                    std::initializer_list<SqlArg> args) {
  PH_TRY_ASSIGN(const std::int64_t changed, tx.execute(sql, args));
  if (changed > 0) return true;
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT 1 FROM conversations WHERE id = $1", {id}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return fail(ErrorCode::not_found, fmt::format("There is no conversation {}.", id.value), "id");
  return false;
}

Result<> check_name(std::string_view text, std::string_view field) {
  const auto bad = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  const bool blank = text.front() == ' ' || text.back() == ' ';
  if (!blank && text.size() <= kMaxName && std::ranges::none_of(text, bad)) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' has 1 to {} bytes, no control characters and no blank at either end.", field,
                          kMaxName),
              std::string(field));
}

Result<> check_label(std::string_view label) {
  if (label.empty()) return fail(ErrorCode::invalid_argument, "'label' is empty: name the label.", "label");
  return check_name(label, "label");
}

}  // namespace

Result<ConversationId> of_person(Transaction& tx, AccountId account, PersonId person, WallTime now) {
  if (!person) return fail(ErrorCode::invalid_argument, "A conversation needs a person.", "person");
  return find_or_make(tx, account, person, "", now);
}

Result<ConversationId> of_group(Transaction& tx, AccountId account, std::string_view group_id, WallTime now) {
  if (group_id.empty()) return fail(ErrorCode::invalid_argument, "A group needs its id.", "group_id");
  return find_or_make(tx, account, PersonId{}, group_id, now);
}

Result<std::optional<ConversationId>> find(Transaction& tx, AccountId account, PersonId person) {
  return find_any(tx, account, person, "");
}

Result<Conversation> get(Transaction& tx, ConversationId id) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query(kOne, {id}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return fail(ErrorCode::not_found, fmt::format("There is no conversation {}.", id.value), "id");
  return read_row(rows);
}

Result<std::vector<Conversation>> of(Transaction& tx, PersonId person) {
  std::vector<Conversation> list;
  PH_TRY_ASSIGN(SqlRows rows, tx.query(kOfPerson, {person}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return list;
    list.push_back(read_row(rows));
  }
}

Result<> mark_read(Transaction& tx, ConversationId id, std::string_view actor, WallTime now) {
  PH_TRY_ASSIGN(const bool changed,
                change(tx, id, "UPDATE conversations SET unread = 0 WHERE id = $1 AND unread > 0", {id}));
  return changed ? log_change(tx, id, "read", actor, now) : Result<>();
}

Result<> set_archived(Transaction& tx, ConversationId id, bool archived, std::string_view actor,
                      WallTime now) {
  PH_TRY_ASSIGN(const bool changed,
                change(tx, id, "UPDATE conversations SET archived = $2 WHERE id = $1 AND archived <> $2",
                       {id, archived}));
  return changed ? log_change(tx, id, archived ? "archived" : "unarchived", actor, now) : Result<>();
}

Result<> assign(Transaction& tx, ConversationId id, std::string_view to, std::string_view actor,
                WallTime now) {
  if (!to.empty()) {
    PH_TRY(check_name(to, "assigned_to"));
  }
  PH_TRY_ASSIGN(
      const bool changed,
      change(tx, id, "UPDATE conversations SET assigned_to = $2 WHERE id = $1 AND assigned_to <> $2",
             {id, to}));
  return changed ? log_change(tx, id, "assigned", actor, now) : Result<>();
}

Result<> add_label(Transaction& tx, ConversationId id, std::string_view label, std::string_view actor,
                   WallTime now) {
  PH_TRY(check_label(label));
  PH_TRY_ASSIGN(
      const bool changed,
      change(tx, id,
             "INSERT INTO conversation_labels (label, conversation_id, last_message_id) "
             "SELECT $2, id, last_message_id FROM conversations WHERE id = $1 ON CONFLICT DO NOTHING",
             {id, label}));
  return changed ? log_change(tx, id, "labels", actor, now) : Result<>();
}

Result<> remove_label(Transaction& tx, ConversationId id, std::string_view label, std::string_view actor,
                      WallTime now) {
  PH_TRY(check_label(label));
  PH_TRY_ASSIGN(const bool changed,
                change(tx, id, "DELETE FROM conversation_labels WHERE label = $2 AND conversation_id = $1",
                       {id, label}));
  return changed ? log_change(tx, id, "labels", actor, now) : Result<>();
}

Result<std::vector<std::string>> labels(Transaction& tx, ConversationId id) {
  // The index on the conversation holds the labels in their order.
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("SELECT label FROM conversation_labels WHERE conversation_id = $1 ORDER BY label", {id}));
  std::vector<std::string> list;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return list;
    list.emplace_back(rows.text(0));
  }
}

WindowFacts window_facts(const Conversation& conversation, channels::Channel channel) {
  return {channel, conversation.last_inbound_at, conversation.last_action_at, conversation.free_until};
}

}  // namespace posthorn::conversations
