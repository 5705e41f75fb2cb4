#include "sandbox/account_events.h"

#include <algorithm>
#include <array>

#include <boost/json.hpp>

#include "sandbox/json_text.h"
#include "sandbox/json_values.h"
#include "sandbox/phone_message.h"

namespace posthorn::sandbox {
namespace js = boost::json;
namespace {

struct Event {
  std::string_view field, event, value;  // $NAMES are filled in
};
// clang-format off
constexpr auto kEvents = std::to_array<Event>({
    {"calls", "connect", R"({$META,"contacts":[$CONTACT],"calls":[{"id":"$CALL","event":"connect","timestamp":"$NOW","direction":"USER_INITIATED","from":"$PHONE","from_user_id":"$USER","to":"$DISPLAY","session":{"sdp_type":"offer","sdp":"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\n"}}]})"},
    {"calls", "terminate", R"({$META,"contacts":[$CONTACT],"calls":[{"id":"$CALL","event":"terminate","timestamp":"$NOW","direction":"USER_INITIATED","from":"$PHONE","from_user_id":"$USER","to":"$DISPLAY","status":"COMPLETED","start_time":"$EARLIER","end_time":"$NOW","duration":60}]})"},
    {"calls", "missed", R"({$META,"contacts":[$CONTACT],"calls":[{"id":"$CALL","event":"terminate","timestamp":"$NOW","direction":"USER_INITIATED","from":"$PHONE","from_user_id":"$USER","to":"$DISPLAY","status":"FAILED"}],"errors":[{"code":138021,"title":"Call ended without an answer","message":"Call ended without an answer","error_data":{"details":"The call was not answered in time."}}]})"},
    {"calls", "ringing", R"({$META,"statuses":[{"id":"$CALL","type":"call","status":"RINGING","timestamp":"$NOW","recipient_id":"$PHONE","recipient_user_id":"$USER"}]})"},
    {"calls", "accepted", R"({$META,"statuses":[{"id":"$CALL","type":"call","status":"ACCEPTED","timestamp":"$NOW","recipient_id":"$PHONE","recipient_user_id":"$USER"}]})"},
    {"calls", "rejected", R"({$META,"statuses":[{"id":"$CALL","type":"call","status":"REJECTED","timestamp":"$NOW","recipient_id":"$PHONE","recipient_user_id":"$USER"}]})"},
    {"group_lifecycle_update", "create", R"({$META,"groups":[{"timestamp":"$NOW","group_id":"$GROUP","type":"group_create","request_id":"$ID","subject":"$TEXT","invite_link":"https://chat.whatsapp.com/LK4n7Sandbox","join_approval_mode":"auto_approve"}]})"},
    {"group_lifecycle_update", "create_failed", R"({$META,"groups":[{"timestamp":"$NOW","group_id":"$GROUP","type":"group_create","request_id":"$ID","subject":"$TEXT","errors":[{"code":131203,"title":"Group could not be created","message":"Group could not be created"}]}]})"},
    {"group_lifecycle_update", "delete", R"({$META,"groups":[{"timestamp":"$NOW","group_id":"$GROUP","type":"group_delete","request_id":"$ID"}]})"},
    {"group_participants_update", "add", R"({$META,"contacts":[$CONTACT],"groups":[{"timestamp":"$NOW","group_id":"$GROUP","type":"group_participants_add","reason":"invite_link","added_participants":[{"wa_id":"$PHONE","user_id":"$USER"}]}]})"},
    {"group_participants_update", "remove", R"({$META,"groups":[{"timestamp":"$NOW","group_id":"$GROUP","type":"group_participants_remove","request_id":"$ID","initiated_by":"business","removed_participants":[{"wa_id":"$PHONE","user_id":"$USER"}]}]})"},
    {"group_participants_update", "leave", R"({$META,"groups":[{"timestamp":"$NOW","group_id":"$GROUP","type":"group_participants_remove","initiated_by":"participant","removed_participants":[{"wa_id":"$PHONE","user_id":"$USER"}]}]})"},
    {"group_participants_update", "join_request", R"({$META,"groups":[{"timestamp":"$NOW","group_id":"$GROUP","type":"group_join_request_created","join_request_id":"$ID","wa_id":"$PHONE","user_id":"$USER"}]})"},
    {"group_participants_update", "join_request_revoked", R"({$META,"groups":[{"timestamp":"$NOW","group_id":"$GROUP","type":"group_join_request_revoked","join_request_id":"$ID","wa_id":"$PHONE","user_id":"$USER"}]})"},
    {"group_settings_update", "subject", R"({$META,"groups":[{"timestamp":"$NOW","group_id":"$GROUP","type":"group_settings_update","request_id":"$ID","group_subject":{"text":"$TEXT","update_successful":true}}]})"},
    {"group_settings_update", "picture_failed", R"({$META,"groups":[{"timestamp":"$NOW","group_id":"$GROUP","type":"group_settings_update","request_id":"$ID","profile_picture":{"mime_type":"image/jpeg","update_successful":false,"errors":[{"code":131209,"title":"Picture is not square","message":"Picture is not square"}]}}]})"},
    {"group_status_update", "suspend", R"({$META,"groups":[{"timestamp":"$NOW","group_id":"$GROUP","type":"group_suspend"}]})"},
    {"group_status_update", "unsuspend", R"({$META,"groups":[{"timestamp":"$NOW","group_id":"$GROUP","type":"group_suspend_cleared"}]})"},
    {"smb_message_echoes", "message", R"({$META,"contacts":[$CONTACT],"message_echoes":[{"from":"$DISPLAY","to":"$PHONE","to_user_id":"$USER","id":"$ID","timestamp":"$NOW",$CONTENT}]})"},
    {"smb_app_state_sync", "add", R"({$META,"state_sync":[{"type":"contact","contact":{"full_name":"$NAME","first_name":"$NAME","phone_number":"$PHONE"},"action":"add","metadata":{"timestamp":"$NOW"}}]})"},
    {"smb_app_state_sync", "remove", R"({$META,"state_sync":[{"type":"contact","contact":{"phone_number":"$PHONE"},"action":"remove","metadata":{"timestamp":"$NOW"}}]})"},
    {"history", "messages", R"({$META,"history":[{"metadata":{"phase":0,"chunk_order":1,"progress":100},"threads":[{"id":"$PHONE","context":{"wa_id":"$PHONE","user_id":"$USER"},"messages":[{"from":"$DISPLAY","to":"$PHONE","id":"$ID.1","timestamp":"$EARLIER","type":"text","text":{"body":"Good morning!"},"history_context":{"status":"READ"}},{"from":"$PHONE","id":"$ID.2","timestamp":"$EARLIER","type":"text","text":{"body":"$TEXT"},"history_context":{"status":"READ"}},{"from":"$PHONE","id":"$ID.3","timestamp":"$EARLIER","type":"media_placeholder","history_context":{"status":"READ"}}]}]}]})"},
    {"history", "media", R"({$META,"messages":[{"from":"$PHONE","id":"$ID","timestamp":"$EARLIER",$CONTENT}]})"},
    {"history", "declined", R"({$META,"history":[{"errors":[{"code":2593109,"title":"History sharing declined","message":"History sharing is turned off by the business","error_data":{"details":"History sharing is turned off by the business"}}]}]})"},
    {"messages", "played", R"({$META,"contacts":[$CONTACT],"statuses":[{"id":"$ID","status":"played","timestamp":"$NOW","recipient_id":"$PHONE","recipient_user_id":"$USER"}]})"},
    {"messages", "read", R"({$META,"contacts":[$CONTACT],"statuses":[{"id":"$ID","status":"read","timestamp":"$NOW","recipient_id":"$PHONE","recipient_user_id":"$USER"}]})"},
    {"messages", "payment", R"({$META,"statuses":[{"id":"$ID","status":"captured","timestamp":"$NOW","recipient_id":"$PHONE","type":"payment","payment":{"reference_id":"$TEXT","amount":{"value":2100,"offset":100},"currency":"INR","transaction":{"id":"order_sandbox","type":"upi","status":"success"}}}]})"},
    {"messages", "errors", R"({$META,"errors":[{"code":130429,"title":"Rate limit hit","message":"Rate limit hit","error_data":{"details":"Message failed to send because there were too many messages sent from this phone number in a short period of time."}}]})"},
    {"flows", "alert", R"({"event":"CLIENT_ERROR_RATE","message":"The error rate of the flow is above 10 %","flow_id":"6627390910605886","error_rate":14.28,"threshold":10,"alert_state":"ACTIVATED","errors":[{"error_type":"INVALID_SCREEN_TRANSITION","error_rate":66.66,"error_count":2}]})"},
    {"flows", "status", R"({"event":"FLOW_STATUS_CHANGE","message":"Flow changed status from DRAFT to PUBLISHED","flow_id":"6627390910605886","old_status":"DRAFT","new_status":"PUBLISHED"})"},
    {"flows", "latency", R"({"event":"ENDPOINT_LATENCY","message":"The endpoint of the flow is slow","flow_id":"6627390910605886","p90_latency":8000,"p50_latency":500,"requests_count":34,"threshold":7000,"alert_state":"ACTIVATED"})"},
    {"flows", "availability", R"({"event":"ENDPOINT_AVAILABILITY","message":"The endpoint of the flow does not answer","flow_id":"6627390910605886","availability":75,"threshold":90,"alert_state":"ACTIVATED"})"},
    {"payment_configuration_update", "testing", R"({"configuration_name":"shop","provider_name":"razorpay","provider_mid":"acc_sandbox","status":"Needs Testing","created_timestamp":$EARLIER,"updated_timestamp":$NOW})"},
    {"account_alerts", "alert", R"({"entity_type":"BUSINESS","entity_id":"506914307656634","alert_info":{"alert_severity":"INFORMATIONAL","alert_status":"NONE","alert_type":"OBA_APPROVED","alert_description":"$TEXT"}})"},
    {"account_review_update", "approved", R"({"decision":"APPROVED"})"},
    {"account_review_update", "rejected", R"({"decision":"REJECTED"})"},
    {"account_update", "violation", R"({"event":"ACCOUNT_VIOLATION","violation_info":{"violation_type":"SCAM"}})"},
    {"account_update", "deleted", R"({"event":"ACCOUNT_DELETED"})"},
    {"account_update", "offboarded", R"({"event":"ACCOUNT_OFFBOARDED","phone_number":"$DISPLAY"})"},
    {"account_update", "volume_tier", R"({"event":"VOLUME_BASED_PRICING_TIER_UPDATE","volume_tier_info":{"tier_update_time":$NOW,"pricing_category":"UTILITY","tier":"25000001:50000000","effective_month":"2026-11","region":"Germany"}})"},
    {"account_settings_update", "calling", R"({$META,"timestamp":"$NOW","type":"phone_number_settings","phone_number_settings":{"phone_number_id":"$NUMBER","calling":{"status":"ENABLED"}}})"},
    {"phone_number_name_update", "approved", R"({"display_phone_number":"$DISPLAY","decision":"APPROVED","requested_verified_name":"$TEXT"})"},
    {"phone_number_name_update", "rejected", R"({"display_phone_number":"$DISPLAY","decision":"REJECTED","requested_verified_name":"$TEXT","rejection_reason":"NAME_EMPLOYEE_ENTITY_NAME"})"},
    {"phone_number_quality_update", "onboarding", R"({"display_phone_number":"$DISPLAY","event":"ONBOARDING","max_daily_conversations_per_business":"TIER_2K"})"},
    {"business_capability_update", "limit", R"({"max_daily_conversations_per_business":"TIER_2K","max_phone_numbers_per_business":20})"},
    {"business_username_update", "approved", R"({"display_phone_number":"$DISPLAY","username":"lindenhof","status":"approved"})"},
    {"security", "pin_reset", R"({"display_phone_number":"$DISPLAY","event":"PIN_RESET_REQUEST","requester":"61555822107539"})"},
    {"message_template_components_update", "text", R"({"message_template_id":594425479261001,"message_template_name":"order_update","message_template_language":"en_US","message_template_element":"$TEXT"})"},
    {"automatic_events", "lead", R"({$META,"automatic_events":[{"id":"$ID","event_name":"LeadSubmitted","timestamp":$NOW}]})"},
    {"automatic_events", "purchase", R"({$META,"automatic_events":[{"id":"$ID","event_name":"Purchase","timestamp":$NOW,"custom_data":{"currency":"EUR","value":2500}}]})"},
    {"tracking_events", "click", R"({$META,"tracking_events":[{"event_name":"click","timestamp":$NOW,"wa_id":"$PHONE"}]})"},
    {"partner_solutions", "created", R"({"event":"SOLUTION_CREATED","solution_id":"774485461512159","solution_status":"INITIATED"})"},
    {"standby", "message", R"({$META,"contacts":[$CONTACT],"messages":[{"from":"$PHONE","from_user_id":"$USER","id":"$ID","timestamp":"$NOW",$CONTENT}]})"},
});
// clang-format on

// The inside of a JSON string.
std::string quoted(std::string_view text) {
  const std::string whole = meta_string(text);
  return whole.substr(1, whole.size() - 2);
}

Result<std::string> content_of(World& world, std::uint64_t phone, std::size_t number,
                               const js::value& given) {
  js::object message{{"type", "text"}};
  message["text"] = text_of(given, "text", "Hello from the phone app");
  if (const js::value* own = member(given, "message"); own != nullptr && own->is_object())
    message = own->get_object();
  PH_TRY_ASSIGN(const PhoneMessage made, compose_phone_message(world, phone, number, std::move(message)));
  std::string out = meta_json(made.content);
  return out.substr(1, out.size() - 2);
}

struct Filling {
  std::string_view name;
  std::string text;
};

std::string fill(std::string_view pattern, const std::vector<Filling>& fillings) {
  std::string out;
  while (!pattern.empty()) {
    const std::size_t at = std::min(pattern.find('$'), pattern.size());
    out += pattern.substr(0, at);
    pattern.remove_prefix(at);
    const auto it = std::ranges::find_if(
        fillings, [&](const Filling& f) { return pattern.substr(0, f.name.size()) == f.name; });
    if (pattern.empty()) break;
    if (it == fillings.end()) {
      out += '$';
      pattern.remove_prefix(1);
      continue;
    }
    out += it->text;
    pattern.remove_prefix(it->name.size());
  }
  return out;
}

std::string known_events(std::string_view field) {
  std::string out;
  for (const Event& e : kEvents)
    if (e.field == field) out += (out.empty() ? "" : ", ") + std::string(e.event);
  return out;
}

}  // namespace

std::vector<EventName> event_names() {
  std::vector<EventName> out;
  for (const Event& e : kEvents) out.push_back({e.field, e.event});
  return out;
}

Result<std::string> render_event(World& world, std::string_view field, const js::value& given,
                                 std::size_t number) {
  if (const js::value* raw = member(given, "value")) {
    if (!raw->is_object()) return fail(ErrorCode::invalid_argument, "\"value\" must be an object", "value");
    return meta_json(*raw);
  }
  const std::string wanted = text_of(given, "event");
  const auto* event = std::ranges::find_if(
      kEvents, [&](const Event& e) { return e.field == field && (wanted.empty() || wanted == e.event); });
  if (event == kEvents.end()) {
    const std::string known = known_events(field);
    return fail(ErrorCode::invalid_argument,
                known.empty() ? "the field \"" + std::string(field) + "\" is not known: give its \"value\""
                              : "\"event\" must be one of " + known,
                "event");
  }
  PH_TRY_ASSIGN(const std::uint64_t phone, phone_of(text_of(given, "phone", "14155550100")));
  PH_TRY_ASSIGN(std::string content, content_of(world, phone, number, given));
  const Number& own = world.numbers.at(number);
  const std::int64_t now = to_micros(world.clock.wall_now()) / 1'000'000;
  std::string id = text_of(given, "id");
  if (id.empty()) id = world.inbound_name_of(phone, ++world.inbound_messages);
  const std::vector<Filling> fillings = {
      {"$META", R"("messaging_product":"whatsapp",)" + own.metadata},
      {"$CONTACT", contact_of(world, phone)},
      {"$CONTENT", std::move(content)},
      {"$CALL", quoted(text_of(given, "id", "wacid.HBgLMTQxNTU1NTAxMDA"))},
      {"$NOW", std::to_string(now)},
      {"$EARLIER", std::to_string(now - 60)},
      {"$DISPLAY", std::to_string(own.digits)},
      {"$NUMBER", own.config.id},
      {"$PHONE", std::to_string(phone)},
      {"$USER", world.phones.user_id(phone)},
      {"$NAME", quoted(text_of(given, "name", profile_name_of(phone)))},
      {"$GROUP", quoted(text_of(given, "group", "Y2FwaV9ncm91cDox"))},
      {"$TEXT", quoted(text_of(given, "text", "Sandbox"))},
      {"$ID", quoted(id)},
  };
  return fill(event->value, fillings);
}

}  // namespace posthorn::sandbox
