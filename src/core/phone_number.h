// E.164 phone numbers: parsing what people type, normalised with a default region.
#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace posthorn {

// An ISO 3166-1 alpha-2 country code such as "DE", upper case. Empty when unknown.
struct Region {
  char code[2] = {0, 0};
  bool empty() const { return code[0] == 0; }
  std::string_view view() const { return {code, empty() ? 0U : 2U}; }
  friend bool operator==(const Region&, const Region&) = default;
};
Result<Region> parse_region(std::string_view iso2);

// 7 to 15 digits with country code, held as one integer: leading zeros cannot occur (country codes start at
// 1).
class PhoneNumber {
 public:
  constexpr PhoneNumber() = default;
  static constexpr PhoneNumber from_digits(std::uint64_t digits) { return PhoneNumber(digits); }
  constexpr std::uint64_t digits() const { return digits_; }
  constexpr explicit operator bool() const { return digits_ != 0; }
  std::string to_string() const;  // "+491701234567"
  std::string to_digits() const;  // "491701234567", Meta's wa_id form
  friend constexpr auto operator<=>(const PhoneNumber&, const PhoneNumber&) = default;

 private:
  constexpr explicit PhoneNumber(std::uint64_t digits) : digits_(digits) {}
  std::uint64_t digits_ = 0;
};

enum class PhoneError {
  empty,
  letters,
  too_short,
  too_long,
  unknown_country_code,
  invalid_for_region,
  needs_default_region,
  scientific_notation,  // "4.9171E+11": a spreadsheet destroyed the number
  extension,            // "… ext. 5": WhatsApp has no extensions
};
std::string_view explain(PhoneError error);  // one sentence for people, with what to do

// Accepts "+49 170 1234567", "0049170…", "0170 1234567" (with default region), full-width digits, spaces,
// dashes, brackets, dots, slashes, a leading apostrophe (from spreadsheets), and Meta's wa_id form. Never
// allocates.
std::expected<PhoneNumber, PhoneError> parse_phone(std::string_view text, Region default_region);

// The region a number belongs to, by country code and leading digits; empty if shared and undecidable.
Region region_of(PhoneNumber number);

}  // namespace posthorn
