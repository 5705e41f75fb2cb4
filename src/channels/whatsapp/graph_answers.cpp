#include "channels/whatsapp/graph_answers.h"

#include <array>

#include <fmt/format.h>

#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/send_response.h"

namespace posthorn::whatsapp {
namespace {

ErrorCode kind_of(const GraphError& error, const ErrorInfo& info) {
  if (error.code == 190 || error.code == 0 || error.code == 104 || error.code == 102 ||
      error.http_status == 401)
    return ErrorCode::unauthenticated;
  if (info.name == "object_missing" || error.code == 803 || error.http_status == 404)
    return ErrorCode::not_found;
  if (info.error_class == ErrorClass::slow_number) return ErrorCode::resource_exhausted;
  if (error.http_status >= 500 || info.error_class == ErrorClass::retry_backoff)
    return ErrorCode::unavailable;
  if (info.error_class == ErrorClass::configuration) return ErrorCode::permission_denied;
  return ErrorCode::invalid_argument;
}

std::string nested(const json::object& object, std::string_view outer, std::string_view inner) {
  const json::object* child = object_in(object, outer);
  return child != nullptr ? text_in(*child, inner) : std::string();
}

void read_health(const json::object& health, BusinessInfo& info) {
  info.can_send = string_in(health, "can_send_message");
  const json::array* entities = array_in(health, "entities");
  if (entities == nullptr) return;
  for (const json::value& entry : *entities) {
    const json::object* entity = entry.if_object();
    const json::array* errors = entity != nullptr ? array_in(*entity, "errors") : nullptr;
    if (errors == nullptr) continue;
    for (const json::value& item : *errors) {
      const json::object* error = item.if_object();
      if (error == nullptr) continue;
      info.problems.push_back(
          fmt::format("{}: ({}) {} {}", string_in(*entity, "entity_type"), integer_in(*error, "error_code"),
                      string_in(*error, "error_description"), string_in(*error, "possible_solution")));
    }
  }
}

int digits_at(std::string_view text, std::size_t at, std::size_t count) {
  int number = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

int PhoneNumberInfo::throughput() const {
  if (throughput_level == "HIGH") return 1000;
  // Numbers shared with the WhatsApp Business app (coexistence) have a fixed rate.
  if (raw.contains("is_on_biz_app") && flag_in(raw, "is_on_biz_app")) return 20;
  return 80;
}

PhoneNumberInfo read_phone_number(const json::object& object) {
  PhoneNumberInfo info;
  info.id = text_in(object, "id");
  info.display_phone_number = string_in(object, "display_phone_number");
  info.verified_name = string_in(object, "verified_name");
  info.quality_rating = string_in(object, "quality_rating");
  info.status = string_in(object, "status");
  info.throughput_level = nested(object, "throughput", "level");
  info.messaging_tier = string_in(object, "whatsapp_business_manager_messaging_limit");
  if (info.messaging_tier.empty()) info.messaging_tier = string_in(object, "messaging_limit_tier");
  info.name_status = string_in(object, "name_status");
  info.account_mode = string_in(object, "account_mode");
  info.platform_type = string_in(object, "platform_type");
  info.raw = object;
  return info;
}

BusinessInfo read_business(const json::object& object) {
  BusinessInfo info;
  info.id = text_in(object, "id");
  info.name = string_in(object, "name");
  info.currency = string_in(object, "currency");
  info.country = string_in(object, "country");
  info.account_review_status = string_in(object, "account_review_status");
  info.messaging_tier = text_in(object, "whatsapp_business_manager_messaging_limit");
  if (const json::object* health = object_in(object, "health_status")) read_health(*health, info);
  info.raw = object;
  return info;
}

Error error_of(int status, std::string_view body) {
  GraphError error = parse_graph_error(status, body).value_or(GraphError{});
  error.http_status = status;
  const ErrorInfo& info = find_error(error);
  if (error.message.empty()) error.message = fmt::format("the Graph API answered HTTP {}", status);
  return {kind_of(error, info), fmt::format("{} {}", error.summary(), info.next_step), {}};
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  if (text.size() != 29 || !text.ends_with(" GMT")) return std::nullopt;
  const auto month =
      static_cast<unsigned>(std::ranges::find(kMonths, text.substr(8, 3)) - kMonths.begin()) + 1;
  const int day = digits_at(text, 5, 2), year = digits_at(text, 12, 4);
  const int hour = digits_at(text, 17, 2), minute = digits_at(text, 20, 2), second = digits_at(text, 23, 2);
  if (month > 12 || day < 1 || year < 0 || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace posthorn::whatsapp
