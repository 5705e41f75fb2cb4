// Texts of rules: comparing what people write with keywords, and filling in placeholders. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace posthorn::automation {

enum class KeywordMatch { whole, starts, contains };

// Lower case (Latin, Greek, Cyrillic, Armenian), runs of blanks as one, no blanks or closing punctuation
// around.
std::string folded(std::string_view text);

// The keyword that matches, or nothing. `contains` and `starts` look for whole words, so that "hi" is not in
// "this"; in scripts without blanks between words they look for the characters.
const std::string* matching_keyword(const std::vector<std::string>& keywords, KeywordMatch match,
                                    std::string_view text);

struct Placeholders {
  std::string name;     // empty: not known
  std::string account;  // name of the receiving account
};

// "{name}", "{name|friend}" (when the name is not known) and "{account}"; "{{" and "}}" stand for themselves.
Result<> check_placeholders(std::string_view text, std::string_view field);
std::string fill_in(std::string_view text, const Placeholders& values);

std::size_t character_count(std::string_view utf8);

}  // namespace posthorn::automation
