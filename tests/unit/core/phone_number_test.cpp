#include "core/phone_number.h"

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace posthorn {
namespace {

Region region(std::string_view code) {
  return code.empty() ? Region{} : parse_region(code).value();
}

// What libphonenumber-js says about ten thousand numbers of all regions (tools/generate_phone_metadata.mjs).
TEST(PhoneNumber, AgreesWithLibphonenumber) {
  std::ifstream file(PHONE_EXAMPLES);
  ASSERT_TRUE(file) << PHONE_EXAMPLES;
  std::set<std::string> regions;
  int checked = 0;
  int failures = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> fields;
    std::stringstream stream(line);
    for (std::string field; std::getline(stream, field, '\t');) fields.push_back(field);
    fields.resize(4);
    const auto parsed = parse_phone(fields[0], region(fields[1]));
    const std::string got = parsed ? parsed->to_digits() : "";
    const std::string home = parsed ? std::string(region_of(*parsed).view()) : "";
    EXPECT_EQ(got, fields[2]) << fields[0] << " in " << fields[1];
    EXPECT_EQ(home, fields[3]) << fields[0] << " in " << fields[1];
    failures += got != fields[2] || home != fields[3];
    ASSERT_LT(failures, 40);
    regions.insert(fields[1]);
    ++checked;
  }
  EXPECT_GT(checked, 8000);
  EXPECT_GE(regions.size(), 240U);
}

struct Spelling {
  std::string_view text, region, digits;
};

class Spellings : public testing::TestWithParam<Spelling> {};
TEST_P(Spellings, AreRead) {
  const auto parsed = parse_phone(GetParam().text, region(GetParam().region));
  ASSERT_TRUE(parsed) << GetParam().text << ": " << explain(parsed.error());
  EXPECT_EQ(parsed->to_digits(), GetParam().digits) << GetParam().text;
}
INSTANTIATE_TEST_SUITE_P(
    , Spellings,
    testing::Values(
        Spelling{"+49 170 1234567", "", "491701234567"}, Spelling{"0049 (170) 123-45-67", "", "491701234567"},
        Spelling{"0170/1234567", "DE", "491701234567"}, Spelling{"+49 (0) 170 1234567", "", "491701234567"},
        Spelling{"491701234567", "", "491701234567"}, Spelling{"491701234567", "DE", "491701234567"},
        Spelling{"491701234567", "US", "491701234567"}, Spelling{"170.123.4567", "DE", "491701234567"},
        Spelling{"'+491701234567", "", "491701234567"},
        Spelling{"\xE2\x80\x99"
                 "0170 1234567",
                 "DE", "491701234567"},
        Spelling{" \t+49\xC2\xA0"
                 "170\xE2\x80\x91"
                 "1234567 ",
                 "", "491701234567"},
        Spelling{"\xEF\xBC\x8B\xEF\xBC\x94\xEF\xBC\x99 170 1234567", "", "491701234567"},
        Spelling{"\xE2\x80\xAA+49 170 1234567\xE2\x80\xAC", "",
                 "491701234567"},  // direction marks of address books
        Spelling{"\xD9\xA9\xD9\xA7\xD9\xA1 50 123 4567", "AE", "971501234567"},  // Arabic-Indic digits
        Spelling{"4921 12345", "DE", "49492112345"}, Spelling{"91123 45678", "IN", "919112345678"},
        Spelling{"491701234567.0", "DE", "491701234567"}, Spelling{"tel:+49-170-1234567", "", "491701234567"},
        Spelling{"=\"+491701234567\"", "", "491701234567"},
        Spelling{"whatsapp:+14155552671", "", "14155552671"}, Spelling{"(415) 555-2671", "US", "14155552671"},
        Spelling{"1-415-555-2671", "US", "14155552671"}, Spelling{"011 44 7911 123456", "US", "447911123456"},
        Spelling{"0044 7911 123456", "US", "447911123456"},
        Spelling{"+44 (0)20 7946 0958", "", "442079460958"},
        // Italian landlines keep their zero, mobiles have none.
        Spelling{"06 1234 5678", "IT", "390612345678"}, Spelling{"347 123 4567", "IT", "393471234567"},
        // Argentine mobiles: 0 and 15 go, 9 comes.
        Spelling{"011 15 2345-6789", "AR", "5491123456789"},
        Spelling{"+54 9 11 2345 6789", "", "5491123456789"},
        // Brazil: carrier codes between trunk zero and area code.
        Spelling{"0 21 11 98765-4321", "BR", "5511987654321"},
        // Mexico: the "1" of mobiles and the old trunk prefixes are gone.
        Spelling{"+52 1 55 1234 5678", "", "525512345678"},
        Spelling{"044 55 1234 5678", "MX", "525512345678"}, Spelling{"5215512345678", "", "525512345678"},
        Spelling{"8 (912) 345-67-89", "RU", "79123456789"}, Spelling{"06 20 123 4567", "HU", "36201234567"},
        Spelling{"090-1234-5678", "JP", "819012345678"}, Spelling{"322 1234", "BS", "12423221234"}));

struct Refused {
  std::string_view text, region;
  PhoneError error;
};
class Refusals : public testing::TestWithParam<Refused> {};
TEST_P(Refusals, NameTheMistake) {
  const auto parsed = parse_phone(GetParam().text, region(GetParam().region));
  ASSERT_FALSE(parsed) << GetParam().text << " → " << parsed->to_string();
  EXPECT_EQ(parsed.error(), GetParam().error) << GetParam().text << ": " << explain(parsed.error());
  EXPECT_FALSE(explain(parsed.error()).empty());
}
INSTANTIATE_TEST_SUITE_P(
    , Refusals,
    testing::Values(Refused{"", "DE", PhoneError::empty}, Refused{" \t ", "DE", PhoneError::empty},
                    Refused{"+", "DE", PhoneError::empty}, Refused{"n/a", "DE", PhoneError::letters},
                    Refused{"+49 170 CALLME", "DE", PhoneError::letters},
                    Refused{"0170 1234567 / +49 30 123456", "DE", PhoneError::letters},
                    Refused{"+49 000 00000", "", PhoneError::invalid_for_region},
                    Refused{"+4917", "", PhoneError::too_short},
                    Refused{"+49 170 1234567 1234567", "", PhoneError::too_long},
                    Refused{"123456789012345678901234567890", "DE", PhoneError::too_long},
                    Refused{"+999 1234567", "", PhoneError::unknown_country_code},
                    Refused{"+0049 170 1234567", "", PhoneError::unknown_country_code},
                    Refused{"0170 1234567", "", PhoneError::needs_default_region},
                    Refused{"170 12", "", PhoneError::needs_default_region},
                    Refused{"+1 115 555 2671", "", PhoneError::invalid_for_region},
                    Refused{"4.91701E+11", "DE", PhoneError::scientific_notation},
                    Refused{"4,91701E+11", "DE", PhoneError::letters},
                    Refused{"4E11", "DE", PhoneError::scientific_notation},
                    Refused{"+1 415 555 2671 ext. 5", "", PhoneError::extension},
                    Refused{"+1 415 555 2671 x5", "", PhoneError::extension},
                    Refused{"030 1234#5", "DE", PhoneError::extension},
                    Refused{std::string_view("0170\0001234567", 12), "DE", PhoneError::letters},
                    Refused{"\xF0\x9F\x93\x9E 0170 1234567", "DE", PhoneError::letters}));

TEST(PhoneNumber, SharedCallingCodesAreToldApart) {
  const auto home = [](std::uint64_t digits) {
    return std::string(region_of(PhoneNumber::from_digits(digits)).view());
  };
  EXPECT_EQ(home(14155552671), "US");
  EXPECT_EQ(home(14165550123), "CA");
  EXPECT_EQ(home(12423221234), "BS");
  EXPECT_EQ(home(18095551234), "DO");
  EXPECT_EQ(home(79123456789), "RU");
  EXPECT_EQ(home(77012345678), "KZ");
  EXPECT_EQ(home(447912345678), "GB");
  EXPECT_EQ(home(447781123456), "GG");
  EXPECT_EQ(home(390669812345), "VA");
  EXPECT_EQ(home(390612345678), "IT");
  EXPECT_EQ(home(0), "");
  EXPECT_EQ(home(999'1234567), "");
  EXPECT_EQ(home(UINT64_MAX), "");
}

TEST(PhoneNumber, RegionsAreIsoCodes) {
  EXPECT_EQ(parse_region("de")->view(), "DE");
  for (const std::string_view wrong : {"", "D", "DEU", "ZZ", "1A", "EU", "\x80\x81"}) {
    const auto parsed = parse_region(wrong);
    ASSERT_FALSE(parsed) << wrong;
    EXPECT_EQ(parsed.error().field, "default_region");
  }
}

// Whatever is accepted is accepted again from its own spelling: exports can be imported.
TEST(PhoneNumber, OwnSpellingsRoundTrip) {
  std::ifstream file(PHONE_EXAMPLES);
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find('\t');
    if (line.empty() || line[0] == '#' || first == std::string::npos) continue;
    const auto parsed = parse_phone(line.substr(0, first), region(line.substr(first + 1, 2)));
    if (!parsed) continue;
    EXPECT_EQ(parse_phone(parsed->to_string(), Region{}), *parsed) << line;
    EXPECT_EQ(parse_phone(parsed->to_digits(), Region{}), *parsed) << line;
    EXPECT_EQ(parse_phone("'" + parsed->to_string(), region("DE")), *parsed) << line;
  }
}

}  // namespace
}  // namespace posthorn
