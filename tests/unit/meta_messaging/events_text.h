// Events of Instagram and Messenger in words, one line each, so that a fixture's events can be compared as
// text. Members that are empty are left out.
#pragma once
#include <string>

#include <fmt/format.h>

#include "channels/webhook_event.h"

namespace posthorn::meta_messaging {

class EventLine {
 public:
  explicit EventLine(std::string_view kind) : text_(kind) {}
  EventLine& add(std::string_view name, std::string_view value) {
    if (!value.empty()) text_ += fmt::format(" {}={}", name, value);
    return *this;
  }
  EventLine& text(std::string_view name, std::string_view value) {
    if (!value.empty()) text_ += fmt::format(" {}='{}'", name, value);
    return *this;
  }
  EventLine& flag(std::string_view name, bool value) {
    if (value) text_ += fmt::format(" {}", name);
    return *this;
  }
  EventLine& number(std::string_view name, std::int64_t value) {
    return value == 0 ? *this : add(name, fmt::format("{}", value));
  }
  EventLine& direction(channels::Direction direction) {
    return flag("out", direction == channels::Direction::out);
  }
  EventLine& person(const channels::Party& party) {
    for (const channels::Address& address : party.addresses) {
      const bool instagram = address.kind == channels::AddressKind::instagram_scoped;
      const bool page = address.kind == channels::AddressKind::page_scoped;
      add(instagram ? "igsid" : page ? "psid" : "other", address.value);
    }
    return text("name", party.name).add("username", party.username);
  }
  EventLine& at(WallTime time) { return number("at", to_micros(time) / 1000); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

struct EventWords {
  std::string operator()(const channels::MessageEvent& e) const {
    EventLine line("message");
    line.direction(e.direction)
        .flag("standby", e.standby)
        .add("type", e.type)
        .add("id", e.id)
        .person(e.person)
        .at(e.at);
    line.text("text", e.text).text("payload", e.payload).add("reply_to", e.reply_to).text("ref", e.ref);
    line.add("app", e.app_id).add("metadata", e.metadata).text("error", e.error);
    for (const channels::Attachment& file : e.attachments) line.add(file.kind, file.url);
    return line.add("content", e.content == "{}" ? "" : e.content).take();
  }
  std::string operator()(const channels::ReactionEvent& e) const {
    EventLine line("reaction");
    line.direction(e.direction).add("target", e.target_id).add("emoji", e.emoji.empty() ? "none" : e.emoji);
    return line.person(e.person).at(e.at).flag("with_id", !e.id.empty()).take();
  }
  std::string operator()(const channels::EditEvent& e) const {
    EventLine line("edit");
    line.direction(e.direction)
        .add("target", e.target_id)
        .add("type", e.type)
        .number("number", e.edit_number);
    return line.text("text", e.text).person(e.person).at(e.at).flag("with_id", !e.id.empty()).take();
  }
  std::string operator()(const channels::RevokeEvent& e) const {
    return EventLine("revoke")
        .direction(e.direction)
        .add("target", e.target_id)
        .person(e.person)
        .at(e.at)
        .take();
  }
  std::string operator()(const channels::ReceiptEvent& e) const {
    EventLine line(e.read ? "read" : "delivered");
    for (const std::string& id : e.ids) line.add("id", id);
    return line.number("until", to_micros(e.watermark) / 1000).person(e.person).at(e.at).take();
  }
  std::string operator()(const channels::NoticeEvent& e) const {
    EventLine line("notice");
    return line.add("kind", e.kind)
        .add("subject", e.subject)
        .person(e.person)
        .at(e.at)
        .text("summary", e.summary)
        .take();
  }
  std::string operator()(const channels::UnknownEvent&) const { return "unknown"; }
  std::string operator()(const channels::MalformedEvent& e) const { return "malformed: " + e.reason; }
  std::string operator()(const auto&) const { return "of another channel"; }
};

// "instagram 178…/messages: message type=text …"
inline std::string in_words(const channels::WebhookEvent& event) {
  const channels::WebhookOrigin& origin = *event.origin;
  return fmt::format("{} {}/{}: {}", to_string(origin.channel), origin.receiver_id(), origin.field,
                     std::visit(EventWords{}, event.body));
}

}  // namespace posthorn::meta_messaging
