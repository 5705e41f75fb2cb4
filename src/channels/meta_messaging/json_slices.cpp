#include "channels/meta_messaging/json_slices.h"

#include "channels/canonical_json.h"

namespace posthorn::meta_messaging::slices {
namespace {

constexpr auto kNone = std::string_view::npos;

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::size_t skip_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return kNone;
}

std::size_t skip_nested(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = skip_string(text, at);
      if (at == kNone) return kNone;
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return kNone;
}

}  // namespace

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank(text[at])) ++at;
  return at;
}

std::size_t skip_value(std::string_view text, std::size_t at) {
  if (at >= text.size()) return kNone;
  if (text[at] == '"') return skip_string(text, at);
  if (text[at] == '{' || text[at] == '[') return skip_nested(text, at);
  const std::size_t begin = at;
  while (at < text.size() && std::string_view(",]}: \n\r\t").find(text[at]) == kNone) ++at;
  return at == begin ? kNone : at;
}

std::string unescaped(std::string_view quoted) {
  if (quoted.find('\\') != kNone) {
    const Result<boost::json::value> parsed = channels::parse_item(quoted);
    if (parsed && parsed->is_string()) return std::string(parsed->get_string());
  }
  const bool closed = quoted.size() >= 2 && quoted.front() == '"' && quoted.back() == '"';
  return std::string(closed ? quoted.substr(1, quoted.size() - 2) : quoted);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

}  // namespace posthorn::meta_messaging::slices
