// What a message says: the part of it that its type names.
#include <algorithm>
#include <array>

#include <boost/container/small_vector.hpp>

#include "channels/whatsapp/graph_error.h"
#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/webhook_parts.h"

namespace posthorn::whatsapp {
namespace {

namespace json = boost::json;

using channels::MessageEvent;

void append_words(std::string& text, std::string_view words, std::string_view separator) {
  if (words.empty()) return;
  if (!text.empty()) text += separator;
  text += words;
}

// "body" is a text, or an object with one in interactive messages that our side sent.
std::string_view words_in(const json::object& object, std::string_view key) {
  if (const json::object* inner = object_in(object, key)) return string_in(*inner, "text");
  return string_in(object, key);
}

// {"type":"button_reply","button_reply":{"id","title"}}, and so for lists, flows and call permissions.
bool read_reply(const json::object& interactive, MessageEvent& event) {
  const std::string_view told = string_in(interactive, "type");
  for (const std::string_view kind :
       {told, std::string_view("button_reply"), std::string_view("list_reply"), std::string_view("nfm_reply"),
        std::string_view("call_permission_reply")}) {
    const json::object* reply = object_in(interactive, kind);
    if (reply == nullptr) continue;
    for (const std::string_view key : {"title", "body", "response"}) {
      if (event.text.empty()) event.text = words_in(*reply, key);
    }
    for (const std::string_view key : {"id", "response"}) {
      if (event.payload.empty()) event.payload = text_in(*reply, key);
    }
    return true;
  }
  return false;
}

void read_words(const json::object& own, MessageEvent& event) {
  if (event.type == "interactive" && read_reply(own, event)) return;
  if (event.type == "location") {
    append_words(event.text, string_in(own, "name"), ", ");
    append_words(event.text, string_in(own, "address"), ", ");
    return;
  }
  for (const std::string_view key : {"body", "text", "caption", "emoji"}) {
    if (event.text.empty()) event.text = words_in(own, key);
  }
  event.payload = text_in(own, "payload");
}

// "FN:" of a vCard, which may be all that a contact has.
std::string_view vcard_name(std::string_view card) {
  constexpr std::string_view kName = "\nFN:";
  const std::size_t at = card.find(kName);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = card.substr(at + kName.size());
  return rest.substr(0, rest.find_first_of("\r\n"));
}

void read_contact_names(const json::array& cards, MessageEvent& event) {
  for (const json::value& entry : cards) {
    const json::object* card = entry.if_object();
    const json::object* name = card != nullptr ? object_in(*card, "name") : nullptr;
    if (name != nullptr) append_words(event.text, string_in(*name, "formatted_name"), ", ");
    if (card != nullptr && name == nullptr)
      append_words(event.text, vcard_name(string_in(*card, "vcard")), ", ");
  }
}

// A parameter's place in the text: {{name}}, or its number.
void fill_place(std::string& text, const std::string& name, std::string_view words) {
  const std::string place = "{{" + name + "}}";
  for (std::size_t at = text.find(place); at != std::string::npos; at = text.find(place, at + words.size()))
    text.replace(at, place.size(), words);
}

const json::object* body_component(const json::object& holder) {
  const json::array* components = array_in(holder, "components");
  if (components == nullptr) return nullptr;
  for (const json::value& entry : *components) {
    const json::object* component = entry.if_object();
    if (component == nullptr) continue;
    const std::string_view type = string_in(*component, "type");
    if (type == "BODY" || type == "body") return component;
  }
  return nullptr;
}

// What a template that was sent says, where its definition comes along: its body with the parameters in it.
void read_template(const json::object& message, const json::object& own, MessageEvent& event) {
  const json::object* definition = object_in(message, "template_definition");
  const json::object* body = definition != nullptr ? body_component(*definition) : nullptr;
  if (body == nullptr) return;
  event.text = string_in(*body, "text");
  const json::object* sent = body_component(own);
  const json::array* parameters = sent != nullptr ? array_in(*sent, "parameters") : nullptr;
  if (parameters == nullptr) return;
  for (std::size_t i = 0; i < parameters->size(); ++i) {
    const json::object* parameter = (*parameters)[i].if_object();
    if (parameter == nullptr) continue;
    std::string name(string_in(*parameter, "parameter_name"));
    if (name.empty()) name = std::to_string(i + 1);
    if (const std::string_view words = string_in(*parameter, "text"); !words.empty())
      fill_place(event.text, name, words);
  }
}

bool is_media(std::string_view type, const json::object& own) {
  constexpr std::array<std::string_view, 6> kTypes = {"image", "video",    "audio",
                                                      "voice", "document", "sticker"};
  return std::ranges::find(kTypes, type) != kTypes.end() || own.contains("mime_type");
}

void read_attachment(const json::object& own, MessageEvent& event) {
  if (!is_media(event.type, own)) return;
  // A voice note comes as audio; its recorder says so only here.
  if (event.type == "audio" && flag_in(own, "voice")) event.type = "voice";
  channels::Attachment attachment;
  attachment.kind = event.type;
  attachment.media_id = text_in(own, "id");
  attachment.url = string_in(own, "url");
  if (attachment.url.empty()) attachment.url = string_in(own, "link");
  attachment.mime_type = string_in(own, "mime_type");
  attachment.sha256 = string_in(own, "sha256");
  attachment.file_name = string_in(own, "filename");
  attachment.animated = flag_in(own, "animated");
  if (!attachment.media_id.empty() || !attachment.url.empty())
    event.attachments.push_back(std::move(attachment));
}

void read_errors(const json::object& message, MessageEvent& event) {
  if (!message.contains("errors")) return;
  const std::vector<GraphError> errors = read_graph_errors(message);
  if (errors.empty()) return;
  const GraphError& first = errors.front();
  event.error_code = first.code;
  event.error = !first.details.empty() ? first.details : !first.message.empty() ? first.message : first.title;
}

void read_context(const json::object& message, MessageEvent& event) {
  const json::object* context = object_in(message, "context");
  if (context == nullptr) return;
  event.reply_to = string_in(*context, "id");
  if (event.reply_to.empty()) event.reply_to = string_in(*context, "message_id");
  event.forwarded = flag_in(*context, "forwarded") || flag_in(*context, "frequently_forwarded");
}

// "referral" comes with the first message after an advert that opens chats, or a Page's button.
void read_referral(const json::object& message, MessageEvent& event) {
  const json::object* referral = object_in(message, "referral");
  if (referral == nullptr || referral->empty()) return;
  event.opens_free_entry_point = event.direction == channels::Direction::in && !event.from_history;
  for (const std::string_view key : {"source_id", "ref", "source_url"}) {
    if (event.ref.empty()) event.ref = text_in(*referral, key);
  }
}

// What says who, when and where instead of what.
bool is_envelope(std::string_view key) {
  constexpr std::array<std::string_view, 15> kKeys = {
      "from",     "from_user_id",      "from_parent_user_id", "to",        "to_user_id",
      "id",       "to_parent_user_id", "timestamp",           "type",      "group_id",
      "identity", "recipient_type",    "history_context",     "recipient", "messaging_product"};
  return std::ranges::find(kKeys, key) != kKeys.end();
}

// All the rest, so that nothing is lost: the type's own member, context, referral, errors, …
std::string content_of(const json::object& message) {
  boost::container::small_vector<const json::key_value_pair*, 8> members;
  for (const json::key_value_pair& member : message) {
    if (!is_envelope(member.key())) members.push_back(&member);
  }
  std::ranges::sort(members, {}, [](const auto* member) { return member->key(); });
  std::string out = "{";
  for (const json::key_value_pair* member : members) {
    if (member != members.front()) out += ',';
    channels::append_json_string(out, member->key());
    out += ':';
    channels::append_canonical_json(out, member->value());
  }
  return out += '}';
}

}  // namespace

void read_message_content(const json::object& message, MessageEvent& event) {
  event.content = content_of(message);
  const json::value* own = message.if_contains(event.type);
  if (event.type == "unknown") event.type = "unsupported";  // an older name of it
  if (own == nullptr) own = message.if_contains("text");    // of types that are not known here
  if (own != nullptr && own->is_object()) {
    read_words(own->get_object(), event);
    read_attachment(own->get_object(), event);
  }
  if (own != nullptr && own->is_object() && event.type == "template")
    read_template(message, own->get_object(), event);
  if (own != nullptr && own->is_array() && event.type == "contacts")
    read_contact_names(own->get_array(), event);
  read_errors(message, event);
  read_context(message, event);
  read_referral(message, event);
}

}  // namespace posthorn::whatsapp
