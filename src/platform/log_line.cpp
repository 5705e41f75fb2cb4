#include "platform/log_line.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/json_writer.h"

namespace posthorn {
namespace {

bool is_plain_word(std::string_view text) {
  constexpr std::string_view kAlso = "._:/+-@%";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kAlso.contains(c);
  });
}

void append_text(std::string& out, const std::string& text) {
  if (is_plain_word(text))
    out += text;
  else
    append_json_string(out, text);
}
void append_text(std::string& out, bool flag) {
  out += flag ? "true" : "false";
}
template <class Number>
void append_text(std::string& out, Number number) {
  fmt::format_to(std::back_inserter(out), "{}", number);
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "error";
}

std::string json_log_tail(std::string_view event, std::initializer_list<LogField> fields) {
  std::string object;
  JsonWriter writer(object);
  writer.begin_object().member("event", event);
  for (const LogField& field : fields) {
    writer.key(field.name);
    std::visit([&](const auto& value) { writer.value(value); }, field.value);
  }
  writer.end_object();
  return object.substr(1);
}

std::string text_log_tail(std::string_view event, std::initializer_list<LogField> fields) {
  std::string line;
  append_text(line, std::string(event));
  for (const LogField& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    std::visit([&](const auto& value) { append_text(line, value); }, field.value);
  }
  return line;
}

}  // namespace posthorn
