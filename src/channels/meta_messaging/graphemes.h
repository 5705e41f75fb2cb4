// Where a text may be cut without taking a character apart that people see as one.
#pragma once
#include <cstddef>
#include <string_view>

namespace posthorn::meta_messaging {

// The end of the grapheme cluster that begins at byte `at` (< text.size()): letters with their marks, emoji
// with skin tones and joiners, flags, Hangul syllables, CR LF. After Unicode's UAX #29, with the marks of the
// scripts in common use; bytes that are no UTF-8 are clusters of their own.
std::size_t cluster_end(std::string_view text, std::size_t at);

// The code point at byte `at` and its length in bytes; U+FFFD and 1 where there is none.
struct CodePoint {
  char32_t value = 0;
  std::size_t length = 1;
};
CodePoint code_point_at(std::string_view text, std::size_t at);

}  // namespace posthorn::meta_messaging
