// Messages of people, echoes of what our side sent elsewhere, and the words by which people stop and start.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/json_writer.h"
#include "messaging/attachments.h"
#include "messaging/conversation_applier_core.h"
#include "messaging/conversations.h"
#include "messaging/opt_out_keywords.h"
#include "messaging/opt_outs.h"
#include "messaging/outgoing_messages.h"
#include "messaging/person_suppressions.h"
#include "messaging/status_applier.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

constexpr std::int64_t kFreeEntryPoint = 72LL * 3600 * 1'000'000;  // microseconds
constexpr std::string_view kPlaceholder = "media_placeholder";
constexpr std::int64_t kEchoWindow = 3600LL * 1'000'000;  // an echo comes within so long of its send

// What comes like a message but was not written by the person. Those that are acts still open the standard
// window of Instagram and Messenger (Meta: taps, referrals and opt-ins count; a notice of the system or an
// opened chat does not).
bool is_written(std::string_view type) {
  constexpr std::array<std::string_view, 5> kNot = {"system", "request_welcome", "postback", "referral",
                                                    "optin"};
  return std::ranges::find(kNot, type) == kNot.end();
}
bool is_act(std::string_view type) {
  return type != "system" && type != "request_welcome";
}

int flags_of(const channels::MessageEvent& e) {
  int flags = 0;
  if (e.forwarded) flags |= message_flags::kForwarded;
  if (e.from_history) flags |= message_flags::kHistory;
  if (e.standby) flags |= message_flags::kStandby;
  if (e.direction == channels::Direction::out) flags |= message_flags::kEcho;
  if (!e.ref.empty()) flags |= message_flags::kReferral;
  return flags;
}

std::string author_of(const channels::MessageEvent& e) {
  if (e.direction == channels::Direction::in) return {};
  return e.app_id.empty() ? "app" : "app:" + e.app_id;
}

int history_delivery(std::string_view status) {
  std::string word(status);
  std::ranges::transform(word, word.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  using namespace delivery_bits;
  if (word == "sent") return kSent;
  if (word == "delivered") return kSent | kDelivered;
  if (word == "read") return kSent | kDelivered | kRead;
  if (word == "played") return kSent | kDelivered | kRead | kPlayed;
  return word == "error" || word == "failed" ? static_cast<int>(kFailed) : 0;
}

Message message_of(const channels::MessageEvent& e, std::int64_t at, std::int64_t received_at) {
  Message m;
  m.direction = e.direction == channels::Direction::in ? MessageDirection::in : MessageDirection::out;
  m.at = wall_from_micros(at);
  m.received_at = wall_from_micros(received_at);
  m.channel_id = e.id;
  m.author = author_of(e);
  m.type = e.type;
  m.text = e.text;
  m.payload = e.payload;
  m.content = e.content;
  m.reply_to = e.reply_to;
  m.flags = flags_of(e);
  m.error_code = e.error_code;
  m.error = e.error;
  if (m.direction == MessageDirection::out) m.delivery = history_delivery(e.history_status);
  return m;
}

message_rows::Touch touch_of(const channels::MessageEvent& e, const Message& m) {
  message_rows::Touch touch{m.conversation, m.id, to_micros(m.at)};
  if (e.direction == channels::Direction::out) return touch;
  if (is_written(e.type)) touch.inbound_at = touch.at;
  if (is_act(e.type)) touch.action_at = touch.at;
  if (e.opens_free_entry_point) touch.free_until = touch.at + kFreeEntryPoint;
  if (!e.from_history && is_act(e.type)) touch.unread = 1;
  touch.unarchive = touch.unread != 0;
  return touch;
}

}  // namespace

Result<> ConversationApplier::Impl::apply(const Context& context, const channels::MessageEvent& e,
                                          bool& fresh) {
  if (e.id.empty()) return fail(ErrorCode::invalid_argument, "A message without an id.");
  if (e.person.addresses.empty() && e.group_id.empty())
    return fail(ErrorCode::invalid_argument, "A message without a person or group.");
  const std::int64_t hash = context.pending.hash;
  PH_TRY_ASSIGN(const std::optional<Target> known, find(context, e.id, hash));
  fresh = !known;
  if (known) {
    PH_TRY_ASSIGN(fresh, fill_placeholder(context, e, *known));
    return {};
  }
  PersonId person;
  PH_TRY_ASSIGN(const ConversationId conversation, conversation_of(context, e.person, e.group_id, person));
  if (e.direction == channels::Direction::out && !e.from_history) {
    PH_TRY_ASSIGN(const bool ours, is_ours(context, e, conversation));
    if (ours) return {};
  }
  Message message = message_of(e, context.time(e.at), context.received_at);
  message.conversation = conversation;
  if (!e.group_id.empty()) message.author_person = person;
  PH_TRY_ASSIGN(message.id, store(message, hash));
  PH_TRY(touch(touch_of(e, message)));
  if (!e.attachments.empty()) {
    PH_TRY(attachments::add(tx, message.id, context.account.id, e.attachments, now));
  }
  if (!e.from_history && e.type != "system") {
    PH_TRY(log_message(context, message, person, e.standby));
  }
  if (e.direction == channels::Direction::in) {
    ++result.messages;
    PH_TRY(obey_keywords(context, e, message, person));
  } else if (!context.whatsapp()) {
    PH_TRY(catch_up({message.id, conversation}, to_micros(message.at)));
  }
  return apply_early({message.id, conversation}, hash);
}

// WhatsApp's history tells of a file first that there was one, and sends it under the same id later.
Result<bool> ConversationApplier::Impl::fill_placeholder(const Context& context,
                                                         const channels::MessageEvent& e,
                                                         const Target& target) {
  if (!e.from_history || e.type == kPlaceholder) return false;
  PH_TRY_ASSIGN(const std::int64_t filled,
                tx.execute("UPDATE messages SET type = $2, text = $3, content = $4 "
                           "WHERE id = $1 AND type = $5 AND deleted_at = 0",
                           {target.id, e.type, e.text, e.content, kPlaceholder}));
  if (filled == 0) return false;
  PH_TRY(attachments::add(tx, target.id, context.account.id, e.attachments, now));
  scratch.clear();
  JsonWriter json(scratch);
  json.begin_object().member("message_id", target.id.value);
  json.member("conversation_id", target.conversation.value).end_object();
  PH_TRY(log("message.edited", target.conversation, scratch));
  return true;
}

Result<> ConversationApplier::Impl::log_message(const Context& context, const Message& message,
                                                PersonId person, bool standby) {
  scratch.clear();
  JsonWriter json(scratch);
  json.begin_object()
      .member("message_id", message.id.value)
      .member("conversation_id", message.conversation.value)
      .member("account_id", context.account.id.value)
      .member("person_id", person.value)
      .member("type", std::string_view(message.type))
      .member("channel", to_string(context.origin.channel));
  if (standby) json.member("standby", true);
  const bool out = message.direction == MessageDirection::out;
  if (out) json.member("echo", true);
  json.end_object();
  return log(out ? "message.sent" : "message.received", message.conversation, scratch);
}

// An echo of what was sent through Posthorn is no second message: our token came back with it, its id is that
// of a send, or it says what is on its way at this moment and has no answer yet.
Result<bool> ConversationApplier::Impl::is_ours(const Context& context, const channels::MessageEvent& e,
                                                ConversationId conversation) {
  if (context.pending.token && !context.pending.token->campaign) {
    PH_TRY_ASSIGN(const bool adopted, adopt(context, e, context.pending.token->row_no));
    if (adopted) return true;
  }
  std::vector<SendKey> candidates = context.pending.candidates;
  PH_TRY_ASSIGN(const std::vector<SendKey> written, WamidIndex::find(tx, context.pending.hash));
  candidates.insert(candidates.end(), written.begin(), written.end());
  for (const SendKey key : candidates) {
    if (key.campaign) continue;
    PH_TRY_ASSIGN(const StoredSend send, load_send(tx, key));
    if (send.wamid != e.id) continue;
    PH_TRY_ASSIGN(const bool adopted, adopt(context, e, key.row_no));
    if (adopted) return true;
  }
  if (context.whatsapp()) return false;  // echoes there are of what the owner wrote on the phone
  std::int64_t row_no = 0;
  {
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query(
            "SELECT m.send_row FROM messages m JOIN sends s ON s.campaign_id = 0 AND s.row_no = m.send_row "
            "WHERE m.conversation_id = $1 AND m.at >= $2 AND m.at <= $3 AND m.send_row <> 0 AND "
            "m.channel_id = '' AND m.text = $4 AND s.state IN (1, 5) ORDER BY m.at, m.id LIMIT 1",
            {conversation, context.time(e.at) - kEchoWindow, context.received_at, e.text}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    if (found) row_no = rows.integer(0);
  }
  return row_no == 0 ? Result<bool>(false) : adopt(context, e, row_no);
}

// The echo proves that the channel took the send.
Result<bool> ConversationApplier::Impl::adopt(const Context& context, const channels::MessageEvent& e,
                                              std::int64_t send_row) {
  PH_TRY_ASSIGN(const std::optional<MessageId> message, outgoing_messages::of_send(tx, send_row));
  if (!message) return false;
  StatusFact fact;
  fact.key = {CampaignId{}, send_row};
  fact.account = context.account.id;
  fact.attempt = context.pending.token ? context.pending.token->attempt : 0;
  fact.kind = DeliveryKind::sent;
  fact.at = context.time(e.at);
  fact.wamid = e.id;
  Progress progress(batch.now);
  PH_TRY(apply_statuses(tx, {fact}, batch.now, progress, result.statuses));
  PH_TRY(outgoing_messages::named(tx, *message, e.id, now));
  PH_TRY_ASSIGN(const std::optional<Target> target, find(context, e.id, context.pending.hash));
  if (!target) return false;
  PH_TRY(catch_up(*target, fact.at));
  PH_TRY(apply_early(*target, context.pending.hash));
  return true;
}

Result<> ConversationApplier::Impl::obey_keywords(const Context& context, const channels::MessageEvent& e,
                                                  const Message& message, PersonId person) {
  const bool said = e.type == "text" || e.type == "button";
  if (!said || e.from_history || !context.whatsapp() || !e.group_id.empty()) return {};
  const bool stop = is_keyword(batch.stop_keywords, e.text);
  if (!stop && !is_keyword(batch.start_keywords, e.text)) return {};
  PH_TRY_ASSIGN(const bool late, outdated(message, stop));
  if (late) return {};
  return set_opt_out(context.account.id, context.origin.business_id, person, stop, "keyword", e.text,
                     message.at);
}

// Whether the person has said otherwise since: keywords may come in any order. Within one second, the
// channels' grain, the order in which they came is the best there is.
Result<bool> ConversationApplier::Impl::outdated(const Message& message, bool stop) {
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT text FROM messages WHERE conversation_id = $1 AND at > $2 AND direction = 0 "
                         "AND type IN ('text', 'button') ORDER BY at LIMIT 500",
                         {message.conversation, message.at}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return false;
    if (is_keyword(stop ? batch.start_keywords : batch.stop_keywords, rows.text(0))) return true;
  }
}

Result<> ConversationApplier::Impl::set_opt_out(AccountId account, const std::string& business_id,
                                                PersonId person, bool stop, std::string_view source,
                                                std::string_view detail, WallTime at) {
  bool changed = false;
  if (stop) {
    const PersonSuppression entry{person, business_id, std::string(source), std::string(detail), at};
    PH_TRY_ASSIGN(changed, person_suppressions::opt_out(tx, entry, at));
    ++result.opt_outs;
  } else {
    PH_TRY_ASSIGN(changed, person_suppressions::opt_in(tx, person, business_id, at));
  }
  if (!changed) return {};
  return opt_outs::note(tx, person, account, source, stop, now);
}

}  // namespace posthorn
