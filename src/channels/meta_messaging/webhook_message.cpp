// The "message" of an item: texts, attachments, answers to stories, echoes, what was unsent.
#include <array>

#include "channels/canonical_json.h"
#include "channels/meta_messaging/webhook_parts.h"
#include "channels/whatsapp/json_fields.h"

namespace posthorn::meta_messaging {
namespace {

namespace json = boost::json;

using channels::Attachment;
using channels::MalformedEvent;
using channels::MessageEvent;
using channels::RevokeEvent;
using channels::WebhookEventBody;
using whatsapp::array_in;
using whatsapp::flag_in;
using whatsapp::object_in;
using whatsapp::string_in;
using whatsapp::text_in;

struct AttachmentKind {
  std::string_view theirs, ours;
  bool media;  // its url leads to a file, not to a page for people
};

// Meta's Instagram and Messenger webhook references; what is not listed keeps its name and counts as a file.
constexpr std::array kAttachmentKinds{
    AttachmentKind{"file", "document", true},
    AttachmentKind{"ig_post", "share", true},
    AttachmentKind{"post", "share", true},
    AttachmentKind{"ig_reel", "reel", true},
    AttachmentKind{"ig_story", "story", true},
    AttachmentKind{"fallback", "fallback", false},
    AttachmentKind{"template", "template", false},
    AttachmentKind{"location", "location", false},
    AttachmentKind{"unsupported_type", "unsupported", true},
};

// Links to pages of the two sites are for people: a relative one, or one that only shows the login page to
// programs.
bool leads_to_file(std::string_view url) {
  if (!url.starts_with("https://") && !url.starts_with("http://")) return false;
  for (const std::string_view site :
       {"www.facebook.com/", "www.instagram.com/", "m.facebook.com/", "instagram.com/", "facebook.com/",
        "l.facebook.com/", "l.instagram.com/"}) {
    if (url.substr(url.find("//") + 2).starts_with(site)) return false;
  }
  return true;
}

// The kind, and the file if there is one. The payload may be missing.
std::string read_attachment(const json::object& source, std::vector<Attachment>& files) {
  const std::string_view type = string_in(source, "type");
  const auto* known = std::ranges::find(kAttachmentKinds, type, &AttachmentKind::theirs);
  const bool listed = known != kAttachmentKinds.end();
  const json::object* payload = object_in(source, "payload");
  Attachment file;
  file.kind = listed ? known->ours : type;
  if (payload != nullptr && payload->contains("sticker_id")) file.kind = "sticker";
  // A shared story has its link under a name of its own.
  for (const std::string_view key : {"url", "story_media_url"}) {
    if (file.url.empty() && payload != nullptr) file.url = string_in(*payload, key);
  }
  if (file.url.empty()) file.url = string_in(source, "url");
  const std::string kind = file.kind.empty() ? "unknown" : file.kind;
  file.kind = kind;
  // A shared post is told by its old name and its new one at once.
  const bool twice = std::ranges::find(files, file.url, &Attachment::url) != files.end();
  if ((!listed || known->media) && leads_to_file(file.url) && !twice) files.push_back(std::move(file));
  return kind;
}

// Messenger's thumb in its three sizes.
bool is_thumb(const json::object& payload) {
  const std::string sticker = text_in(payload, "sticker_id");
  return sticker == "369239263222822" || sticker == "369239343222814" || sticker == "369239383222810";
}

// What a person reads of a template that our side sent.
std::string template_text(const json::object& payload) {
  if (const std::string_view text = string_in(payload, "text"); !text.empty()) return std::string(text);
  const json::object* element = whatsapp::first_object_in(payload, "elements");
  if (element == nullptr)
    if (const json::object* generic = object_in(payload, "generic"))
      element = whatsapp::first_object_in(*generic, "elements");
  return element != nullptr ? std::string(string_in(*element, "title")) : std::string();
}

std::string attachment_text(const json::object& source) {
  const json::object* payload = object_in(source, "payload");
  if (string_in(source, "type") == "like_heart") return "\u2764\uFE0F";
  if (payload != nullptr && is_thumb(*payload)) return "\U0001F44D";
  std::string text(string_in(source, "title"));
  if (text.empty() && payload != nullptr) text = string_in(*payload, "title");
  if (text.empty() && payload != nullptr) text = template_text(*payload);
  if (text.empty() && string_in(source, "type") == "fallback") {
    text = string_in(source, "url");
    if (text.empty() && payload != nullptr) text = string_in(*payload, "url");
  }
  return text;
}

// Files into the event; the kind of the first attachment, or nothing.
std::string read_attachments(const json::object& message, MessageEvent& event) {
  std::string first;
  const auto read = [&](const json::object& source) {
    const std::string kind = read_attachment(source, event.attachments);
    if (first.empty()) first = kind;
    if (event.text.empty()) event.text = attachment_text(source);
  };
  if (const json::object* single = object_in(message, "attachments")) read(*single);
  if (const json::array* list = array_in(message, "attachments")) {
    for (const json::value& entry : *list) {
      if (const json::object* source = entry.if_object()) read(*source);
    }
  }
  return first;
}

// Whether it answers a message or a story.
bool read_reply(const MessagingItem& item, const json::object& message, MessageEvent& event) {
  const json::object* reply = object_in(message, "reply_to");
  if (reply == nullptr) reply = object_in(item.json, "reply_to");
  if (reply == nullptr) return false;
  event.reply_to = text_in(*reply, "mid");
  const json::object* story = object_in(*reply, "story");
  if (story == nullptr) return false;
  const std::string_view url = string_in(*story, "url");
  if (leads_to_file(url)) event.attachments.push_back({.kind = "story_reply", .url = std::string(url)});
  return true;
}

std::string type_of(const json::object& message, std::string_view attached, bool had_text,
                    bool answers_story) {
  if (flag_in(message, "is_unsupported")) return "unsupported";
  if (answers_story) return "story_reply";
  const bool preview = attached == "fallback" && had_text;  // of a link in the text
  if (!attached.empty() && !preview) return std::string(attached);
  if (had_text || object_in(message, "quick_reply") != nullptr) return "text";
  return object_in(message, "referral") != nullptr ? "referral" : "unsupported";
}

// Everything of the message that has no member of its own in the event.
std::string content_of(const MessagingItem& item, const json::object& message) {
  json::object content = message;
  for (const std::string_view key : {"mid", "text", "is_echo", "app_id", "metadata", "is_unsupported", "seq"})
    content.erase(key);
  for (const std::string_view key : {"referral", "reply_to", "prior_message"}) {
    if (const json::object* beside = object_in(item.json, key)) content.emplace(key, *beside);
  }
  return channels::canonical_json(json::value(std::move(content)));
}

void read_extras(const MessagingItem& item, const json::object& message, MessageEvent& event) {
  if (const json::object* tapped = object_in(message, "quick_reply"))
    event.payload = text_in(*tapped, "payload");
  const json::object* referral = object_in(message, "referral");
  if (referral == nullptr) referral = object_in(item.json, "referral");
  if (referral != nullptr) event.ref = referral_ref(*referral);
  event.app_id = text_in(message, "app_id");
  event.metadata = text_in(message, "metadata");
  event.content = content_of(item, message);
}

}  // namespace

std::string referral_ref(const json::object& referral) {
  for (const std::string_view key : {"ad_id", "ref", "referer_uri", "source_url"}) {
    if (std::string ref = text_in(referral, key); !ref.empty()) return ref;
  }
  const json::object* product = object_in(referral, "product");
  return product != nullptr ? text_in(*product, "id") : std::string();
}

WebhookEventBody read_message(const MessagingItem& item, const json::object& message) {
  if (item.person.addresses.empty()) return MalformedEvent{"a message without sender"};
  std::string id = text_in(message, "mid");
  if (flag_in(message, "is_deleted")) {
    if (id.empty()) return MalformedEvent{"an unsent message without \"mid\""};
    return RevokeEvent{
        .target_id = std::move(id), .direction = item.direction, .person = item.person, .at = item.at};
  }
  MessageEvent event;
  event.id = id.empty() ? made_id("message", item, message) : std::move(id);
  event.direction = item.direction;
  event.person = item.person;
  event.at = item.at;
  event.standby = item.standby;
  event.text = string_in(message, "text");
  const bool had_text = !event.text.empty();
  const bool answers_story = read_reply(item, message, event);
  const std::string attached = read_attachments(message, event);
  event.type = type_of(message, attached, had_text, answers_story);
  read_extras(item, message, event);
  if (event.type == "unsupported")
    event.error = "Meta does not show the content of this message to programs.";
  return event;
}

}  // namespace posthorn::meta_messaging
