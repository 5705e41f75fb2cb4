#include "automation/menu.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "automation/automation_compose.h"

namespace posthorn::automation {
namespace {

using channels::Channel;

Result<Menu> parse(std::string_view text) {
  return parse_menu("main", parse_json(text).value());
}
std::string rows(int count, int first = 1) {
  std::string out;
  for (int i = first; i < first + count; ++i)
    out += fmt::format(R"({}{{"id": "r{}", "title": "Row {}"}})", i == first ? "" : ",", i, i);
  return out;
}
std::string list(std::string_view sections) {
  return fmt::format(R"({{"body": "b", "button": "Choose", "sections": [{}]}})", sections);
}

constexpr std::string_view kMain =
    R"({"header": "Shop", "body": "Hello {name}", "footer": "Any time", "button": "Choose",
  "sections": [{"title": "One", "rows": [
     {"id": "hours", "title": "Opening hours", "description": "When we are there", "action": "text", "text": "9 to 5"},
     {"id": "web", "title": "Web", "action": "url", "value": "https://shop.example/x?y=1"}]},
   {"title": "Two", "rows": [{"id": "more", "title": "More", "action": "menu", "value": "more"}]}]})";

TEST(Menu, ReadsAndComesBack) {
  const Result<Menu> menu = parse(kMain);
  ASSERT_TRUE(menu) << menu.error().message;
  EXPECT_EQ(menu->sections[0].rows[1].action, ChoiceAction::url);
  EXPECT_EQ(*parse(json::serialize(to_json(*menu))), *menu);
}

TEST(Menu, TakesTheOlderNames) {
  const Result<Menu> menu =
      parse(R"({"menuId": "main", "bodyText": "b", "buttonText": "Go", "sections": [{"rows": [
    {"rowId": "a", "title": "A", "actionType": "send_text", "answerText": "hi"},
    {"rowId": "b", "title": "B", "actionType": "open_url", "actionValue": "https://a.example", "answerText": "see"},
    {"rowId": "c", "title": "C", "actionType": "invoke_action", "actionValue": "services"}]}]})");
  ASSERT_TRUE(menu) << menu.error().message;
  EXPECT_EQ(menu->sections[0].rows[0].action, ChoiceAction::text);
  EXPECT_EQ(menu->sections[0].rows[1].value, "https://a.example");
  EXPECT_EQ(menu->sections[0].rows[2].action, ChoiceAction::menu);
}

struct Bad {
  std::string text;
  std::string_view field;
};
TEST(Menu, IsNeverCutButRefused) {
  const auto text = [](std::size_t length) { return std::string(length, 'x'); };
  const Bad cases[] = {
      {"[]", ""},
      {R"({"button": "Choose", "sections": [{"rows": [{"id": "a", "title": "A"}]}]})", "body"},
      {R"({"body": "b", "sections": [{"rows": [{"id": "a", "title": "A"}]}]})", "button"},
      {R"({"body": "b", "button": "Choose"})", "sections"},
      {fmt::format(R"({{"body": "b", "button": "{}", "sections": [{{"rows": [{}]}}]}})", text(21), rows(1)),
       "button"},
      {fmt::format(R"({{"body": "b", "button": "x", "header": "{}", "sections": [{{"rows": [{}]}}]}})",
                   text(61), rows(1)),
       "header"},
      {fmt::format(R"({{"body": "b", "button": "x", "footer": "{}", "sections": [{{"rows": [{}]}}]}})",
                   text(61), rows(1)),
       "footer"},
      {fmt::format(R"({{"body": "{}", "button": "x", "sections": [{{"rows": [{}]}}]}})", text(4097), rows(1)),
       "body"},
      {fmt::format(R"({{"body": "{}", "style": "buttons", "sections": [{{"rows": [{}]}}]}})", text(1025),
                   rows(1)),
       "body"},
      {R"({"body": "Hi {nam}", "button": "x", "sections": [{"rows": [{"id": "a", "title": "A"}]}]})", "body"},
      {list(fmt::format(R"({{"rows": [{}]}})", rows(11))), "sections"},
      {list(fmt::format(R"({{"title": "a", "rows": [{}]}},{{"title": "b", "rows": [{}]}})", rows(6),
                        rows(5, 7))),
       "sections"},
      {list(fmt::format(R"({{"rows": [{}]}},{{"title": "b", "rows": [{}]}})", rows(1), rows(1, 2))),
       "sections[0].title"},
      {list(R"({"rows": []})"), "sections[0].rows"},
      {list(fmt::format(R"({{"title": "{}", "rows": [{}]}})", text(25), rows(1))), "sections[0].title"},
      {list(fmt::format(R"({{"rows": [{{"id": "a", "title": "{}"}}]}})", text(25))),
       "sections[0].rows[0].title"},
      {list(fmt::format(R"({{"rows": [{{"id": "a", "title": "A", "description": "{}"}}]}})", text(73))),
       "sections[0].rows[0].description"},
      {list(R"({"rows": [{"title": "A"}]})"), "sections[0].rows[0].id"},
      {list(R"({"rows": [{"id": "a b", "title": "A"}]})"), "sections[0].rows[0].id"},
      {list(R"({"rows": [{"id": "a", "title": "A"}, {"id": "a", "title": "B"}]})"), "sections[0].rows[1].id"},
      {list(R"({"rows": [{"id": "a", "title": "A"}, {"id": "b", "title": "A"}]})"),
       "sections[0].rows[1].title"},
      {list(R"({"rows": [{"id": "a", "title": "A", "action": "call"}]})"), "sections[0].rows[0].action"},
      {list(R"({"rows": [{"id": "a", "title": "A", "action": "text"}]})"), "sections[0].rows[0].text"},
      {list(R"({"rows": [{"id": "a", "title": "A", "action": "url", "value": "javascript:alert"}]})"),
       "sections[0].rows[0].value"},
      {list(R"({"rows": [{"id": "a", "title": "A", "action": "menu", "value": "No Such"}]})"),
       "sections[0].rows[0].value"},
      {list(R"({"rows": [{"id": "a", "rowId": "a", "title": "A"}]})"), "sections[0].rows[0].rowId"},
      {R"({"body": "b", "style": "carousel", "sections": []})", "style"},
      {fmt::format(R"({{"body": "b", "style": "buttons", "sections": [{{"rows": [{}]}}]}})", rows(4)),
       "sections"},
      {R"({"body": "b", "style": "buttons", "sections": [{"rows": [{"id": "a", "title": "twenty-one characters"}]}]})",
       "sections[0].rows[0].title"},
  };
  for (const Bad& bad : cases) {
    const Result<Menu> menu = parse(bad.text);
    ASSERT_FALSE(menu) << bad.text;
    EXPECT_EQ(menu.error().field, bad.field) << menu.error().message;
  }
  EXPECT_TRUE(parse(list(fmt::format(R"({{"rows": [{}]}})", rows(10)))));
  for (const char* name : {"", "Main", "a b", "a:b", "ä"})
    EXPECT_FALSE(parse_menu(name, parse_json(kMain).value())) << name;
}

TEST(Menu, KnowsWhatOtherChannelsShow) {
  EXPECT_TRUE(check_menu(*parse(kMain), Channel::instagram));
  const Menu wide = *parse(list(R"({"rows": [{"id": "a", "title": "twenty-two characters!"}]})"));
  EXPECT_TRUE(check_menu(wide, Channel::whatsapp));
  EXPECT_FALSE(check_menu(wide, Channel::instagram));
  EXPECT_FALSE(check_menu(wide, Channel::messenger));
  Menu wordy = *parse(kMain);
  wordy.body = std::string(1001, 'x');
  EXPECT_FALSE(check_menu(wordy, Channel::instagram));
  EXPECT_TRUE(check_menu(wordy, Channel::messenger));
}

TEST(Menu, AnAccountsOwnGoesBeforeTheOneForAll) {
  Menu all = *parse(kMain), own = all;
  own.body = "own";
  const MenuBook book({{AccountId{}, true, all}, {AccountId{2}, true, own}, {AccountId{3}, false, own}});
  EXPECT_EQ(book.find(AccountId{1}, "main")->body, all.body);
  EXPECT_EQ(book.find(AccountId{2}, "main")->body, "own");
  EXPECT_EQ(book.find(AccountId{3}, "main"), nullptr) << "switched off for this account";
  EXPECT_EQ(book.find(AccountId{1}, "other"), nullptr);
}

TEST(Menu, FindsWhatWasChosen) {
  const MenuBook book({{AccountId{}, true, *parse(kMain)}});
  ASSERT_TRUE(book.choice(AccountId{1}, choice_id("main", "more")));
  EXPECT_EQ(book.choice(AccountId{1}, choice_id("main", "more"))->row->value, "more");
  for (const char* payload :
       {"", "menu:", "menu:main", "menu:main:", "menu:main:x", "menu:x:more", "main:more", "more"})
    EXPECT_FALSE(book.choice(AccountId{1}, payload)) << payload;
}

TEST(Compose, MenusByChannel) {
  Menu menu = *parse(kMain);
  EXPECT_EQ(
      *compose_menu(Channel::whatsapp, menu),
      R"({"type":"interactive","interactive":{"type":"list","header":{"type":"text","text":"Shop"},"body":{"text":"Hello {name}"},)"
      R"("footer":{"text":"Any time"},"action":{"button":"Choose","sections":[{"title":"One","rows":[)"
      R"({"id":"menu:main:hours","title":"Opening hours","description":"When we are there"},{"id":"menu:main:web","title":"Web"}]},)"
      R"({"title":"Two","rows":[{"id":"menu:main:more","title":"More"}]}]}}})");
  EXPECT_EQ(*compose_menu(Channel::instagram, menu),
            R"({"message":{"text":"Shop\nHello {name}\nAny time","quick_replies":[)"
            R"({"content_type":"text","title":"Opening hours","payload":"menu:main:hours"},)"
            R"({"content_type":"text","title":"Web","payload":"menu:main:web"},)"
            R"({"content_type":"text","title":"More","payload":"menu:main:more"}]}})");
  menu.style = MenuStyle::buttons;
  menu.header.clear();
  EXPECT_EQ(
      *compose_menu(Channel::whatsapp, menu),
      R"({"type":"interactive","interactive":{"type":"button","body":{"text":"Hello {name}"},"footer":{"text":"Any time"},)"
      R"("action":{"buttons":[{"type":"reply","reply":{"id":"menu:main:hours","title":"Opening hours"}},)"
      R"({"type":"reply","reply":{"id":"menu:main:web","title":"Web"}},{"type":"reply","reply":{"id":"menu:main:more","title":"More"}}]}}})");
}

TEST(Compose, TextsWithinTheChannelsLimits) {
  EXPECT_EQ(*compose_text(Channel::whatsapp, "see https://a.example", true),
            R"({"type":"text","text":{"preview_url":true,"body":"see https://a.example"}})");
  EXPECT_EQ(*compose_text(Channel::messenger, "\"hi\""), R"({"message":{"text":"\"hi\""}})");
  EXPECT_TRUE(compose_text(Channel::instagram, std::string(1000, 'x')));
  EXPECT_FALSE(compose_text(Channel::instagram, std::string(1001, 'x')));
  EXPECT_TRUE(compose_text(Channel::messenger, std::string(2000, 'x')));
  EXPECT_FALSE(compose_text(Channel::messenger, std::string(2001, 'x')));
  EXPECT_FALSE(compose_text(Channel::whatsapp, ""));
}

TEST(Compose, MediaAsTheChannelTakesIt) {
  const OutgoingMedia picture{"image", "image/jpeg", "12", "look", "a.jpg", 1000};
  EXPECT_EQ(*compose_media(Channel::whatsapp, picture),
            R"({"type":"image","image":{"id":"12","caption":"look"}})");
  EXPECT_EQ(*compose_media(Channel::messenger, picture),
            R"({"message":{"attachment":{"type":"image","payload":{"attachment_id":"12"}}}})");
  const OutgoingMedia voice{"voice", "audio/ogg; codecs=opus", "12", "look", "a.ogg", 1000};
  EXPECT_EQ(*compose_media(Channel::whatsapp, voice), R"({"type":"audio","audio":{"id":"12","voice":true}})");
  const OutgoingMedia huge{"image", "image/png", "12", "look", "a.png", 6 * 1024 * 1024};
  EXPECT_EQ(*compose_media(Channel::whatsapp, huge),
            R"({"type":"document","document":{"id":"12","caption":"look","filename":"a.png"}})");
  const OutgoingMedia program{"document", "application/x-msdownload", "12", "", "a.exe", 1000};
  EXPECT_FALSE(compose_media(Channel::whatsapp, program));
  const OutgoingMedia film{"video", "video/mp4", "12", "", "a.mp4", 26 * 1024 * 1024};
  EXPECT_FALSE(compose_media(Channel::instagram, film));
}

}  // namespace
}  // namespace posthorn::automation
