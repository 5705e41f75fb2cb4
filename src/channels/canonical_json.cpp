#include "channels/canonical_json.h"

#include <algorithm>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace posthorn::channels {
namespace {

namespace json = boost::json;

void append_canonical(std::string& out, const json::value& value) {
  if (const json::object* object = value.if_object()) {
    std::vector<const json::key_value_pair*> members;
    for (const json::key_value_pair& member : *object) members.push_back(&member);
    std::ranges::sort(members, {}, [](const auto* member) { return member->key(); });
    char separator = '{';
    for (const json::key_value_pair* member : members) {
      out += separator + json::serialize(member->key()) + ':';
      append_canonical(out, member->value());
      separator = ',';
    }
    out += members.empty() ? "{}" : "}";
  } else if (const json::array* array = value.if_array()) {
    out += '[';
    for (const json::value& element : *array) {
      if (out.back() != '[') out += ',';
      append_canonical(out, element);
    }
    out += ']';
  } else {
    out += json::serialize(value);
  }
}

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

json::value parse_once(std::string_view raw, boost::system::error_code& failure) {
  json::parse_options options;
  options.max_depth = kMaxWebhookDepth;
  return json::parse(raw, failure, {}, options);
}

}  // namespace

std::string canonical_json(const json::value& value) {
  std::string out;
  append_canonical(out, value);
  return out;
}

std::string canonical_json(std::string_view text) {
  const Result<json::value> parsed = parse_item(text);
  return parsed ? canonical_json(*parsed) : std::string(text);
}

Result<json::value> parse_item(std::string_view raw) {
  boost::system::error_code failure;
  json::value value = parse_once(raw, failure);
  if (failure && failure != json::error::too_deep && raw.find("\\u") != std::string_view::npos) {
    value = parse_once(without_lone_surrogates(raw), failure);
  }
  if (failure == json::error::too_deep) {
    return fail(ErrorCode::too_large, "nested more deeply than any event of Meta");
  }
  if (failure) return fail(ErrorCode::invalid_argument, "no valid JSON: " + failure.message());
  return value;
}

}  // namespace posthorn::channels
