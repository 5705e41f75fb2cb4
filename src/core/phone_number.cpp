#include "core/phone_number.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace posthorn {
namespace {

// One calling code: its automaton over national numbers decides validity and region in one pass.
struct Plan {
  std::uint16_t calling_code;
  std::uint16_t start, dead;  // states
  std::uint8_t min_length, max_length;
  std::int16_t main_region;  // whose national prefix applies after "+code"
};

struct RegionPlan {
  char code[2];
  std::uint8_t plan;
  std::uint16_t national_program, idd_program;  // in kPrograms; 0: the literal
  const char* national_prefix;
  const char* idd;
  const char* transform;  // "9$1": what a matched prefix with groups becomes
};

#include "core/phone_metadata.inc"

constexpr std::size_t kMaxDigits = 24;  // what people type with prefixes; E.164 itself ends at 15
constexpr std::size_t kLongNational = 10;
using Digits = std::span<const std::uint8_t>;

struct DigitBuffer {
  std::array<std::uint8_t, kMaxDigits + 8> digits;  // room for what a transform puts in front
  std::size_t size = 0;
  Digits view() const { return {digits.data(), size}; }
};

// ---- reading the text ----

struct Spelled {
  DigitBuffer number;
  bool plus = false;
};

// Length in bytes of one character that may stand between digits; 0 if the text goes on with something else.
std::size_t separator_length(std::string_view rest) {
  const auto first = static_cast<unsigned char>(rest[0]);
  if (first < 0x80) return std::strchr(" -().\t/\r\n~[]", rest[0]) != nullptr && rest[0] != 0 ? 1 : 0;
  if (rest.starts_with("\xC2\xA0") || rest.starts_with("\xC2\xAD")) return 2;  // no-break space, soft hyphen
  if (rest.size() < 3) return 0;
  const auto second = static_cast<unsigned char>(rest[1]);
  const auto third = static_cast<unsigned char>(rest[2]);
  // General punctuation: spaces, dashes, direction marks, word joiner; minus sign; BOM; ideographic space;
  // full-width ones.
  if (first == 0xE2 && second == 0x80 && (third <= 0x95 || (third >= 0xA8 && third <= 0xAF))) return 3;
  if (first == 0xE2 && second == 0x81 && (third == 0x9F || (third >= 0xA0 && third <= 0xA9))) return 3;
  if (first == 0xE2 && second == 0x88 && third == 0x92) return 3;
  if (first == 0xE3 && second == 0x80 && third == 0x80) return 3;
  if (first == 0xEF && ((second == 0xBB && third == 0xBF) ||
                        (second == 0xBC && (third == 0x88 || third == 0x89 || third == 0x8D ||
                                            third == 0x8E || third == 0x8F))))
    return 3;
  return 0;
}

struct WideDigit {
  std::size_t length = 0;  // 0: none
  std::uint8_t value = 0;
};
WideDigit wide_digit(std::string_view rest) {
  if (rest.size() < 2) return {};
  const auto first = static_cast<unsigned char>(rest[0]);
  const auto second = static_cast<unsigned char>(rest[1]);
  if (first == 0xD9 && second >= 0xA0 && second <= 0xA9) return {2, static_cast<std::uint8_t>(second - 0xA0)};
  if (first == 0xDB && second >= 0xB0 && second <= 0xB9) return {2, static_cast<std::uint8_t>(second - 0xB0)};
  if (rest.size() < 3 || first != 0xEF || second != 0xBC) return {};
  const auto third = static_cast<unsigned char>(rest[2]);
  if (third >= 0x90 && third <= 0x99) return {3, static_cast<std::uint8_t>(third - 0x90)};
  return {};
}

constexpr std::string_view kFullWidthPlus = "\xEF\xBC\x8B";

// What spreadsheets and address books put in front of a number.
std::string_view without_decoration(std::string_view text) {
  const auto trim = [&text] {
    while (!text.empty() && text[0] >= 0 && static_cast<unsigned char>(text[0]) <= ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() >= 0 && static_cast<unsigned char>(text.back()) <= ' ')
      text.remove_suffix(1);
  };
  trim();
  for (const std::string_view mark : {"'", "\xE2\x80\x99", "\xE2\x80\x98", "`", "tel:", "whatsapp:", "="}) {
    if (text.starts_with(mark)) text.remove_prefix(mark.size());
  }
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  trim();
  // Programs that take numbers for decimals write 4917012345678.0.
  if (text.size() > 9 && text.ends_with(".0") &&
      std::all_of(text.begin(), text.end() - 2, [](char c) { return c >= '0' && c <= '9'; }))
    text.remove_suffix(2);
  return text;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// What a character that belongs to no number tells about the mistake.
PhoneError classify_stranger(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  const char lower = static_cast<char>(rest[0] | 0x20);
  if (lower == 'e' && at > 0 && is_digit(text[at - 1]) && rest.size() > 1 &&
      (rest[1] == '+' || is_digit(rest[1])) && is_digit(rest.back()))
    return PhoneError::scientific_notation;
  const bool after_digit =
      std::any_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), is_digit);
  if (after_digit && is_digit(rest.back()) &&
      (lower == 'x' || rest[0] == '#' || rest[0] == ';' || rest.starts_with("ext") ||
       rest.starts_with("Ext") || rest.starts_with("EXT")))
    return PhoneError::extension;
  return PhoneError::letters;
}

std::expected<Spelled, PhoneError> read_digits(std::string_view text) {
  Spelled spelled;
  DigitBuffer& number = spelled.number;
  bool too_long = false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    std::uint8_t value = 0;
    std::size_t length = 1;
    if (is_digit(c)) {
      value = static_cast<std::uint8_t>(c - '0');
    } else if (const WideDigit wide = wide_digit(text.substr(at)); wide.length > 0) {
      value = wide.value;
      length = wide.length;
    } else if (const std::size_t skip = separator_length(text.substr(at)); skip > 0) {
      at += skip;
      continue;
    } else if (number.size == 0 && !spelled.plus &&
               (c == '+' || text.substr(at).starts_with(kFullWidthPlus))) {
      spelled.plus = true;
      at += c == '+' ? 1 : kFullWidthPlus.size();
      continue;
    } else {
      return std::unexpected(classify_stranger(text, at));
    }
    if (number.size == kMaxDigits) too_long = true;
    if (!too_long) number.digits[number.size++] = value;
    at += length;
  }
  if (too_long) return std::unexpected(PhoneError::too_long);
  if (number.size == 0) return std::unexpected(PhoneError::empty);
  return spelled;
}

// ---- prefix programs ----

struct Captures {
  std::array<std::uint8_t, 8> at{};  // start and end of group n at 2n; group 0 is the whole match
  std::uint8_t groups = 0;           // highest group that took part
};

enum Operation : std::uint32_t { op_match, op_set, op_split, op_jump, op_save, op_end };

// Backtracking matcher, anchored at the start. Programs have no loops, so recursion is bounded by their
// length.
bool run_program(std::uint32_t pc, Digits digits, std::size_t at, Captures& captures) {
  for (;;) {
    const std::uint32_t instruction = kPrograms[pc];
    const std::uint32_t a = instruction >> 4 & 0x3FFF;
    switch (instruction & 15) {
      case op_match:
        captures.at[1] = static_cast<std::uint8_t>(at);
        return true;
      case op_set:
        if (at == digits.size() || (a >> digits[at] & 1) == 0) return false;
        ++at;
        break;
      case op_split: {
        const Captures saved = captures;
        if (run_program(a, digits, at, captures)) return true;
        captures = saved;
        pc = instruction >> 18;
        continue;
      }
      case op_jump:
        pc = a;
        continue;
      case op_save:
        captures.at[a] = static_cast<std::uint8_t>(at);
        if ((a & 1) != 0) captures.groups = std::max(captures.groups, static_cast<std::uint8_t>(a / 2));
        break;
      default:  // op_end
        if (at != digits.size()) return false;
        break;
    }
    ++pc;
  }
}

bool match_prefix(std::uint16_t program, const char* literal, Digits digits, Captures& captures) {
  if (program != 0) return run_program(program, digits, 0, captures);
  const std::size_t length = std::strlen(literal);
  if (length == 0 || digits.size() < length) return false;
  for (std::size_t i = 0; i < length; ++i) {
    if (digits[i] != literal[i] - '0') return false;
  }
  captures.at[1] = static_cast<std::uint8_t>(length);
  return true;
}

// ---- numbers ----

std::size_t calling_code_length(const Plan& plan) {
  return plan.calling_code < 10 ? 1 : plan.calling_code < 100 ? 2 : 3;
}

std::uint16_t accept(const Plan& plan, Digits national) {
  std::size_t state = plan.start;
  for (const std::uint8_t digit : national) state = kTransitions[state * 10 + digit];
  return kAccepts[state];
}

std::uint64_t to_integer(std::uint64_t high, Digits digits) {
  for (const std::uint8_t digit : digits) high = high * 10 + digit;
  return high;
}

std::expected<PhoneNumber, PhoneError> judge(const Plan& plan, Digits national) {
  if (national.size() < plan.min_length) return std::unexpected(PhoneError::too_short);
  if (national.size() > plan.max_length) return std::unexpected(PhoneError::too_long);
  if (accept(plan, national) == 0) return std::unexpected(PhoneError::invalid_for_region);
  const std::uint64_t number = to_integer(plan.calling_code, national);
  if (number >= 1'000'000'000'000'000U) return std::unexpected(PhoneError::too_long);
  return PhoneNumber::from_digits(number);
}

// `national` without the trunk prefix, or as the region's rule rewrites it. False: nothing to take off.
bool strip_national_prefix(const RegionPlan& region, Digits national, DigitBuffer& out) {
  Captures captures;
  if (!match_prefix(region.national_program, region.national_prefix, national, captures)) return false;
  out.size = 0;
  const auto put = [&out](Digits digits) {
    for (const std::uint8_t d : digits) {
      if (out.size < out.digits.size()) out.digits[out.size++] = d;
    }
  };
  // The rule applies when the last group took part (libphonenumber's maybeStripNationalPrefixAndCarrierCode).
  std::uint8_t wanted = 0;
  for (const char* c = region.transform; *c != 0; ++c) {
    if (*c == '$') wanted = std::max(wanted, static_cast<std::uint8_t>(c[1] - '0'));
  }
  if (wanted > 0 && captures.groups >= wanted && captures.at[2 * wanted + 1] > captures.at[2 * wanted]) {
    for (const char* c = region.transform; *c != 0; ++c) {
      if (*c != '$') {
        const std::uint8_t digit = static_cast<std::uint8_t>(*c - '0');
        put({&digit, 1});
        continue;
      }
      const auto group = static_cast<std::size_t>(*++c - '0');
      put(national.subspan(captures.at[2 * group], captures.at[2 * group + 1] - captures.at[2 * group]));
    }
  }
  put(national.subspan(captures.at[1]));
  return captures.at[1] > 0 || out.size != national.size();
}

std::expected<PhoneNumber, PhoneError> parse_national(const RegionPlan& region, Digits national) {
  const Plan& plan = kPlans[region.plan];
  DigitBuffer stripped;
  const auto as_given = judge(plan, national);
  if (!strip_national_prefix(region, national, stripped)) return as_given;
  const auto without_prefix = judge(plan, stripped.view());
  // A number that is whole as it stands keeps its first digits, unless it is whole without them as well.
  if (without_prefix || !as_given) return without_prefix;
  return as_given;
}

std::expected<PhoneNumber, PhoneError> parse_international(Digits digits) {
  const std::size_t given = digits.size();
  if (given < 4) return std::unexpected(PhoneError::too_short);
  const std::size_t index = kPlanByPrefix[digits[0] * 100 + digits[1] * 10 + digits[2]];
  if (index == 0) return std::unexpected(PhoneError::unknown_country_code);
  const Plan& plan = kPlans[index - 1];
  const Digits national = digits.subspan(calling_code_length(plan));
  // A number that is whole as it stands is left alone: what this function gives out it must read back.
  const auto as_given = judge(plan, national);
  if (as_given || plan.main_region < 0) return as_given;
  return parse_national(kRegions[plan.main_region], national);
}

const RegionPlan* find_region(Region region) {
  const auto* found = std::lower_bound(std::begin(kRegions), std::end(kRegions), region,
                                       [](const RegionPlan& plan, const Region& wanted) {
                                         return std::memcmp(plan.code, wanted.code, 2) < 0;
                                       });
  return found != std::end(kRegions) && std::memcmp(found->code, region.code, 2) == 0 ? found : nullptr;
}

bool starts_with_calling_code(const Plan& plan, Digits digits) {
  return digits.size() > 4 &&
         kPlanByPrefix[digits[0] * 100 + digits[1] * 10 + digits[2]] == &plan - kPlans + 1;
}

// Without "+": dialled abroad with the region's prefix, the region's own calling code in front, national, or
// some country's calling code in front (Meta's wa_id form). In that order.
std::expected<PhoneNumber, PhoneError> parse_at_home(const RegionPlan& region, Digits digits) {
  Captures captures;
  if (match_prefix(region.idd_program, region.idd, digits, captures) && digits.size() > captures.at[1] &&
      digits[captures.at[1]] != 0) {
    if (auto abroad = parse_international(digits.subspan(captures.at[1]))) return abroad;
  }
  // The region's own calling code in front wins over a national reading when a long number follows it: German
  // files are full of 491701234567, which could also be a (never issued) number behind the area code 4917.
  const Plan& plan = kPlans[region.plan];
  const bool with_code = starts_with_calling_code(plan, digits);
  if (with_code && digits.size() >= kLongNational + calling_code_length(plan)) {
    if (auto whole = parse_international(digits)) return whole;
  }
  const auto national = parse_national(region, digits);
  if (national) return national;
  if (digits[0] != 0) {
    if (auto whole = parse_international(digits)) return whole;
  } else if (digits.size() > 2 && digits[1] == 0) {
    if (auto abroad = parse_international(digits.subspan(2))) return abroad;
  }
  return national;
}

std::expected<PhoneNumber, PhoneError> parse_anywhere(Digits digits) {
  if (digits[0] != 0) {
    auto whole = parse_international(digits);
    if (!whole && whole.error() != PhoneError::too_long)
      return std::unexpected(PhoneError::needs_default_region);
    return whole;
  }
  if (digits.size() > 2 && digits[1] == 0) return parse_international(digits.subspan(2));
  return std::unexpected(PhoneError::needs_default_region);
}

}  // namespace

Result<Region> parse_region(std::string_view iso2) {
  Region region;
  if (iso2.size() == 2) {
    for (std::size_t i = 0; i < 2; ++i) region.code[i] = static_cast<char>(iso2[i] & ~0x20);
    if (find_region(region) != nullptr) return region;
  }
  return fail(
      ErrorCode::invalid_argument,
      "“" + std::string(iso2.substr(0, 20)) +
          "” is not a region with phone numbers; give its two-letter ISO 3166-1 code, such as DE or US",
      "default_region");
}

std::string PhoneNumber::to_digits() const {
  return std::to_string(digits_);
}
std::string PhoneNumber::to_string() const {
  return "+" + to_digits();
}

std::string_view explain(PhoneError error) {
  switch (error) {
    case PhoneError::empty:
      return "There is no phone number. Fill in the cell or remove the row.";
    case PhoneError::letters:
      return "This is not one phone number: it has letters or signs that do not belong. Keep the digits "
             "only.";
    case PhoneError::too_short:
      return "The number has too few digits. Check whether the end was cut off.";
    case PhoneError::too_long:
      return "The number has too many digits. Check for two numbers in one cell.";
    case PhoneError::unknown_country_code:
      return "No country has this calling code. Check the digits after the “+”.";
    case PhoneError::invalid_for_region:
      return "No such number exists in its country's numbering plan. Check the digits and the country code.";
    case PhoneError::needs_default_region:
      return "The number has no country code. Add it (+49…), or choose the country of the list as default "
             "region.";
    case PhoneError::scientific_notation:
      return "A spreadsheet has rounded this number (4.9171E+11) and its digits are lost. Format the column "
             "as text "
             "and export again.";
    case PhoneError::extension:
      return "WhatsApp cannot reach extensions. Give a direct number without extension.";
  }
  return "";
}

std::expected<PhoneNumber, PhoneError> parse_phone(std::string_view text, Region default_region) {
  const auto spelled = read_digits(without_decoration(text));
  if (!spelled) return std::unexpected(spelled.error());
  const Digits digits = spelled->number.view();
  if (spelled->plus) return parse_international(digits);
  const RegionPlan* region = default_region.empty() ? nullptr : find_region(default_region);
  return region != nullptr ? parse_at_home(*region, digits) : parse_anywhere(digits);
}

Region region_of(PhoneNumber number) {
  DigitBuffer buffer;
  std::array<std::uint8_t, 20> reversed;
  for (std::uint64_t rest = number.digits(); rest > 0; rest /= 10) {
    reversed[buffer.size++] = static_cast<std::uint8_t>(rest % 10);
  }
  if (buffer.size < 4) return {};
  std::reverse_copy(reversed.begin(), reversed.begin() + static_cast<std::ptrdiff_t>(buffer.size),
                    buffer.digits.begin());
  const Digits digits = buffer.view();
  const std::size_t index = kPlanByPrefix[digits[0] * 100 + digits[1] * 10 + digits[2]];
  if (index == 0) return {};
  const Plan& plan = kPlans[index - 1];
  const std::uint16_t label = accept(plan, digits.subspan(calling_code_length(plan)));
  if (label == 0 || label == kNoRegionLabel) return {};
  const RegionPlan& region = kRegions[label - 1];
  return {{region.code[0], region.code[1]}};
}

}  // namespace posthorn
