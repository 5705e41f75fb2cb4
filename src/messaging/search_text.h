// Texts as the search index has them, and searches as it understands them. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace posthorn {

// Scripts that are written without spaces (Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese) get one
// around each letter, so that any part of a sentence can be found.
std::string search_form(std::string_view text);

// The last word of what was typed, as the index spells it, if it may be the beginning of longer words: it has
// kLeastExpanded letters or more, and no punctuation inside. Empty otherwise.
inline constexpr std::size_t kLeastBeginning = 3;  // letters; shorter ones are whole words
inline constexpr std::size_t kLeastExpanded = 4;   // three letters have an index of their own
std::string search_beginning(std::string_view typed);
// The words of a text that a beginning may stand for, spelled alike; with repeats.
std::vector<std::string> search_words(std::string_view text);

// What a person typed → an FTS5 expression over column `text`: every word must occur, the last one may be a
// beginning, "words in quotes" occur in that order. Nothing in the text acts as an operator. Empty: there is
// no word in it. `endings`: the words of the index that start with search_beginning(); when they are given,
// they stand for the last word, because a beginning of common words costs FTS5 a walk over all their
// messages.
std::string search_expression(std::string_view typed, const std::vector<std::string>& endings = {});

// A word of column `place`, by which searches are narrowed; no language has it, so that nobody who types
// "text" meets every message of that type.
std::string search_place(char what, std::string_view value);

}  // namespace posthorn
