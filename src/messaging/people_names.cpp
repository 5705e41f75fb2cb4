#include "messaging/people_names.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace posthorn::people_names {
namespace {

constexpr int kMaxCandidates = 2000;  // of the first word, when two are wanted

// Capital letters whose small letter is a fixed distance away. Source: Unicode Character Database, simple
// case mappings.
struct CaseRange {
  std::uint32_t first, last, distance;
};
constexpr CaseRange kFixed[] = {{'A', 'Z', 32},     {0xC0, 0xD6, 32},   {0xD8, 0xDE, 32},
                                {0x391, 0x3A9, 32}, {0x410, 0x42F, 32}, {0x400, 0x40F, 80}};
// Capital and small letters take turns, beginning with a capital.
constexpr CaseRange kPairs[] = {{0x100, 0x12F, 0}, {0x132, 0x137, 0},   {0x14A, 0x177, 0},
                                {0x460, 0x481, 0}, {0x1E00, 0x1E95, 0}, {0x1EA0, 0x1EFF, 0}};
constexpr CaseRange kPairsFromOdd[] = {{0x139, 0x148, 0}, {0x179, 0x17E, 0}};

std::uint32_t small(std::uint32_t c) {
  for (const auto& r : kFixed)
    if (c >= r.first && c <= r.last) return c + r.distance;
  for (const auto& r : kPairs)
    if (c >= r.first && c <= r.last) return c | 1;
  for (const auto& r : kPairsFromOdd)
    if (c >= r.first && c <= r.last) return c % 2 == 1 ? c + 1 : c;
  return c;
}

bool is_tail(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

bool parts_words(char c) {
  const auto u = static_cast<unsigned char>(c);
  const bool letter = (u >= 'a' && u <= 'z') || (u >= '0' && u <= '9') || u >= 0x80;
  return !letter;
}

// Not in the middle of a character.
std::string_view cut(std::string_view word) {
  if (word.size() <= kMaxWordBytes) return word;
  std::size_t end = kMaxWordBytes;
  while (end > 0 && is_tail(word[end])) --end;
  return word.substr(0, end);
}

constexpr std::string_view kOneWord =
    "SELECT DISTINCT person_id FROM person_names WHERE word >= $1 AND word < $2 LIMIT $3";
constexpr std::string_view kTwoWords =
    "SELECT DISTINCT n.person_id FROM (SELECT person_id FROM person_names WHERE word >= $1 AND word < $2 "
    "LIMIT $4) AS n "
    "WHERE EXISTS (SELECT 1 FROM person_names o WHERE o.person_id = n.person_id AND o.word >= $5 AND o.word "
    "< $6) "
    "LIMIT $3";

}  // namespace

std::string fold(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      out += static_cast<char>(small(c));
    } else if (c >= 0xC3 && c <= 0xDF && i + 1 < text.size() &&
               is_tail(text[i + 1])) {  // two bytes, to U+07FF
      const std::uint32_t folded =
          small((c & 0x1FU) << 6 | (static_cast<unsigned char>(text[i + 1]) & 0x3FU));
      out += static_cast<char>(0xC0 | folded >> 6);
      out += static_cast<char>(0x80 | (folded & 0x3F));
      ++i;
    } else if (c == 0xE1 && i + 2 < text.size() && is_tail(text[i + 1]) && is_tail(text[i + 2])) {
      const std::uint32_t folded = small(0x1000U | (static_cast<unsigned char>(text[i + 1]) & 0x3FU) << 6 |
                                         (static_cast<unsigned char>(text[i + 2]) & 0x3FU));
      out += text[i];
      out += static_cast<char>(0x80 | (folded >> 6 & 0x3F));
      out += static_cast<char>(0x80 | (folded & 0x3F));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  const std::string folded = fold(text);
  for (auto begin = folded.begin(); begin != folded.end() && out.size() < kMaxWords;) {
    begin = std::find_if_not(begin, folded.end(), parts_words);
    const auto end = std::find_if(begin, folded.end(), parts_words);
    const std::string_view word = cut(std::string_view(begin, end));
    if (!word.empty() && std::ranges::find(out, word) == out.end()) out.emplace_back(word);
    begin = end;
  }
  return out;
}

Result<> write(Transaction& tx, PersonId person, std::string_view name, std::string_view given_name,
               std::string_view username) {
  PH_TRY(erase(tx, person));
  return add(tx, person, name, given_name, username);
}

Result<> add(Transaction& tx, PersonId person, std::string_view name, std::string_view given_name,
             std::string_view username) {
  const std::string all = fmt::format("{} {} {}", given_name, name, username);
  for (const std::string& word : words(all)) {
    PH_TRY(tx.execute("INSERT INTO person_names (word, person_id) VALUES ($1, $2)", {word, person}));
  }
  return {};
}

Result<> erase(Transaction& tx, PersonId person) {
  PH_TRY(tx.execute("DELETE FROM person_names WHERE person_id = $1", {person}));
  return {};
}

Result<std::vector<PersonId>> find(Transaction& tx, const std::vector<std::string>& wanted, int limit) {
  std::vector<PersonId> found;
  if (wanted.empty()) return found;
  const std::string& first = wanted.front();
  const std::string first_end = end_of_prefix(first);
  const std::string second = wanted.size() > 1 ? wanted[1] : "";
  const std::string second_end = end_of_prefix(second);
  auto asked = wanted.size() == 1
                   ? tx.query(kOneWord, {first, first_end, limit})
                   : tx.query(kTwoWords, {first, first_end, limit, kMaxCandidates, second, second_end});
  PH_TRY_ASSIGN(auto rows, std::move(asked));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return found;
    found.push_back(PersonId{rows.integer(0)});
  }
}

std::string end_of_prefix(std::string_view prefix) {
  return std::string(prefix) + "\xF4\x8F\xBF\xBF";  // U+10FFFF, which no text holds
}

}  // namespace posthorn::people_names
