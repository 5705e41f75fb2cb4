#include "channels/whatsapp/slot_values.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/template_message.h"
#include "core/time_text.h"

namespace posthorn::whatsapp {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// What is wrong with a value, for people; empty if nothing is.
using Fault = std::string;

Fault text_fault(std::string_view value) {
  std::size_t spaces = 0;
  for (const char c : value) {
    if (c == '\n' || c == '\r') return "has a line break; WhatsApp refuses it inside template variables";
    if (c == '\t') return "has a tab; WhatsApp refuses it inside template variables";
    if (c == '\0') return "has a NUL character";
    spaces = c == ' ' ? spaces + 1 : 0;
    if (spaces > 4) return "has more than 4 spaces in a row; WhatsApp refuses them inside template variables";
  }
  return {};
}

Fault blank_fault(std::string_view value) {
  const bool bad = std::ranges::any_of(value, [](char c) { return is_control(c) || c == ' '; });
  return bad ? "has blanks or control characters; percent-encode them" : "";
}

Fault control_fault(std::string_view value) {
  return std::ranges::any_of(value, is_control) ? "has control characters" : "";
}

// JSON's number grammar without exponent, so that the text can be copied into the request.
Fault degrees_fault(std::string_view value, double limit) {
  std::string_view rest = value;
  if (rest.starts_with('-')) rest.remove_prefix(1);
  const std::size_t point = std::min(rest.find('.'), rest.size());
  const std::string_view whole = rest.substr(0, point);
  const std::string_view fraction = point < rest.size() ? rest.substr(point + 1) : "0";
  double degrees = 0;
  const bool number = all_digits(whole) && all_digits(fraction) &&
                      (whole.size() == 1 || whole.front() != '0') &&
                      std::from_chars(value.data(), value.data() + value.size(), degrees).ec == std::errc{};
  if (!number) return "must be decimal degrees such as 52.5200";
  return degrees < -limit || degrees > limit ? fmt::format("must lie between -{0} and {0} degrees", limit)
                                             : "";
}

Fault minutes_fault(std::string_view value) {
  int minutes = 0;
  const bool number = all_digits(value) && value.front() != '0' && value.size() <= 5;
  if (number) std::from_chars(value.data(), value.data() + value.size(), minutes);
  return minutes < 1 || minutes > 43200 ? "must be whole minutes from 1 to 43200" : "";
}

Fault coupon_fault(std::string_view value) {
  const bool fine = std::ranges::all_of(
      value, [](char c) { return is_digit(c) || is_capital(c) || (c >= 'a' && c <= 'z'); });
  return fine ? "" : "may have letters A to Z and digits only";
}

Fault sections_fault(const json::value& parsed) {
  const json::array* sections = parsed.if_array();
  if (sections == nullptr || sections->empty() || sections->size() > 10)
    return "must be a JSON array of 1 to 10 sections";
  std::size_t products = 0;
  for (const json::value& entry : *sections) {
    const json::object* section = entry.if_object();
    const json::array* items = section != nullptr ? array_in(*section, "product_items") : nullptr;
    if (items == nullptr || items->empty()) return "needs product_items in every section";
    if (count_characters(string_in(*section, "title")) > 24)
      return "has a section title of more than 24 characters";
    products += items->size();
  }
  return products > 30 ? "has more than 30 products" : "";
}

Fault json_fault(SlotType type, std::string_view value) {
  const Result<json::value> parsed = parse_json(value);
  if (!parsed) return "must be JSON: " + parsed.error().message;
  if (type == SlotType::product_sections) return sections_fault(*parsed);
  const json::object* object = parsed->if_object();
  if (object == nullptr) return "must be a JSON object";
  if (type == SlotType::flow_data) return {};
  if (string_in(*object, "reference_id").empty()) return "needs \"reference_id\"";
  return object_in(*object, "order") == nullptr ? "needs the object \"order\"" : "";
}

Fault fault_of(SlotType type, std::string_view value) {
  switch (type) {
    case SlotType::text:
    case SlotType::date_time:
      return text_fault(value);
    case SlotType::currency:
      return parse_currency(value) ? "" : "must be an amount such as \"EUR 12.34\"";
    case SlotType::media:
      return is_media_id(value) || is_http_url(value)
                 ? ""
                 : "must be an address (https://…) or the id of uploaded media";
    case SlotType::latitude:
      return degrees_fault(value, 90);
    case SlotType::longitude:
      return degrees_fault(value, 180);
    case SlotType::url_suffix:
    case SlotType::otp_code:
    case SlotType::flow_token:
      return blank_fault(value);
    case SlotType::coupon_code:
      return coupon_fault(value);
    case SlotType::minutes:
      return minutes_fault(value);
    case SlotType::expiration:
      return parse_expiration(value)
                 ? ""
                 : "must be a time such as 2026-12-31T20:00:00Z, or Unix seconds or milliseconds";
    case SlotType::url:
      return is_http_url(value) ? "" : "must be an address (https://…)";
    case SlotType::flow_data:
    case SlotType::product_sections:
    case SlotType::order_details:
    case SlotType::order_status:
      return json_fault(type, value);
    case SlotType::file_name:
    case SlotType::place:
    case SlotType::payload:
    case SlotType::product_id:
    case SlotType::catalog_id:
    case SlotType::title:
      return control_fault(value);
  }
  return {};
}

}  // namespace

std::optional<CurrencyAmount> parse_currency(std::string_view text) {
  text = trimmed(text);
  if (text.size() < 4) return std::nullopt;
  const bool leading = is_capital(text.front());
  const std::string_view code = leading ? text.substr(0, 3) : text.substr(text.size() - 3);
  std::string_view number = trimmed(leading ? text.substr(3) : text.substr(0, text.size() - 3));
  const bool negative = number.starts_with('-');
  if (negative) number.remove_prefix(1);
  const std::size_t point = std::min(number.find('.'), number.size());
  const std::string_view whole = number.substr(0, point);
  const std::string_view fraction = point < number.size() ? number.substr(point + 1) : "0";
  const bool fine = std::ranges::all_of(code, is_capital) && all_digits(whole) && whole.size() <= 12 &&
                    all_digits(fraction) && fraction.size() <= 3;
  if (!fine) return std::nullopt;
  std::int64_t units = 0, thousandths = 0;
  std::from_chars(whole.data(), whole.data() + whole.size(), units);
  std::from_chars(fraction.data(), fraction.data() + fraction.size(), thousandths);
  for (std::size_t i = fraction.size(); i < 3; ++i) thousandths *= 10;
  const std::int64_t amount = units * 1000 + thousandths;
  return CurrencyAmount{code, negative ? -amount : amount};
}

std::optional<std::int64_t> parse_expiration(std::string_view text) {
  if (all_digits(text) && text.size() <= 15) {
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number >= 1'000'000'000'000 ? number : number * 1000;
  }
  const Result<WallTime> time = parse_iso_time(text);
  if (!time) return std::nullopt;
  return to_micros(*time) / 1000;
}

bool is_http_url(std::string_view text) {
  const std::size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  if (scheme == 0 || text.size() == scheme || text.size() > 2000 || text[scheme] == '/') return false;
  return std::ranges::none_of(
      text, [](char c) { return is_control(c) || c == ' ' || c == '"' || c == '<' || c == '>'; });
}

bool is_media_id(std::string_view text) {
  return text.size() <= 40 && all_digits(text);
}

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

Result<> check_value(const Slot& slot, std::string_view value) {
  if (value.empty()) {
    if (!slot.required) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} ({}) is empty, but the template needs it", slot.name, slot.label), slot.name);
  }
  if (slot.max_length != 0 && value.size() > slot.max_length && count_characters(value) > slot.max_length) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} has {} characters; at most {} are allowed", slot.name,
                            count_characters(value), slot.max_length),
                slot.name);
  }
  const Fault fault = fault_of(slot.type, value);
  if (fault.empty()) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("{} {}", slot.name, fault), slot.name);
}

}  // namespace posthorn::whatsapp
