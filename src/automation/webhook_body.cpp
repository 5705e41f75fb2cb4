#include "automation/webhook_body.h"

#include <array>
#include <utility>

#include "core/json_text.h"
#include "core/time_text.h"
#include "messaging/attachments.h"
#include "messaging/delivery.h"
#include "messaging/messages.h"

namespace posthorn {
namespace {

constexpr std::string_view kMessage =
    "SELECT m.id, m.conversation_id, m.direction, m.at, m.channel_id, m.author, m.type, m.text, m.payload, "
    "m.content, "
    "m.reply_to, m.flags, m.error_code, m.error, coalesce(s.delivery, m.delivery), m.edited_at, "
    "m.deleted_at, "
    "m.author_person FROM messages m LEFT JOIN sends s ON m.send_row <> 0 AND s.campaign_id = 0 AND "
    "s.row_no = m.send_row WHERE m.id = $1";
constexpr std::string_view kAttachments =
    "SELECT id, kind, state, mime_type, told_type, file_name, size FROM attachments WHERE message_id = $1 "
    "ORDER BY "
    "position";
constexpr std::string_view kConversation =
    "SELECT id, account_id, person_id, group_id, subject, unread, archived, assigned_to FROM conversations "
    "WHERE id = $1";
constexpr std::string_view kLabels =
    "SELECT label FROM conversation_labels WHERE conversation_id = $1 ORDER BY label";
constexpr std::string_view kPerson =
    "SELECT id, name, given_name, username, merged_into FROM people WHERE id = $1";
constexpr std::string_view kAddresses =
    "SELECT kind, value, shown FROM person_addresses WHERE person_id = $1 ORDER BY kind, scope, value";
constexpr std::string_view kAccount =
    "SELECT id, name, channel, business_id, sender_id, display_number FROM accounts WHERE id = $1";
constexpr std::string_view kCampaignAccount = "SELECT account_id FROM campaigns WHERE id = $1";

json::string text(std::string_view value) {
  return json::string(value.data(), value.size());
}

json::value text_or_null(std::string_view value) {
  return value.empty() ? json::value(nullptr) : json::value(text(value));
}

json::value time_or_null(std::int64_t micros) {
  return micros == 0 ? json::value(nullptr) : json::value(iso_time(wall_from_micros(micros)));
}

std::string_view direction_name(std::int64_t direction) {
  constexpr std::array<std::string_view, 3> kNames = {"in", "out", "note"};
  return direction >= 0 && direction < 3 ? kNames[static_cast<std::size_t>(direction)] : "in";
}

std::string_view state_name(std::int64_t state) {
  constexpr std::array<std::string_view, 5> kNames = {"waiting", "stored", "lost", "refused", "deleted"};
  return state >= 0 && state < 5 ? kNames[static_cast<std::size_t>(state)] : "waiting";
}

std::string_view kind_name(std::int64_t kind) {
  constexpr std::array<std::string_view, 6> kNames = {
      "", "phone", "bsuid", "parent_bsuid", "instagram_scoped", "page_scoped"};
  return kind > 0 && kind < 6 ? kNames[static_cast<std::size_t>(kind)] : "other";
}

json::value parsed_or_null(std::string_view body) {
  auto value = parse_json(body);
  return value ? std::move(*value) : json::value(nullptr);
}

json::object event_data(const LoggedEvent& event) {
  auto value = parsed_or_null(event.data);
  if (value.is_object()) return std::move(value.get_object());
  json::object out;
  out["value"] = std::move(value);
  return out;
}

// A member that is a whole number, or 0.
std::int64_t number(const json::object& data, std::string_view name) {
  const auto* member = data.if_contains(name);
  return member != nullptr && member->is_int64() ? member->get_int64() : 0;
}

std::string member_text(const json::object& data, std::string_view name) {
  const auto* member = data.if_contains(name);
  return member != nullptr && member->is_string() ? std::string(member->get_string()) : std::string();
}

// The number after "campaign:", or 0.
std::int64_t number_after(std::string_view subject, std::string_view prefix) {
  if (!subject.starts_with(prefix)) return 0;
  const json::value digits(text(subject.substr(prefix.size())));
  return JsonView(digits).integer_or(0);
}

json::object message_flags_of(std::int64_t flags) {
  json::object out;
  out["forwarded"] = (flags & message_flags::kForwarded) != 0;
  out["standby"] = (flags & message_flags::kStandby) != 0;
  out["echo"] = (flags & message_flags::kEcho) != 0;
  return out;
}

// The best way to name who wrote: as the channel spells the first address.
json::value first_address(const json::value& person) {
  const auto list = JsonView(person)["addresses"];
  return list.size() == 0 ? json::value(nullptr)
                          : json::value(text(list[std::size_t{0}]["value"].string_or("")));
}

}  // namespace

Result<const WebhookBodies::Account*> WebhookBodies::account(std::int64_t id) {
  const auto known = accounts_.find(id);
  if (known != accounts_.end()) return &known->second;
  PH_TRY_ASSIGN(auto rows, tx_.query(kAccount, {id}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  Account account;
  if (found) {
    json::object out;
    out["id"] = rows.integer(0);
    out["name"] = text(rows.text(1));
    out["channel"] = text(rows.text(2));
    out["business_id"] = text(rows.text(3));
    out["sender_id"] = text(rows.text(4));
    out["display_number"] = text_or_null(rows.text(5));
    account.business_id = std::string(rows.text(3));
    account.shown = std::move(out);
  }
  return &accounts_.emplace(id, std::move(account)).first->second;
}

Result<json::array> WebhookBodies::attachments(std::int64_t message_id) {
  json::array out;
  PH_TRY_ASSIGN(auto rows, tx_.query(kAttachments, {message_id}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return out;
    json::object one;
    one["id"] = rows.integer(0);
    one["kind"] = text(rows.text(1));
    one["state"] = text(state_name(rows.integer(2)));
    one["mime_type"] = text_or_null(rows.text(3).empty() ? rows.text(4) : rows.text(3));
    one["file_name"] = text_or_null(rows.text(5));
    one["size"] = rows.integer(6) == 0 ? json::value(nullptr) : json::value(rows.integer(6));
    out.push_back(std::move(one));
  }
}

Result<json::value> WebhookBodies::message(std::int64_t id) {
  json::object out;
  {
    PH_TRY_ASSIGN(auto rows, tx_.query(kMessage, {id}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    if (!found) return json::value(nullptr);
    out = message_flags_of(rows.integer(11));
    out["id"] = rows.integer(0);
    out["conversation_id"] = rows.integer(1);
    out["direction"] = text(direction_name(rows.integer(2)));
    out["at"] = time_or_null(rows.integer(3));
    out["channel_id"] = text_or_null(rows.text(4));
    out["author"] = text_or_null(rows.text(5));
    out["type"] = text(rows.text(6));
    out["text"] = text(rows.text(7));
    out["payload"] = text_or_null(rows.text(8));
    out["content"] = parsed_or_null(rows.text(9));
    out["reply_to"] = text_or_null(rows.text(10));
    if (rows.integer(12) != 0) out["error_code"] = rows.integer(12);
    if (!rows.text(13).empty()) out["error"] = text(rows.text(13));
    out["delivery"] = text_or_null(delivery_word(static_cast<std::uint32_t>(rows.integer(14))));
    out["edited_at"] = time_or_null(rows.integer(15));
    out["deleted_at"] = time_or_null(rows.integer(16));
    if (rows.integer(17) != 0) out["author_person"] = rows.integer(17);
  }
  PH_TRY_ASSIGN(out["attachments"], attachments(id));
  return json::value(std::move(out));
}

Result<json::value> WebhookBodies::conversation(std::int64_t id, json::object& data) {
  json::object out;
  {
    PH_TRY_ASSIGN(auto rows, tx_.query(kConversation, {id}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    if (!found) return json::value(nullptr);
    out["id"] = rows.integer(0);
    data.emplace("account_id", rows.integer(1));
    if (rows.integer(2) != 0) data.emplace("person_id", rows.integer(2));
    out["group_id"] = text_or_null(rows.text(3));
    out["subject"] = text_or_null(rows.text(4));
    out["unread"] = rows.integer(5);
    out["archived"] = rows.integer(6) != 0;
    out["assigned_to"] = text_or_null(rows.text(7));
  }
  json::array labels;
  PH_TRY_ASSIGN(auto rows, tx_.query(kLabels, {id}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) break;
    labels.emplace_back(text(rows.text(0)));
  }
  out["labels"] = std::move(labels);
  return json::value(std::move(out));
}

Result<json::array> WebhookBodies::addresses(std::int64_t person_id) {
  json::array out;
  PH_TRY_ASSIGN(auto rows, tx_.query(kAddresses, {person_id}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return out;
    json::object one;
    one["kind"] = text(kind_name(rows.integer(0)));
    one["value"] = text(rows.text(2).empty() ? rows.text(1) : rows.text(2));
    out.push_back(std::move(one));
  }
}

// People who were merged are told of as the person they are now.
Result<json::value> WebhookBodies::person(std::int64_t id) {
  json::object out;
  for (int hops = 0; hops < 8 && id != 0; ++hops) {
    PH_TRY_ASSIGN(auto rows, tx_.query(kPerson, {id}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    if (!found) return json::value(nullptr);
    out["id"] = rows.integer(0);
    const auto given = rows.text(2);
    out["name"] = text_or_null(given.empty() ? rows.text(1) : given);
    out["username"] = text_or_null(rows.text(3));
    if (rows.integer(4) == 0) break;
    id = rows.integer(4);
  }
  PH_TRY_ASSIGN(out["addresses"], addresses(id));
  return json::value(std::move(out));
}

Result<WebhookBody> WebhookBodies::of(const LoggedEvent& event) {
  auto data = event_data(event);
  data.emplace("event_id", event.id.value);
  data.emplace("subject", event.subject);
  WebhookBody body;
  json::value told_message, told_person;
  if (const auto id = number(data, "message_id"); id != 0) {
    PH_TRY_ASSIGN(told_message, message(id));
    data.emplace("conversation_id", JsonView(told_message)["conversation_id"].integer_or(0));
  }
  if (const auto id = number(data, "conversation_id"); id != 0) {
    PH_TRY_ASSIGN(auto told, conversation(id, data));
    data.emplace("conversation", std::move(told));
  }
  if (const auto id = number(data, "person_id"); id != 0) {
    PH_TRY_ASSIGN(told_person, person(id));
  }
  if (told_message.is_object()) {
    const bool inbound = JsonView(told_message)["direction"].string_or("") == "in";
    told_message.get_object()[inbound ? "from" : "to"] = first_address(told_person);
    data.emplace("message", std::move(told_message));
  }
  if (told_person.is_object()) data.emplace("person", std::move(told_person));
  if (const auto campaign = number_after(event.subject, "campaign:"); campaign != 0) {
    PH_TRY_ASSIGN(auto rows, tx_.query(kCampaignAccount, {campaign}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    if (found) data.emplace("account_id", rows.integer(0));
  }
  if (const auto id = number(data, "account_id"); id != 0) {
    PH_TRY_ASSIGN(const Account* known, account(id));
    data.emplace("account", known->shown);
    body.business_id = known->business_id;
  }
  if (body.business_id.empty()) body.business_id = member_text(data, "business_id");
  json::object out;
  out["type"] = event.kind;
  out["timestamp"] = iso_time(event.at);
  out["data"] = std::move(data);
  body.json = json_text(out);
  return body;
}

Result<std::string> without_content(std::string_view body, WallTime unsent_at) {
  auto parsed = parse_json(body);
  auto* whole = parsed ? parsed->if_object() : nullptr;
  auto* data = whole != nullptr ? whole->if_contains("data") : nullptr;
  if (data == nullptr || !data->is_object())
    return fail(ErrorCode::internal, "the body of a webhook is no JSON of ours");
  auto* told = data->get_object().if_contains("message");
  if (told == nullptr || !told->is_object()) return std::string(body);
  auto& message = told->get_object();
  message["text"] = "";
  message["payload"] = nullptr;
  message["content"] = json::object();
  message["deleted_at"] = time_or_null(to_micros(unsent_at));
  if (auto* list = message.if_contains("attachments"); list != nullptr && list->is_array()) {
    for (auto& one : list->get_array()) {
      if (!one.is_object()) continue;
      one.get_object()["state"] = "deleted";
      one.get_object()["file_name"] = nullptr;
      one.get_object()["size"] = nullptr;
    }
  }
  return json_text(*whole);
}

}  // namespace posthorn
