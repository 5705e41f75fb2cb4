// messages[]: what people write to us.
#include "channels/whatsapp/graph_error.h"
#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/webhook_parts.h"

namespace posthorn::whatsapp {
namespace {

namespace json = boost::json;

using channels::AddressKind;
using channels::MessageEvent;

struct Sender {
  std::string phone, user_id;
};

// What a person reads or taps, by type.
void read_content(const json::object& message, MessageEvent& event) {
  const json::object* content = object_in(message, event.type);
  if (content == nullptr) return;
  if (const std::string_view id = string_in(*content, "id"); !id.empty()) {
    channels::Attachment attachment;
    attachment.kind = event.type;
    attachment.media_id = id;
    event.attachments.push_back(std::move(attachment));
  }
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
const json::object* contact_of(const Sender& sender, const json::array* contacts) {
  if (contacts == nullptr) return nullptr;
  for (const json::value& entry : *contacts) {
    const json::object* contact = entry.if_object();
    if (contact == nullptr) continue;
    const std::string_view user = string_in(*contact, "user_id");
    const std::string_view phone = string_in(*contact, "wa_id");
    if ((!user.empty() && user == sender.user_id) || (!phone.empty() && phone == sender.phone)) return contact;
  }
  return contacts->size() == 1 ? contacts->front().if_object() : nullptr;
}

void read_contact(const json::array* contacts, Sender& sender, channels::Party& person) {
  const json::object* contact = contact_of(sender, contacts);
  if (contact == nullptr) return;
  if (const json::object* profile = object_in(*contact, "profile")) person.name = string_in(*profile, "name");
  if (sender.user_id.empty()) sender.user_id = string_in(*contact, "user_id");
  if (sender.phone.empty()) assign_address(string_in(*contact, "wa_id"), sender.phone, sender.user_id);
}

}  // namespace

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
  Sender sender;
  sender.user_id = string_in(*message, "from_user_id");
  assign_address(string_in(*message, "from"), sender.phone, sender.user_id);
  event.at = webhook_time(integer_in(*message, "timestamp"));
  event.group_id = string_in(*message, "group_id");
  if (const json::object* context = object_in(*message, "context"))
    event.reply_to = string_in(*context, "id");
  read_content(*message, event);
  read_contact(contacts, sender, event.person);
  if (!sender.user_id.empty()) event.person.addresses.push_back({AddressKind::bsuid, sender.user_id});
  if (!sender.phone.empty()) event.person.addresses.push_back({AddressKind::phone, sender.phone});
  return event;
}

}  // namespace posthorn::whatsapp
