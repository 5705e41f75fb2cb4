#include "automation/rule.h"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace posthorn::automation {
namespace {

Result<RuleDefinition> parse(std::string_view text) {
  return parse_rule(parse_json(text).value());
}

constexpr std::string_view kFull = R"({
  "when": {"types": ["text", "image"], "keywords": ["menu", "help"], "match": "contains", "first_contact": true,
           "after_pause_hours": 72, "reply_ids": ["menu:*"]},
  "if": {"hours": "closed", "business_hours": {"time_zone": "Europe/Berlin", "days": {"mon": ["09:00-12:00", "13:00-17:00"],
         "fri": ["22:00-02:00"]}, "closed": ["2026-12-25"]}, "channels": ["whatsapp", "messenger"], "unless_assigned": true},
  "cooldown_minutes": 60, "priority": 10, "last": true,
  "do": [{"effect": "text", "text": "Hi {name|you}", "quote": true}, {"effect": "menu", "menu": "main"},
         {"effect": "react", "emoji": {"text": "👍", "*": ""}}, {"effect": "forward", "to": "+49 170 1234567", "media_only": true},
         {"effect": "read"}]})";

TEST(Rule, ReadsEveryMember) {
  const Result<RuleDefinition> rule = parse(kFull);
  ASSERT_TRUE(rule) << rule.error().message;
  EXPECT_EQ(rule->trigger.types, (std::vector<std::string>{"text", "image"}));
  EXPECT_EQ(rule->trigger.match, KeywordMatch::contains);
  EXPECT_TRUE(rule->trigger.first_contact);
  EXPECT_EQ(rule->trigger.after_pause, std::chrono::hours(72));
  EXPECT_EQ(rule->conditions.hours, HoursCondition::closed);
  EXPECT_EQ(rule->conditions.channels,
            (std::vector{channels::Channel::whatsapp, channels::Channel::messenger}));
  EXPECT_EQ(rule->cooldown, std::chrono::hours(1));
  EXPECT_EQ(rule->priority, 10);
  EXPECT_TRUE(rule->last);
  ASSERT_EQ(rule->effects.size(), 5U);
  EXPECT_TRUE(rule->effects[0].quote);
  EXPECT_EQ(rule->effects[2].emoji.at("*"), "");
  EXPECT_EQ(rule->effects[3].to.digits(), 491701234567U);
}

TEST(Rule, ComesBackFromItsJson) {
  for (
      const std::string_view text :
      {kFull,
       std::string_view(
           R"({"do": [{"effect": "react"}, {"effect": "typing"}, {"effect": "echo_media", "text": "✅"}]})"),
       std::string_view(
           R"({"if": {"groups": "only"}, "do": [{"effect": "forward", "conversation": 12, "media_only": true}]})")}) {
    const Result<RuleDefinition> rule = parse(text);
    ASSERT_TRUE(rule);
    const Result<RuleDefinition> again = parse(json::serialize(to_json(*rule)));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, *rule);
  }
}

TEST(Rule, HasATableOfReactions) {
  EXPECT_EQ(parse(R"({"do": [{"effect": "react"}]})")->effects[0].emoji, default_reactions());
  EXPECT_EQ(default_reactions().at("document"), "✅");
}

struct Bad {
  std::string_view text, field, words;
};
TEST(Rule, NamesWhatIsWrong) {
  const Bad cases[] = {
      {R"([])", "", "must be an object"},
      {R"({})", "do", "1 to 5 effects"},
      {R"({"do": []})", "do", "1 to 5 effects"},
      {R"({"do": [{"effect": "read"},{"effect": "read"},{"effect": "read"},{"effect": "read"},{"effect": "read"},{"effect": "read"}]})",
       "do", "1 to 5 effects"},
      {R"({"do": [{"effect": "shout"}]})", "do[0].effect", "must be one of text, menu"},
      {R"({"do": [{}]})", "do[0].effect", "must be one of"},
      {R"({"do": [{"effect": 1}]})", "do[0].effect", "must be a text"},
      {R"({"do": [{"effect": "text"}]})", "do[0].text", "is missing"},
      {R"({"do": [{"effect": "text", "text": "Hi {nam}"}]})", "do[0].text", "placeholder"},
      {R"({"do": [{"effect": "text", "text": "Hi {name"}]})", "do[0].text", "placeholder"},
      {R"({"do": [{"effect": "text", "text": "Hi }"}]})", "do[0].text", "placeholder"},
      {R"({"do": [{"effect": "text", "text": "x", "menu": "y"}]})", "do[0].menu", "is not known here"},
      {R"({"do": [{"effect": "read", "text": "x"}]})", "do[0].text", "is not known here"},
      {R"({"do": [{"effect": "menu"}]})", "do[0].menu", "name of a menu"},
      {R"({"do": [{"effect": "forward"}]})", "do[0].to", "not a phone number"},
      {R"({"do": [{"effect": "forward", "to": "0170 1234567"}]})", "do[0].to", "not a phone number"},
      {R"({"do": [{"effect": "forward", "to": "+491701234567", "conversation": 3}]})", "do[0].to",
       "beside conversation"},
      {R"({"do": [{"effect": "forward", "conversation": 0}]})", "do[0].conversation", "from 1 to"},
      {R"({"do": [{"effect": "forward", "conversation": "desk"}]})", "do[0].conversation", "whole number"},
      {R"({"do": [{"effect": "read"}], "if": {"groups": true}})", "if.groups", "must be a text"},
      {R"({"do": [{"effect": "read"}], "if": {"groups": "never"}})", "if.groups", "no, also, only"},
      {R"({"do": [{"effect": "text", "text": "x"}, {"effect": "menu", "menu": "main"}], "if": {"groups": "only"}})",
       "do[1].effect", "nothing a group can get"},
      {R"({"do": [{"effect": "react", "emoji": {}}]})", "do[0].emoji", "must be a table"},
      {R"({"do": [{"effect": "react", "emoji": {"text": "thumbs up"}}]})", "do[0].emoji.text", "one emoji"},
      {R"({"do": [{"effect": "read"}], "wen": {}})", "wen", "there are when, if"},
      {R"({"do": [{"effect": "read"}], "when": []})", "when", "must be an object"},
      {R"({"do": [{"effect": "read"}], "when": {"types": "text"}})", "when.types", "list of texts"},
      {R"({"do": [{"effect": "read"}], "when": {"types": [""]}})", "when.types[0]", "1 to 200 bytes"},
      {R"({"do": [{"effect": "read"}], "when": {"keywords": ["ok", "?!"]}})", "when.keywords[1]",
       "blanks and punctuation"},
      {R"({"do": [{"effect": "read"}], "when": {"match": "ends"}})", "when.match", "whole, starts, contains"},
      {R"({"do": [{"effect": "read"}], "when": {"after_pause_hours": -1}})", "when.after_pause_hours",
       "from 0 to"},
      {R"({"do": [{"effect": "read"}], "when": {"first_contact": "yes"}})", "when.first_contact",
       "true or false"},
      {R"({"do": [{"effect": "read"}], "cooldown_minutes": 1.5})", "cooldown_minutes", "whole number"},
      {R"({"do": [{"effect": "read"}], "priority": 1001})", "priority", "from 0 to 1000"},
      {R"({"do": [{"effect": "read"}], "if": {"hours": "open"}})", "if.business_hours", "is missing"},
      {R"({"do": [{"effect": "read"}], "if": {"business_hours": {"days": {"mon": ["09:00-10:00"]}}}})",
       "if.hours", "open or closed"},
      {R"({"do": [{"effect": "read"}], "if": {"channels": ["sms"]}})", "if.channels[0]", "must be one of"},
      {R"({"do": [{"effect": "read"}], "if": {"hours": "open", "business_hours": {"time_zone": "Berlin"}}})",
       "if.business_hours.time_zone", "Europe/Berlin"},
      {R"({"do": [{"effect": "read"}], "if": {"hours": "open", "business_hours": {"days": {"monday": []}}}})",
       "if.business_hours.days.monday", "not known here"},
      {R"({"do": [{"effect": "read"}], "if": {"hours": "open", "business_hours": {"days": {"mon": ["9-17"]}}}})",
       "if.business_hours.days.mon[0]", "09:00-17:00"},
      {R"({"do": [{"effect": "read"}], "if": {"hours": "open", "business_hours": {"days": {}}}})",
       "if.business_hours.days", "at least one day"},
  };
  for (const Bad& bad : cases) {
    const Result<RuleDefinition> rule = parse(bad.text);
    ASSERT_FALSE(rule) << bad.text;
    EXPECT_EQ(rule.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(rule.error().field, bad.field) << bad.text;
    EXPECT_NE(rule.error().message.find(bad.words), std::string::npos)
        << bad.text << ": " << rule.error().message;
  }
}

TEST(Rule, CountsCharactersNotBytes) {
  std::string text;
  for (int i = 0; i < 4096; ++i) text += "é";
  EXPECT_TRUE(parse(R"({"do": [{"effect": "text", "text": ")" + text + R"("}]})"));
  EXPECT_FALSE(parse(R"({"do": [{"effect": "text", "text": ")" + text + R"(e"}]})"));
}

}  // namespace
}  // namespace posthorn::automation
