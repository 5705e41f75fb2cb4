#include "channels/meta_messaging/client_answers.h"

#include <fmt/format.h>

#include "channels/meta_messaging/webhook_parts.h"
#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/send_response.h"

namespace posthorn::meta_messaging {
namespace {

using channels::Channel;
using whatsapp::array_in;
using whatsapp::object_in;
using whatsapp::string_in;
using whatsapp::text_in;

ErrorCode kind_of(const GraphError& error, const ErrorInfo& info) {
  switch (info.error_class) {
    case ErrorClass::reconcile:
    case ErrorClass::retry_backoff:
      return ErrorCode::unavailable;
    case ErrorClass::slow_account:
      return ErrorCode::resource_exhausted;
    case ErrorClass::configuration:
      return error.code == 190 || info.code == whatsapp::kHttpUnauthorized ? ErrorCode::unauthenticated
                                                                           : ErrorCode::permission_denied;
    case ErrorClass::account_paused:
    case ErrorClass::window_closed:
    case ErrorClass::thread_held:
    case ErrorClass::placeholder:
      return ErrorCode::permission_denied;
    case ErrorClass::recipient_permanent:
      return ErrorCode::not_found;
    case ErrorClass::message_permanent:
    case ErrorClass::media_permanent:
      return ErrorCode::invalid_argument;
  }
  return ErrorCode::internal;
}

// {"data":[{"id":…}]} inside a member.
std::vector<json::object> nested_data(const json::object& object, std::string_view key) {
  const json::object* holder = object_in(object, key);
  return holder != nullptr ? data_of(*holder) : std::vector<json::object>();
}

}  // namespace

std::vector<json::object> data_of(const json::object& answer) {
  std::vector<json::object> out;
  const json::array* data = array_in(answer, "data");
  if (data == nullptr) return out;
  for (const json::value& entry : *data) {
    if (const json::object* object = entry.if_object()) out.push_back(*object);
  }
  return out;
}

std::string next_cursor(const json::object& answer) {
  const json::object* paging = object_in(answer, "paging");
  if (paging == nullptr || string_in(*paging, "next").empty()) return {};
  const json::object* cursors = object_in(*paging, "cursors");
  return cursors != nullptr ? std::string(string_in(*cursors, "after")) : std::string();
}

std::string Profile::shown_name() const {
  if (!name.empty()) return name;
  return fmt::format("{}{}{}", first_name, first_name.empty() || last_name.empty() ? "" : " ", last_name);
}

Profile read_profile(json::object answer) {
  Profile out;
  out.name = string_in(answer, "name");
  out.first_name = string_in(answer, "first_name");
  out.last_name = string_in(answer, "last_name");
  out.username = string_in(answer, "username");
  out.picture_url = string_in(answer, "profile_pic");
  out.raw = std::move(answer);
  return out;
}

// On graph.instagram.com "id" is another, app-scoped number: only "user_id" is what webhooks name.
Identity read_identity(const MetaClientConfig& config, json::object answer) {
  Identity out;
  out.name = string_in(answer, "name");
  out.username = string_in(answer, "username");
  out.account_type = string_in(answer, "account_type");
  if (config.login == Login::instagram) {
    out.account_id = text_in(answer, "user_id");
  } else if (config.channel == Channel::messenger) {
    out.account_id = text_in(answer, "id");
  } else if (const json::object* linked = object_in(answer, "instagram_business_account")) {
    out.account_id = text_in(*linked, "id");
    out.username = string_in(*linked, "username");
  }
  out.raw = std::move(answer);
  return out;
}

Subscription read_subscription(const json::object& entry) {
  Subscription out{.app_id = text_in(entry, "id"), .app_name = text_in(entry, "name")};
  if (out.app_id.empty()) out.app_id = text_in(entry, "app_id");
  const json::array* fields = array_in(entry, "subscribed_fields");
  if (fields == nullptr) return out;
  for (const json::value& field : *fields) {
    if (field.is_string()) out.fields.emplace_back(field.get_string());
    if (const json::object* named = field.if_object()) out.fields.push_back(text_in(*named, "name"));
  }
  return out;
}

ConversationHead read_conversation(const json::object& entry) {
  ConversationHead out{.id = text_in(entry, "id"), .updated_at = time_in(entry, "updated_time")};
  for (const json::object& participant : nested_data(entry, "participants"))
    out.participants.push_back(text_in(participant, "id"));
  return out;
}

std::vector<MessageHead> read_message_heads(const json::object& answer) {
  std::vector<MessageHead> out;
  for (const json::object& entry : nested_data(answer, "messages")) {
    if (std::string id = text_in(entry, "id"); !id.empty())
      out.push_back({.id = std::move(id), .at = time_in(entry, "created_time")});
  }
  return out;
}

RemoteMessage read_remote_message(json::object answer) {
  RemoteMessage out{.id = text_in(answer, "id"), .text = std::string(string_in(answer, "message"))};
  out.at = time_in(answer, "created_time");
  if (const json::object* from = object_in(answer, "from")) out.from = text_in(*from, "id");
  if (const std::vector<json::object> to = nested_data(answer, "to"); !to.empty())
    out.to = text_in(to.front(), "id");
  out.raw = std::move(answer);
  return out;
}

// Spellings of Meta's subscribed_apps references; Instagram has no deliveries and says "seen" for reads.
std::vector<std::string> wanted_fields(Channel channel) {
  if (channel == Channel::instagram) {
    return {"messages",       "message_reactions",  "messaging_postbacks", "messaging_referral",
            "messaging_seen", "messaging_handover", "message_edit",        "standby",
            "comments",       "live_comments"};
  }
  return {"messages",
          "message_echoes",
          "message_edits",
          "message_reactions",
          "message_deliveries",
          "message_reads",
          "messaging_optins",
          "messaging_postbacks",
          "messaging_referrals",
          "messaging_handovers",
          "messaging_policy_enforcement",
          "standby",
          "feed"};
}

Error error_of(int status, std::string_view body) {
  GraphError error = whatsapp::parse_graph_error(status, body).value_or(GraphError{});
  error.http_status = status;
  const ErrorInfo& info = classify(error);
  if (error.message.empty()) error.message = fmt::format("Meta's API answered HTTP {}", status);
  return {kind_of(error, info), fmt::format("{} {}", error.summary(), info.next_step), {}};
}

}  // namespace posthorn::meta_messaging
