// Webhook fields whose value is one event: which one it makes.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/webhook_parts.h"

namespace posthorn::whatsapp {
namespace {

namespace json = boost::json;

using channels::NoticeEvent;

std::string join(std::string_view a, std::string_view b) {
  return fmt::format("{}{}{}", a, a.empty() || b.empty() ? "" : ": ", b);
}

std::string upper_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
  return out;
}

WebhookEventBody template_status(const json::object& value) {
  TemplateStatusEvent event;
  event.template_id = text_in(value, "message_template_id");
  event.name = string_in(value, "message_template_name");
  event.language = string_in(value, "message_template_language");
  event.category = string_in(value, "message_template_category");
  event.status = string_in(value, "event");
  event.reason = string_in(value, "reason");
  if (const json::object* other = object_in(value, "other_info")) {
    event.detail = join(string_in(*other, "title"), string_in(*other, "description"));
  } else if (const json::object* rejection = object_in(value, "rejection_info")) {
    event.detail = join(string_in(*rejection, "reason"), string_in(*rejection, "recommendation"));
  }
  if (event.status.empty()) return MalformedEvent{"a template status without \"event\""};
  if (event.name.empty() && event.template_id.empty())
    return MalformedEvent{"a template status that names no template"};
  return event;
}

WebhookEventBody template_quality(const json::object& value) {
  TemplateQualityEvent event{text_in(value, "message_template_id"), text_in(value, "message_template_name"),
                             text_in(value, "message_template_language"),
                             text_in(value, "previous_quality_score"), text_in(value, "new_quality_score")};
  if (event.current.empty()) return MalformedEvent{"a template quality without \"new_quality_score\""};
  return event;
}

WebhookEventBody template_category(const json::object& value) {
  TemplateCategoryEvent event{text_in(value, "message_template_id"),
                              text_in(value, "message_template_name"),
                              text_in(value, "message_template_language"),
                              text_in(value, "previous_category"),
                              text_in(value, "new_category"),
                              text_in(value, "correct_category")};
  if (event.current.empty())
    event.current = text_in(value, "category");  // template_correct_category_detection
  if (event.upcoming == event.current) event.upcoming.clear();
  if (event.current.empty() && event.upcoming.empty())
    return MalformedEvent{"a template category without \"new_category\""};
  return event;
}

WebhookEventBody template_components(const json::object& value) {
  return TemplateComponentsEvent{text_in(value, "message_template_id"),
                                 text_in(value, "message_template_name"),
                                 text_in(value, "message_template_language")};
}

WebhookEventBody phone_quality(const json::object& value) {
  PhoneQualityEvent event{text_in(value, "event"), text_in(value, "max_daily_conversations_per_business")};
  if (event.messaging_tier.empty())
    event.messaging_tier = text_in(value, "current_limit");  // before February 2026
  if (event.event.empty()) return MalformedEvent{"a phone number quality without \"event\""};
  return event;
}

WebhookEventBody phone_name(const json::object& value) {
  return PhoneNameEvent{text_in(value, "decision"), text_in(value, "requested_verified_name"),
                        text_in(value, "rejection_reason")};
}

// restriction_info[{restriction_type, expiration}] in words; sets stops_sending for those that concern our
// sending.
void read_restrictions(const json::object& value, AccountEvent& event) {
  const json::array* restrictions = array_in(value, "restriction_info");
  if (restrictions == nullptr) return;
  for (const json::value& entry : *restrictions) {
    const json::object* restriction = entry.if_object();
    if (restriction == nullptr) continue;
    const std::string type = text_in(*restriction, "restriction_type");
    const std::string until = text_in(*restriction, "expiration");
    if (!event.detail.empty()) event.detail += ", ";
    event.detail += until.empty() ? type : fmt::format("{} until {}", type, until);
    for (const std::string_view side : {"BIZ", "BUSINESS", "CUSTOMER"}) {
      event.stops_sending |= type.find(fmt::format("{}_INITIATED_MESSAGING", side)) != std::string::npos;
    }
  }
}

WebhookEventBody account_update(const json::object& value) {
  AccountEvent event;
  event.event = text_in(value, "event");
  if (event.event.empty()) return MalformedEvent{"an account update without \"event\""};
  read_restrictions(value, event);
  if (const json::object* ban = object_in(value, "ban_info")) {
    const std::string_view state = string_in(*ban, "waba_ban_state");
    event.detail = join(state, text_in(*ban, "waba_ban_date"));
    event.stops_sending |= state == "DISABLE";
    event.restores_sending = state == "REINSTATE";
    event.about = AccountEvent::About::ban;
  }
  if (const json::object* violation = object_in(value, "violation_info")) {
    event.detail = join(event.detail, text_in(*violation, "violation_type"));
  }
  const std::string name = upper_case(event.event);  // partners write some of them in small letters
  const bool lost = name == "ACCOUNT_DELETED" || name == "ACCOUNT_OFFBOARDED" || name == "PARTNER_REMOVED";
  const bool back = name == "ACCOUNT_RECONNECTED";
  if (lost || back) event.about = AccountEvent::About::connection;
  event.stops_sending |= lost;
  event.restores_sending |= back;
  return event;
}

WebhookEventBody account_alert(const json::object& value) {
  const json::object* info = object_in(value, "alert_info");
  const json::object& alert =
      info != nullptr ? *info : value;  // older deliveries have the members at the top
  AccountAlertEvent event{text_in(value, "entity_type"),    text_in(value, "entity_id"),
                          text_in(alert, "alert_severity"), text_in(alert, "alert_status"),
                          text_in(alert, "alert_type"),     text_in(alert, "alert_description")};
  if (event.type.empty() && event.severity.empty() && event.description.empty())
    return MalformedEvent{"an account alert without \"alert_type\""};
  return event;
}

WebhookEventBody account_review(const json::object& value) {
  AccountReviewEvent event{text_in(value, "decision")};
  if (event.decision.empty()) return MalformedEvent{"an account review without \"decision\""};
  return event;
}

WebhookEventBody business_capability(const json::object& value) {
  BusinessCapabilityEvent event;
  event.messaging_tier = text_in(value, "max_daily_conversations_per_business");
  if (event.messaging_tier.empty()) event.messaging_tier = text_in(value, "max_daily_conversation_per_phone");
  event.max_phone_numbers =
      integer_in(value, "max_phone_numbers_per_business", integer_in(value, "max_phone_numbers_per_waba"));
  return event;
}

WebhookEventBody security(const json::object& value) {
  SecurityEvent event{text_in(value, "event"), text_in(value, "requester")};
  if (event.event.empty()) return MalformedEvent{"a security notice without \"event\""};
  return event;
}

std::string subject(std::string_view kind, const std::string& id) {
  return id.empty() ? std::string() : fmt::format("{}:{}", kind, id);
}

// The first member that has words.
std::string first_text(const json::object& value, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (std::string text = text_in(value, key); !text.empty()) return text;
  }
  return {};
}

WebhookEventBody flow(const json::object& value) {
  const std::string_view event = string_in(value, "event");
  if (event.empty()) return MalformedEvent{"a flow event without \"event\""};
  NoticeEvent notice;
  notice.kind = event == "FLOW_STATUS_CHANGE" ? "flow.status" : "flow.alert";
  notice.subject = subject("flow", text_in(value, "flow_id"));
  const std::string state = first_text(value, {"new_status", "alert_state"});
  const std::string message = text_in(value, "message");
  notice.summary = join(join(event, state), message);
  return notice;
}

WebhookEventBody payment_configuration(const json::object& value) {
  NoticeEvent notice;
  notice.kind = "payment.configuration";
  notice.subject = subject("payment_configuration", text_in(value, "configuration_name"));
  notice.summary = join(text_in(value, "provider_name"), text_in(value, "status"));
  notice.at = webhook_time(integer_in(value, "updated_timestamp", integer_in(value, "created_timestamp")));
  return notice;
}

WebhookEventBody business_username(const json::object& value) {
  NoticeEvent notice;
  notice.kind = "account.username";
  notice.summary = join(text_in(value, "username"), text_in(value, "status"));
  return notice;
}

WebhookEventBody account_settings(const json::object& value) {
  NoticeEvent notice;
  notice.kind = "account.settings";
  notice.summary = first_text(value, {"type", "event"});
  notice.at = webhook_time(integer_in(value, "timestamp"));
  return notice;
}

WebhookEventBody partner_solution(const json::object& value) {
  NoticeEvent notice;
  notice.kind = "account.partner_solution";
  notice.subject = subject("solution", text_in(value, "solution_id"));
  notice.summary = join(text_in(value, "event"), text_in(value, "solution_status"));
  return notice;
}

// Who answers a person: this app, another one, or Meta's agent. Source: Meta's messaging_handovers reference
// of WhatsApp (August 2026).
WebhookEventBody messaging_handover(const json::object& value) {
  NoticeEvent notice;
  notice.kind = "thread.control";
  const std::string_view type = string_in(value, "type");
  if (type.empty()) return MalformedEvent{"a handover without \"type\""};
  PersonIds ids;
  if (const json::object* sender = object_in(value, "sender")) {
    ids.take_members(*sender);
    ids.take(text_in(*sender, "phone_number"));
  }
  notice.person.addresses = ids.addresses();
  if (!notice.person.addresses.empty())
    notice.subject = subject("thread", notice.person.addresses.front().value);
  notice.summary = type;
  if (const json::object* what = object_in(value, type)) {
    const std::string from = first_text(*what, {"previous_owner_role", "previous_owner_app_role"});
    const std::string to = first_text(*what, {"new_owner_role", "new_owner_app_id"});
    if (!from.empty() || !to.empty()) notice.summary += fmt::format(" from {} to {}", from, to);
    notice.summary = join(notice.summary, text_in(*what, "metadata"));
  }
  notice.at = webhook_time(integer_in(value, "timestamp"));
  return notice;
}

template <const char* kKind>
WebhookEventBody marketing_notice(const json::object& value) {
  NoticeEvent notice;
  notice.kind = kKind;
  notice.summary = first_text(value, {"event_name", "event_type", "event", "type"});
  notice.at = webhook_time(integer_in(value, "timestamp"));
  return notice;
}
constexpr char kAutomaticEvent[] = "account.automatic_event";
constexpr char kTrackingEvent[] = "account.tracking_event";

using FieldReader = WebhookEventBody (*)(const json::object&);
struct FieldEntry {
  std::string_view field;
  FieldReader read;
};
constexpr std::array kFields = std::to_array<FieldEntry>({
    {"message_template_status_update", template_status},
    {"message_template_quality_update", template_quality},
    {"template_category_update", template_category},
    {"template_correct_category_detection", template_category},
    {"message_template_components_update", template_components},
    {"phone_number_quality_update", phone_quality},
    {"phone_number_name_update", phone_name},
    {"account_update", account_update},
    {"account_alerts", account_alert},
    {"account_review_update", account_review},
    {"business_capability_update", business_capability},
    {"security", security},
    {"flows", flow},
    {"payment_configuration_update", payment_configuration},
    {"business_username_update", business_username},
    {"business_username_updates", business_username},
    {"messaging_handovers", messaging_handover},
    {"account_settings_update", account_settings},
    {"partner_solutions", partner_solution},
    {"automatic_events", marketing_notice<kAutomaticEvent>},
    {"tracking_events", marketing_notice<kTrackingEvent>},
});

// The number that a field is about, which stands in metadata or, for numbers' own fields, at the top.
void refine_origin(const json::object& value, EventSink& sink) {
  WebhookOrigin origin = sink.origin();
  const json::object* metadata = object_in(value, "metadata");
  if (metadata == nullptr) metadata = object_in(value, "phone_number_settings");
  if (metadata == nullptr) metadata = object_in(value, "recipient");
  const json::object& place = metadata != nullptr ? *metadata : value;
  origin.phone_number_id = text_in(place, "phone_number_id");
  origin.display_phone_number = text_in(place, "display_phone_number");
  sink.set_origin(std::make_shared<const WebhookOrigin>(std::move(origin)));
}

}  // namespace

void read_field(std::string_view raw_value, EventSink& sink) {
  const Result<json::value> parsed = parse_item(raw_value);
  if (!parsed) return sink.malformed(raw_value, parsed.error().message);
  const json::object* value = parsed->if_object();
  if (value == nullptr) return sink.malformed(raw_value, "a value that is no object");
  refine_origin(*value, sink);
  for (const FieldEntry& entry : kFields) {
    if (entry.field == sink.origin().field) return sink.add(raw_value, entry.read(*value));
  }
  sink.add(raw_value, UnknownEvent{});
}

}  // namespace posthorn::whatsapp
