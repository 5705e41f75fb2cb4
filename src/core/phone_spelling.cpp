#include "core/phone_spelling.h"

#include <algorithm>
#include <array>

namespace posthorn {
namespace {

constexpr std::size_t kBrazilOld = 12, kBrazilNew = 13;  // 55, area of two digits, eight or nine
constexpr std::size_t kMexicoNew = 12, kMexicoOld = 13;  // 52, then ten; 521, then ten
constexpr std::size_t kArgentina = 12;                   // 54, then ten
constexpr std::size_t kArgentinaMobile = 13;             // 549, then ten
constexpr std::size_t kArgentinaHome = 14;  // 54, area, 15, number: twelve after the country code

// Argentina's area codes of three digits; 11 is the only one of two, all others have four. Source: ENACOM,
// list of "indicativos interurbanos".
constexpr std::array<std::string_view, 38> kArgentinaAreasOfThree = {
    "220", "221", "223", "230", "236", "237", "249", "260", "261", "263", "264", "266", "280",
    "291", "294", "297", "298", "299", "336", "341", "342", "343", "345", "348", "351", "353",
    "358", "362", "364", "370", "376", "379", "380", "381", "383", "385", "387", "388"};

bool is_area_of_three(std::string_view area) {
  return std::ranges::find(kArgentinaAreasOfThree, area) != kArgentinaAreasOfThree.end();
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// 55 and an area code: both digits 1 to 9.
bool is_brazil_area(std::string_view d) {
  return d.size() >= 4 && d.starts_with("55") && d[2] != '0' && d[3] != '0';
}
// Numbers of eight digits that begin with 6 to 9 are mobiles, the others landlines.
bool begins_mobile(char c) {
  return c >= '6' && c <= '9';
}

std::string join(std::string_view a, std::string_view b, std::string_view c = {}) {
  std::string out(a);
  out += b;
  out += c;
  return out;
}

std::string brazil(std::string_view d) {
  if (d.size() == kBrazilOld && is_brazil_area(d) && begins_mobile(d[4]))
    return join(d.substr(0, 4), "9", d.substr(4));
  return std::string(d);
}

std::string mexico(std::string_view d) {
  if (d.size() == kMexicoOld && d[2] == '1') return join("52", d.substr(3));
  return std::string(d);
}

// How many digits the area code has that is followed by 15 in a national number of twelve; 0: none.
std::size_t area_before_15(std::string_view national) {
  if (national.starts_with("11")) return national.substr(2, 2) == "15" ? 2 : 0;
  if (national.substr(3, 2) == "15" && is_area_of_three(national.substr(0, 3))) return 3;
  return national.substr(4, 2) == "15" ? 4 : 0;
}

std::string argentina(std::string_view d) {
  const std::string_view national = d.substr(2);
  if (d.size() == kArgentina && national[0] != '9' && national[0] != '0') return join("549", national);
  if (d.size() != kArgentinaHome) return std::string(d);
  const std::size_t area = area_before_15(national);
  if (area == 0) return std::string(d);
  return join("549", national.substr(0, area), national.substr(area + 2));
}

std::size_t argentina_area(std::string_view national) {
  if (national.starts_with("11")) return 2;
  return is_area_of_three(national.substr(0, 3)) ? 3 : 4;
}

}  // namespace

std::string canonical_phone(std::string_view digits) {
  if (!all_digits(digits)) return std::string(digits);
  if (digits.starts_with("55")) return brazil(digits);
  if (digits.starts_with("52")) return mexico(digits);
  if (digits.starts_with("54")) return argentina(digits);
  return std::string(digits);
}

std::vector<std::string> canonical_phone_prefixes(std::string_view d) {
  std::string whole = canonical_phone(d);
  if (whole != d) return {std::move(whole), std::string(d)};  // it may be the beginning of a longer one
  std::vector<std::string> out = {std::move(whole)};
  if (!all_digits(d)) return out;
  if (d.size() > 4 && d.size() < kBrazilOld && is_brazil_area(d) && begins_mobile(d[4]))
    out.push_back(join(d.substr(0, 4), "9", d.substr(4)));
  if (d.size() < kMexicoOld && d.starts_with("521")) out.push_back(join("52", d.substr(3)));
  if (d.size() > 2 && d.size() < kArgentina && d.starts_with("54") && d[2] != '9')
    out.push_back(join("549", d.substr(2)));
  return out;
}

std::vector<std::string> phone_spellings(std::string_view digits) {
  std::vector<std::string> out = {canonical_phone(digits)};
  const std::string d = out.front();
  if (!all_digits(d)) return out;
  if (d.size() == kBrazilNew && is_brazil_area(d) && d[4] == '9' && begins_mobile(d[5])) {
    out.push_back(join(std::string_view(d).substr(0, 4), std::string_view(d).substr(5)));
  } else if (d.size() == kMexicoNew && d.starts_with("52")) {
    out.push_back(join("521", std::string_view(d).substr(2)));
  } else if (d.size() == kArgentinaMobile && d.starts_with("549")) {
    const std::string_view national = std::string_view(d).substr(3);
    const std::size_t area = argentina_area(national);
    out.push_back(join("54", national));
    out.push_back(join("54", national.substr(0, area), join("15", national.substr(area))));
  }
  return out;
}

}  // namespace posthorn
