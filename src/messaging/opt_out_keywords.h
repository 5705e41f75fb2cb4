// STOP and START: words by which people say that they want no more messages, or want them again.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace posthorn {

// Keywords count only as the whole message; case, blanks and closing punctuation do not matter.
std::string keyword_form(std::string_view text);
bool is_keyword(const std::vector<std::string>& keywords, std::string_view text);

}  // namespace posthorn
