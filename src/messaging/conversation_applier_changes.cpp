// What changes a message that was said before: reactions, edits, revokes. Each may come before its message,
// twice, or after something newer of its kind; the outcome is the same.
#include <fmt/format.h>

#include "core/json_writer.h"
#include "messaging/attachments.h"
#include "messaging/conversation_applier_core.h"
#include "messaging/conversations.h"
#include "messaging/outgoing_messages.h"
#include "messaging/wamid_index.h"

namespace posthorn {
namespace {

JsonWriter begin_data(std::string& data, MessageId message, ConversationId conversation) {
  JsonWriter json(data);
  json.begin_object().member("message_id", message.value).member("conversation_id", conversation.value);
  return json;
}

}  // namespace

Result<> ConversationApplier::Impl::apply(const Context& context, const channels::ReactionEvent& e) {
  if (e.target_id.empty())
    return fail(ErrorCode::invalid_argument, "A reaction without a message it is about.");
  const bool in = e.direction == channels::Direction::in;
  if (in && e.person.addresses.empty())
    return fail(ErrorCode::invalid_argument, "A reaction without a person.");
  const std::int64_t at = context.time(e.at);
  PersonId person;
  if (in) {
    PH_TRY_ASSIGN(person, person_of(context.account, e.person));
    if (e.group_id.empty() && !context.whatsapp()) {
      PH_TRY_ASSIGN(const ConversationId conversation, conversation_of(context.account.id, person));
      message_rows::Touch act{conversation};
      act.action_at = at;
      PH_TRY(touch(act));
    }
  }
  EarlyChange reaction{context.pending.hash, "reaction", {}};
  JsonWriter(reaction.data)
      .begin_object()
      .member("actor", person.value)
      .member("emoji", std::string_view(e.emoji))
      .member("at", at)
      .end_object();
  return change(context, e.target_id, reaction);
}

Result<> ConversationApplier::Impl::apply(const Context& context, const channels::EditEvent& e) {
  if (e.target_id.empty()) return fail(ErrorCode::invalid_argument, "An edit without a message it is about.");
  EarlyChange edit{context.pending.hash, "edit", {}};
  JsonWriter(edit.data)
      .begin_object()
      .member("number", e.edit_number)
      .member("at", context.time(e.at))
      .member("text", std::string_view(e.text))
      .member("content", std::string_view(e.content == "{}" ? "" : e.content))
      .end_object();
  return change(context, e.target_id, edit);
}

Result<> ConversationApplier::Impl::apply(const Context& context, const channels::RevokeEvent& e) {
  if (e.target_id.empty())
    return fail(ErrorCode::invalid_argument, "A revoke without a message it is about.");
  EarlyChange revoke{context.pending.hash, "revoke", {}};
  JsonWriter(revoke.data).begin_object().member("at", context.time(e.at)).end_object();
  return change(context, e.target_id, revoke);
}

Result<> ConversationApplier::Impl::change(const Context& context, std::string_view channel_id,
                                           const EarlyChange& one) {
  const std::int64_t hash = wamid_hash(channel_id);
  PH_TRY_ASSIGN(const std::optional<Target> target, find(context, channel_id, hash));
  if (target) return change(*target, one);
  early = true;
  return early_changes::keep(tx, hash, one, now);
}

Result<> ConversationApplier::Impl::change(const Target& target, const EarlyChange& one) {
  PH_TRY_ASSIGN(const json::value tree, parse_json(one.data));
  const JsonView data(tree);
  if (one.kind == "reaction") return react(target, data);
  if (one.kind == "edit") return edit(target, data);
  if (one.kind == "revoke") return revoke(target, data);
  if (one.kind == "receipt") return receipt(target, data);
  if (one.kind == kEarlyStatus) return status(target, data);
  return fail(ErrorCode::data_loss, fmt::format("An early change of an unknown kind '{}'.", one.kind));
}

// Of two reactions within one second a removal wins, then the greater emoji: whatever the order they come in.
Result<> ConversationApplier::Impl::react(const Target& target, const JsonView& data) {
  const std::int64_t actor = data["actor"].integer_or(0);
  const std::string_view emoji = data["emoji"].string_or("");
  PH_TRY_ASSIGN(
      const std::int64_t changed,
      tx.execute(
          "INSERT INTO reactions (message_id, actor, emoji, at) VALUES ($1, $2, $3, $4) "
          "ON CONFLICT (message_id, actor) DO UPDATE SET emoji = excluded.emoji, at = excluded.at "
          "WHERE (excluded.at, excluded.emoji = '', excluded.emoji) > (reactions.at, reactions.emoji = '', "
          "reactions.emoji)",
          {target.id, actor, emoji, data["at"].integer_or(0)}));
  if (changed == 0) return {};
  std::string text;
  begin_data(text, target.id, target.conversation)
      .member("emoji", emoji)
      .member("from", actor == 0 ? "us" : "person")
      .end_object();
  return log("message.reaction", target.conversation, text);
}

Result<> ConversationApplier::Impl::edit(const Target& target, const JsonView& data) {
  PH_TRY_ASSIGN(const std::int64_t changed,
                tx.execute("UPDATE messages SET edit_number = $2, edited_at = $3, text = $4, "
                           "content = CASE WHEN $5 <> '' THEN $5 ELSE content END "
                           "WHERE id = $1 AND deleted_at = 0 AND (edited_at = 0 OR (edit_number, edited_at, "
                           "text) < ($2, $3, $4))",
                           {target.id, data["number"].integer_or(0), data["at"].integer_or(0),
                            data["text"].string_or(""), data["content"].string_or("")}));
  if (changed == 0) return {};
  std::string text;
  begin_data(text, target.id, target.conversation).end_object();
  return log("message.edited", target.conversation, text);
}

Result<> ConversationApplier::Impl::revoke(const Target& target, const JsonView& data) {
  PH_TRY_ASSIGN(
      const std::int64_t changed,
      tx.execute("UPDATE messages SET text = '', payload = '', content = '{}', error = '', edit_number = 0, "
                 "edited_at = 0, deleted_at = $2 WHERE id = $1 AND deleted_at = 0",
                 {target.id, data["at"].integer_or(1)}));
  if (changed == 0) return {};
  PH_TRY_ASSIGN(std::vector<std::string> blobs, attachments::forget(tx, target.id));
  for (std::string& blob : blobs) result.orphaned_blobs.push_back(std::move(blob));
  std::string text;
  begin_data(text, target.id, target.conversation).end_object();
  return log("message.deleted", target.conversation, text);
}

Result<> ConversationApplier::Impl::status(const Target& target, const JsonView& data) {
  const auto kind = static_cast<DeliveryKind>(data["delivery"].integer_or(0));
  const auto code = static_cast<int>(data["code"].integer_or(0));
  return outgoing_messages::join_delivery(tx, target.id, kind, wall_from_micros(data["at"].integer_or(0)),
                                          code, now);
}

// What waited for this message.
Result<> ConversationApplier::Impl::apply_early(const Target& target, std::int64_t hash) {
  if (!early) {
    PH_TRY_ASSIGN(early, early_changes::any(tx));
  }
  if (!*early) return {};
  PH_TRY_ASSIGN(const std::vector<EarlyChange> changes, early_changes::take(tx, hash));
  for (const EarlyChange& one : changes) {
    PH_TRY(change(target, one));
  }
  return {};
}

}  // namespace posthorn
