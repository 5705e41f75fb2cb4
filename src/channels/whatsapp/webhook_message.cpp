// messages[]: what people write to us.
#include <boost/json/parse.hpp>

#include "channels/whatsapp/graph_error.h"
#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/webhook_parts.h"

namespace posthorn::whatsapp {
namespace {

namespace json = boost::json;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// The code unit of a \uXXXX at `at`, or -1.
int code_unit(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int unit = 0;
  for (const char c : text.substr(at + 2, 4)) {
    if (!is_hex(c)) return -1;
    unit = unit * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return unit;
}

bool is_high(int unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low(int unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

// Half an emoji, as some clients cut texts, is no valid JSON for most parsers; the rest of the text is.
std::string without_lone_surrogates(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      out += text[i];
      continue;
    }
    const int unit = code_unit(text, i);
    const bool pair = is_high(unit) && is_low(code_unit(text, i + 6));
    const std::size_t length = pair ? 12 : unit >= 0 ? 6 : 2;
    if (!pair && (is_high(unit) || is_low(unit))) {
      out += "\\ufffd";
    } else {
      out += text.substr(i, length);
    }
    i += length - 1;
  }
  return out;
}

json::value parse_once(std::string_view raw, boost::system::error_code& failure) {
  json::parse_options options;
  options.max_depth = kMaxWebhookDepth;
  return json::parse(raw, failure, {}, options);
}

// What a person reads or taps, by type.
void read_content(const json::object& message, MessageEvent& event) {
  const json::object* content = object_in(message, event.type);
  if (content == nullptr) return;
  event.media_id = string_in(*content, "id");
  for (const std::string_view key : {"body", "text", "caption", "emoji"}) {
    if (event.text.empty()) event.text = string_in(*content, key);
  }
  event.payload = string_in(*content, "payload");
  for (const std::string_view kind : {"button_reply", "list_reply"}) {
    if (const json::object* reply = object_in(*content, kind)) {
      event.text = string_in(*reply, "title");
      event.payload = string_in(*reply, "id");
    }
  }
  if (const json::object* form = object_in(*content, "nfm_reply")) event.text = string_in(*form, "body");
}

// The contact belonging to the message: by user id first, then by phone, else the only one.
const json::object* contact_of(const MessageEvent& event, const json::array* contacts) {
  if (contacts == nullptr) return nullptr;
  for (const json::value& entry : *contacts) {
    const json::object* contact = entry.if_object();
    if (contact == nullptr) continue;
    const std::string_view user = string_in(*contact, "user_id");
    const std::string_view phone = string_in(*contact, "wa_id");
    if ((!user.empty() && user == event.from_user_id) || (!phone.empty() && phone == event.from))
      return contact;
  }
  return contacts->size() == 1 ? contacts->front().if_object() : nullptr;
}

void read_contact(const json::array* contacts, MessageEvent& event) {
  const json::object* contact = contact_of(event, contacts);
  if (contact == nullptr) return;
  if (const json::object* profile = object_in(*contact, "profile"))
    event.profile_name = string_in(*profile, "name");
  if (event.from_user_id.empty()) event.from_user_id = string_in(*contact, "user_id");
  if (event.from.empty()) assign_address(string_in(*contact, "wa_id"), event.from, event.from_user_id);
}

}  // namespace

Result<json::value> parse_item(std::string_view raw) {
  boost::system::error_code failure;
  json::value value = parse_once(raw, failure);
  if (failure && failure != json::error::too_deep && raw.find("\\u") != std::string_view::npos) {
    value = parse_once(without_lone_surrogates(raw), failure);
  }
  if (failure == json::error::too_deep) {
    return fail(ErrorCode::too_large, "nested more deeply than any event of Meta");
  }
  if (failure) return fail(ErrorCode::invalid_argument, "no valid JSON: " + failure.message());
  return value;
}

WebhookEventBody read_message(std::string_view raw, const json::array* contacts) {
  const Result<json::value> parsed = parse_item(raw);
  if (!parsed) return MalformedEvent{parsed.error().message};
  const json::object* message = parsed->if_object();
  if (message == nullptr) return MalformedEvent{"a message that is no object"};
  MessageEvent event;
  event.id = string_in(*message, "id");
  if (event.id.empty()) return MalformedEvent{"a message without \"id\""};
  event.type = string_in(*message, "type");
  if (event.type.empty()) return MalformedEvent{"a message without \"type\""};
  event.from_user_id = string_in(*message, "from_user_id");
  assign_address(string_in(*message, "from"), event.from, event.from_user_id);
  event.at = webhook_time(integer_in(*message, "timestamp"));
  event.group_id = string_in(*message, "group_id");
  if (const json::object* context = object_in(*message, "context"))
    event.reply_to = string_in(*context, "id");
  event.errors = read_graph_errors(*message);
  read_content(*message, event);
  read_contact(contacts, event);
  return event;
}

}  // namespace posthorn::whatsapp
