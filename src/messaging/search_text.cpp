#include "messaging/search_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "messaging/people_names.h"

namespace posthorn {
namespace {

constexpr std::size_t kMostWords = 16;
constexpr std::size_t kLongestWord = 100;  // bytes; longer ones are found whole only

struct Range {
  std::uint32_t first, last;
};
// Blocks of Unicode 15 whose scripts have no spaces between words.
constexpr std::array kUnspaced = std::to_array<Range>({
    {0x0E00, 0x0EFF},    // Thai, Lao
    {0x1000, 0x109F},    // Burmese
    {0x1780, 0x17FF},    // Khmer
    {0x3040, 0x30FF},    // Hiragana, Katakana
    {0x3400, 0x4DBF},    // CJK extension A
    {0x4E00, 0x9FFF},    // CJK
    {0xAC00, 0xD7AF},    // Hangul syllables
    {0xF900, 0xFAFF},    // CJK compatibility
    {0x20000, 0x323AF},  // CJK extensions B to H
});

bool unspaced(std::uint32_t code_point) {
  return std::ranges::any_of(kUnspaced,
                             [&](Range r) { return code_point >= r.first && code_point <= r.last; });
}

// The code point at `at` and how many bytes it takes. Broken UTF-8 counts byte by byte.
std::uint32_t decode(std::string_view text, std::size_t at, std::size_t& length) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  if (at + length > text.size()) length = 1;
  if (length == 1) return lead;
  std::uint32_t value = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) value = value << 6 | (byte(at + i) & 0x3FU);
  return value;
}

bool has_letters(std::string_view word) {
  return std::ranges::any_of(word, [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u >= 0x80 || std::isalnum(u) != 0;
  });
}

// A word or phrase as an FTS5 string: quotes are doubled, nothing else has a meaning inside.
std::string quoted(std::string_view words) {
  std::string out = "\"";
  for (const char c : search_form(words)) {
    if (c == '"') out += '"';
    if (c != '\0') out += c;
  }
  return out + '"';
}

struct Marked {
  char letter;
  std::string_view with_marks;
};
// Small letters of Latin-1 and Latin Extended-A that the index takes for their plain ones.
constexpr Marked kMarked[] = {{'a', "àáâãäåāăą"}, {'c', "çćĉċč"}, {'d', "ď"},        {'e', "èéêëēĕėęě"},
                              {'g', "ĝğġģ"},      {'h', "ĥ"},     {'i', "ìíîïĩīĭį"}, {'j', "ĵ"},
                              {'k', "ķ"},         {'l', "ĺļľ"},   {'n', "ñńņň"},     {'o', "òóôõöōŏő"},
                              {'r', "ŕŗř"},       {'s', "śŝşš"},  {'t', "ţť"},       {'u', "ùúûüũūŭůűų"},
                              {'w', "ŵ"},         {'y', "ýÿŷ"},   {'z', "źżž"}};

std::string without_marks(std::string_view word) {
  std::string out;
  std::size_t length = 1;
  for (std::size_t at = 0; at < word.size(); at += length) {
    decode(word, at, length);
    const std::string_view letter = word.substr(at, length);
    const auto* plain = std::ranges::find_if(kMarked, [&](const Marked& m) {
      return length > 1 && m.with_marks.find(letter) != std::string_view::npos;
    });
    if (plain == std::end(kMarked)) {
      out += letter;
    } else {
      out += plain->letter;
    }
  }
  return out;
}

std::size_t letters_of(std::string_view word) {
  return static_cast<std::size_t>(
      std::ranges::count_if(word, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// One word of the index, not several.
bool in_one_piece(std::string_view word) {
  std::size_t length = 1;
  for (std::size_t at = 0; at < word.size(); at += length) {
    const std::uint32_t c = decode(word, at, length);
    if (unspaced(c) || (c < 0x80 && std::isalnum(static_cast<int>(c)) == 0)) return false;
  }
  return true;
}

struct Term {
  std::string words;
  bool phrase = false;
};

std::vector<Term> split(std::string_view typed) {
  std::vector<Term> terms;
  const auto add = [&](std::string_view words, bool phrase) {
    if (has_letters(words) && terms.size() < kMostWords) terms.push_back({std::string(words), phrase});
  };
  constexpr std::string_view kBlanks = " \t\r\n";
  std::size_t at = 0;
  while (at < typed.size()) {
    if (kBlanks.find(typed[at]) != std::string_view::npos) {
      ++at;
      continue;
    }
    const bool phrase = typed[at] == '"';
    const std::size_t begin = phrase ? at + 1 : at;
    std::size_t end = phrase ? typed.find('"', begin) : typed.find_first_of(" \t\r\n\"", begin);
    end = std::min(end, typed.size());
    add(typed.substr(begin, end - begin), phrase);
    at = phrase ? end + 1 : end;
  }
  return terms;
}

}  // namespace

std::string search_form(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 1;
    const bool alone = unspaced(decode(text, at, length));
    if (alone) out += ' ';
    out += text.substr(at, length);
    if (alone) out += ' ';
    at += length;
  }
  return out;
}

std::string search_beginning(std::string_view typed) {
  const std::vector<Term> terms = split(typed);
  if (terms.empty() || terms.back().phrase || !in_one_piece(terms.back().words)) return {};
  const std::string word = without_marks(people_names::fold(terms.back().words));
  return letters_of(word) < kLeastExpanded ? std::string() : word;
}

std::vector<std::string> search_words(std::string_view text) {
  std::vector<std::string> words;
  const auto parts = [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u < 0x80 && std::isalnum(u) == 0;
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t begin = at;
    while (at < text.size() && !parts(text[at])) ++at;
    const std::string_view word = text.substr(begin, at - begin);
    if (word.size() > kLongestWord || letters_of(word) < kLeastExpanded || !in_one_piece(word)) continue;
    words.push_back(without_marks(people_names::fold(word)));
  }
  return words;
}

std::string search_expression(std::string_view typed, const std::vector<std::string>& endings) {
  std::string out;
  const std::vector<Term> terms = split(typed);
  for (const Term& term : terms) {
    const bool last = &term == &terms.back() && !term.phrase;
    if (!out.empty()) out += " AND ";
    out += "text : ";
    if (last && !endings.empty()) {
      out += '(' + quoted(term.words);
      for (const std::string& word : endings) out += " OR " + quoted(word);
      out += ')';
      continue;
    }
    out += quoted(term.words);
    if (last && in_one_piece(term.words) && letters_of(term.words) >= kLeastBeginning) out += " *";
  }
  return out;
}

std::string search_place(char what, std::string_view value) {
  std::string out = {'z', 'q', what};
  for (const char c : value) {
    if (c != '_') out += c;
  }
  return out;
}

}  // namespace posthorn
