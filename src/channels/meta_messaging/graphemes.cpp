#include "channels/meta_messaging/graphemes.h"

#include <algorithm>
#include <array>

namespace posthorn::meta_messaging {
namespace {

struct Range {
  char32_t first, last;
};

// Grapheme_Extend, SpacingMark and Emoji_Modifier of the scripts in common use: these never begin a cluster.
constexpr std::array kExtending{
    Range{0x0300, 0x036F},   Range{0x0483, 0x0489},   Range{0x0591, 0x05BD},   Range{0x05BF, 0x05BF},
    Range{0x05C1, 0x05C2},   Range{0x05C4, 0x05C5},   Range{0x05C7, 0x05C7},   Range{0x0610, 0x061A},
    Range{0x064B, 0x065F},   Range{0x0670, 0x0670},   Range{0x06D6, 0x06DC},   Range{0x06DF, 0x06E4},
    Range{0x06E7, 0x06E8},   Range{0x06EA, 0x06ED},   Range{0x0711, 0x0711},   Range{0x0730, 0x074A},
    Range{0x07A6, 0x07B0},   Range{0x0816, 0x082D},   Range{0x0859, 0x085B},   Range{0x08D3, 0x0903},
    Range{0x093A, 0x093C},   Range{0x093E, 0x094F},   Range{0x0951, 0x0957},   Range{0x0962, 0x0963},
    Range{0x0981, 0x0983},   Range{0x09BC, 0x09BC},   Range{0x09BE, 0x09CD},   Range{0x09D7, 0x09D7},
    Range{0x0A01, 0x0A03},   Range{0x0A3C, 0x0A51},   Range{0x0A70, 0x0A71},   Range{0x0A81, 0x0A83},
    Range{0x0ABC, 0x0ABC},   Range{0x0ABE, 0x0ACD},   Range{0x0B01, 0x0B03},   Range{0x0B3C, 0x0B3C},
    Range{0x0B3E, 0x0B57},   Range{0x0B82, 0x0B82},   Range{0x0BBE, 0x0BCD},   Range{0x0BD7, 0x0BD7},
    Range{0x0C00, 0x0C04},   Range{0x0C3E, 0x0C56},   Range{0x0C81, 0x0C83},   Range{0x0CBC, 0x0CBC},
    Range{0x0CBE, 0x0CD6},   Range{0x0D00, 0x0D03},   Range{0x0D3B, 0x0D3C},   Range{0x0D3E, 0x0D4D},
    Range{0x0D57, 0x0D57},   Range{0x0DCA, 0x0DDF},   Range{0x0E31, 0x0E31},   Range{0x0E33, 0x0E3A},
    Range{0x0E47, 0x0E4E},   Range{0x0EB1, 0x0EB1},   Range{0x0EB3, 0x0EBC},   Range{0x0EC8, 0x0ECE},
    Range{0x0F18, 0x0F19},   Range{0x0F35, 0x0F39},   Range{0x0F71, 0x0F84},   Range{0x0F8D, 0x0FBC},
    Range{0x102B, 0x103E},   Range{0x1056, 0x1059},   Range{0x135D, 0x135F},   Range{0x17B4, 0x17D3},
    Range{0x180B, 0x180D},   Range{0x1AB0, 0x1AFF},   Range{0x1B00, 0x1B04},   Range{0x1B34, 0x1B44},
    Range{0x1DC0, 0x1DFF},   Range{0x200C, 0x200D},   Range{0x20D0, 0x20F0},   Range{0x302A, 0x302F},
    Range{0x3099, 0x309A},   Range{0xA66F, 0xA672},   Range{0xA8E0, 0xA8F1},   Range{0xFB1E, 0xFB1E},
    Range{0xFE00, 0xFE0F},   Range{0xFE20, 0xFE2F},   Range{0xFF9E, 0xFF9F},   Range{0x11000, 0x11002},
    Range{0x1F3FB, 0x1F3FF}, Range{0xE0020, 0xE007F}, Range{0xE0100, 0xE01EF},
};

constexpr char32_t kJoiner = 0x200D;

bool extends(char32_t c) {
  if (c < 0x300) return false;
  const auto* range = std::ranges::upper_bound(kExtending, c, {}, &Range::first);
  return range != kExtending.begin() && c <= std::prev(range)->last;
}

bool is_pictograph(char32_t c) {
  return (c >= 0x1F000 && c <= 0x1FAFF && !(c >= 0x1F1E6 && c <= 0x1F1FF)) || (c >= 0x2600 && c <= 0x27BF) ||
         (c >= 0x2190 && c <= 0x23FF) || (c >= 0x2B00 && c <= 0x2BFF) || c == 0xA9 || c == 0xAE;
}

bool is_flag_letter(char32_t c) {
  return c >= 0x1F1E6 && c <= 0x1F1FF;
}

bool is_leading_jamo(char32_t c) {
  return c >= 0x1100 && c <= 0x115F;
}
bool is_vowel_or_trailing_jamo(char32_t c) {
  return c >= 0x1160 && c <= 0x11FF;
}
bool is_hangul(char32_t c) {
  return is_leading_jamo(c) || is_vowel_or_trailing_jamo(c) || (c >= 0xAC00 && c <= 0xD7A3);
}

// Two neighbours of one cluster, apart from flags.
bool belong_together(char32_t before, char32_t after, bool pictograph_before_joiner) {
  if (before == '\r') return after == '\n';
  if (before < ' ') return false;
  if (extends(after)) return true;
  if (before == kJoiner && pictograph_before_joiner && is_pictograph(after)) return true;
  if (is_leading_jamo(before)) return is_hangul(after);
  return is_hangul(before) && is_vowel_or_trailing_jamo(after);
}

}  // namespace

CodePoint code_point_at(std::string_view text, std::size_t at) {
  constexpr CodePoint kBroken{0xFFFD, 1};
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  if (length == 0 || lead > 0xF4 || at + length > text.size()) return kBroken;
  char32_t value = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xC0U) != 0x80U) return kBroken;
    value = (value << 6U) | (next & 0x3FU);
  }
  return {value, length};
}

std::size_t cluster_end(std::string_view text, std::size_t at) {
  CodePoint current = code_point_at(text, at);
  std::size_t end = at + current.length;
  bool pictograph =
      is_pictograph(current.value);  // the cluster's last base, so that joiners count after emoji only
  if (is_flag_letter(current.value) && end < text.size()) {
    const CodePoint second = code_point_at(text, end);
    if (is_flag_letter(second.value)) {
      end += second.length;
      current = second;
    }
  }
  while (end < text.size()) {
    const CodePoint next = code_point_at(text, end);
    if (!belong_together(current.value, next.value, pictograph)) break;
    if (!extends(next.value)) pictograph = is_pictograph(next.value);
    current = next;
    end += next.length;
  }
  return end;
}

}  // namespace posthorn::meta_messaging
