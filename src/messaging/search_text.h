// Texts as the search index has them, and searches as it understands them. Pure.
#pragma once
#include <string>
#include <string_view>

namespace posthorn {

// Scripts that are written without spaces (Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese) get one
// around each letter, so that any part of a sentence can be found.
std::string search_form(std::string_view text);

// What a person typed → an FTS5 expression over column `text`: every word must occur, the last one may be a
// beginning, "words in quotes" occur in that order. Nothing in the text acts as an operator. Empty: there is
// no word in it.
std::string search_expression(std::string_view typed);

}  // namespace posthorn
