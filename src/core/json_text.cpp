#include "core/json_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "core/json_writer.h"

namespace posthorn {
namespace {

template <class Integer>
void append_integer(std::string& out, Integer number) {
  std::array<char, 24> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end);
}

void append_object(std::string& out, const json::object& object) {
  char before = '{';
  for (const auto& [name, value] : object) {
    out += before;
    before = ',';
    append_json_string(out, name);
    out += ':';
    append_json(out, value);
  }
  if (object.empty()) out += '{';
  out += '}';
}

void append_array(std::string& out, const json::array& array) {
  char before = '[';
  for (const auto& value : array) {
    out += before;
    before = ',';
    append_json(out, value);
  }
  if (array.empty()) out += '[';
  out += ']';
}

}  // namespace

void append_json_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  constexpr double kSmallest = 1e-7, kLargest = 1e21;
  const double size = std::abs(number);
  const bool plain = size == 0 || (size >= kSmallest && size < kLargest);
  std::array<char, 40> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number,
                                          plain ? std::chars_format::fixed : std::chars_format::scientific);
  out.append(digits.data(), end);
}

void append_json(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      out += "null";
      return;
    case json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return;
    case json::kind::int64:
      return append_integer(out, value.get_int64());
    case json::kind::uint64:
      return append_integer(out, value.get_uint64());
    case json::kind::double_:
      return append_json_number(out, value.get_double());
    case json::kind::string:
      return append_json_string(out, value.get_string());
    case json::kind::array:
      return append_array(out, value.get_array());
    case json::kind::object:
      return append_object(out, value.get_object());
  }
}

std::string json_text(const json::value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

std::string json_text(const json::object& object) {
  std::string out;
  append_object(out, object);
  return out;
}

}  // namespace posthorn
