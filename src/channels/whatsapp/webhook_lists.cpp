// The lists beside messages and statuses: preferences, address book, user ids, what customers do with
// marketing messages.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "channels/whatsapp/graph_error.h"
#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/webhook_calls.h"
#include "channels/whatsapp/webhook_parts.h"

namespace posthorn::whatsapp {
namespace {

namespace json = boost::json;

using channels::ContactSyncEvent;
using channels::IdentityEvent;
using channels::NoticeEvent;

WebhookEventBody user_preference(const json::object& item, const ItemContext& context) {
  const std::string_view choice = string_in(item, "value");
  // "signup": the customer followed a sign-up link of the business, which is as clear a yes as "resume".
  if (choice != "stop" && choice != "resume" && choice != "signup") {
    return MalformedEvent{
        fmt::format("a user preference whose value is \"{}\" and none of stop, resume, signup", choice)};
  }
  PersonIds ids;
  ids.take_members(item);
  // Nobody else's choice: a contact with another number is another person, even if it is the only one.
  if (const Contact* contact = context.contacts.find(ids, false)) ids.fill_from(contact->ids);
  UserPreferenceEvent event;
  event.user_id = ids.user_id.empty() ? ids.parent_id : ids.user_id;
  event.phone = ids.phone;
  event.category = string_in(item, "category");
  event.stop = choice == "stop";
  event.detail = string_in(item, "detail");
  event.at = webhook_time(integer_in(item, "timestamp"));
  if (event.phone.empty() && event.user_id.empty())
    return MalformedEvent{"a user preference that names nobody"};
  return event;
}

// The owner's address book. A contact without any address is of no use to anybody here.
WebhookEventBody contact_sync(const json::object& item, const ItemContext&) {
  const json::object* contact = object_in(item, "contact");
  if (string_in(item, "type") != "contact" || contact == nullptr) return UnknownEvent{};
  PersonIds ids;
  ids.take_members(*contact);
  ids.take(text_in(*contact, "phone_number"));
  if (ids.empty()) return UnknownEvent{};
  ContactSyncEvent event;
  event.person = read_contact(*contact).party();
  event.person.addresses = ids.addresses();
  for (const char* key : {"full_name", "first_name"}) {
    if (event.person.name.empty()) event.person.name = string_in(*contact, key);
  }
  event.removed = string_in(item, "action") == "remove";
  const json::object* metadata = object_in(item, "metadata");
  event.at = webhook_time(integer_in(metadata != nullptr ? *metadata : item, "timestamp"));
  return event;
}

// {"user_id":{"previous","current"}}, or flat with "previous_user_id". Meta withdrew the field before it was
// delivered to everybody; partners still describe it.
WebhookEventBody user_id_update(const json::object& item, const ItemContext& context) {
  PersonIds now, previous;
  for (const char* key : {"user_id", "parent_user_id", "wa_id"}) {
    const json::object* change = object_in(item, key);
    now.take(change != nullptr ? text_in(*change, "current") : text_in(item, key));
    previous.take(change != nullptr ? text_in(*change, "previous")
                                    : text_in(item, std::string("previous_") + key));
  }
  if (now.empty() || previous.empty())
    return MalformedEvent{"a user id update without the old and the new id"};
  IdentityEvent event;
  event.reason = "user_id_update";
  event.person = party_of(now, context.contacts, context.lone);
  event.previous = previous.addresses();
  event.text = string_in(item, "detail");
  event.at = webhook_time(integer_in(item, "timestamp"));
  return event;
}

NoticeEvent notice_of(const json::object& item, std::string kind, const ItemContext& context) {
  NoticeEvent event;
  event.kind = std::move(kind);
  PersonIds ids;
  ids.take_members(item);
  ids.take_members(item, "from");
  if (!ids.empty()) event.person = party_of(ids, context.contacts, context.lone);
  event.at = webhook_time(integer_in(item, "timestamp"));
  return event;
}

// Leads and purchases that Meta noticed in chats which an advert opened.
WebhookEventBody automatic_event(const json::object& item, const ItemContext& context) {
  NoticeEvent event = notice_of(item, "account.automatic_event", context);
  if (const std::string id = text_in(item, "id"); !id.empty()) event.subject = "message:" + id;
  event.summary = string_in(item, "event_name");
  if (const json::object* data = object_in(item, "custom_data"); data != nullptr && data->contains("value")) {
    event.summary += fmt::format(": {} {} (in thousandths)", canonical_json(data->at("value")),
                                 string_in(*data, "currency"));
  }
  return event;
}

WebhookEventBody user_action(const json::object& item, const ItemContext& context) {
  NoticeEvent event = notice_of(item, "account.user_action", context);
  event.summary = string_in(item, "action_type");
  return event;
}

WebhookEventBody tracking_event(const json::object& item, const ItemContext& context) {
  NoticeEvent event = notice_of(item, "account.tracking_event", context);
  for (const char* key : {"event_name", "event_type", "action_type", "type"}) {
    if (event.summary.empty()) event.summary = string_in(item, key);
  }
  return event;
}

struct ListEntry {
  std::string_view list;
  ItemReader read;         // nullptr: read elsewhere
  std::string_view field;  // the usual one
};
constexpr std::array kLists = std::to_array<ListEntry>({
    {"messages", nullptr, "messages"},
    {"statuses", nullptr, "messages"},
    {"errors", nullptr, "messages"},
    {"message_echoes", nullptr, "smb_message_echoes"},
    {"history", nullptr, "history"},
    {"standby", nullptr, "standby"},
    {"calls", read_call, "calls"},
    {"groups", read_group, "group_lifecycle_update"},
    {"user_preferences", user_preference, "user_preferences"},
    {"state_sync", contact_sync, "smb_app_state_sync"},
    {"user_id_update", user_id_update, "user_id_update"},
    {"automatic_events", automatic_event, "automatic_events"},
    {"user_actions", user_action, "messages"},
    {"tracking_events", tracking_event, "tracking_events"},
});

const ListEntry* list_entry(std::string_view list) {
  const auto* found = std::ranges::find(kLists, list, &ListEntry::list);
  return found == kLists.end() ? nullptr : found;
}

constexpr std::array<std::string_view, 17> kListFields = {"messages",
                                                          "standby",
                                                          "smb_message_echoes",
                                                          "message_echoes",
                                                          "history",
                                                          "calls",
                                                          "group_lifecycle_update",
                                                          "group_participants_update",
                                                          "group_participant_update",
                                                          "group_settings_update",
                                                          "group_status_update",
                                                          "smb_app_state_sync",
                                                          "user_preferences",
                                                          "user_id_update",
                                                          "automatic_events",
                                                          "user_actions",
                                                          "tracking_events"};

}  // namespace

ItemReader item_reader(std::string_view list) {
  const ListEntry* entry = list_entry(list);
  return entry != nullptr ? entry->read : nullptr;
}

bool is_known_list(std::string_view list) {
  return list != "standby" && list_entry(list) != nullptr;
}

std::string_view field_of_list(std::string_view list) {
  const ListEntry* entry = list_entry(list);
  return entry != nullptr ? entry->field : std::string_view();
}

bool is_list_field(std::string_view field) {
  return std::ranges::find(kListFields, field) != kListFields.end();
}

WebhookEventBody payment_status(const json::object& status, const ItemContext& context) {
  NoticeEvent event = notice_of(status, "payment.status", context);
  event.summary = string_in(status, "status");
  const json::object* payment = object_in(status, "payment");
  if (payment == nullptr) return event;
  if (const std::string reference = text_in(*payment, "reference_id"); !reference.empty()) {
    event.subject = "payment:" + reference;
  }
  const json::object* amount = object_in(*payment, "amount");
  const std::int64_t offset = amount != nullptr ? integer_in(*amount, "offset", 1) : 1;
  if (amount != nullptr && offset > 0) {
    const double value = static_cast<double>(integer_in(*amount, "value")) / static_cast<double>(offset);
    event.summary += fmt::format(": {:.2f} {}", value, string_in(*payment, "currency"));
  }
  return event;
}

WebhookEventBody history_progress(std::string_view raw) {
  const Result<json::value> parsed = parse_item(raw);
  const json::object* metadata = parsed ? parsed->if_object() : nullptr;
  if (metadata == nullptr) return MalformedEvent{"history whose \"metadata\" is no object"};
  NoticeEvent event;
  event.kind = "history.progress";
  event.summary = fmt::format("phase {}, chunk {}, {} %", integer_in(*metadata, "phase"),
                              integer_in(*metadata, "chunk_order"), integer_in(*metadata, "progress"));
  return event;
}

WebhookEventBody history_declined(std::string_view raw) {
  Result<json::value> parsed = parse_item(raw);
  if (!parsed) return MalformedEvent{parsed.error().message};
  json::object item;
  item["errors"] = std::move(*parsed);
  const std::vector<GraphError> errors = read_graph_errors(item);
  NoticeEvent event;
  event.kind = "history.declined";
  event.summary = errors.empty() ? "no reason told" : errors.front().summary();
  return event;
}

}  // namespace posthorn::whatsapp
