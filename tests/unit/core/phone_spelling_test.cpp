// Numbers that channels write in several ways.
#include "core/phone_spelling.h"

#include <gmock/gmock.h>

namespace posthorn {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

struct Spelling {
  const char *written, *canonical;
};

TEST(PhoneSpelling, OneNumberHasOne) {
  for (const auto& [written, canonical] : {
           // Brazil: eight digits of a mobile get the ninth.
           Spelling{"551188887777", "5511988887777"},
           {"5511988887777", "5511988887777"},
           {"555199998888", "5551999998888"},
           {"557171234567", "5571971234567"},
           {"552161234567", "5521961234567"},
           // Mexico: without the 1.
           {"5215512345678", "525512345678"},
           {"525512345678", "525512345678"},
           {"5218112345678", "528112345678"},
           // Argentina: with the 9, without the 15; areas of two, three and four digits.
           {"5491145551234", "5491145551234"},
           {"541145551234", "5491145551234"},
           {"54111545551234", "5491145551234"},
           {"543515551234", "5493515551234"},
           {"54351155551234", "5493515551234"},
           {"54290115551234", "5492901551234"},
           {"542901551234", "5492901551234"},
           {"54388155551234", "5493885551234"},
       }) {
    EXPECT_EQ(canonical_phone(written), canonical) << written;
    EXPECT_EQ(canonical_phone(canonical), canonical) << "canonical twice: " << written;
  }
}

TEST(PhoneSpelling, OthersStayAsTheyAre) {
  for (const char* number : {
           "491701234567",      // Germany
           "14155550100",       // USA
           "919876543210",      // India
           "551133334444",      // Brazil, landline
           "551153334444",      // the same, 5
           "550188887777",      // no area of Brazil begins with 0
           "551088887777",      // nor ends with 0
           "5511888877771",     // nine digits that do not begin with 9
           "55119888877771",    // too long
           "55118888777",       // too short
           "52155123456",       // Mexico, too short
           "521551234567",      // 52 and ten digits: as long as without the 1
           "52155123456789",    // too long
           "549114555123",      // Argentina, a digit is missing
           "54114555123",       // the same
           "54119945551234",    // no 15 after the area
           "54351995551234",    // the same
           "5411155512345678",  // too long
           "541234567890155",   // too long
           "5",
           "",
           "DE.123",
           "55118888777x",
       }) {
    EXPECT_EQ(canonical_phone(number), number);
  }
}

TEST(PhoneSpelling, EverySpellingLeadsBackToTheCanonicalOne) {
  for (const char* number :
       {"5511988887777", "5571971234567", "525512345678", "5491145551234", "5493515551234", "5492901551234",
        "5492202551234", "5493885551234", "491701234567", "551133334444"}) {
    const auto all = phone_spellings(number);
    EXPECT_EQ(all.front(), number);
    for (const auto& spelling : all) EXPECT_EQ(canonical_phone(spelling), number) << spelling;
  }
  EXPECT_THAT(phone_spellings("551188887777"), ElementsAre("5511988887777", "551188887777"));
  EXPECT_THAT(phone_spellings("5215512345678"), ElementsAre("525512345678", "5215512345678"));
  EXPECT_THAT(phone_spellings("5491145551234"),
              ElementsAre("5491145551234", "541145551234", "54111545551234"));
  EXPECT_THAT(phone_spellings("541145551234"),
              ElementsAre("5491145551234", "541145551234", "54111545551234"));
  EXPECT_THAT(phone_spellings("491701234567"), ElementsAre("491701234567"));
  EXPECT_THAT(phone_spellings("551133334444"), ElementsAre("551133334444"));
  EXPECT_THAT(phone_spellings("x"), ElementsAre("x"));
}

// However much of a number has been typed, in whatever spelling: the canonical number begins with one of the
// answers.
TEST(PhoneSpelling, BeginningsFindTheNumber) {
  for (const char* number :
       {"551188887777", "5511988887777", "557191234567", "5215512345678", "525512345678", "541145551234",
        "5491145551234", "543515551234", "491701234567", "551133334444"}) {
    const std::string canonical = canonical_phone(number);
    for (std::size_t length = 1; length <= std::string_view(number).size(); ++length) {
      const std::string typed(number, length);
      EXPECT_THAT(
          canonical_phone_prefixes(typed),
          Contains(testing::ResultOf([&](const std::string& p) { return canonical.starts_with(p); }, true)))
          << typed << " of " << canonical;
    }
  }
  EXPECT_THAT(canonical_phone_prefixes("4917"), ElementsAre("4917"));
  EXPECT_THAT(canonical_phone_prefixes(""), ElementsAre(""));
  EXPECT_THAT(canonical_phone_prefixes("ab"), ElementsAre("ab"));
}

}  // namespace
}  // namespace posthorn
