#include "messaging/media_path.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "platform/http.h"

namespace posthorn {
namespace {

constexpr std::size_t kLongestPart = 200, kLongestName = 150;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string safe_part(std::string_view text) {
  std::string out;
  bool gap = false;
  for (const char c : text) {
    const bool plain = is_letter_or_digit(c) || std::string_view("=._-#").contains(c);
    if (plain) out += c;
    if (!plain && !gap) out += '_';
    gap = !plain;
  }
  if (out.size() > kLongestPart) out.resize(kLongestPart);
  return out.empty() ? "unknown" : out;
}

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// Strict UTF-8 (RFC 3629).
CodePoint decode(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {first, 1, true};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  static constexpr std::array<std::uint32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  std::uint32_t value = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0U) != 0x80) return {};
    value = value << 6U | (next & 0x3fU);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kLeast[length] || value > 0x10ffff || surrogate) return {};
  return {value, length, true};
}

// Characters that no file name needs: controls, what turns the direction of reading ("gpj.exe" shown as
// "exe.jpg"), invisible ones, and what file systems and shells understand differently.
bool harmful(std::uint32_t c) {
  const bool control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
  const bool hidden = (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
                      (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0x061c || c == 0x00ad ||
                      (c >= 0xfff0 && c <= 0xffff) || c >= 0xe0000;
  return control || hidden || (c < 0x80 && std::string_view("\"*:<>?|`$%;&").contains(static_cast<char>(c)));
}

std::string clean(std::string_view given) {
  const auto slash = given.find_last_of("/\\");
  if (slash != std::string_view::npos) given.remove_prefix(slash + 1);
  std::string out;
  while (!given.empty()) {
    const CodePoint c = decode(given);
    if (!c.valid || harmful(c.value)) {
      if (!out.ends_with('_')) out += '_';
    } else {
      out += given.substr(0, c.bytes);
    }
    given.remove_prefix(c.bytes);
  }
  out.erase(0, std::min(out.find_first_not_of(". _"), out.size()));
  while (out.ends_with('.') || out.ends_with(' ') || out.ends_with('_')) out.pop_back();
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Names that Windows gives to devices, whatever extension follows.
bool reserved(std::string_view name) {
  const std::string stem = lower(name.substr(0, name.find('.')));
  static constexpr auto kDevices = std::to_array<std::string_view>({"con", "prn", "aux", "nul"});
  const bool numbered = stem.size() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")) &&
                        stem[3] >= '0' && stem[3] <= '9';
  return numbered || std::ranges::find(kDevices, stem) != kDevices.end();
}

void cut(std::string& name, std::size_t most) {
  if (name.size() <= most) return;
  name.resize(most);
  std::size_t begin = name.size();
  while (begin > 0 && (static_cast<unsigned char>(name[begin - 1]) & 0xc0U) == 0x80) --begin;
  if (begin > 0 && !decode(std::string_view(name).substr(begin - 1)).valid) name.resize(begin - 1);
}

}  // namespace

std::string media_path(const MediaPathParts& parts) {
  return fmt::format("business={}/wabaMetaId={}/phone={}/from={}/waMessageId={}/mediaId={}{}",
                     safe_part(parts.business), safe_part(parts.business_id), safe_part(parts.sender_id),
                     safe_part(parts.from), safe_part(parts.message_id), safe_part(parts.media_id),
                     parts.extension);
}

std::string safe_file_name(std::string_view given, std::string_view extension, std::string_view fallback) {
  if (lower(given).ends_with(extension)) given.remove_suffix(extension.size());
  std::string name = clean(given);
  if (name.empty()) name = fallback;
  if (reserved(name)) name = "_" + name;
  cut(name, kLongestName - extension.size());
  return name + std::string(extension);
}

std::string content_disposition(bool inline_allowed, std::string_view file_name) {
  std::string plain;
  bool same = true;
  for (std::string_view rest = file_name; !rest.empty();) {
    const CodePoint c = decode(rest);
    const bool ascii = c.valid && c.value >= 0x20 && c.value < 0x7f && c.value != '"' && c.value != '\\';
    plain += ascii ? static_cast<char>(c.value) : '_';
    same = same && ascii;
    rest.remove_prefix(c.bytes);
  }
  const auto* how = inline_allowed ? "inline" : "attachment";
  if (same) return fmt::format("{}; filename=\"{}\"", how, plain);
  return fmt::format("{}; filename=\"{}\"; filename*=UTF-8''{}", how, plain, percent_encode(file_name));
}

}  // namespace posthorn
