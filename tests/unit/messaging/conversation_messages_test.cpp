// What messages become: rows, conversations, events.
#include "messaging/opt_out_keywords.h"
#include "unit/messaging/conversation_house.h"

namespace posthorn::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MessagesTest : public ConversationTest {};

TEST_F(MessagesTest, ATextBecomesPersonConversationMessageAndEvent) {
  channels::MessageEvent e =
      text("wamid.1", person("491701234567", channels::AddressKind::phone, "Ada"), "hello", 5);
  e.reply_to = "wamid.0";
  e.payload = "p";
  e.forwarded = true;
  EXPECT_EQ(wa(e).messages, 1);
  const Message m = message("wamid.1");
  EXPECT_EQ(m.conversation, ConversationId{1});
  EXPECT_EQ(m.direction, MessageDirection::in);
  EXPECT_EQ(m.at, at(5));
  EXPECT_EQ(to_micros(m.received_at), now_);
  EXPECT_EQ(m.text, "hello");
  EXPECT_EQ(m.payload, "p");
  EXPECT_EQ(m.content, R"({"text":{"body":"x"}})");
  EXPECT_EQ(m.reply_to, "wamid.0");
  EXPECT_EQ(m.flags, message_flags::kForwarded);
  const Conversation c = conversation();
  EXPECT_EQ(c.account, kWhatsApp);
  EXPECT_EQ(c.person, PersonId{1});
  EXPECT_EQ(c.last_message, m.id);
  EXPECT_EQ(c.last_message_at, at(5));
  EXPECT_EQ(c.last_inbound_at, at(5));
  EXPECT_EQ(c.last_action_at, at(5));
  EXPECT_EQ(c.unread, 1);
  EXPECT_EQ(
      last_event("message.received"),
      R"({"message_id":1,"conversation_id":1,"account_id":1,"person_id":1,"type":"text","channel":"whatsapp"})");
  EXPECT_EQ(value("SELECT subject FROM events WHERE kind = 'message.received'"), "conversation:1");
  EXPECT_EQ(last_event("conversation.created"), R"({"conversation_id":1,"account_id":1,"person_id":1})");
  EXPECT_EQ(value("SELECT name FROM people WHERE id = 1"), "Ada");
}

TEST_F(MessagesTest, IsStoredOnceHoweverOftenItComes) {
  wa(text("wamid.1", person("4911"), "one", 1));
  EXPECT_EQ(wa(text("wamid.1", person("4911"), "one", 1)).repeated, 1);
  EventBatch twice = batch();
  add_event(twice, mint_, index_, pending(kWhatsApp, text("wamid.2", person("4911"), "two", 2)));
  add_event(twice, mint_, index_, pending(kWhatsApp, text("wamid.2", person("4911"), "two", 2)));
  EXPECT_EQ(commit(twice).repeated, 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM messages"), 2);
  EXPECT_EQ(number("SELECT COUNT(*) FROM applied_events"), 0);  // message_ids is enough
  EXPECT_EQ(conversation().unread, 2);
  EXPECT_EQ(events("message.received"), 2);
}

TEST_F(MessagesTest, TwoAccountsMayKnowTheSameId) {
  ig(text("mid", igsid("1"), "one", 1));
  fb(text("mid", psid("1"), "one", 1));
  EXPECT_EQ(number("SELECT COUNT(*) FROM messages"), 2);
  EXPECT_EQ(messages::find_by_channel_id(tx(), "mid", kMessenger).value(), MessageId{2});
  EXPECT_EQ(messages::find_by_channel_id(tx(), "mid", kWhatsApp).value(), std::nullopt);
}

TEST_F(MessagesTest, TheNewestByTheChannelsTimeIsTheLast) {
  wa(text("b", person("4911"), "later", 20));
  wa(text("a", person("4911"), "earlier", 10));
  const Conversation c = conversation();
  EXPECT_EQ(c.last_message, message("b").id);
  EXPECT_EQ(c.last_message_at, at(20));
  EXPECT_EQ(c.last_inbound_at, at(20));
  EXPECT_EQ(c.unread, 2);
}

TEST_F(MessagesTest, AMessageBringsItsConversationOutOfTheArchive) {
  wa(text("a", person("4911"), "x", 1));
  ASSERT_TRUE(conversations::set_archived(tx(), ConversationId{1}, true, "me", at(2)));
  wa(echo("b", person("4911"), "ours", 3));
  EXPECT_TRUE(conversation().archived);
  wa(text("c", person("4911"), "y", 4));
  EXPECT_FALSE(conversation().archived);
}

TEST_F(MessagesTest, HistoryIsKeptButTellsNobody) {
  channels::MessageEvent in = text("h1", person("4911"), "STOP", 1);
  in.from_history = true;
  channels::MessageEvent out = echo("h2", person("4911"), "old answer", 2);
  out.from_history = true;
  out.history_status = "READ";
  wa(in);
  wa(out);
  EXPECT_EQ(conversation().unread, 0);
  EXPECT_EQ(conversation().last_message, message("h2").id);
  EXPECT_EQ(events("message.received") + events("message.sent") + events("contact.opted_out"), 0);
  EXPECT_EQ(message("h1").flags, message_flags::kHistory);
  EXPECT_EQ(message("h2").flags, message_flags::kHistory | message_flags::kEcho);
  EXPECT_EQ(delivery_word(static_cast<std::uint32_t>(message("h2").delivery)), "read");
}

// Meta's history webhook: "media_placeholder" first, the file under the same id later; in any order.
TEST_F(MessagesTest, AFileOfHistoryTakesThePlaceThatWasKeptForIt) {
  channels::MessageEvent kept = text("h1", person("4911"), "", 1);
  kept.type = "media_placeholder";
  kept.content = "{}";
  kept.from_history = true;
  channels::MessageEvent file = text("h1", person("4911"), "the garden", 1);
  file.type = "image";
  file.from_history = true;
  file.attachments.push_back({.kind = "image", .media_id = "77"});
  wa(kept);
  EXPECT_EQ(wa(file).repeated, 0);
  const Message m = message("h1");
  EXPECT_EQ(m.type, "image");
  EXPECT_EQ(m.text, "the garden");
  EXPECT_EQ(m.content, file.content);
  EXPECT_EQ(events("message.edited"), 1);  // for the search index
  EXPECT_EQ(wa(file).repeated, 1);
  EXPECT_EQ(wa(kept).repeated, 1);
  EXPECT_EQ(message("h1").type, "image");
  EXPECT_EQ(number("SELECT COUNT(*) FROM attachments"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM messages"), 1);
}

TEST_F(MessagesTest, AnEchoIsOursAndOpensNothing) {
  channels::MessageEvent e = echo("mid.1", igsid("7"), "from the app", 5);
  e.app_id = "42";
  ig(e);
  const Message m = message("mid.1");
  EXPECT_EQ(m.direction, MessageDirection::out);
  EXPECT_EQ(m.author, "app:42");
  EXPECT_EQ(m.flags, message_flags::kEcho);
  EXPECT_EQ(conversation().unread, 0);
  EXPECT_EQ(conversation().last_inbound_at, WallTime{});
  EXPECT_THAT(last_event("message.sent"), HasSubstr(R"("echo":true)"));
}

TEST_F(MessagesTest, StandbyIsSaid) {
  channels::MessageEvent e = text("mid.1", psid("7"), "x", 5);
  e.standby = true;
  fb(e);
  EXPECT_EQ(message("mid.1").flags, message_flags::kStandby);
  EXPECT_THAT(last_event("message.received"), HasSubstr(R"("standby":true)"));
}

TEST_F(MessagesTest, TapsOpenTheStandardWindowOnly) {
  channels::MessageEvent tap = text("mid.1", igsid("7"), "Menu", 5);
  tap.type = "postback";
  ig(tap);
  EXPECT_EQ(conversation().last_action_at, at(5));
  EXPECT_EQ(conversation().last_inbound_at, WallTime{});
  EXPECT_EQ(conversation().unread, 1);
  channels::MessageEvent opened = text("mid.2", igsid("7"), "", 9);
  opened.type = "request_welcome";
  ig(opened);
  EXPECT_EQ(conversation().last_action_at, at(5));
  EXPECT_EQ(conversation().unread, 1);
}

TEST_F(MessagesTest, AnAdvertOpensThreeFreeDays) {
  channels::MessageEvent e = text("wamid.1", person("4911"), "hi", 5);
  e.opens_free_entry_point = true;
  e.ref = "ad";
  wa(e);
  EXPECT_EQ(conversation().free_until, at(5 + 72 * 3600));
  EXPECT_EQ(message("wamid.1").flags, message_flags::kReferral);
  wa(text("wamid.2", person("4911"), "hi", 6));
  EXPECT_EQ(conversation().free_until, at(5 + 72 * 3600));
}

TEST_F(MessagesTest, AGroupIsOneConversationOfManyPeople) {
  for (const auto& [id, from] : {std::pair("g1", "4911"), std::pair("g2", "4922")}) {
    channels::MessageEvent e = text(id, person(from), "x", 5);
    e.group_id = "grp";
    wa(e);
  }
  channels::MessageEvent ours = echo("g3", {}, "x", 6);
  ours.group_id = "grp";
  wa(ours);
  EXPECT_EQ(number("SELECT COUNT(*) FROM conversations"), 1);
  EXPECT_EQ(conversation().group_id, "grp");
  EXPECT_EQ(conversation().person, PersonId{});
  EXPECT_EQ(message("g2").author_person, PersonId{2});
  EXPECT_EQ(message("g3").author_person, PersonId{});
}

TEST_F(MessagesTest, AttachmentsWaitToBeFetched) {
  channels::MessageEvent e = text("wamid.1", person("4911"), "look", 5);
  e.type = "image";
  e.attachments.push_back({"image", "media-1", "", "image/jpeg", std::string(43, 'A') + "=", "a.jpg", false});
  e.attachments.push_back({"image", "", "https://x/y", "", "nonsense", "", false});
  wa(e);
  EXPECT_EQ(number("SELECT COUNT(*) FROM attachments WHERE message_id = 1 AND state = 0 AND account_id = 1"),
            2);
  EXPECT_EQ(number("SELECT next_try_at FROM attachments WHERE position = 1"), now_);
  EXPECT_EQ(value("SELECT told_sha256 FROM attachments WHERE position = 0"), std::string(64, '0'));
  EXPECT_EQ(value("SELECT told_sha256 FROM attachments WHERE position = 1"), "");
}

TEST_F(MessagesTest, TimesThatAreMissingOrNotYetAreOurs) {
  channels::MessageEvent none = text("a", person("4911"), "x", 0);
  none.at = WallTime{};
  wa(none);
  EXPECT_EQ(to_micros(message("a").at), now_);
  wa(text("b", person("4911"), "x", 10'000 + 86'400));
  EXPECT_EQ(to_micros(message("b").at), now_);
  wa(text("c", person("4911"), "x", 10'000 + 60));  // a clock a minute ahead
  EXPECT_EQ(message("c").at, at(10'060));
}

TEST_F(MessagesTest, WhatMakesNoSenseIsParkedAlone) {
  struct Bad {
    const char* what;
    channels::MessageEvent event;
    const char* reason;
  };
  const std::vector<Bad> table = {
      {"no id", text("", person("4911"), "x", 1), "without an id"},
      {"no person", text("m", {}, "x", 1), "without a person"},
  };
  for (const Bad& bad : table) {
    EventBatch three = batch();
    add_event(three, mint_, index_,
              pending(kWhatsApp, text(fmt::format("before {}", bad.what), person("4911"), "x", 1)));
    add_event(three, mint_, index_, pending(kWhatsApp, bad.event));
    add_event(three, mint_, index_,
              pending(kWhatsApp, text(fmt::format("after {}", bad.what), person("4911"), "x", 1)));
    const EventBatchResult result = commit(three);
    EXPECT_EQ(result.messages, 2) << bad.what;
    EXPECT_EQ(result.parked, 1) << bad.what;
    EXPECT_THAT(result.last_reason, HasSubstr(bad.reason));
  }
  EXPECT_EQ(number("SELECT COUNT(*) FROM parked_events"), 2);
}

TEST_F(MessagesTest, AnUnknownAccountIsNamedAndReplayedLater) {
  EventBatch one = batch();
  PendingEvent stranger = pending(kWhatsApp, text("wamid.1", person("4911"), "x", 1));
  auto origin = origin_of(kWhatsApp);
  origin->phone_number_id = "999";
  stranger.event.origin = origin;
  add_event(one, mint_, index_, stranger);
  const EventBatchResult result = commit(one);
  EXPECT_EQ(result.parked, 1);
  EXPECT_THAT(result.last_reason, HasSubstr("sender id 999"));
  EXPECT_THAT(result.last_reason, HasSubstr("add the channel, then replay"));
  execute("UPDATE accounts SET sender_id = '999' WHERE id = 1");
  EventBatch again = batch();
  stranger.parked_id = 1;
  add_event(again, mint_, index_, stranger);
  EXPECT_EQ(commit(again).messages, 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM parked_events"), 0);
}

struct Words {
  std::vector<std::pair<const char*, int>> said;  // words and second
  bool out;                                       // whether the person has opted out in the end
};

TEST_F(MessagesTest, TheLastKeywordCountsInWhateverOrderTheyCome) {
  const std::vector<Words> table = {
      {{{"STOP", 1}}, true},
      {{{"Stop.", 1}, {"start", 2}}, false},
      {{{"start", 2}, {"STOP", 1}}, false},
      {{{"start", 1}, {"STOP", 2}}, true},
      {{{"STOP", 2}, {"start", 1}}, true},
      {{{"STOP", 1}, {"start", 1}}, false},
      {{{"start", 1}, {"STOP", 1}}, true},
      {{{"please STOP", 1}}, false},
  };
  int phone = 0;
  for (const Words& words : table) {
    const std::string who = fmt::format("49170000{:04}", ++phone);
    for (const auto& [said, when] : words.said)
      wa(text(fmt::format("{}{}{}", who, said, when), person(who), said, when));
    EXPECT_EQ(number(fmt::format("SELECT COUNT(*) FROM suppressions WHERE phone = {}", who)),
              words.out ? 1 : 0)
        << phone;
    EXPECT_EQ(number(fmt::format("SELECT COUNT(*) FROM person_suppressions WHERE person_id = {}", phone)),
              words.out ? 1 : 0)
        << phone;
  }
}

TEST(KeywordsTest, AreTheWholeMessageWhateverItsDress) {
  const std::vector<std::string> keywords = {"STOP", "Ende"};
  for (const char* yes : {"stop", " Stop! ", "STOP.\n", "ENDE"})
    EXPECT_TRUE(is_keyword(keywords, yes)) << yes;
  const std::string far = "STOP" + std::string(97, ' ') + "that noise";
  for (const std::string& no :
       {std::string(), std::string("stop it"), std::string("stopp"), std::string("."), far})
    EXPECT_FALSE(is_keyword(keywords, no)) << no;
}

TEST_F(MessagesTest, OptingOutIsAnEventOfThePerson) {
  wa(text("a", person("491701234567"), "STOP", 1));
  EXPECT_EQ(last_event("contact.opted_out"), R"({"person_id":1,"account_id":1,"source":"keyword"})");
  EXPECT_EQ(value("SELECT subject FROM events WHERE kind = 'contact.opted_out'"), "person:1");
  wa(text("b", person("491701234567"), "STOP", 2));
  EXPECT_EQ(events("contact.opted_out"), 1);  // nothing changed
  ig(text("c", igsid("5"), "STOP", 3));
  EXPECT_EQ(events("contact.opted_out"), 1);  // only WhatsApp sends marketing
}

TEST_F(MessagesTest, PreferencesHoldForTheBusiness) {
  whatsapp::UserPreferenceEvent e;
  e.user_id = "DE.1";
  e.stop = true;
  e.at = at(1);
  wa(e);
  EXPECT_EQ(last_event("contact.opted_out"), R"({"person_id":1,"account_id":1,"source":"user_preferences"})");
  e.stop = false;
  e.at = at(2);
  wa(e);
  EXPECT_EQ(events("contact.opted_in"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM person_suppressions"), 0);
  EXPECT_EQ(wa(whatsapp::UserPreferenceEvent{}).parked, 1);
}

}  // namespace
}  // namespace posthorn::test
