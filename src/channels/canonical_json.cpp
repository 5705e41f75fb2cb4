#include "channels/canonical_json.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <boost/container/small_vector.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace posthorn::channels {
namespace {

namespace json = boost::json;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// The code unit of a \uXXXX at `at`, or -1.
int code_unit(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int unit = 0;
  for (const char c : text.substr(at + 2, 4)) {
    if (!is_hex(c)) return -1;
    unit = unit * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return unit;
}

bool is_high(int unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low(int unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

// Half an emoji, as some clients cut texts, is no valid JSON for most parsers; the rest of the text is.
std::string without_lone_surrogates(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      out += text[i];
      continue;
    }
    const int unit = code_unit(text, i);
    const bool pair = is_high(unit) && is_low(code_unit(text, i + 6));
    const std::size_t length = pair ? 12 : unit >= 0 ? 6 : 2;
    if (!pair && (is_high(unit) || is_low(unit))) {
      out += "\\ufffd";
    } else {
      out += text.substr(i, length);
    }
    i += length - 1;
  }
  return out;
}

json::value parse_once(std::string_view raw, boost::system::error_code& failure,
                       const json::storage_ptr& storage) {
  json::parse_options options;
  options.max_depth = kMaxWebhookDepth;
  return json::parse(raw, failure, storage, options);
}

void append_object(std::string& out, const json::object& object) {
  boost::container::small_vector<const json::key_value_pair*, 16> members;
  for (const json::key_value_pair& member : object) members.push_back(&member);
  std::ranges::sort(members, {}, [](const auto* member) { return member->key(); });
  out += '{';
  for (const json::key_value_pair* member : members) {
    if (member != members.front()) out += ',';
    append_json_string(out, member->key());
    out += ':';
    append_canonical_json(out, member->value());
  }
  out += '}';
}

void append_array(std::string& out, const json::array& array) {
  out += '[';
  for (const json::value& element : array) {
    if (&element != &array.front()) out += ',';
    append_canonical_json(out, element);
  }
  out += ']';
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  const bool plain = std::ranges::none_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; });
  if (!plain) {
    out += json::serialize(text);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

void append_canonical_json(std::string& out, const json::value& value) {
  if (const json::object* object = value.if_object()) return append_object(out, *object);
  if (const json::array* array = value.if_array()) return append_array(out, *array);
  if (const json::string* text = value.if_string()) return append_json_string(out, *text);
  if (const double* number = value.if_double(); number != nullptr && std::isfinite(*number)) {
    fmt::format_to(std::back_inserter(out), "{}", *number);  // the shortest text that means the same number
    return;
  }
  out += json::serialize(value);
}

std::string canonical_json(const json::value& value) {
  std::string out;
  append_canonical_json(out, value);
  return out;
}

std::string canonical_json(std::string_view text) {
  const Result<json::value> parsed = parse_item(text);
  return parsed ? canonical_json(*parsed) : std::string(text);
}

Result<json::value> parse_item(std::string_view raw, json::storage_ptr storage) {
  boost::system::error_code failure;
  json::value value = parse_once(raw, failure, storage);
  if (failure && failure != json::error::too_deep && raw.find("\\u") != std::string_view::npos) {
    value = parse_once(without_lone_surrogates(raw), failure, storage);
  }
  if (failure == json::error::too_deep) {
    return fail(ErrorCode::too_large, "nested more deeply than any event of Meta");
  }
  if (failure) return fail(ErrorCode::invalid_argument, "no valid JSON: " + failure.message());
  return value;
}

}  // namespace posthorn::channels
