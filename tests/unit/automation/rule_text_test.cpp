#include "automation/rule_text.h"

#include <gtest/gtest.h>

namespace posthorn::automation {
namespace {

struct Fold {
  std::string_view text, folded;
};
TEST(RuleText, FoldsWhatMakesNoDifference) {
  const Fold cases[] = {
      {"Menu", "menu"},
      {"  MENU!!  ", "menu"},
      {"Talk   to\n us?", "talk to us"},
      {"ÖFFNUNGSZEITEN", "öffnungszeiten"},
      {"STRASSE ẞ", "strasse ß"},
      {"ПРИВЕТ, Ёлка", "привет, ёлка"},
      {"ΚΑΛΗΜΕΡΑ ΟΔΟΣ", "καλημερα οδοσ"},
      {"οδος", "οδοσ"},
      {"ŁÓDŹ", "łódź"},
      {"İstanbul", "istanbul"},
      {"¿Qué?", "qué"},
      {"ＭＥＮＵ", "menu"},
      {"👍️", "👍"},
      {"?!...", ""},
      {"", ""},
      {"メニュー。", "メニュー"},
      {"\xC3", "\xC3\x83"},  // half a character: kept as something, never read beyond the end
  };
  for (const Fold& c : cases) {
    if (c.text.size() == 1) {
      EXPECT_FALSE(folded(c.text).empty());
      continue;
    }
    EXPECT_EQ(folded(c.text), c.folded) << c.text;
  }
}

struct Match {
  std::string_view text, keyword;
  bool whole, starts, contains;
};
TEST(RuleText, FindsKeywords) {
  const Match cases[] = {
      {"menu", "menu", true, true, true},
      {" Menu! ", "menu", true, true, true},
      {"menu please", "menu", false, true, true},
      {"the menu", "menu", false, false, true},
      {"menus", "menu", false, false, false},
      {"this", "hi", false, false, false},
      {"oh, hi there", "hi", false, false, true},
      {"hi, there", "hi", false, true, true},
      {"hi-fi", "hi", false, true, true},
      {"höhi", "hi", false, false, false},
      {"hi5", "hi", false, false, false},
      {"this is hi", "hi", false, false, true},
      {"我要看菜单谢谢", "菜单", false, false, true},
      {"菜单谢谢", "菜单", false, true, true},
      {"great 👍👍", "👍", false, false, true},
      {"Talk to a HUMAN now", "to a human", false, false, true},
      {"", "menu", false, false, false},
  };
  for (const Match& c : cases) {
    const std::vector<std::string> keywords = {"zzz", std::string(c.keyword)};
    EXPECT_EQ(matching_keyword(keywords, KeywordMatch::whole, c.text) != nullptr, c.whole) << c.text;
    EXPECT_EQ(matching_keyword(keywords, KeywordMatch::starts, c.text) != nullptr, c.starts) << c.text;
    const std::string* found = matching_keyword(keywords, KeywordMatch::contains, c.text);
    ASSERT_EQ(found != nullptr, c.contains) << c.text;
    if (found != nullptr) EXPECT_EQ(*found, c.keyword);
  }
  EXPECT_EQ(matching_keyword({}, KeywordMatch::contains, "menu"), nullptr);
}

TEST(RuleText, FillsIn) {
  const Placeholders known{"Ada", "Shop"}, unknown{"", "Shop"};
  EXPECT_EQ(fill_in("Hello {name}, this is {account}.", known), "Hello Ada, this is Shop.");
  EXPECT_EQ(fill_in("Hello {name|friend}!", known), "Hello Ada!");
  EXPECT_EQ(fill_in("Hello {name|friend}!", unknown), "Hello friend!");
  EXPECT_EQ(fill_in("Hello{name}!", unknown), "Hello!");
  EXPECT_EQ(fill_in("{{name}} is written {{so}}", known), "{name} is written {so}");
  EXPECT_EQ(fill_in("{name", known), "{name");
  EXPECT_EQ(fill_in("{name}", {"{account}", "Shop"}), "{account}")
      << "what a person is called is no placeholder";
}

TEST(RuleText, ChecksPlaceholders) {
  for (const std::string_view text :
       {"", "plain", "{name}", "{name|my friend}", "{account}", "{{literally}}", "a {{ b"})
    EXPECT_TRUE(check_placeholders(text, "text")) << text;
  for (const std::string_view text :
       {"{", "}", "{}", "{nam}", "{name", "{Name}", "{ name }", "x}", "{{name}"})
    EXPECT_FALSE(check_placeholders(text, "text")) << text;
  EXPECT_EQ(check_placeholders("{x}", "do[0].text").error().field, "do[0].text");
}

}  // namespace
}  // namespace posthorn::automation
