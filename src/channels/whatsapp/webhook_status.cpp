// statuses[]: the hot path, up to some hundreds of thousands a second.
#include <charconv>

#include <simdjson.h>

#include "channels/whatsapp/graph_error.h"
#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/webhook_parts.h"

namespace posthorn::whatsapp {
namespace {

namespace ondemand = simdjson::ondemand;

// Deeper than kMaxWebhookDepth, strings aside.
bool too_deep(std::string_view raw) {
  const auto opening = std::ranges::count_if(raw, [](char c) { return c == '{' || c == '['; });
  if (opening <= kMaxWebhookDepth) return false;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxWebhookDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

void read_text(ondemand::value value, std::string& out) {
  std::string_view text;
  if (value.get_string().get(text) == simdjson::SUCCESS) out = text;
}

std::int64_t read_integer(ondemand::value value) {
  std::int64_t number = 0;
  ondemand::json_type type{};
  if (value.type().get(type)) return 0;
  if (type == ondemand::json_type::number) return value.get_int64().get(number) ? 0 : number;
  std::string_view text;
  if (value.get_string().get(text)) return 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

bool read_flag(ondemand::value value) {
  bool flag = false;
  return value.get_bool().get(flag) == simdjson::SUCCESS && flag;
}

MessageStatus status_from(std::string_view word) {
  if (word == "sent") return MessageStatus::sent;
  if (word == "delivered") return MessageStatus::delivered;
  if (word == "read") return MessageStatus::read;
  if (word == "failed") return MessageStatus::failed;
  if (word == "played") return MessageStatus::played;
  if (word == "deleted") return MessageStatus::deleted;
  return MessageStatus::other;
}

void read_pricing(ondemand::value value, StatusEvent& event) {
  ondemand::object pricing;
  if (value.get_object().get(pricing)) return;
  for (auto member : pricing) {
    ondemand::field field;
    std::string_view key;
    if (std::move(member).get(field) || field.unescaped_key().get(key)) return;
    if (key == "category") read_text(field.value(), event.pricing_category);
    if (key == "type") read_text(field.value(), event.pricing_type);
    if (key == "pricing_model") read_text(field.value(), event.pricing_model);
    if (key == "billable") event.billable = read_flag(field.value());
  }
}

void read_errors(ondemand::value value, StatusEvent& event) {
  ondemand::array errors;
  std::string_view raw;
  if (value.get_array().get(errors) || errors.raw_json().get(raw)) return;
  Result<boost::json::value> parsed = parse_item(raw);
  if (!parsed) return;
  boost::json::object item;
  item["errors"] = std::move(*parsed);
  event.errors = read_graph_errors(item);
}

void read_conversation(ondemand::value value, StatusEvent& event) {
  ondemand::object conversation;
  if (value.get_object().get(conversation)) return;
  for (auto member : conversation) {
    ondemand::field field;
    std::string_view key;
    if (std::move(member).get(field) || field.unescaped_key().get(key)) return;
    if (key == "expiration_timestamp") event.window_ends_at = webhook_time(read_integer(field.value()));
  }
}

struct RawAddresses {
  std::string recipient, user, parent, participant, participant_user;
  bool group = false;
  bool payment = false;
};

// One member of a status into its place. Kinds of keys are told apart by their exact names only.
void read_member(std::string_view key, ondemand::value value, StatusEvent& event, RawAddresses& to) {
  if (key == "id") return read_text(value, event.wamid);
  if (key == "status") return read_text(value, event.status_text);
  if (key == "timestamp") event.at = webhook_time(read_integer(value));
  if (key == "recipient_id") return read_text(value, to.recipient);
  if (key == "recipient_user_id") return read_text(value, to.user);
  // Meta's documentation has both spellings.
  if (key == "recipient_parent_user_id" || key == "parent_recipient_user_id")
    return read_text(value, to.parent);
  if (key == "biz_opaque_callback_data") return read_text(value, event.token);
  if (key == "pricing") return read_pricing(value, event);
  if (key == "conversation") return read_conversation(value, event);
  if (key == "errors") return read_errors(value, event);
  if (key == "type") return read_text(value, event.type);
  if (key == "group_id") return read_text(value, event.group_id);
  if (key == "recipient_participant_id") return read_text(value, to.participant);
  if (key == "recipient_participant_user_id") return read_text(value, to.participant_user);
  if (key == "payment") to.payment = true;
  if (key == "recipient_type") {
    std::string_view type;
    to.group = value.get_string().get(type) == simdjson::SUCCESS && type == "group";
  }
}

void place_addresses(StatusEvent& event, RawAddresses& to, const ItemContext& context) {
  event.user_id = std::move(to.user);
  event.parent_user_id = std::move(to.parent);
  event.participant_id = to.participant.empty() ? std::move(to.participant_user) : std::move(to.participant);
  if (to.group) {
    if (event.group_id.empty()) event.group_id = std::move(to.recipient);
    return;
  }
  assign_address(to.recipient, event.recipient_id, event.user_id);
  if (!event.user_id.empty()) return;
  // Some statuses name the user id in contacts[] only.
  PersonIds ids;
  ids.phone = event.recipient_id;
  if (const Contact* contact = context.contacts.find(ids, context.lone)) event.user_id = contact->ids.user_id;
}

// Payments and calls are rare: read in the plain way.
WebhookEventBody read_other_status(std::string_view raw, bool payment, const ItemContext& context) {
  const Result<boost::json::value> parsed = parse_item(raw);
  if (!parsed) return MalformedEvent{parsed.error().message};
  const boost::json::object& status = parsed->as_object();
  return payment ? payment_status(status, context) : call_status(status, context);
}

}  // namespace

struct StatusReader::Impl {
  ondemand::parser parser;
};

StatusReader::StatusReader() : impl_(std::make_unique<Impl>()) {}
StatusReader::~StatusReader() = default;

WebhookEventBody StatusReader::read(std::string_view raw, const ItemContext& context) {
  if (too_deep(raw)) return MalformedEvent{"nested more deeply than any status of Meta"};
  const simdjson::padded_string_view text(raw.data(), raw.size(), raw.size() + simdjson::SIMDJSON_PADDING);
  ondemand::document document;
  ondemand::object object;
  if (impl_->parser.iterate(text).get(document) || document.get_object().get(object)) {
    return MalformedEvent{"a status that is no JSON object"};
  }
  StatusEvent event;
  RawAddresses to;
  for (auto member : object) {
    ondemand::field field;
    std::string_view key;
    if (std::move(member).get(field) || field.unescaped_key().get(key))
      return MalformedEvent{"a status with broken JSON"};
    read_member(key, field.value(), event, to);
  }
  if (event.wamid.empty()) return MalformedEvent{"a status without \"id\""};
  if (event.status_text.empty()) return MalformedEvent{"a status without \"status\""};
  if (event.type == "call") return read_other_status(raw, false, context);
  if (event.type == "payment" || to.payment) return read_other_status(raw, true, context);
  event.status = status_from(event.status_text);
  if (event.type == "message") event.type.clear();
  // Of no use to a message's state, and kept for whoever knows more of it.
  const bool of_use = event.status != MessageStatus::other && event.status != MessageStatus::deleted;
  if (!of_use || !event.type.empty()) return UnknownEvent{};
  event.status_text.clear();
  place_addresses(event, to, context);
  return event;
}

std::string_view to_string(MessageStatus status) {
  switch (status) {
    case MessageStatus::sent:
      return "sent";
    case MessageStatus::delivered:
      return "delivered";
    case MessageStatus::read:
      return "read";
    case MessageStatus::played:
      return "played";
    case MessageStatus::failed:
      return "failed";
    case MessageStatus::deleted:
      return "deleted";
    case MessageStatus::other:
      return "other";
  }
  return "other";
}

void assign_address(std::string_view text, std::string& digits, std::string& user_id) {
  const auto is_letter = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (text.size() > 3 && is_letter(text[0]) && is_letter(text[1]) && text[2] == '.') {
    if (user_id.empty()) user_id = text;
    return;
  }
  if (text.starts_with('+')) text.remove_prefix(1);
  digits = text;
}

}  // namespace posthorn::whatsapp
