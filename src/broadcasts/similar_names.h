// How alike two names are, for finding columns by name and for "did you mean".
#pragma once
#include <string>
#include <string_view>

namespace posthorn {

// Lower case (capitals of ASCII, Latin-1, Greek and Cyrillic), without spaces and ASCII punctuation:
// "Phone-No." → "phoneno".
std::string fold_name(std::string_view name);
// 0 … 1 for two folded names: 1 when equal, at least 0.6 when one holds the other, else by edit distance.
double name_likeness(std::string_view a, std::string_view b);

}  // namespace posthorn
