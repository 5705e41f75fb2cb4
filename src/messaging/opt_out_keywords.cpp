#include "messaging/opt_out_keywords.h"

#include <algorithm>
#include <cctype>

namespace posthorn {
namespace {

constexpr std::size_t kLongestKeyword = 100;  // bytes, blanks around it included

bool ignorable(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '.' || c == '!';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && ignorable(text.back())) text.remove_suffix(1);
  while (!text.empty() && ignorable(text.front())) text.remove_prefix(1);
  return text;
}

char upper(char c) {
  return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
}

}  // namespace

std::string keyword_form(std::string_view text) {
  std::string form(trimmed(text));
  std::ranges::transform(form, form.begin(), upper);
  return form;
}

// Asked for every message: most are settled by their length.
bool is_keyword(const std::vector<std::string>& keywords, std::string_view text) {
  if (text.size() > kLongestKeyword) return false;
  const std::string_view said = trimmed(text);
  return std::ranges::any_of(keywords, [said](std::string_view keyword) {
    return std::ranges::equal(trimmed(keyword), said, {}, upper, upper);
  });
}

}  // namespace posthorn
