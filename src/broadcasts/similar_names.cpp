#include "broadcasts/similar_names.h"

#include <algorithm>
#include <vector>

namespace posthorn {
namespace {

// The lower-case form of a capital of two bytes; 0 if it is none.
unsigned lower_of(unsigned lead, unsigned trail) {
  const unsigned c = (lead & 0x1F) << 6 | (trail & 0x3F);
  if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 0x20;  // Latin-1
  if (c >= 0x391 && c <= 0x3A9) return c + 0x20;             // Greek
  if (c >= 0x410 && c <= 0x42F) return c + 0x20;             // Cyrillic
  if (c >= 0x400 && c <= 0x40F) return c + 0x50;
  return 0;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string fold_name(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (c < 0x80) {
      if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')) out += name[i];
      if (c >= 'A' && c <= 'Z') out += static_cast<char>(c | 0x20);
    } else if (c == 0xC2 && name.substr(i).starts_with("\xC2\xA0")) {
      ++i;
    } else if (c >= 0xC3 && c <= 0xD0 && i + 1 < name.size()) {
      const unsigned lower = lower_of(c, static_cast<unsigned char>(name[i + 1]));
      const unsigned code =
          lower != 0 ? lower : (c & 0x1FU) << 6 | (static_cast<unsigned char>(name[i + 1]) & 0x3FU);
      out += {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
      ++i;
    } else {
      out += name[i];
    }
  }
  return out;
}

double name_likeness(std::string_view a, std::string_view b) {
  constexpr std::size_t kLongest = 64;  // the distance is quadratic
  a = a.substr(0, kLongest);
  b = b.substr(0, kLongest);
  if (a.empty() || b.empty()) return 0;
  if (a == b) return 1;
  const auto longer = static_cast<double>(std::max(a.size(), b.size()));
  const double by_distance = 1 - static_cast<double>(edit_distance(a, b)) / longer;
  const std::size_t shorter = std::min(a.size(), b.size());
  const bool holds =
      shorter >= 3 && (a.find(b) != std::string_view::npos || b.find(a) != std::string_view::npos);
  return holds ? std::max(by_distance, 0.6 + 0.3 * static_cast<double>(shorter) / longer) : by_distance;
}

}  // namespace posthorn
