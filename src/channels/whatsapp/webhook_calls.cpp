#include "channels/whatsapp/webhook_calls.h"

#include <array>

#include "channels/whatsapp/graph_error.h"
#include "channels/whatsapp/json_fields.h"

namespace posthorn::whatsapp {
namespace {

namespace json = boost::json;

using channels::CallEvent;
using channels::GroupEvent;
using channels::NoticeEvent;
using channels::Party;

// Whose call it is: the side that is not our number, else what the direction says.
bool is_from_business(const json::object& call, const PersonIds& from, const PersonIds& to,
                      const ItemContext& context) {
  const auto is_own = [&](const PersonIds& ids) {
    return !context.own_number.empty() && ids.phone == context.own_number;
  };
  const std::string_view direction = string_in(call, "direction");
  if (!direction.empty()) return direction == "BUSINESS_INITIATED";
  return is_own(from) || (from.empty() && !to.empty());
}

std::vector<Party> participants(const json::object& item, std::string_view key, const ItemContext& context) {
  std::vector<Party> list;
  const json::array* entries = array_in(item, key);
  if (entries == nullptr) return list;
  for (const json::value& entry : *entries) {
    const json::object* member = entry.if_object();
    if (member == nullptr) continue;
    Contact contact = read_contact(*member);
    if (contact.ids.empty()) contact.ids.take(text_in(*member, "input"));
    if (contact.ids.empty()) continue;
    Party person = party_of(contact.ids, context.contacts, context.lone && entries->size() == 1);
    if (person.username.empty()) person.username = contact.username;
    list.push_back(std::move(person));
  }
  return list;
}

// A failure stands at the group, or at the setting that could not be changed.
int group_error(const json::object& item) {
  for (const json::object* place :
       {&item, object_in(item, "group_subject"), object_in(item, "group_description"),
        object_in(item, "profile_picture"), first_object_in(item, "failed_participants")}) {
    if (place == nullptr) continue;
    const std::vector<GraphError> errors = read_graph_errors(*place);
    if (!errors.empty()) return errors.front().code;
  }
  return 0;
}

// The name after the event: of a new group, or of one whose name was changed.
std::string subject_of(const json::object& item) {
  const json::object* change = object_in(item, "group_subject");
  if (change == nullptr) return std::string(string_in(item, "subject"));
  const bool done = !change->contains("update_successful") || flag_in(*change, "update_successful");
  return std::string(done ? string_in(*change, "text") : std::string_view());
}

// Meta's API description has names of its own for two types.
std::string group_type(std::string_view told) {
  if (told == "group_add_participants") return "group_participants_add";
  if (told == "group_remove_participants") return "group_participants_remove";
  return std::string(told);
}

// What is there to be had of a call that is over. Source: Meta's call recording and transcription references.
WebhookEventBody recorded(const CallEvent& call, std::string kind) {
  NoticeEvent notice;
  notice.kind = std::move(kind);
  notice.subject = "call:" + call.id;
  notice.person = call.person;
  notice.summary = call.event;
  notice.at = call.at;
  return notice;
}

}  // namespace

WebhookEventBody read_call(const json::object& item, const ItemContext& context) {
  CallEvent event;
  event.id = text_in(item, "id");
  if (event.id.empty()) return MalformedEvent{"a call without \"id\""};
  event.event = string_in(item, "event");
  if (event.event.empty()) return MalformedEvent{"a call without \"event\""};
  PersonIds from, to;
  from.take_members(item, "from");
  to.take_members(item, "to");
  event.from_business = is_from_business(item, from, to, context);
  // Who called whom stands in the direction; which of the two sides is ours, in the number.
  const bool reversed =
      !context.own_number.empty() && (event.from_business ? to : from).phone == context.own_number;
  event.person = party_of(event.from_business != reversed ? to : from, context.contacts, context.lone);
  event.status = text_in(item, "status");
  event.seconds = integer_in(item, "duration");
  event.content = canonical_json(json::value(item));
  event.at = webhook_time(integer_in(item, "timestamp"));
  if (event.event == "call_recording_available") return recorded(event, "call.recording");
  if (event.event == "call_transcription_available") return recorded(event, "call.transcript");
  return event;
}

WebhookEventBody call_status(const json::object& status, const ItemContext& context) {
  CallEvent event;
  event.id = text_in(status, "id");
  event.event = string_in(status, "status");
  event.from_business = true;  // only the one who is called can let it ring, accept or reject
  PersonIds ids;
  ids.take_members(status);
  event.person = party_of(ids, context.contacts, context.lone);
  event.content = canonical_json(json::value(status));
  event.at = webhook_time(integer_in(status, "timestamp"));
  return event;
}

WebhookEventBody read_group(const json::object& item, const ItemContext& context) {
  GroupEvent event;
  event.group_id = text_in(item, "group_id");
  event.request_id = text_in(item, "request_id");
  if (event.group_id.empty() && event.request_id.empty())
    return MalformedEvent{"a group event without \"group_id\" and \"request_id\""};
  event.type = group_type(string_in(item, "type"));
  if (event.type.empty()) return MalformedEvent{"a group event without \"type\""};
  event.subject = subject_of(item);
  event.added = participants(item, "added_participants", context);
  event.removed = participants(item, "removed_participants", context);
  event.error_code = group_error(item);
  event.content = canonical_json(json::value(item));
  event.at = webhook_time(integer_in(item, "timestamp"));
  return event;
}

}  // namespace posthorn::whatsapp
