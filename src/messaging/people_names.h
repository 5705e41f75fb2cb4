// The words by which people are found: folded to lower case, kept beside the names they come from. SQL only.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "storage/database.h"

namespace posthorn::people_names {

inline constexpr std::size_t kMaxWords = 12;      // of one person
inline constexpr std::size_t kMaxWordBytes = 60;  // more of a word is not looked at

// Lower case for Latin, Greek and Cyrillic letters; everything else stays.
std::string fold(std::string_view text);
// The folded words of a text, at most kMaxWords, without repeats. Punctuation of ASCII parts words.
std::vector<std::string> words(std::string_view text);

// Replaces the words of a person by those of the names.
Result<> write(Transaction& tx, PersonId person, std::string_view name, std::string_view given_name,
               std::string_view username);
// The same for somebody who has none yet.
Result<> add(Transaction& tx, PersonId person, std::string_view name, std::string_view given_name,
             std::string_view username);
Result<> erase(Transaction& tx, PersonId person);

// People with words that start with all of `wanted` (the first two count), at most `limit`.
Result<std::vector<PersonId>> find(Transaction& tx, const std::vector<std::string>& wanted, int limit);

// The first text after all that start with `prefix`.
std::string end_of_prefix(std::string_view prefix);

}  // namespace posthorn::people_names
