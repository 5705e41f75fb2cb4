// messaging[] and standby[]: which kind of item it is, who is at the other end, and everything but messages.
#include <array>

#include <fmt/format.h>

#include "channels/canonical_json.h"
#include "channels/meta_messaging/webhook_parts.h"
#include "channels/whatsapp/json_fields.h"
#include "platform/crypto.h"

namespace posthorn::meta_messaging {
namespace {

namespace json = boost::json;

using channels::Channel;
using channels::Direction;
using channels::EditEvent;
using channels::MalformedEvent;
using channels::MessageEvent;
using channels::NoticeEvent;
using channels::Party;
using channels::ReactionEvent;
using channels::ReceiptEvent;
using channels::UnknownEvent;
using channels::WebhookEventBody;
using whatsapp::array_in;
using whatsapp::integer_in;
using whatsapp::object_in;
using whatsapp::string_in;
using whatsapp::text_in;

// The name of a reaction where the emoji itself is missing. Meta's message_reactions reference.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kReactions{{
    {"love", "\u2764\uFE0F"},
    {"like", "\U0001F44D"},
    {"dislike", "\U0001F44E"},
    {"smile", "\U0001F606"},
    {"wow", "\U0001F62E"},
    {"sad", "\U0001F622"},
    {"angry", "\U0001F620"},
    {"other", "\U0001F44D"},
}};

std::string emoji_of(const json::object& reaction) {
  if (string_in(reaction, "action") == "unreact" || string_in(reaction, "verb") == "remove") return {};
  if (const std::string_view emoji = string_in(reaction, "emoji"); !emoji.empty()) return std::string(emoji);
  const std::string_view name = string_in(reaction, "reaction");
  for (const auto& [word, emoji] : kReactions) {
    if (word == name) return std::string(emoji);
  }
  return std::string(name.empty() ? kReactions.front().second : name);
}

WebhookEventBody read_reaction(const MessagingItem& item, const json::object& payload) {
  ReactionEvent event;
  event.target_id = string_in(payload, "mid");
  if (event.target_id.empty()) return MalformedEvent{"a reaction without \"mid\""};
  if (item.person.addresses.empty()) return MalformedEvent{"a reaction without sender"};
  event.id = made_id("reaction", item, payload);
  event.emoji = emoji_of(payload);
  event.direction = item.direction;
  event.person = item.person;
  event.at = item.at;
  return event;
}

WebhookEventBody read_edit(const MessagingItem& item, const json::object& payload) {
  EditEvent event;
  event.target_id = string_in(payload, "mid");
  if (event.target_id.empty()) return MalformedEvent{"a message_edit without \"mid\""};
  event.edit_number =
      static_cast<int>(std::clamp<std::int64_t>(integer_in(payload, "num_edit"), 0, 1'000'000));
  if (!payload.contains("num_edit"))
    event.id = made_id("edit", item, payload);  // else all of them look alike
  event.type = "text";
  event.text = string_in(payload, "text");
  event.content = channels::canonical_json(json::value(payload));
  event.direction = item.direction;
  event.person = item.person;
  event.at = item.at;
  return event;
}

MessageEvent event_of(const MessagingItem& item, std::string_view type, const json::object& payload) {
  MessageEvent event;
  event.id = string_in(payload, "mid");
  if (event.id.empty()) event.id = made_id(type, item, payload);
  event.type = type;
  event.direction = item.direction;
  event.person = item.person;
  event.at = item.at;
  event.standby = item.standby;
  event.content = channels::canonical_json(json::value(payload));
  return event;
}

// Guests of the chat and checkbox plugins are known only by the reference that the web page gave them.
std::string user_ref_of(const MessagingItem& item, const json::object& payload) {
  const json::object* sender = object_in(item.json, "sender");
  const std::string user_ref = text_in(payload, "user_ref");
  return user_ref.empty() && sender != nullptr ? text_in(*sender, "user_ref") : user_ref;
}

NoticeEvent guest_notice(const MessagingItem& item, std::string kind, const std::string& user_ref,
                         std::string summary) {
  return {.kind = std::move(kind),
          .subject = user_ref.empty() ? std::string() : "user_ref:" + user_ref,
          .person = {},
          .summary = std::move(summary),
          .at = item.at};
}

WebhookEventBody read_postback(const MessagingItem& item, const json::object& payload) {
  if (item.person.addresses.empty()) {
    const std::string guest = user_ref_of(item, payload);
    if (guest.empty()) return MalformedEvent{"a postback without sender"};
    return guest_notice(item, "thread.postback", guest,
                        fmt::format("Somebody who is not known yet tapped on {} ({})",
                                    text_in(payload, "title"), text_in(payload, "payload")));
  }
  MessageEvent event = event_of(item, "postback", payload);
  event.text = string_in(payload, "title");
  event.payload = text_in(payload, "payload");
  const json::object* referral = object_in(payload, "referral");
  if (const json::object* beside = object_in(item.json, "referral");
      referral == nullptr && beside != nullptr) {
    json::object content = payload;
    content["referral"] = *beside;
    event.content = channels::canonical_json(json::value(std::move(content)));
    referral = beside;
  }
  if (referral != nullptr) event.ref = referral_ref(*referral);
  return event;
}

WebhookEventBody read_referral(const MessagingItem& item, const json::object& payload) {
  if (item.person.addresses.empty()) return MalformedEvent{"a referral without sender"};
  MessageEvent event = event_of(item, "referral", payload);
  event.ref = referral_ref(payload);
  json::object content;
  content["referral"] = payload;
  event.content = channels::canonical_json(json::value(std::move(content)));
  return event;
}

// An opt-in by the checkbox plugin names nobody yet, only its own reference.
WebhookEventBody read_optin(const MessagingItem& item, const json::object& payload) {
  if (item.person.addresses.empty()) {
    return guest_notice(item, "thread.optin", user_ref_of(item, payload),
                        fmt::format("Somebody who is not known yet opted in ({})", text_in(payload, "ref")));
  }
  MessageEvent event = event_of(item, "optin", payload);
  event.text = string_in(payload, "title");
  event.payload = text_in(payload, "payload");
  event.ref = text_in(payload, "ref");
  return event;
}

ReceiptEvent receipt_of(const MessagingItem& item, const json::object& payload, bool read) {
  ReceiptEvent event;
  event.read = read;
  event.watermark = time_in(payload, "watermark");
  event.person = item.person;
  event.at = item.at;
  if (const std::string mid = text_in(payload, "mid"); !mid.empty()) event.ids.push_back(mid);
  if (const json::array* mids = array_in(payload, "mids")) {
    for (const json::value& mid : *mids) {
      if (mid.is_string()) event.ids.emplace_back(mid.get_string());
    }
  }
  return event;
}

WebhookEventBody read_receipt(const MessagingItem& item, const json::object& payload, bool read) {
  ReceiptEvent event = receipt_of(item, payload, read);
  if (event.ids.empty() && event.watermark == WallTime{})
    return MalformedEvent{"a receipt with neither message ids nor watermark"};
  return event;
}
WebhookEventBody read_seen(const MessagingItem& item, const json::object& payload) {
  return read_receipt(item, payload, true);
}
WebhookEventBody read_delivery(const MessagingItem& item, const json::object& payload) {
  return read_receipt(item, payload, false);
}

std::string app_name(const json::object& payload, std::string_view key) {
  const std::string id = text_in(payload, key);
  return id.empty() ? "another app" : "app " + id;
}

NoticeEvent control_notice(const MessagingItem& item, std::string summary) {
  NoticeEvent notice{
      .kind = "thread.control", .person = item.person, .summary = std::move(summary), .at = item.at};
  if (!item.person.addresses.empty()) notice.subject = "thread:" + item.person.addresses.front().value;
  return notice;
}
WebhookEventBody read_passed(const MessagingItem& item, const json::object& payload) {
  return control_notice(
      item, fmt::format("The conversation was handed to {}", app_name(payload, "new_owner_app_id")));
}
WebhookEventBody read_taken(const MessagingItem& item, const json::object& payload) {
  const std::string owner = text_in(payload, "new_owner_app_id");
  return control_notice(item, owner.empty() ? fmt::format("The conversation was taken from {}",
                                                          app_name(payload, "previous_owner_app_id"))
                                            : "The conversation was taken over by app " + owner);
}
WebhookEventBody read_asked(const MessagingItem& item, const json::object& payload) {
  return control_notice(
      item, fmt::format("The conversation is asked for by {}", app_name(payload, "requested_owner_app_id")));
}
WebhookEventBody read_roles(const MessagingItem& item, const json::object&) {
  return control_notice(item, "The roles of apps in conversations changed");
}

WebhookEventBody read_policy(const MessagingItem& item, const json::object& payload) {
  NoticeEvent notice{.kind = "account.policy", .person = item.person, .at = item.at};
  notice.summary = fmt::format("Meta's policy enforcement: {}: {}", text_in(payload, "action"),
                               text_in(payload, "reason"));
  return notice;
}

NoticeEvent person_notice(const MessagingItem& item, std::string_view kind, std::string summary) {
  NoticeEvent notice{
      .kind = std::string(kind), .person = item.person, .summary = std::move(summary), .at = item.at};
  if (!item.person.addresses.empty()) notice.subject = "thread:" + item.person.addresses.front().value;
  return notice;
}
WebhookEventBody read_account_linking(const MessagingItem& item, const json::object& payload) {
  return person_notice(item, "thread.account_linking",
                       fmt::format("Account linking: {}", text_in(payload, "status")));
}
WebhookEventBody read_game_play(const MessagingItem& item, const json::object& payload) {
  return person_notice(item, "thread.game_play",
                       fmt::format("A round of the game {} was played, score {}", text_in(payload, "game_id"),
                                   text_in(payload, "score")));
}
WebhookEventBody read_feedback(const MessagingItem& item, const json::object& payload) {
  NoticeEvent notice = person_notice(item, "thread.feedback", text_in(payload, "feedback"));
  if (const std::string mid = text_in(payload, "mid"); !mid.empty()) notice.subject = "message:" + mid;
  return notice;
}
WebhookEventBody read_customer_information(const MessagingItem& item, const json::object&) {
  return person_notice(item, "thread.customer_information", "The person filled in a form");
}
WebhookEventBody read_payment(const MessagingItem& item, const json::object& payload) {
  return person_notice(item, "payment.checkout", fmt::format("Payment: {}", text_in(payload, "payload")));
}

struct Kind {
  std::string_view key;    // of the payload inside the item
  std::string_view field;  // of the subscription
  WebhookEventBody (*read)(const MessagingItem&, const json::object&);
};

// Spellings of fields are
// Messenger's, and Instagram's where only it has them.
constexpr std::array kKinds{
    Kind{"message", "messages", read_message},
    Kind{"message_edit", "message_edit", read_edit},
    Kind{"reaction", "message_reactions", read_reaction},
    Kind{"postback", "messaging_postbacks", read_postback},
    Kind{"optin", "messaging_optins", read_optin},
    Kind{"referral", "messaging_referrals", read_referral},
    Kind{"read", "message_reads", read_seen},
    Kind{"seen", "message_reads", read_seen},
    Kind{"delivery", "message_deliveries", read_delivery},
    Kind{"pass_thread_control", "messaging_handovers", read_passed},
    Kind{"take_thread_control", "messaging_handovers", read_taken},
    Kind{"request_thread_control", "messaging_handovers", read_asked},
    Kind{"app_roles", "messaging_handovers", read_roles},
    Kind{"policy_enforcement", "messaging_policy_enforcement", read_policy},
    Kind{"policy-enforcement", "messaging_policy_enforcement", read_policy},
    Kind{"account_linking", "messaging_account_linking", read_account_linking},
    Kind{"game_play", "messaging_game_plays", read_game_play},
    Kind{"response_feedback", "response_feedback", read_feedback},
    Kind{"messaging_customer_information", "messaging_customer_information", read_customer_information},
    Kind{"payment", "messaging_payments", read_payment},
    Kind{"pre_checkout", "messaging_pre_checkouts", read_payment},
    Kind{"checkout_update", "messaging_checkout_updates", read_payment},
};

// A referral beside a message or a tap tells where that came from.
bool belongs_to_another(const Kind& kind, const json::object& item) {
  return kind.key == "referral" &&
         (object_in(item, "message") != nullptr || object_in(item, "postback") != nullptr);
}

// Who is at the other end, and which way it went. Items of our own side have the account as their sender;
// echoes whose ends were not swapped have been seen.
void find_person(MessagingItem& item) {
  const json::object* sender = object_in(item.json, "sender");
  const json::object* recipient = object_in(item.json, "recipient");
  const std::string from = sender != nullptr ? text_in(*sender, "id") : std::string();
  const std::string to = recipient != nullptr ? text_in(*recipient, "id") : std::string();
  const json::object* message = object_in(item.json, "message");
  const bool echo = message != nullptr &&
                    (whatsapp::flag_in(*message, "is_echo") || whatsapp::flag_in(*message, "is_self"));
  const bool from_account = !from.empty() && from == item.entry.account;
  item.direction = echo || from_account ? Direction::out : Direction::in;
  const bool at_recipient = from_account || (echo && to != item.entry.account && !to.empty());
  item.person =
      at_recipient ? party(item.entry.channel, to, recipient) : party(item.entry.channel, from, sender);
}

// The member that says what happened, of items that are not known here.
std::string unknown_kind(const json::object& item) {
  constexpr std::array<std::string_view, 5> kEnvelope = {"sender", "recipient", "timestamp", "id", "time"};
  for (const json::key_value_pair& member : item) {
    if (std::ranges::find(kEnvelope, std::string_view(member.key())) == kEnvelope.end()) return member.key();
  }
  return {};
}

}  // namespace

std::string account_of(const json::object& item) {
  const json::object* message = object_in(item, "message");
  const bool ours = message != nullptr && whatsapp::flag_in(*message, "is_echo");
  const json::object* end = object_in(item, ours ? "sender" : "recipient");
  return end != nullptr ? text_in(*end, "id") : std::string();
}

// The same event has the same id by whatever way it comes.
std::string made_id(std::string_view kind, const MessagingItem& item, const json::object& payload) {
  const std::string_view person =
      item.person.addresses.empty() ? std::string_view() : item.person.addresses.front().value;
  const std::string text =
      fmt::format("{}\n{}\n{}\n{}\n{}", item.entry.account, person, to_micros(item.at),
                  item.direction == Direction::out, channels::canonical_json(json::value(payload)));
  return fmt::format("{}:{}", kind, to_hex(sha256(text)).substr(0, 40));
}

bool holds_messaging_item(const json::object& value) {
  return std::ranges::any_of(kKinds, [&](const Kind& kind) { return object_in(value, kind.key) != nullptr; });
}

std::vector<ReadItem> read_messaging_item(const json::object& object, const EntryFacts& entry, bool standby) {
  MessagingItem item{.json = object, .entry = entry, .standby = standby};
  item.at = time_in(object, "timestamp");
  const bool timed = item.at != WallTime{};
  if (!timed) item.at = entry.time;
  find_person(item);
  std::vector<ReadItem> out;
  for (const Kind& kind : kKinds) {
    const json::value* payload = object.if_contains(kind.key);
    if (payload == nullptr || payload->is_null() || belongs_to_another(kind, object)) continue;
    ReadItem& read = out.emplace_back(std::string(kind.field), timed);
    if (payload->is_object()) {
      read.body = kind.read(item, payload->get_object());
    } else {
      read.body = MalformedEvent{fmt::format("\"{}\" is no object", kind.key)};
    }
  }
  if (out.empty()) out.push_back({unknown_kind(object), timed, UnknownEvent{}});
  return out;
}

}  // namespace posthorn::meta_messaging
