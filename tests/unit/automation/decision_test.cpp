#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "automation/rule_decision.h"
#include "automation/rule_defaults.h"

namespace posthorn::automation {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr WallTime kNow = wall_from_micros(1'767'603'600'000'000);  // Monday 2026-01-05 09:00 UTC

Rule rule(std::string_view definition, std::int64_t id = 1) {
  Rule r;
  r.id = RuleId{id};
  r.name = fmt::format("r{}", id);
  r.enabled = true;
  r.definition = parse_rule(parse_json(definition).value()).value();
  return r;
}
Situation situation() {
  Situation s;
  s.message = MessageId{7};
  s.conversation = ConversationId{3};
  s.account = AccountId{1};
  s.at = kNow - std::chrono::seconds(2);
  s.type = "text";
  s.text = "Hello";
  s.channel_id = "wamid.7";
  s.person_name = "Ada";
  s.person_number = "491701234567";
  s.window = {channels::Channel::whatsapp, s.at, s.at, {}};
  s.previous_inbound = s.at - std::chrono::hours(1);
  return s;
}
MenuBook menus() {
  std::vector<StoredMenu> stored;
  for (Menu& menu : default_menus()) stored.push_back({AccountId{}, true, std::move(menu)});
  return MenuBook(std::move(stored));
}
DecisionLimits limits() {
  DecisionLimits l;
  l.stop_keywords = {"STOP", "UNSUBSCRIBE"};
  return l;
}
Decision decide_one(const Situation& s, const Rule& r, std::vector<RuleRun> runs = {}) {
  return decide(s, std::span(&r, 1), runs, menus(), limits(), kNow);
}
std::vector<std::string> texts(const Decision& decision) {
  std::vector<std::string> out;
  for (const Effect& effect : decision.effects)
    out.push_back(
        fmt::format("{}:{}", to_string(effect.kind), effect.emoji.empty() ? effect.text : effect.emoji));
  return out;
}

constexpr std::string_view kSay = R"({"do": [{"effect": "text", "text": "Hi"}]})";

struct Case {
  const char* name;
  std::string definition;
  std::function<void(Situation&)> change;
  Verdict verdict;
};
std::string when(std::string_view trigger) {
  return fmt::format(R"({{"when": {{{}}}, "do": [{{"effect": "text", "text": "Hi"}}]}})", trigger);
}
std::string under(std::string_view conditions) {
  return fmt::format(R"({{"if": {{{}}}, "do": [{{"effect": "text", "text": "Hi"}}]}})", conditions);
}
std::string doing(std::string_view effect) {
  return fmt::format(R"({{"do": [{{{}}}]}})", effect);
}
constexpr std::string_view kHours = R"("business_hours": {"days": {"mon": ["08:00-10:00"]}})";

TEST(Decision, EachConditionForItself) {
  const auto same = [](Situation&) {};
  const Case cases[] = {
      {"nothing is asked", std::string(kSay), same, Verdict::acts},
      {"type", when(R"("types": ["image", "text"])"), same, Verdict::acts},
      {"another type", when(R"("types": ["image"])"), same, Verdict::type},
      {"keyword", when(R"("keywords": ["hello"])"), same, Verdict::acts},
      {"another text", when(R"("keywords": ["menu"])"), same, Verdict::keyword},
      {"no text", when(R"("keywords": ["menu"])"), [](Situation& s) { s.text = ""; }, Verdict::keyword},
      {"not the first contact", when(R"("first_contact": true)"), same, Verdict::contact},
      {"first contact", when(R"("first_contact": true)"), [](Situation& s) { s.previous_inbound.reset(); },
       Verdict::acts},
      {"short pause", when(R"("after_pause_hours": 2)"), same, Verdict::contact},
      {"long pause", when(R"("after_pause_hours": 1)"), same, Verdict::acts},
      {"first contact is no pause", when(R"("after_pause_hours": 1)"),
       [](Situation& s) { s.previous_inbound.reset(); }, Verdict::contact},
      {"either of both", when(R"("first_contact": true, "after_pause_hours": 1)"), same, Verdict::acts},
      {"reply id", when(R"("reply_ids": ["yes"])"), [](Situation& s) { s.payload = "yes"; }, Verdict::acts},
      {"reply id by its beginning", when(R"("reply_ids": ["order:*"])"),
       [](Situation& s) { s.payload = "order:5"; }, Verdict::acts},
      {"another reply id", when(R"("reply_ids": ["yes"])"), [](Situation& s) { s.payload = "yes!"; },
       Verdict::reply_id},
      {"no reply id", when(R"("reply_ids": ["*"])"), same, Verdict::reply_id},
      {"open", under(fmt::format(R"("hours": "open", {})", kHours)), same, Verdict::acts},
      {"not closed", under(fmt::format(R"("hours": "closed", {})", kHours)), same, Verdict::hours},
      {"closed by the message's time", under(fmt::format(R"("hours": "closed", {})", kHours)),
       [](Situation& s) { s.at = kNow - std::chrono::minutes(61); }, Verdict::too_old},
      {"channel", under(R"("channels": ["whatsapp"])"), same, Verdict::acts},
      {"another channel", under(R"("channels": ["instagram"])"), same, Verdict::other_channel},
      {"assigned", under(R"("unless_assigned": true)"), [](Situation& s) { s.assigned = true; },
       Verdict::assigned},
      {"not assigned", under(R"("unless_assigned": true)"), same, Verdict::acts},
      {"old", std::string(kSay), [](Situation& s) { s.at = kNow - std::chrono::minutes(11); },
       Verdict::too_old},
      {"blocked", std::string(kSay), [](Situation& s) { s.account_blocked = true; },
       Verdict::account_blocked},
      {"closed window", std::string(kSay),
       [](Situation& s) { s.window.last_inbound = s.window.last_action = WallTime{}; },
       Verdict::window_closed},
      {"too many", std::string(kSay), [](Situation& s) { s.automatic_last_hour = 20; }, Verdict::too_many},
      {"stop", std::string(kSay), [](Situation& s) { s.text = " stop! "; }, Verdict::stop_word},
      {"stop that the rule names", when(R"("keywords": ["stop"])"), [](Situation& s) { s.text = "Stop"; },
       Verdict::acts},
      {"stop in a sentence", std::string(kSay), [](Situation& s) { s.text = "where is the bus stop"; },
       Verdict::acts},
      {"a group", std::string(kSay), [](Situation& s) { s.group = true; }, Verdict::group},
      {"a group, no on purpose", under(R"("groups": "no")"), [](Situation& s) { s.group = true; },
       Verdict::group},
      {"a group as well", under(R"("groups": "also")"), [](Situation& s) { s.group = true; }, Verdict::acts},
      {"no group, groups as well", under(R"("groups": "also")"), same, Verdict::acts},
      {"groups only", under(R"("groups": "only")"), [](Situation& s) { s.group = true; }, Verdict::acts},
      {"no group, groups only", under(R"("groups": "only")"), same, Verdict::no_group},
      {"an echo in a group", under(R"("groups": "also")"),
       [](Situation& s) {
         s.group = true;
         s.direction = MessageDirection::out;
       },
       Verdict::never_answered},
      {"a reaction in a group", under(R"("groups": "also")"),
       [](Situation& s) {
         s.group = true;
         s.type = "reaction";
       },
       Verdict::never_answered},
      {"forwarding to where it comes from", doing(R"("effect": "forward", "conversation": 3)"), same,
       Verdict::nothing_to_do},
      {"forwarding to another conversation", doing(R"("effect": "forward", "conversation": 4)"), same,
       Verdict::acts},
      {"forwarding from Instagram to a number", doing(R"("effect": "forward", "to": "+4930123456")"),
       [](Situation& s) { s.channel = channels::Channel::instagram; }, Verdict::nothing_to_do},
      {"forwarding from Instagram to a conversation", doing(R"("effect": "forward", "conversation": 4)"),
       [](Situation& s) { s.channel = channels::Channel::instagram; }, Verdict::acts},
      {"forwarding with a closed window here", doing(R"("effect": "forward", "conversation": 4)"),
       [](Situation& s) { s.window = {}; }, Verdict::acts},
      {"unsent", std::string(kSay), [](Situation& s) { s.deleted = true; }, Verdict::never_answered},
      {"an error", std::string(kSay), [](Situation& s) { s.error_code = 131051; }, Verdict::never_answered},
      {"standby", std::string(kSay), [](Situation& s) { s.standby = true; }, Verdict::never_answered},
      {"a note", std::string(kSay), [](Situation& s) { s.direction = MessageDirection::note; },
       Verdict::never_answered},
      {"no menu of this name", doing(R"("effect": "menu", "menu": "nope")"), same, Verdict::nothing_to_do},
      {"no media to echo", doing(R"("effect": "echo_media")"), same, Verdict::nothing_to_do},
      {"no emoji for it", doing(R"("effect": "react", "emoji": {"image": "🔥"})"), same,
       Verdict::nothing_to_do},
      {"an emoji taken out", doing(R"("effect": "react", "emoji": {"text": "", "*": "🔥"})"), same,
       Verdict::nothing_to_do},
      {"forwarding to oneself", doing(R"("effect": "forward", "to": "+491701234567")"), same,
       Verdict::nothing_to_do},
      {"forwarding a text as media", doing(R"("effect": "forward", "to": "+4930123456", "media_only": true)"),
       same, Verdict::nothing_to_do},
      {"forwarding what is old", doing(R"("effect": "forward", "to": "+4930123456")"),
       [](Situation& s) { s.at = kNow - std::chrono::hours(5); }, Verdict::acts},
      {"a receipt for what is old", doing(R"("effect": "read")"),
       [](Situation& s) { s.at = kNow - std::chrono::hours(5); }, Verdict::acts},
      {"a receipt for stop", doing(R"("effect": "read")"), [](Situation& s) { s.text = "STOP"; },
       Verdict::acts},
      {"a receipt for a message without id", doing(R"("effect": "read")"),
       [](Situation& s) { s.channel_id = ""; }, Verdict::nothing_to_do},
  };
  for (const Case& c : cases) {
    Situation s = situation();
    c.change(s);
    const Decision decision = decide_one(s, rule(c.definition));
    ASSERT_EQ(decision.judgements.size(), 1U);
    EXPECT_EQ(to_string(decision.judgements[0].verdict), to_string(c.verdict)) << c.name;
    EXPECT_EQ(decision.effects.empty(), c.verdict != Verdict::acts) << c.name;
    EXPECT_EQ(decision.acted.empty(), c.verdict != Verdict::acts) << c.name;
  }
}

TEST(Decision, DisabledAndForeignRulesRest) {
  Rule r = rule(kSay);
  r.enabled = false;
  EXPECT_EQ(decide_one(situation(), r).judgements[0].verdict, Verdict::disabled);
  r.enabled = true;
  r.account = AccountId{2};
  EXPECT_EQ(decide_one(situation(), r).judgements[0].verdict, Verdict::other_account);
  r.account = AccountId{1};
  EXPECT_EQ(decide_one(situation(), r).judgements[0].verdict, Verdict::acts);
}

TEST(Decision, CooldownsAndRepetitions) {
  const Rule r = rule(R"({"cooldown_minutes": 60, "do": [{"effect": "text", "text": "Hi"}]})");
  const auto verdict = [&](Duration ago, std::int64_t message, std::int64_t of_rule = 1) {
    return decide_one(situation(), r, {{RuleId{of_rule}, MessageId{message}, kNow - ago}})
        .judgements[0]
        .verdict;
  };
  EXPECT_EQ(verdict(std::chrono::minutes(59), 6), Verdict::cooldown);
  EXPECT_EQ(verdict(std::chrono::minutes(60), 6), Verdict::acts);
  EXPECT_EQ(verdict(std::chrono::minutes(59), 6, 2), Verdict::acts);
  EXPECT_EQ(verdict(std::chrono::hours(9), 7), Verdict::done_already);
  EXPECT_EQ(verdict(-std::chrono::hours(9), 6), Verdict::acts) << "a clock that ran ahead locks nobody out";
}

TEST(Decision, GoesByPriorityAndStopsAtTheLast) {
  const std::vector<Rule> rules = {
      rule(R"({"priority": 90, "do": [{"effect": "text", "text": "late"}, {"effect": "read"}]})", 1),
      rule(R"({"priority": 20, "last": true, "do": [{"effect": "text", "text": "last"}]})", 2),
      rule(R"({"priority": 10, "do": [{"effect": "text", "text": "first"}]})", 3),
  };
  const Decision decision = decide(situation(), rules, {}, menus(), limits(), kNow);
  EXPECT_THAT(texts(decision), ElementsAre("text:first", "text:last", "read:"));
  EXPECT_THAT(decision.acted, ElementsAre(RuleId{3}, RuleId{2}, RuleId{1}));
}

TEST(Decision, SaysNothingTwice) {
  const std::vector<Rule> rules = {
      rule(R"({"do": [{"effect": "menu", "menu": "main"}, {"effect": "text", "text": "Hi"}]})", 1),
      rule(R"({"do": [{"effect": "text", "text": "Hi"}, {"effect": "menu", "menu": "main"}]})", 2),
  };
  const Decision decision = decide(situation(), rules, {}, menus(), limits(), kNow);
  EXPECT_THAT(texts(decision), ElementsAre("menu:What can we do for you?", "text:Hi"));
}

TEST(Decision, TheLimitCountsWithinOneMessageToo) {
  Situation s = situation();
  s.automatic_last_hour = 19;
  const Decision decision = decide_one(
      s,
      rule(
          R"({"do": [{"effect": "text", "text": "a"}, {"effect": "text", "text": "b"}, {"effect": "read"}]})"));
  EXPECT_THAT(texts(decision), ElementsAre("text:a", "read:"));
}

TEST(Decision, ReactsByType) {
  const Rule r = rule(R"({"do": [{"effect": "react"}]})");
  struct Reaction {
    const char *type, *emoji;
  };
  for (const Reaction& c : {Reaction{"text", "👍"},
                            {"image", "❤️"},
                            {"video", "🔥"},
                            {"audio", "🎵"},
                            {"voice", "🎵"},
                            {"document", "✅"},
                            {"sticker", "😂"},
                            {"location", "📍"},
                            {"contacts", "👋"},
                            {"order", "👍"}}) {
    Situation s = situation();
    s.type = c.type;
    EXPECT_THAT(texts(decide_one(s, r)), ElementsAre(std::string("react:") + c.emoji)) << c.type;
  }
}

TEST(Decision, ChoicesGoBeforeRules) {
  Situation s = situation();
  s.type = "interactive";
  s.payload = "menu:support:problem";
  const std::vector<Rule> rules = {
      rule(kSay, 1), rule(R"({"do": [{"effect": "read"}]})", 2),
      rule(R"({"when": {"reply_ids": ["menu:support:*"]}, "do": [{"effect": "text", "text": "seen"}]})", 3)};
  const Decision decision = decide(s, rules, {}, menus(), limits(), kNow);
  EXPECT_THAT(texts(decision),
              ElementsAre("text:Describe the problem; a picture helps.", "read:", "text:seen"));
  EXPECT_EQ(decision.effects[0].author, "automation:menu");
  EXPECT_EQ(decision.judgements[0].verdict, Verdict::menu_choice);
  s.payload = "menu:support:human";
  EXPECT_THAT(texts(decide_one(s, rule(kSay))), IsEmpty()) << "a person will answer";
  s.payload = "menu:support:main";
  EXPECT_THAT(texts(decide_one(s, rule(kSay))), ElementsAre("menu:What can we do for you?"));
  EXPECT_THAT(texts(decide_one(s, rule(kSay), {{RuleId{}, MessageId{7}, kNow}})), IsEmpty())
      << "done already";
  s.flags = message_flags::kEcho;
  EXPECT_THAT(texts(decide_one(s, rule(kSay))), IsEmpty());
}

// Nobody wrote these; a rule may still wait for them.
TEST(Decision, OnlyWhatPeopleSayIsAnsweredUnasked) {
  for (const char* type : {"call", "referral", "optin", "made_up_tomorrow"}) {
    Situation s = situation();
    s.type = type;
    EXPECT_EQ(decide_one(s, rule(kSay)).judgements.at(0).verdict, Verdict::type) << type;
    const Rule named = rule(when(fmt::format(R"("types": ["{}"])", type)));
    EXPECT_EQ(decide_one(s, named).judgements.at(0).verdict, Verdict::acts) << type;
    EXPECT_FALSE(worth_a_look(std::vector{rule(kSay)}, MenuBook(), AccountId{1}, type)) << type;
  }
  for (const char* type : {"text", "interactive", "postback", "story_reply", "request_welcome", "order"}) {
    Situation s = situation();
    s.type = type;
    EXPECT_EQ(decide_one(s, rule(kSay)).judgements.at(0).verdict, Verdict::acts) << type;
  }
}

// Groups take texts and files; the rest of a rule for everybody does nothing there.
TEST(Decision, GroupsGetWhatMetaTakesThere) {
  Situation s = situation();
  s.group = true;
  s.type = "image";
  s.attachments = {{AttachmentId{9}, true}};
  const Rule everything = rule(R"({"if": {"groups": "also"}, "do": [{"effect": "text", "text": "Hi"},
    {"effect": "react"}, {"effect": "read"}, {"effect": "typing"}, {"effect": "echo_media"}]})");
  EXPECT_EQ(texts(decide_one(s, everything)), (std::vector<std::string>{"text:Hi", "echo_media:"}));
  s.group = false;
  EXPECT_EQ(decide_one(s, everything).effects.size(), 5U);
  s.group = true;
  s.payload = choice_id("main", "services");
  EXPECT_TRUE(decide_one(s, rule(kSay)).effects.empty()) << "menus neither";
}

// What a rule has done is not done again for anything that came before.
TEST(Decision, OlderMessagesAreDoneAlready) {
  Situation s = situation();
  s.message = MessageId{7};
  const Rule r = rule(kSay);
  for (const auto& [last, acts] : {std::pair{6, true}, {7, false}, {8, false}}) {
    const Decision d = decide_one(s, r, {{r.id, MessageId{last}, s.at}});
    EXPECT_EQ(d.judgements.at(0).verdict, acts ? Verdict::acts : Verdict::done_already) << last;
  }
}

TEST(Decision, LongNamesAreShortened) {
  Situation s = situation();
  for (int i = 0; i < 100; ++i) s.person_name += "é";
  const Decision decision = decide_one(s, rule(R"({"do": [{"effect": "text", "text": "{name}"}]})"));
  EXPECT_EQ(character_count(decision.effects[0].text), 60U);
}

TEST(Decision, EveryVerdictHasAName) {
  for (int i = 0; i <= static_cast<int>(Verdict::never_answered); ++i) {
    EXPECT_FALSE(to_string(static_cast<Verdict>(i)).empty());
    EXPECT_TRUE(explain(static_cast<Verdict>(i)).ends_with('.'));
  }
}

TEST(Decision, LooksOnlyWhereSomethingMayCome) {
  const std::vector<Rule> rules = {rule(R"({"when": {"types": ["image"]}, "do": [{"effect": "read"}]})")};
  EXPECT_TRUE(worth_a_look(rules, {}, AccountId{1}, "image"));
  EXPECT_FALSE(worth_a_look(rules, {}, AccountId{1}, "text"));
  EXPECT_TRUE(worth_a_look(rules, menus(), AccountId{1}, "text"));
  EXPECT_FALSE(worth_a_look(rules, menus(), AccountId{1}, "reaction"));
  EXPECT_FALSE(worth_a_look({}, {}, AccountId{1}, "text"));
}

TEST(Defaults, AreOfferedSwitchedOff) {
  EXPECT_EQ(default_rules().size(), 7U);
  for (const Rule& r : default_rules()) EXPECT_FALSE(r.enabled) << r.name;
  EXPECT_EQ(default_menus().size(), 4U);
  const MenuBook book = menus();
  for (const Menu& menu : default_menus()) {
    for (const auto channel :
         {channels::Channel::whatsapp, channels::Channel::instagram, channels::Channel::messenger})
      EXPECT_TRUE(check_menu(menu, channel)) << menu.name;
    for (const MenuSection& section : menu.sections) {
      for (const MenuRow& row : section.rows)
        if (row.action == ChoiceAction::menu)
          EXPECT_NE(book.find(AccountId{1}, row.value), nullptr) << row.value;
    }
  }
  EXPECT_EQ(default_menu("nope"), nullptr);
}

}  // namespace
}  // namespace posthorn::automation
