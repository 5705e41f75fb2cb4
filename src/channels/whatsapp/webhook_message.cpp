// messages[]: what people write to us, what our side wrote elsewhere, and what was written before.
#include <array>

#include <boost/json/monotonic_resource.hpp>

#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/webhook_parts.h"

namespace posthorn::whatsapp {
namespace {

namespace json = boost::json;

using channels::Direction;
using channels::EditEvent;
using channels::IdentityEvent;
using channels::MessageEvent;
using channels::Party;
using channels::ReactionEvent;
using channels::RevokeEvent;

// What all kinds of messages have.
struct Envelope {
  std::string id, type, group_id;
  Direction direction = Direction::in;
  WallTime at{};
  PersonIds sender;  // as the message itself names them
  Party person;
};

// History holds both sides: what the number itself wrote is from it, or to the thread's person.
Direction history_direction(const json::object& message, const ItemContext& context,
                            const MessageSource& source) {
  if (const json::object* history = object_in(message, "history_context")) {
    if (history->contains("from_me")) return flag_in(*history, "from_me") ? Direction::out : Direction::in;
  }
  PersonIds from, to;
  from.take_members(message, "from");
  to.take_members(message, "to");
  const auto is_own = [&](const PersonIds& ids) {
    return !context.own_number.empty() && ids.phone == context.own_number;
  };
  const auto is_thread = [&](const PersonIds& ids) {
    return (!ids.user_id.empty() && ids.user_id == source.thread.user_id) ||
           (!ids.phone.empty() && ids.phone == source.thread.phone);
  };
  if (is_own(from)) return Direction::out;
  if (is_own(to) || is_thread(from)) return Direction::in;
  return to.empty() ? Direction::in : Direction::out;  // "to" stands only in what our side sent
}

void read_person(const json::object& message, const ItemContext& context, const MessageSource& source,
                 Envelope& envelope) {
  envelope.sender.take_members(message, envelope.direction == Direction::in ? "from" : "to");
  if (envelope.direction == Direction::out) envelope.sender.take(text_in(message, "recipient"));
  if (envelope.direction == Direction::out && !context.own_number.empty() &&
      envelope.sender.phone == context.own_number) {
    envelope.sender = {};  // deletions on the owner's phone have been seen with the sides swapped
    envelope.sender.take_members(message, "from");
  }
  if (source.from_history && (!source.thread.empty() || !source.thread_person.username.empty())) {
    PersonIds ids = source.thread;
    ids.fill_from(envelope.sender);
    envelope.person = source.thread_person;
    envelope.person.addresses = ids.addresses();
    return;
  }
  if (envelope.direction == Direction::out && string_in(message, "recipient_type") == "group") {
    envelope.group_id = string_in(message, "to");
    return;
  }
  envelope.person = party_of(envelope.sender, context.contacts, context.lone);
  if (const json::object* identity = object_in(message, "identity"); identity != nullptr) {
    envelope.person.identity_hash = text_in(*identity, "hash");
  }
}

template <class Event>
Event start(Envelope& envelope) {
  Event event;
  event.id = std::move(envelope.id);
  event.at = envelope.at;
  event.person = std::move(envelope.person);
  if constexpr (requires { event.direction; }) event.direction = envelope.direction;
  if constexpr (requires { event.group_id; }) event.group_id = std::move(envelope.group_id);
  return event;
}

WebhookEventBody read_reaction(const json::object& message, Envelope& envelope) {
  const json::object* reaction = object_in(message, "reaction");
  ReactionEvent event = start<ReactionEvent>(envelope);
  if (reaction != nullptr) event.target_id = string_in(*reaction, "message_id");
  if (event.target_id.empty()) return MalformedEvent{"a reaction without \"message_id\""};
  event.emoji = string_in(*reaction, "emoji");
  return event;
}

WebhookEventBody read_edit(const json::object& message, Envelope& envelope) {
  const json::object* edit = object_in(message, "edit");
  EditEvent event = start<EditEvent>(envelope);
  if (edit != nullptr) event.target_id = string_in(*edit, "original_message_id");
  if (event.target_id.empty()) return MalformedEvent{"an edit without \"original_message_id\""};
  const json::object* now = object_in(*edit, "message");
  if (now == nullptr) return MalformedEvent{"an edit without \"message\""};
  MessageEvent content;
  content.type = string_in(*now, "type");
  read_message_content(*now, content);
  event.type = std::move(content.type);
  event.text = std::move(content.text);
  event.content = std::move(content.content);
  return event;
}

WebhookEventBody read_revoke(const json::object& message, Envelope& envelope) {
  const json::object* revoke = object_in(message, "revoke");
  RevokeEvent event = start<RevokeEvent>(envelope);
  if (revoke != nullptr) event.target_id = string_in(*revoke, "original_message_id");
  if (event.target_id.empty()) return MalformedEvent{"a revocation without \"original_message_id\""};
  return event;
}

// Meta's names, and those that it used before.
std::string_view identity_reason(std::string_view type) {
  struct Name {
    std::string_view told, reason;
  };
  constexpr std::array kNames = std::to_array<Name>({
      {"user_changed_number", "user_changed_number"},
      {"customer_changed_number", "user_changed_number"},
      {"user_changed_user_id", "user_changed_user_id"},
      {"customer_identity_changed", "customer_identity_changed"},
      {"user_identity_changed", "customer_identity_changed"},
  });
  for (const Name& name : kNames) {
    if (name.told == type) return name.reason;
  }
  return {};
}

// The ids that the system message replaces: those that it calls previous, and the sender's where they are not
// the new ones.
PersonIds previous_ids(const json::object& system, const PersonIds& sender, const PersonIds& now) {
  PersonIds previous;
  for (const char* name : {"previous_user_id", "previous_parent_user_id", "previous_wa_id"}) {
    previous.take(text_in(system, name));
  }
  for (const std::string* id : {&sender.user_id, &sender.phone, &sender.parent_id, &sender.other}) {
    if (*id != now.user_id && *id != now.phone && *id != now.parent_id && *id != now.other)
      previous.take(*id);
  }
  return previous;
}

// "User Ann changed from US.101 to US.102": the former id, where no member names it.
std::string_view former_in_words(std::string_view words) {
  constexpr std::string_view kFrom = " from ";
  const std::size_t from = words.rfind(kFrom);
  if (from == std::string_view::npos) return {};
  std::string_view id = words.substr(from + kFrom.size());
  id = id.substr(0, id.find(' '));
  PersonIds ids;
  ids.take(id);
  constexpr std::size_t kShortestNumber = 7;
  return !ids.user_id.empty() || ids.phone.size() >= kShortestNumber ? id : std::string_view();
}

// How the preference for marketing came before it had a field of its own: the person's choice in
// "marketing".
WebhookEventBody read_preference(const json::object& system, const Envelope& envelope) {
  PersonIds ids = envelope.sender;
  UserPreferenceEvent event;
  for (const channels::Address& address : envelope.person.addresses) ids.take(address.value);
  event.user_id = ids.user_id.empty() ? ids.parent_id : ids.user_id;
  event.phone = ids.phone;
  event.category = "marketing_messages";
  event.stop = string_in(system, "marketing") == "stop";
  event.detail = string_in(system, "body");
  event.at = envelope.at;
  return event;
}

WebhookEventBody read_identity(const json::object& system, std::string_view reason, Envelope& envelope) {
  PersonIds now;
  now.take_members(system);
  now.take(text_in(system, "new_wa_id"));
  IdentityEvent event = start<IdentityEvent>(envelope);
  event.reason = reason;
  event.text = string_in(system, "body");
  const std::string hash = text_in(system, "identity");
  if (!hash.empty()) event.person.identity_hash = hash;
  if (reason == "customer_identity_changed") {
    envelope.sender.fill_from(now);
    envelope.sender.take(text_in(system, "customer"));
    if (event.person.addresses.empty()) event.person.addresses = envelope.sender.addresses();
    if (event.person.addresses.empty()) return MalformedEvent{"an identity change that names nobody"};
    return event;
  }
  if (now.empty()) return MalformedEvent{"a change of number or user id without the new one"};
  PersonIds previous = previous_ids(system, envelope.sender, now);
  if (previous.empty()) previous.take(former_in_words(event.text));
  if (!previous.empty()) event.previous = previous.addresses();
  // A new number does not change a user id that is not said to have changed, and the other way round.
  event.person.addresses = now.addresses();
  return event;
}

WebhookEventBody read_plain(const json::object& message, Envelope& envelope, const MessageSource& source) {
  MessageEvent event = start<MessageEvent>(envelope);
  event.type = std::move(envelope.type);
  event.from_history = source.from_history;
  event.standby = source.standby;
  if (const json::object* history = object_in(message, "history_context")) {
    event.history_status = text_in(*history, "status");
  }
  read_message_content(message, event);
  if (event.person.addresses.empty() && event.group_id.empty()) {
    return MalformedEvent{"a message that names nobody: no user id and no number"};
  }
  return event;
}

// Where "type" is missing, as in some samples of Meta, the content's own member tells it.
std::string type_of(const json::object& message) {
  if (std::string type(string_in(message, "type")); !type.empty()) return type;
  for (const std::string_view type : {"text", "image", "video", "audio", "voice", "document", "sticker",
                                      "location", "contacts", "interactive", "button", "order", "reaction",
                                      "edit", "revoke", "system", "template", "unsupported"}) {
    if (message.contains(type)) return std::string(type);
  }
  return message.contains("errors") ? "unsupported" : "";
}

// Echoes of what others sent (standby) hold the request to Meta as "message", and beside it the template or
// the flow that it used. Source: Meta's standby webhooks reference.
json::object unwrapped(const json::object& message) {
  const json::object* request = object_in(message, "message");
  json::object out = message;
  if (request == nullptr || message.contains("type")) return out;
  out.erase("message");
  for (const char* name : {"template", "flow"}) {
    if (const json::value* definition = message.if_contains(name)) {
      out.erase(name);
      out[std::string(name) + "_definition"] = *definition;
    }
  }
  for (const json::key_value_pair& member : *request) out.emplace(member.key(), member.value());
  return out;
}

json::object with_surroundings(const json::object& message, const ItemContext& context) {
  json::object out = unwrapped(message);
  if (context.conversation_context.empty()) return out;
  if (Result<json::value> about = parse_item(context.conversation_context)) {
    out.emplace("conversation_context", std::move(*about));
  }
  return out;
}

WebhookEventBody read_object(const json::object& message, const ItemContext& context,
                             const MessageSource& source) {
  Envelope envelope;
  envelope.id = string_in(message, "id");
  if (envelope.id.empty()) return MalformedEvent{"a message without \"id\""};
  envelope.type = type_of(message);
  if (envelope.type.empty()) return MalformedEvent{"a message without \"type\""};
  envelope.at = webhook_time(integer_in(message, "timestamp"));
  envelope.group_id = string_in(message, "group_id");
  envelope.direction = source.from_history ? history_direction(message, context, source) : source.direction;
  read_person(message, context, source, envelope);
  if (envelope.type == "reaction") return read_reaction(message, envelope);
  if (envelope.type == "edit") return read_edit(message, envelope);
  if (envelope.type == "revoke") return read_revoke(message, envelope);
  const json::object* system = envelope.type == "system" ? object_in(message, "system") : nullptr;
  const std::string_view told = system != nullptr ? string_in(*system, "type") : std::string_view();
  if (told == "user_preference_changed" && system->contains("marketing"))
    return read_preference(*system, envelope);
  const std::string_view reason = identity_reason(told);
  if (!reason.empty()) return read_identity(*system, reason, envelope);
  return read_plain(message, envelope, source);
}

}  // namespace

WebhookEventBody read_message(std::string_view raw, const ItemContext& context, const MessageSource& source) {
  std::array<unsigned char, 8192> buffer;  // most messages fit, which spares the allocations
  json::monotonic_resource memory(buffer.data(), buffer.size());
  const Result<json::value> parsed = parse_item(raw, &memory);
  if (!parsed) return MalformedEvent{parsed.error().message};
  const json::object* message = parsed->if_object();
  if (message == nullptr) return MalformedEvent{"a message that is no object"};
  if (context.conversation_context.empty() && object_in(*message, "message") == nullptr)
    return read_object(*message, context, source);
  return read_object(with_surroundings(*message, context), context, source);
}

}  // namespace posthorn::whatsapp
