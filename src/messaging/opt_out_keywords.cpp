#include "messaging/opt_out_keywords.h"

#include <algorithm>
#include <cctype>

namespace posthorn {
namespace {

constexpr std::size_t kLongestKeyword = 100;  // bytes, blanks around it included

}  // namespace

std::string keyword_form(std::string_view text) {
  std::string form;
  for (const char c : text) form.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  const auto ignorable = [](char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '.' || c == '!';
  };
  while (!form.empty() && ignorable(form.back())) form.pop_back();
  form.erase(form.begin(), std::find_if_not(form.begin(), form.end(), ignorable));
  return form;
}

bool is_keyword(const std::vector<std::string>& keywords, std::string_view text) {
  if (text.size() > kLongestKeyword)
    return false;  // asked for every message: most are settled by their length
  const std::string form = keyword_form(text);
  return std::any_of(keywords.begin(), keywords.end(), [&](const std::string& k) {
    return k.size() >= form.size() && keyword_form(k) == form;  // a form only gets shorter
  });
}

}  // namespace posthorn
