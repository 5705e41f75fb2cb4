#include "sandbox/json_values.h"

#include <charconv>
#include <utility>

#include <boost/json.hpp>

#include "sandbox/json_text.h"

namespace posthorn::sandbox {
namespace js = boost::json;
namespace {

void append_meta_value(std::string& out, const js::value& value) {
  if (const js::string* text = value.if_string()) return append_meta_string(out, *text);
  const char* separator = "";
  if (const js::array* list = value.if_array()) {
    out += '[';
    for (const js::value& item : *list) {
      out += std::exchange(separator, ",");
      append_meta_value(out, item);
    }
    out += ']';
  } else if (const js::object* object = value.if_object()) {
    out += '{';
    for (const auto& [key, one] : *object) {
      out += std::exchange(separator, ",");
      append_meta_string(out, key);
      out += ':';
      append_meta_value(out, one);
    }
    out += '}';
  } else {
    out += js::serialize(value);
  }
}

}  // namespace

const js::value* member(const js::value& body, std::string_view name) {
  return body.is_object() ? body.get_object().if_contains(name) : nullptr;
}

std::string text_of(const js::value& body, std::string_view name, std::string_view fallback) {
  const js::value* v = member(body, name);
  return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string(fallback);
}

double number_of(const js::value& body, std::string_view name, double fallback) {
  const js::value* v = member(body, name);
  js::error_code ec;
  const double n = v == nullptr ? fallback : v->to_number<double>(ec);
  return ec ? fallback : n;
}

bool flag_of(const js::value& body, std::string_view name, bool fallback) {
  const js::value* v = member(body, name);
  return v != nullptr && v->is_bool() ? v->get_bool() : fallback;
}

Duration millis_of(const js::value& body, std::string_view name, Duration fallback) {
  const double n = number_of(body, name, -1);
  return n < 0 ? fallback : Duration(static_cast<std::int64_t>(n * 1000));
}

js::value take(js::object& from, std::string_view name) {
  const auto it = from.find(name);
  if (it == from.end()) return {};
  js::value out = std::move(it->value());
  from.erase(it);
  return out;
}

std::string meta_json(const js::value& value) {
  std::string out;
  append_meta_value(out, value);
  return out;
}

Result<std::uint64_t> phone_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::uint64_t n = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), n);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size() || n == 0)
    return fail(ErrorCode::invalid_argument, "\"" + std::string(text) + "\" is not a phone number in digits",
                "phone");
  return n;
}

}  // namespace posthorn::sandbox
