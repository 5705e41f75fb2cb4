// Identities, calls, groups, address books, preferences and notices.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/json.h"
#include "core/json_writer.h"
#include "messaging/conversation_applier_core.h"
#include "messaging/conversations.h"
#include "messaging/group_members.h"
#include "messaging/people.h"
#include "messaging/wamid_index.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

// How far a call has come; what is told later but happened earlier changes nothing.
int stage_of(std::string_view event) {
  constexpr std::array<std::string_view, 4> kStages = {"RINGING", "ACCEPTED", "REJECTED", "terminate"};
  const auto found = std::ranges::find(kStages, event);
  return found == kStages.end() ? 0 : static_cast<int>(found - kStages.begin()) + 1;
}
constexpr int kEnded = 4;

struct StoredCall {
  std::int64_t id = 0;
  PersonId person;
  ConversationId conversation;
  bool from_business = false;
  std::string state;
  std::int64_t seconds = 0, started_at = 0, ended_at = 0;
  std::string content;
};

Result<StoredCall> load_call(Transaction& tx, AccountId account, std::string_view channel_id) {
  StoredCall call;
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT id, person_id, conversation_id, from_business, state, seconds, started_at, "
                         "ended_at, content FROM calls WHERE account_id = $1 AND channel_id = $2",
                         {account, channel_id}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return call;
  call.id = rows.integer(0);
  call.person = PersonId{rows.integer(1)};
  call.conversation = ConversationId{rows.integer(2)};
  call.from_business = rows.integer(3) != 0;
  call.state = rows.text(4);
  call.seconds = rows.integer(5);
  call.started_at = rows.integer(6);
  call.ended_at = rows.integer(7);
  call.content = rows.text(8);
  return call;
}

// Joins what the event tells; true if anything changed.
bool join_call(StoredCall& call, const channels::CallEvent& e, std::int64_t at) {
  const StoredCall before = call;
  const int told = stage_of(e.event);
  const int reached = call.ended_at != 0 ? kEnded : stage_of(call.state);
  const bool further = call.id == 0 || told > reached || (told == reached && e.content > call.content);
  if (further) {
    call.state = e.status.empty() ? e.event : e.status;
    call.content = e.content.empty() ? "{}" : e.content;
  }
  call.from_business |= e.from_business;
  call.seconds = std::max(call.seconds, e.seconds);
  call.started_at = call.started_at == 0 ? at : std::min(call.started_at, at);
  if (told == kEnded) call.ended_at = std::max(call.ended_at, at);
  return call.id == 0 || call.state != before.state || call.content != before.content ||
         call.seconds != before.seconds || call.started_at != before.started_at ||
         call.ended_at != before.ended_at || call.from_business != before.from_business;
}

Result<> save_call(Transaction& tx, StoredCall& call, AccountId account, std::string_view channel_id) {
  if (call.id != 0) {
    PH_TRY(tx.execute(
        "UPDATE calls SET from_business = $2, state = $3, seconds = $4, started_at = $5, ended_at = $6, "
        "content = $7 WHERE id = $1",
        {call.id, call.from_business, call.state, call.seconds, call.started_at, call.ended_at,
         call.content}));
    return {};
  }
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("INSERT INTO calls (account_id, person_id, conversation_id, channel_id, from_business, state, "
               "seconds, started_at, ended_at, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
               "RETURNING id",
               {account, call.person, call.conversation, channel_id, call.from_business, call.state,
                call.seconds, call.started_at, call.ended_at, call.content}));
  PH_TRY(rows.next());
  call.id = rows.integer(0);
  return {};
}

// group_participants_remove says who did it; without that, what we asked for was done by us.
std::string_view how_they_left(const channels::GroupEvent& e) {
  const auto content = parse_json(e.content);
  const std::string_view by = content ? JsonView(*content)["initiated_by"].string_or("") : std::string_view();
  const bool by_us = by.empty() ? !e.request_id.empty() : by == "business";
  return by_us ? "removed" : "left";
}

}  // namespace

Result<> ConversationApplier::Impl::apply(const Context& context, const channels::IdentityEvent& e) {
  if (e.person.addresses.empty() && e.previous.empty())
    return fail(ErrorCode::invalid_argument, "A change of identity without a person.");
  PH_TRY_ASSIGN(const ResolvedPerson person, people::change_identity(tx, context.account, e, now));
  forget_people();
  PH_TRY_ASSIGN(const ConversationId conversation, conversation_of(context.account.id, person.id));
  std::int64_t hash = 0;
  if (!e.id.empty()) {
    hash = wamid_hash(e.id);
    PH_TRY_ASSIGN(const std::optional<Target> known, find(context, e.id, hash));
    if (known) return {};
  }
  Message message;
  message.conversation = conversation;
  message.at = wall_from_micros(context.time(e.at));
  message.received_at = wall_from_micros(context.received_at);
  message.channel_id = e.id;
  message.type = "system";
  message.text = e.text;
  message.payload = e.reason;
  PH_TRY(store(std::move(message), hash));
  return {};
}

Result<> ConversationApplier::Impl::apply(const Context& context, const channels::CallEvent& e) {
  if (e.id.empty()) return fail(ErrorCode::invalid_argument, "A call without an id.");
  PH_TRY_ASSIGN(StoredCall call, load_call(tx, context.account.id, e.id));
  if (call.id == 0 && e.person.addresses.empty())
    return fail(ErrorCode::invalid_argument, "A call without a person.");
  if (!e.person.addresses.empty()) {
    PH_TRY_ASSIGN(const PersonId person, person_of(context.account, e.person));
    if (call.id == 0) call.person = person;
  }
  if (call.id == 0) {
    PH_TRY_ASSIGN(call.conversation, conversation_of(context.account.id, call.person));
  }
  const std::int64_t at = context.time(e.at);
  // A call of the person, or one that they take, opens the window like a message.
  const bool opens = !e.from_business || e.event == "ACCEPTED";
  if (opens) {
    message_rows::Touch act{call.conversation};
    act.inbound_at = act.action_at = at;
    PH_TRY(touch(act));
  }
  if (!join_call(call, e, at)) return {};
  PH_TRY(save_call(tx, call, context.account.id, e.id));
  PH_TRY(call_message(context, e, call.person, call.conversation, call.state, call.content));
  std::string data;
  JsonWriter(data)
      .begin_object()
      .member("call_id", call.id)
      .member("state", std::string_view(call.state))
      .member("account_id", context.account.id.value)
      .member("person_id", call.person.value)
      .end_object();
  return log("call.updated", call.conversation, data);
}

// One message for each call, at the time when it began.
Result<> ConversationApplier::Impl::call_message(const Context& context, const channels::CallEvent& e,
                                                 PersonId person, ConversationId conversation,
                                                 const std::string& state, const std::string& content) {
  const std::int64_t hash = wamid_hash(e.id);
  const std::int64_t at = context.time(e.at);
  const auto direction = e.from_business ? MessageDirection::out : MessageDirection::in;
  PH_TRY_ASSIGN(const std::optional<Target> known, find(context, e.id, hash));
  if (known) {
    PH_TRY(tx.execute(
        "UPDATE messages SET payload = $2, content = $3, at = CASE WHEN $4 < at THEN $4 ELSE at END, "
        "direction = CASE WHEN $5 > direction THEN $5 ELSE direction END WHERE id = $1",
        {known->id, state, content, at, static_cast<int>(direction)}));
    return {};
  }
  Message message;
  message.conversation = conversation;
  message.direction = direction;
  message.at = wall_from_micros(at);
  message.received_at = wall_from_micros(context.received_at);
  message.channel_id = e.id;
  message.type = "call";
  message.payload = state;
  message.content = content;
  message_rows::Touch touched{conversation, {}, at};
  PH_TRY_ASSIGN(touched.message, store(message, hash));
  touched.unread = direction == MessageDirection::in;
  touched.unarchive = touched.unread != 0;
  PH_TRY(touch(touched));
  message.id = touched.message;
  if (direction == MessageDirection::out) return {};
  return log_message(context, message, person, false);
}

// Groups are conversations; what happens to them is told there.
Result<> ConversationApplier::Impl::apply(const Context& context, const channels::GroupEvent& e) {
  if (e.group_id.empty()) return fail(ErrorCode::invalid_argument, "A group event without a group.");
  PH_TRY_ASSIGN(const ConversationId conversation,
                conversations::of_group(tx, context.account.id, e.group_id, now));
  const WallTime at = wall_from_micros(context.time(e.at));
  for (const channels::Party& member : e.added) {
    if (member.addresses.empty()) continue;
    PH_TRY_ASSIGN(const PersonId person, person_of(context.account, member));
    PH_TRY(group_members::joined(tx, conversation, person, at));
  }
  for (const channels::Party& member : e.removed) {
    if (member.addresses.empty()) continue;
    PH_TRY_ASSIGN(const PersonId person, person_of(context.account, member));
    PH_TRY(group_members::left(tx, conversation, person, at, how_they_left(e)));
  }
  if (e.type == "group_delete" && e.error_code == 0) {
    PH_TRY(group_members::ended(tx, conversation, at));
  }
  if (!e.subject.empty()) {
    // A newer name has a newer message with it.
    PH_TRY(tx.execute(
        "UPDATE conversations SET subject = $2 WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM messages "
        "WHERE conversation_id = $1 AND at > $3 AND type = 'system' AND text <> '')",
        {conversation, e.subject, at}));
  }
  Message message;
  message.conversation = conversation;
  message.at = at;
  message.received_at = wall_from_micros(context.received_at);
  message.type = "system";
  message.payload = e.type;
  message.text = e.subject;
  message.content = e.content;
  message.error_code = e.error_code;
  PH_TRY(store(std::move(message), 0));
  std::string data;
  JsonWriter(data)
      .begin_object()
      .member("group_id", std::string_view(e.group_id))
      .member("type", std::string_view(e.type))
      .member("account_id", context.account.id.value)
      .end_object();
  return events::note(tx, now, "group.updated", fmt::format("group:{}", e.group_id), data);
}

// The owner's address book: how our own people call somebody, unless they have said so here.
Result<> ConversationApplier::Impl::apply(const Context& context, const channels::ContactSyncEvent& e) {
  if (e.person.addresses.empty()) return fail(ErrorCode::invalid_argument, "A contact without an address.");
  if (e.removed) return {};
  PH_TRY_ASSIGN(const PersonId id, person_of(context.account, e.person));
  if (e.person.name.empty()) return {};
  PH_TRY_ASSIGN(const Person person, posthorn::people::get(tx, id));
  if (!person.given_name.empty()) return {};
  return posthorn::people::rename(tx, id, e.person.name, now);
}

Result<> ConversationApplier::Impl::apply_preference(const PendingEvent& pending,
                                                     const whatsapp::UserPreferenceEvent& e) {
  channels::Party party;
  if (!e.user_id.empty()) party.addresses.push_back({channels::AddressKind::bsuid, e.user_id});
  if (!e.phone.empty()) party.addresses.push_back({channels::AddressKind::phone, e.phone});
  if (party.addresses.empty()) return fail(ErrorCode::invalid_argument, "A preference without a person.");
  const channels::WebhookOrigin& origin = *pending.event.origin;
  // A preference holds for the business: any of its accounts will do if the number itself is not known here.
  std::optional<Account> account;
  PH_TRY_ASSIGN(account, posthorn::accounts::find_by_sender(tx, origin.receiver_id()));
  if (!account) {
    PH_TRY_ASSIGN(std::vector<Account> all, posthorn::accounts::list_by_business(tx, origin.business_id));
    if (!all.empty()) account = std::move(all.front());
  }
  if (!account) {
    return fail(ErrorCode::not_found,
                fmt::format("No account of the business {} is known: add the channel, then replay.",
                            origin.business_id));
  }
  PH_TRY_ASSIGN(const PersonId person, person_of(*account, party));
  const WallTime at = to_micros(e.at) > 0 ? e.at : now;
  return set_opt_out(account->id, origin.business_id, person, e.stop, "user_preferences", e.detail, at);
}

Result<> ConversationApplier::Impl::apply_notice(const PendingEvent& pending,
                                                 const channels::NoticeEvent& e) {
  const channels::WebhookOrigin& origin = *pending.event.origin;
  const std::string& about = origin.receiver_id().empty() ? origin.business_id : origin.receiver_id();
  std::string data;
  JsonWriter(data)
      .begin_object()
      .member("field", std::string_view(origin.field))
      .member("business_id", std::string_view(origin.business_id))
      .member("summary", std::string_view(e.summary))
      .key("event")
      .raw(pending.event.raw.empty() ? std::string_view("null") : pending.event.raw)
      .end_object();
  return events::note(tx, now, e.kind.empty() ? std::string_view("webhook.other") : std::string_view(e.kind),
                      e.subject.empty() ? fmt::format("account:{}", about) : e.subject, data);
}

}  // namespace posthorn
