// Events in words, one line each, so that a fixture's events can be compared as text. Members that are empty
// are left out.
#pragma once
#include <string>

#include <fmt/format.h>

#include "channels/webhook_event.h"

namespace posthorn::testing_support {

class EventText {
 public:
  explicit EventText(std::string_view kind) : text_(kind) {}
  EventText& add(std::string_view name, std::string_view value) {
    if (value.empty()) return *this;
    text_ += fmt::format(" {}=", name);
    const bool bare = value.find_first_of(" \"\n=") == std::string_view::npos || value.front() == '{';
    text_ += bare ? std::string(value) : quoted(value);
    return *this;
  }
  EventText& add(std::string_view name, std::int64_t value) {
    return value == 0 ? *this : add(name, std::to_string(value));
  }
  EventText& flag(std::string_view name, bool value) {
    if (value) text_ += fmt::format(" {}", name);
    return *this;
  }
  EventText& at(WallTime time) { return add("at", to_micros(time) / 1'000'000); }
  EventText& direction(channels::Direction direction) {
    return flag("out", direction == channels::Direction::out);
  }
  EventText& addresses(std::string_view name, const std::vector<channels::Address>& list) {
    std::string text;
    for (const channels::Address& address : list) {
      text += text.empty() ? "" : ",";
      text += fmt::format("{}:{}", kind_name(address.kind), address.value);
    }
    return add(name, text);
  }
  EventText& party(std::string_view name, const channels::Party& party) {
    addresses(name, party.addresses);
    return add("name", party.name).add("username", party.username).add("identity", party.identity_hash);
  }
  std::string take() { return std::move(text_); }

 private:
  static std::string_view kind_name(channels::AddressKind kind) {
    switch (kind) {
      case channels::AddressKind::phone:
        return "phone";
      case channels::AddressKind::bsuid:
        return "bsuid";
      case channels::AddressKind::parent_bsuid:
        return "parent";
      case channels::AddressKind::instagram_scoped:
        return "igsid";
      case channels::AddressKind::page_scoped:
        return "psid";
    }
    return "?";
  }
  static std::string quoted(std::string_view value) {
    std::string out = "\"";
    for (const char c : value) out += c == '\n' ? std::string("\\n") : std::string(1, c);
    return out + '"';
  }

  std::string text_;
};

struct EventDescriber {
  std::string operator()(const channels::MessageEvent& e) const {
    EventText text("message");
    text.direction(e.direction).add("type", e.type).add("id", e.id).at(e.at).party("person", e.person);
    text.add("group", e.group_id).add("text", e.text).add("payload", e.payload).add("reply_to", e.reply_to);
    text.add("ref", e.ref).add("error", e.error_code).add("why", e.error).add("status", e.history_status);
    text.flag("forwarded", e.forwarded).flag("history", e.from_history).flag("standby", e.standby);
    text.flag("free_entry_point", e.opens_free_entry_point);
    for (const channels::Attachment& a : e.attachments) {
      EventText one("");
      one.add("id", a.media_id).add("mime", a.mime_type).add("sha256", a.sha256).add("file", a.file_name);
      one.add("url", a.url).flag("animated", a.animated);
      text.add(a.kind, "{" + one.take() + " }");
    }
    return text.add("content", e.content).take();
  }
  std::string operator()(const channels::ReactionEvent& e) const {
    EventText text("reaction");
    text.direction(e.direction).add("id", e.id).at(e.at).add("target", e.target_id).add("emoji", e.emoji);
    return text.party("person", e.person).add("group", e.group_id).take();
  }
  std::string operator()(const channels::EditEvent& e) const {
    EventText text("edit");
    text.direction(e.direction).add("id", e.id).at(e.at).add("target", e.target_id).add("type", e.type);
    return text.add("text", e.text).party("person", e.person).add("content", e.content).take();
  }
  std::string operator()(const channels::RevokeEvent& e) const {
    EventText text("revoke");
    text.direction(e.direction).add("id", e.id).at(e.at).add("target", e.target_id);
    return text.party("person", e.person).take();
  }
  std::string operator()(const channels::IdentityEvent& e) const {
    EventText text("identity");
    text.add("reason", e.reason).add("id", e.id).at(e.at).party("person", e.person);
    return text.addresses("previous", e.previous).add("text", e.text).take();
  }
  std::string operator()(const channels::CallEvent& e) const {
    EventText text("call");
    text.add("id", e.id)
        .add("event", e.event)
        .at(e.at)
        .flag("from_business", e.from_business)
        .add("status", e.status);
    return text.add("seconds", e.seconds).party("person", e.person).add("content", e.content).take();
  }
  std::string operator()(const channels::GroupEvent& e) const {
    EventText text("group");
    text.add("id", e.group_id)
        .add("type", e.type)
        .at(e.at)
        .add("request", e.request_id)
        .add("subject", e.subject);
    for (const channels::Party& party : e.added) text.party("added", party);
    for (const channels::Party& party : e.removed) text.party("removed", party);
    return text.add("error", e.error_code).take();
  }
  std::string operator()(const channels::ContactSyncEvent& e) const {
    return EventText("contact").at(e.at).flag("removed", e.removed).party("person", e.person).take();
  }
  std::string operator()(const channels::NoticeEvent& e) const {
    EventText text("notice");
    text.add("kind", e.kind).add("subject", e.subject).at(e.at).party("person", e.person);
    return text.add("summary", e.summary).take();
  }
  std::string operator()(const whatsapp::StatusEvent& e) const {
    EventText text("status");
    text.add("id", e.wamid).add("status", to_string(e.status)).add("word", e.status_text).at(e.at);
    text.add("phone", e.recipient_id)
        .add("bsuid", e.user_id)
        .add("parent", e.parent_user_id)
        .add("group", e.group_id);
    text.add("participant", e.participant_id).add("token", e.token).add("type", e.type);
    text.add("pricing", e.pricing_model)
        .add("pricing_type", e.pricing_type)
        .add("category", e.pricing_category);
    text.flag("billable", e.billable).add("window_ends", to_micros(e.window_ends_at) / 1'000'000);
    if (!e.errors.empty()) text.add("error", e.errors.front().summary());
    return text.take();
  }
  std::string operator()(const whatsapp::TemplateStatusEvent& e) const {
    EventText text("template_status");
    text.add("id", e.template_id).add("name", e.name).add("language", e.language).add("category", e.category);
    return text.add("status", e.status).add("reason", e.reason).add("detail", e.detail).take();
  }
  std::string operator()(const whatsapp::TemplateQualityEvent& e) const {
    EventText text("template_quality");
    return text.add("id", e.template_id)
        .add("name", e.name)
        .add("from", e.previous)
        .add("to", e.current)
        .take();
  }
  std::string operator()(const whatsapp::TemplateCategoryEvent& e) const {
    EventText text("template_category");
    text.add("id", e.template_id).add("name", e.name).add("from", e.previous).add("to", e.current);
    return text.add("upcoming", e.upcoming).take();
  }
  std::string operator()(const whatsapp::TemplateComponentsEvent& e) const {
    return EventText("template_components").add("id", e.template_id).add("name", e.name).take();
  }
  std::string operator()(const whatsapp::PhoneQualityEvent& e) const {
    return EventText("phone_quality").add("event", e.event).add("tier", e.messaging_tier).take();
  }
  std::string operator()(const whatsapp::PhoneNameEvent& e) const {
    return EventText("phone_name")
        .add("decision", e.decision)
        .add("name", e.requested_name)
        .add("reason", e.reason)
        .take();
  }
  std::string operator()(const whatsapp::AccountEvent& e) const {
    EventText text("account");
    text.add("event", e.event).flag("stops", e.stops_sending).flag("restores", e.restores_sending);
    return text.add("detail", e.detail).take();
  }
  std::string operator()(const whatsapp::AccountAlertEvent& e) const {
    EventText text("account_alert");
    text.add("entity", e.entity_type + ":" + e.entity_id).add("severity", e.severity).add("status", e.status);
    return text.add("type", e.type).add("description", e.description).take();
  }
  std::string operator()(const whatsapp::AccountReviewEvent& e) const {
    return EventText("account_review").add("decision", e.decision).take();
  }
  std::string operator()(const whatsapp::BusinessCapabilityEvent& e) const {
    return EventText("capability").add("tier", e.messaging_tier).add("numbers", e.max_phone_numbers).take();
  }
  std::string operator()(const whatsapp::UserPreferenceEvent& e) const {
    EventText text("preference");
    text.flag("stop", e.stop)
        .add("phone", e.phone)
        .add("bsuid", e.user_id)
        .add("category", e.category)
        .at(e.at);
    return text.add("detail", e.detail).take();
  }
  std::string operator()(const whatsapp::SecurityEvent& e) const {
    return EventText("security").add("event", e.event).add("requester", e.requester).take();
  }
  std::string operator()(const whatsapp::ValueErrorEvent& e) const {
    EventText text("errors");
    for (const auto& error : e.errors) text.add("error", error.summary());
    return text.take();
  }
  std::string operator()(const channels::UnknownEvent&) const { return "unknown"; }
  std::string operator()(const channels::MalformedEvent& e) const {
    return EventText("malformed").add("reason", e.reason).take();
  }
  std::string operator()(const channels::ReceiptEvent&) const { return "receipt"; }
};

// "field number@business: event"
inline std::string describe(const channels::WebhookEvent& event) {
  const channels::WebhookOrigin& origin = *event.origin;
  return fmt::format("{} {}@{}: {}", origin.field, origin.phone_number_id, origin.business_id,
                     std::visit(EventDescriber{}, event.body));
}

}  // namespace posthorn::testing_support
