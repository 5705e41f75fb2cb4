#include "automation/automation_store.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "messaging/attachments.h"

namespace posthorn::automation {
namespace {

constexpr Duration kHour = std::chrono::hours(1);

channels::Channel channel_from(std::string_view name) {
  if (name == "instagram") return channels::Channel::instagram;
  return name == "messenger" ? channels::Channel::messenger : channels::Channel::whatsapp;
}

// Columns: id, account_id, name, enabled, rule.
Result<Rule> rule_from(SqlRows& rows) {
  Rule rule;
  rule.id = RuleId{rows.integer(0)};
  rule.account = AccountId{rows.integer(1)};
  rule.name = std::string(rows.text(2));
  rule.enabled = rows.integer(3) != 0;
  PH_TRY_ASSIGN(const json::value definition, parse_json(rows.text(4)));
  PH_TRY_ASSIGN(rule.definition, parse_rule(definition));
  return rule;
}

// The account and the conversation's own columns, in this order, begin both queries.
constexpr int kConversationColumns = 11;
#define PH_CONVERSATION_COLUMNS                                                                       \
  "c.id, c.account_id, c.person_id, c.group_id, c.assigned_to, c.last_inbound_at, c.last_action_at, " \
  "c.free_until, a.channel, a.name, a.blocked_reason "

constexpr std::string_view kOfMessage =
    "SELECT " PH_CONVERSATION_COLUMNS
    ", m.direction, m.at, m.channel_id, m.type, m.text, m.payload, m.flags, m.error_code, m.deleted_at, "
    "m.author_person "
    "FROM messages m JOIN conversations c ON c.id = m.conversation_id JOIN accounts a ON a.id = c.account_id "
    "WHERE m.id = $1";
constexpr std::string_view kOfConversation =
    "SELECT " PH_CONVERSATION_COLUMNS
    "FROM conversations c JOIN accounts a ON a.id = c.account_id WHERE c.id = $1";
#undef PH_CONVERSATION_COLUMNS

struct Found {
  Situation situation;
  PersonId person;
};

Found conversation_from(SqlRows& rows) {
  Found found;
  Situation& s = found.situation;
  s.conversation = ConversationId{rows.integer(0)};
  s.account = AccountId{rows.integer(1)};
  found.person = PersonId{rows.integer(2)};
  s.group = !rows.text(3).empty();
  s.assigned = !rows.text(4).empty();
  s.channel = channel_from(rows.text(8));
  s.window = {s.channel, wall_from_micros(rows.integer(5)), wall_from_micros(rows.integer(6)),
              wall_from_micros(rows.integer(7))};
  s.account_name = std::string(rows.text(9));
  s.account_blocked = !rows.text(10).empty();
  return found;
}

void message_from(SqlRows& rows, Found& found) {
  Situation& s = found.situation;
  int column = kConversationColumns;
  s.direction = static_cast<MessageDirection>(rows.integer(column++));
  s.at = wall_from_micros(rows.integer(column++));
  s.channel_id = std::string(rows.text(column++));
  s.type = std::string(rows.text(column++));
  s.text = std::string(rows.text(column++));
  s.payload = std::string(rows.text(column++));
  s.flags = static_cast<int>(rows.integer(column++));
  s.error_code = static_cast<int>(rows.integer(column++));
  s.deleted = rows.integer(column++) != 0;
  if (s.group) found.person = PersonId{rows.integer(column)};
}

Result<> add_person(Transaction& tx, PersonId person, Situation& s) {
  if (!person) return {};
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT given_name, name, username FROM people WHERE id = $1", {person}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  for (int i = 0; found && i < 3 && s.person_name.empty(); ++i) s.person_name = std::string(rows.text(i));
  PH_TRY_ASSIGN(SqlRows addresses, tx.query("SELECT shown, value FROM person_addresses WHERE person_id = $1 "
                                            "AND kind = 1 ORDER BY valid_from DESC "
                                            "LIMIT 1",
                                            {person}));
  PH_TRY_ASSIGN(const bool has_number, addresses.next());
  if (has_number)
    s.person_number = std::string(addresses.text(0).empty() ? addresses.text(1) : addresses.text(0));
  return {};
}

Result<> add_past(Transaction& tx, Situation& s, WallTime now) {
  PH_TRY_ASSIGN(SqlRows before,
                tx.query("SELECT at FROM messages WHERE conversation_id = $1 AND direction = 0 AND id < $2 "
                         "ORDER BY at DESC, id DESC LIMIT 1",
                         {s.conversation, s.message ? s.message : MessageId{INT64_MAX}}));
  PH_TRY_ASSIGN(const bool any, before.next());
  if (any) s.previous_inbound = wall_from_micros(before.integer(0));
  PH_TRY_ASSIGN(
      SqlRows automatic,
      tx.query("SELECT COUNT(*) FROM messages WHERE conversation_id = $1 AND at > $2 AND direction = 1 "
               "AND substr(author, 1, 11) = 'automation:'",
               {s.conversation, now - kHour}));
  PH_TRY(automatic.next());
  s.automatic_last_hour = static_cast<int>(automatic.integer(0));
  return {};
}

// A story is its author's and goes nowhere: it is deleted here as well when its day is over.
Result<> add_attachments(Transaction& tx, Situation& s) {
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT id, state FROM attachments WHERE message_id = $1 AND kind NOT IN "
                         "('story_mention', 'story_reply', 'story', 'ig_story') ORDER BY position",
                         {s.message}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return {};
    const auto state = static_cast<AttachmentState>(rows.integer(1));
    if (state == AttachmentState::waiting || state == AttachmentState::stored)
      s.attachments.push_back({AttachmentId{rows.integer(0)}, state == AttachmentState::stored});
  }
}

}  // namespace

Result<RuleList> list_rules(Transaction& tx) {
  RuleList list;
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT id, account_id, name, enabled, rule FROM automation_rules ORDER BY id"));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return list;
    Result<Rule> rule = rule_from(rows);
    if (rule) {
      list.rules.push_back(*std::move(rule));
    } else {
      list.problems.push_back(
          fmt::format("rule {} ({}): {}", rows.integer(0), rows.text(2), rule.error().message));
    }
  }
}

Result<Rule> get_rule(Transaction& tx, RuleId id) {
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("SELECT id, account_id, name, enabled, rule FROM automation_rules WHERE id = $1", {id}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found)
    return fail(ErrorCode::not_found, fmt::format("there is no automation rule {}", id.value), "rule_id");
  return rule_from(rows);
}

Result<std::optional<Rule>> find_rule(Transaction& tx, AccountId account, std::string_view name) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT id, account_id, name, enabled, rule FROM automation_rules "
                                       "WHERE account_id = $1 AND name = $2",
                                       {account, name}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return std::nullopt;
  PH_TRY_ASSIGN(Rule rule, rule_from(rows));
  return rule;
}

Result<RuleId> save_rule(Transaction& tx, const Rule& rule, WallTime now) {
  const std::string definition = json::serialize(to_json(rule.definition));
  PH_TRY_ASSIGN(SqlRows same,
                tx.query("SELECT id FROM automation_rules WHERE account_id = $1 AND name = $2 AND id <> $3",
                         {rule.account, rule.name, rule.id}));
  PH_TRY_ASSIGN(const bool taken, same.next());
  if (taken) {
    return fail(ErrorCode::conflict,
                fmt::format("rule {} has the name '{}' already", same.integer(0), rule.name), "name");
  }
  if (rule.id) {
    PH_TRY_ASSIGN(
        const auto changed,
        tx.execute("UPDATE automation_rules SET account_id = $2, name = $3, enabled = $4, rule = $5, "
                   "updated_at = $6 WHERE id = $1",
                   {rule.id, rule.account, rule.name, rule.enabled, definition, now}));
    if (changed == 1) return rule.id;
    return fail(ErrorCode::not_found, fmt::format("there is no automation rule {}", rule.id.value),
                "rule_id");
  }
  PH_TRY_ASSIGN(
      SqlRows made,
      tx.query("INSERT INTO automation_rules (account_id, name, enabled, rule, created_at, updated_at) "
               "VALUES ($1, $2, $3, $4, $5, $5) RETURNING id",
               {rule.account, rule.name, rule.enabled, definition, now}));
  PH_TRY(made.next());
  return RuleId{made.integer(0)};
}

Result<> delete_rule(Transaction& tx, RuleId id) {
  PH_TRY_ASSIGN(const auto gone, tx.execute("DELETE FROM automation_rules WHERE id = $1", {id}));
  if (gone == 1) return {};
  return fail(ErrorCode::not_found, fmt::format("there is no automation rule {}", id.value), "rule_id");
}

Result<std::vector<StoredMenu>> list_menus(Transaction& tx) {
  std::vector<StoredMenu> menus;
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("SELECT account_id, name, enabled, menu FROM automation_menus ORDER BY name, account_id"));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return menus;
    const Result<json::value> definition = parse_json(rows.text(3));
    if (!definition) continue;
    Result<Menu> menu = parse_menu(rows.text(1), *definition);
    if (menu) menus.push_back({AccountId{rows.integer(0)}, rows.integer(2) != 0, *std::move(menu)});
  }
}

Result<> save_menu(Transaction& tx, const StoredMenu& stored, WallTime now) {
  const std::string definition = json::serialize(to_json(stored.menu));
  PH_TRY(
      tx.execute("INSERT INTO automation_menus (account_id, name, enabled, menu, created_at, updated_at) "
                 "VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (account_id, name) DO UPDATE SET "
                 "enabled = excluded.enabled, menu = excluded.menu, updated_at = excluded.updated_at",
                 {stored.account, stored.menu.name, stored.enabled, definition, now}));
  return {};
}

Result<bool> delete_menu(Transaction& tx, AccountId account, std::string_view name) {
  PH_TRY_ASSIGN(
      const auto gone,
      tx.execute("DELETE FROM automation_menus WHERE account_id = $1 AND name = $2", {account, name}));
  return gone == 1;
}

Result<std::optional<Situation>> load_situation(Transaction& tx, MessageId message, WallTime now) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query(kOfMessage, {message}));
  PH_TRY_ASSIGN(const bool any, rows.next());
  if (!any) return std::nullopt;
  Found found = conversation_from(rows);
  found.situation.message = message;
  message_from(rows, found);
  PH_TRY(add_person(tx, found.person, found.situation));
  PH_TRY(add_past(tx, found.situation, now));
  PH_TRY(add_attachments(tx, found.situation));
  return std::move(found.situation);
}

Result<Situation> conversation_situation(Transaction& tx, ConversationId conversation, WallTime now) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query(kOfConversation, {conversation}));
  PH_TRY_ASSIGN(const bool any, rows.next());
  if (!any)
    return fail(ErrorCode::not_found, fmt::format("there is no conversation {}", conversation.value),
                "conversation_id");
  Found found = conversation_from(rows);
  PH_TRY(add_person(tx, found.person, found.situation));
  PH_TRY(add_past(tx, found.situation, now));
  return std::move(found.situation);
}

Result<std::vector<RuleRun>> list_runs(Transaction& tx, ConversationId conversation) {
  std::vector<RuleRun> runs;
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT rule_id, message_id, at FROM automation_runs WHERE conversation_id = $1 "
                         "ORDER BY rule_id",
                         {conversation}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return runs;
    runs.push_back({RuleId{rows.integer(0)}, MessageId{rows.integer(1)}, wall_from_micros(rows.integer(2))});
  }
}

Result<> record_run(Transaction& tx, ConversationId conversation, const RuleRun& run) {
  PH_TRY(tx.execute(
      "INSERT INTO automation_runs (conversation_id, rule_id, message_id, at) VALUES ($1, $2, $3, $4) "
      "ON CONFLICT (conversation_id, rule_id) DO UPDATE SET message_id = excluded.message_id, "
      "at = excluded.at",
      {conversation, run.rule, run.message, run.at}));
  return {};
}

}  // namespace posthorn::automation
