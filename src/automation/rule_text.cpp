#include "automation/rule_text.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace posthorn::automation {
namespace {

// The code point at `at`, which moves on; invalid bytes count as themselves.
std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
  std::uint32_t code = more == 3 ? lead & 0x07U : more == 2 ? lead & 0x0FU : more == 1 ? lead & 0x1FU : lead;
  for (int i = 0; i < more && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
       ++i)
    code = code << 6U | (static_cast<unsigned char>(text[at++]) & 0x3FU);
  return code;
}

void append_code_point(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0U | code >> 6U);
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0U | code >> 12U);
    out += static_cast<char>(0x80U | (code >> 6U & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else {
    out += static_cast<char>(0xF0U | code >> 18U);
    out += static_cast<char>(0x80U | (code >> 12U & 0x3FU));
    out += static_cast<char>(0x80U | (code >> 6U & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  }
}

bool between(std::uint32_t code, std::uint32_t first, std::uint32_t last) {
  return code >= first && code <= last;
}

// Blocks in which every upper-case letter is followed by its lower-case one; which of the two is even
// differs.
bool alternates_from_even(std::uint32_t c) {
  return between(c, 0x100, 0x12F) || between(c, 0x132, 0x137) || between(c, 0x14A, 0x177) ||
         between(c, 0x1DE, 0x1EF) || between(c, 0x1F8, 0x233) || between(c, 0x370, 0x373) ||
         between(c, 0x460, 0x481) || between(c, 0x48A, 0x4BF) || between(c, 0x4D0, 0x52F) ||
         between(c, 0x1E00, 0x1E95) || between(c, 0x1EA0, 0x1EFF);
}
bool alternates_from_odd(std::uint32_t c) {
  return between(c, 0x139, 0x148) || between(c, 0x179, 0x17E) || between(c, 0x1CD, 0x1DC) ||
         between(c, 0x4C1, 0x4CE);
}

// Simple case folding of the alphabets that have cases (Unicode Character Database, the regular blocks).
std::uint32_t lower(std::uint32_t c) {
  if (between(c, 'A', 'Z')) return c + 32;
  if (c < 0xC0) return c;
  if (between(c, 0xC0, 0xDE) && c != 0xD7) return c + 32;
  if (c == 0x130) return 'i';
  if (c == 0x178) return 0xFF;
  if (c == 0x1E9E) return 0xDF;
  if (alternates_from_even(c)) return c | 1U;
  if (alternates_from_odd(c)) return c % 2 == 1 ? c + 1 : c;
  if (between(c, 0x388, 0x38A)) return c + 37;
  if (c == 0x386) return 0x3AC;
  if (c == 0x38C) return 0x3CC;
  if (c == 0x38E || c == 0x38F) return c + 63;
  if (between(c, 0x391, 0x3AB) && c != 0x3A2) return c + 32;
  if (c == 0x3C2) return 0x3C3;  // final sigma
  if (between(c, 0x400, 0x40F)) return c + 80;
  if (between(c, 0x410, 0x42F)) return c + 32;
  if (between(c, 0x531, 0x556)) return c + 48;
  if (between(c, 0xFF21, 0xFF3A)) return c - 0xFF21 + 'a';  // full width
  if (between(c, 0xFF41, 0xFF5A)) return c - 0xFF41 + 'a';
  return c;
}

bool is_blank(std::uint32_t c) {
  return c == ' ' || between(c, '\t', '\r') || c == 0xA0 || between(c, 0x2000, 0x200F) || c == 0x202F ||
         c == 0x3000 || c == 0xFEFF;
}

bool is_closing(std::uint32_t c) {
  return c == '.' || c == '!' || c == '?' || c == ',' || c == ';' || c == ':' || c == 0x2026 || c == 0x3002 ||
         c == 0xFF01 || c == 0xFF1F || c == 0xA1 || c == 0xBF;
}

// Letters and digits of scripts that put blanks between words.
bool is_word_letter(std::uint32_t c) {
  if (c < 0x80) return between(c, '0', '9') || between(c, 'a', 'z') || between(c, 'A', 'Z');
  return between(c, 0xC0, 0xDFF) && c != 0xD7 && c != 0xF7;
}

bool word_letter_before(std::string_view text, std::size_t at) {
  if (at == 0) return false;
  std::size_t start = at - 1;
  while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0U) == 0x80U) --start;
  return is_word_letter(next_code_point(text, start));
}
bool word_letter_at(std::string_view text, std::size_t at) {
  return at < text.size() && is_word_letter(next_code_point(text, at));
}

// Whether the keyword stands at `at` as words of its own. Both are folded.
bool stands_at(std::string_view text, std::string_view word, std::size_t at) {
  const std::size_t end = at + word.size();
  const bool cut_before = word_letter_at(word, 0) && word_letter_before(text, at);
  const bool cut_after = word_letter_before(word, word.size()) && word_letter_at(text, end);
  return !cut_before && !cut_after;
}

bool matches(std::string_view text, std::string_view word, KeywordMatch match) {
  if (word.empty()) return false;
  if (match == KeywordMatch::whole) return text == word;
  if (match == KeywordMatch::starts) return text.starts_with(word) && stands_at(text, word, 0);
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    if (stands_at(text, word, at)) return true;
  }
  return false;
}

// What stands between braces: a name and, after '|', what to say instead.
struct Placeholder {
  std::string_view name, instead;
};
Placeholder split(std::string_view inside) {
  const std::size_t bar = inside.find('|');
  if (bar == std::string_view::npos) return {inside, {}};
  return {inside.substr(0, bar), inside.substr(bar + 1)};
}

}  // namespace

std::string folded(std::string_view text) {
  std::string out;
  std::size_t keep = 0;  // up to the last character that is neither blank nor closing
  bool blank = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t code = next_code_point(text, at);
    if (is_blank(code)) {
      blank = true;
      continue;
    }
    if (code == 0xFE0F) continue;  // "show as emoji"
    if (out.empty() && is_closing(code)) continue;
    if (blank && !out.empty()) out += ' ';
    blank = false;
    append_code_point(out, lower(code));
    if (!is_closing(code)) keep = out.size();
  }
  out.resize(keep);
  return out;
}

const std::string* matching_keyword(const std::vector<std::string>& keywords, KeywordMatch match,
                                    std::string_view text) {
  if (keywords.empty()) return nullptr;
  const std::string said = folded(text);
  for (const std::string& keyword : keywords) {
    if (matches(said, folded(keyword), match)) return &keyword;
  }
  return nullptr;
}

Result<> check_placeholders(std::string_view text, std::string_view field) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '{' && text[at] != '}') continue;
    if (at + 1 < text.size() && text[at + 1] == text[at]) {
      ++at;
      continue;
    }
    const std::size_t end = text[at] == '{' ? text.find('}', at) : std::string_view::npos;
    const std::string_view inside = end == std::string_view::npos ? "" : text.substr(at + 1, end - at - 1);
    const std::string_view name = split(inside).name;
    if (name != "name" && name != "account") {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("{} has a brace that begins no placeholder; there are {{name}}, {{name|friend}} and "
                      "{{account}}, and a brace itself is written twice",
                      field),
          std::string(field));
    }
    at = end;
  }
  return {};
}

std::string fill_in(std::string_view text, const Placeholders& values) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if ((c == '{' || c == '}') && at + 1 < text.size() && text[at + 1] == c) {
      out += c;
      ++at;
      continue;
    }
    const std::size_t end = c == '{' ? text.find('}', at) : std::string_view::npos;
    if (end == std::string_view::npos) {
      out += c;
      continue;
    }
    const Placeholder placeholder = split(text.substr(at + 1, end - at - 1));
    const std::string& value = placeholder.name == "account" ? values.account : values.name;
    if (value.empty()) {
      out += placeholder.instead;
    } else {
      out += value;
    }
    at = end;
  }
  return out;
}

std::size_t character_count(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace posthorn::automation
