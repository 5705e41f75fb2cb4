// Reactions, edits, revokes, receipts, calls, groups, identities, notices.
#include "messaging/attachments.h"
#include "messaging/early_changes.h"
#include "unit/messaging/conversation_house.h"

namespace posthorn::test {
namespace {

using ::testing::HasSubstr;

channels::ReactionEvent reaction(std::string target, channels::Party from, std::string emoji,
                                 std::int64_t seconds, std::string id = "") {
  channels::ReactionEvent e;
  e.id = std::move(id);
  e.target_id = std::move(target);
  e.person = std::move(from);
  e.emoji = std::move(emoji);
  e.at = at(seconds);
  return e;
}
channels::EditEvent edit(std::string target, std::string words, int number, std::int64_t seconds) {
  channels::EditEvent e;
  e.target_id = std::move(target);
  e.id = fmt::format("edit {} {}", number, seconds);
  e.text = std::move(words);
  e.edit_number = number;
  e.at = at(seconds);
  return e;
}
channels::RevokeEvent revoke(std::string target, std::int64_t seconds) {
  channels::RevokeEvent e;
  e.target_id = std::move(target);
  e.at = at(seconds);
  return e;
}
channels::ReceiptEvent receipt(bool read, std::vector<std::string> ids, std::int64_t watermark,
                               std::int64_t seconds) {
  channels::ReceiptEvent e;
  e.read = read;
  e.ids = std::move(ids);
  if (watermark != 0) e.watermark = at(watermark);
  e.person = psid("7");
  e.at = at(seconds);
  return e;
}

class ChangesTest : public ConversationTest {
 protected:
  std::vector<ReactionRow> reactions(std::string_view id) {
    return messages::reactions(tx(), message(id).id).value();
  }
  std::string delivery(std::string_view id) {
    return std::string(delivery_word(static_cast<std::uint32_t>(message(id).delivery)));
  }
};

TEST_F(ChangesTest, AReactionReplacesTheOneBeforeAndCanBeTakenBack) {
  fb(text("m", psid("7"), "x", 1));
  fb(reaction("m", psid("7"), "👍", 2));
  fb(reaction("m", psid("7"), "❤️", 3));
  ASSERT_EQ(reactions("m").size(), 1U);
  EXPECT_EQ(reactions("m")[0].emoji, "❤️");
  EXPECT_EQ(reactions("m")[0].actor, PersonId{1});
  EXPECT_EQ(last_event("message.reaction"),
            R"({"message_id":1,"conversation_id":1,"emoji":"❤️","from":"person"})");
  fb(reaction("m", psid("7"), "👍", 2));  // late
  EXPECT_EQ(reactions("m")[0].emoji, "❤️");
  fb(reaction("m", psid("7"), "", 4));
  EXPECT_TRUE(reactions("m").empty());
  EXPECT_EQ(conversation().last_action_at, at(4));
  EXPECT_EQ(conversation().last_inbound_at, at(1));
  channels::ReactionEvent ours = reaction("m", psid("7"), "🙏", 5);
  ours.direction = channels::Direction::out;
  fb(ours);
  EXPECT_EQ(reactions("m")[0].actor, PersonId{});
  EXPECT_THAT(last_event("message.reaction"), HasSubstr(R"("from":"us")"));
}

TEST_F(ChangesTest, TheHighestEditCounts) {
  fb(text("m", psid("7"), "one", 1));
  fb(edit("m", "three", 2, 3));
  fb(edit("m", "two", 1, 4));
  EXPECT_EQ(message("m").text, "three");
  EXPECT_EQ(message("m").edit_number, 2);
  EXPECT_EQ(message("m").edited_at, at(3));
  EXPECT_EQ(message("m").content, R"({"text":{"body":"x"}})");
  EXPECT_EQ(events("message.edited"), 1);
  EXPECT_EQ(last_event("message.edited"), R"({"message_id":1,"conversation_id":1})");
}

TEST_F(ChangesTest, WhatWasUnsentIsGone) {
  channels::MessageEvent e = text("m", psid("7"), "secret", 1);
  e.payload = "p";
  e.attachments.push_back({"image", "", "https://x/y", "image/png", "", "a.png", false});
  fb(e);
  execute("UPDATE attachments SET state = 1, blob = 'aa'");
  const EventBatchResult result = fb(revoke("m", 5));
  EXPECT_THAT(result.orphaned_blobs, ::testing::ElementsAre("aa"));
  const Message m = message("m");
  EXPECT_EQ(m.text + m.payload + m.content, "{}");
  EXPECT_EQ(m.deleted_at, at(5));
  const StoredAttachment a = attachments::get(tx(), AttachmentId{1}).value();
  EXPECT_EQ(a.state, AttachmentState::deleted);
  EXPECT_EQ(a.url + a.blob + a.file_name, "");
  EXPECT_EQ(events("message.deleted"), 1);
  fb(edit("m", "again", 9, 6));
  EXPECT_EQ(message("m").text, "");
  EXPECT_EQ(fb(text("m", psid("7"), "secret", 1)).repeated, 1);
  EXPECT_EQ(message("m").text, "");
}

TEST_F(ChangesTest, ABlobThatAnotherMessageNeedsStays) {
  for (const char* id : {"m", "n"}) {
    channels::MessageEvent e = text(id, psid("7"), "x", 1);
    e.attachments.push_back({"image", "", "https://x/y", "", "", "", false});
    fb(e);
  }
  execute("UPDATE attachments SET blob = 'aa'");
  EXPECT_TRUE(fb(revoke("m", 5)).orphaned_blobs.empty());
  EXPECT_EQ(fb(revoke("n", 5)).orphaned_blobs.size(), 1U);
}

TEST_F(ChangesTest, ChangesWaitForTheirMessage) {
  fb(reaction("m", psid("7"), "👍", 2));
  fb(edit("m", "two", 1, 3));
  EXPECT_EQ(number("SELECT COUNT(*) FROM early_changes"), 2);
  EXPECT_EQ(events("message.reaction"), 0);
  fb(text("m", psid("7"), "one", 1));
  EXPECT_EQ(message("m").text, "two");
  EXPECT_EQ(reactions("m").size(), 1U);
  EXPECT_EQ(events("message.reaction") + events("message.edited"), 2);
  EXPECT_EQ(number("SELECT COUNT(*) FROM early_changes"), 0);
}

TEST_F(ChangesTest, WhatWaitedTooLongIsForgotten) {
  fb(reaction("never", psid("7"), "👍", 2));
  EXPECT_EQ(early_changes::prune(tx(), wall_from_micros(now_), 10).value(), 0);
  EXPECT_EQ(early_changes::prune(tx(), wall_from_micros(now_ + 1), 10).value(), 1);
  EXPECT_FALSE(early_changes::any(tx()).value());
}

TEST_F(ChangesTest, ReceiptsByIdAndByWatermarkNeverGoBack) {
  fb(echo("a", psid("7"), "x", 1));
  fb(echo("b", psid("7"), "y", 2));
  fb(echo("c", psid("7"), "z", 9));
  fb(receipt(true, {"a"}, 0, 3));
  EXPECT_EQ(delivery("a"), "read");
  EXPECT_EQ(delivery("b"), "");
  fb(receipt(false, {}, 5, 6));
  EXPECT_EQ(delivery("a"), "read");
  EXPECT_EQ(delivery("b"), "delivered");
  EXPECT_EQ(delivery("c"), "");
  fb(receipt(true, {"c"}, 5, 10));
  EXPECT_EQ(delivery("b"), "read");
  EXPECT_EQ(delivery("c"), "read");
  EXPECT_EQ(message("b").read_at, at(10));
  EXPECT_EQ(last_event("message.status"), R"({"message_id":2,"conversation_id":1,"status":"read"})");
  EXPECT_EQ(events("message.status"), 4);
}

TEST_F(ChangesTest, AReceiptMayComeBeforeTheEcho) {
  fb(receipt(true, {"a"}, 0, 3));
  fb(receipt(false, {}, 5, 3));
  fb(echo("a", psid("7"), "x", 1));
  fb(echo("b", psid("7"), "x", 5));
  fb(echo("c", psid("7"), "x", 6));
  EXPECT_EQ(delivery("a"), "read");
  EXPECT_EQ(delivery("b"), "delivered");
  EXPECT_EQ(delivery("c"), "");
}

TEST_F(ChangesTest, ACallIsOneMessageHoweverManyEventsTellOfIt) {
  channels::CallEvent call;
  call.id = "wacid.1";
  call.event = "connect";
  call.person = person("4911");
  call.content = R"({"a":1})";
  call.at = at(5);
  channels::CallEvent end = call;
  end.event = "terminate";
  end.status = "COMPLETED";
  end.seconds = 42;
  end.content = R"({"b":1})";
  end.at = at(50);
  wa(end);
  wa(call);
  EXPECT_EQ(number("SELECT COUNT(*) FROM calls"), 1);
  EXPECT_EQ(value("SELECT state FROM calls"), "COMPLETED");
  EXPECT_EQ(number("SELECT started_at FROM calls"), to_micros(at(5)));
  EXPECT_EQ(number("SELECT ended_at FROM calls"), to_micros(at(50)));
  EXPECT_EQ(number("SELECT seconds FROM calls"), 42);
  EXPECT_EQ(number("SELECT COUNT(*) FROM messages"), 1);
  const Message m = message("wacid.1");
  EXPECT_EQ(m.type, "call");
  EXPECT_EQ(m.payload, "COMPLETED");
  EXPECT_EQ(m.content, R"({"b":1})");
  EXPECT_EQ(m.at, at(5));
  EXPECT_EQ(conversation().unread, 1);
  EXPECT_EQ(conversation().last_inbound_at, at(50));  // a call opens the window
  EXPECT_EQ(last_event("call.updated"), R"({"call_id":1,"state":"COMPLETED","account_id":1,"person_id":1})");
}

TEST_F(ChangesTest, OurCallOpensTheWindowOnlyWhenItIsTaken) {
  channels::CallEvent call;
  call.id = "wacid.1";
  call.event = "RINGING";
  call.from_business = true;
  call.person = person("4911");
  call.at = at(5);
  wa(call);
  EXPECT_EQ(conversation().last_inbound_at, WallTime{});
  EXPECT_EQ(conversation().unread, 0);
  EXPECT_EQ(message("wacid.1").direction, MessageDirection::out);
  call.event = "ACCEPTED";
  call.at = at(8);
  wa(call);
  EXPECT_EQ(conversation().last_inbound_at, at(8));
}

TEST_F(ChangesTest, TheNewestNameOfAGroupCounts) {
  channels::GroupEvent e;
  e.group_id = "grp";
  e.type = "group_settings_update";
  e.subject = "new";
  e.at = at(9);
  wa(e);
  e.subject = "old";
  e.at = at(5);
  wa(e);
  EXPECT_EQ(conversation().subject, "new");
  channels::GroupEvent joined;
  joined.group_id = "grp";
  joined.type = "group_participants_add";
  joined.added.push_back(person("4922"));
  joined.at = at(10);
  wa(joined);
  EXPECT_EQ(number("SELECT COUNT(*) FROM people"), 1);
  EXPECT_EQ(last_event("group.updated"),
            R"({"group_id":"grp","type":"group_participants_add","account_id":1})");
  EXPECT_EQ(number("SELECT COUNT(*) FROM messages WHERE type = 'system'"), 3);
}

TEST_F(ChangesTest, ANewNumberIsTheSamePersonAndIsSaidInTheConversation) {
  wa(text("m", person("491701111111"), "x", 1));
  channels::IdentityEvent e;
  e.id = "wamid.sys";
  e.reason = "user_changed_number";
  e.previous = {{channels::AddressKind::phone, "491701111111"}};
  e.person = person("491702222222");
  e.text = "changed";
  e.at = at(5);
  wa(e);
  wa(text("n", person("491702222222"), "y", 6));
  EXPECT_EQ(message("n").conversation, message("m").conversation);
  const Message said = message("wamid.sys");
  EXPECT_EQ(said.type, "system");
  EXPECT_EQ(said.text, "changed");
  EXPECT_EQ(said.payload, "user_changed_number");
  EXPECT_EQ(events("person.identity_changed"), 1);
  EXPECT_EQ(conversation().unread, 2);
}

TEST_F(ChangesTest, TheAddressBookNamesPeopleUnlessWeHave) {
  channels::ContactSyncEvent e;
  e.person = person("491701111111", channels::AddressKind::phone, "Aunt Ada");
  e.at = at(1);
  wa(e);
  EXPECT_EQ(value("SELECT given_name FROM people"), "Aunt Ada");
  e.person.name = "Someone";
  wa(e);
  EXPECT_EQ(value("SELECT given_name FROM people"), "Aunt Ada");
  e.removed = true;
  wa(e);
  EXPECT_EQ(number("SELECT COUNT(*) FROM people"), 1);
}

TEST_F(ChangesTest, NoticesAreKeptAsTheyCame) {
  channels::NoticeEvent e;
  e.kind = "comment.received";
  e.subject = "comment:9";
  e.summary = "A comment";
  raw_number_ = 77;
  ig(e);
  EXPECT_EQ(last_event("comment.received"),
            R"({"field":"messages","business_id":"17841","summary":"A comment","event":{"n":77}})");
  ig(e);
  EXPECT_EQ(events("comment.received"), 1);
  raw_number_ = 78;
  e.subject.clear();
  ig(e);
  EXPECT_EQ(value("SELECT subject FROM events ORDER BY id DESC LIMIT 1"), "account:17841");
}

TEST_F(ChangesTest, WhatNamesNothingIsParkedAndWritesNothing) {
  const std::vector<std::pair<const char*, channels::WebhookEventBody>> table = {
      {"reaction", reaction("", psid("7"), "x", 1)},
      {"reaction of nobody", reaction("m", {}, "x", 1)},
      {"edit", edit("", "x", 1, 1)},
      {"revoke", revoke("", 1)},
      {"receipt", receipt(true, {}, 0, 1)},
      {"call", channels::CallEvent{}},
      {"group", channels::GroupEvent{}},
      {"identity", channels::IdentityEvent{}},
      {"contact", channels::ContactSyncEvent{}},
      {"malformed", channels::MalformedEvent{"broken"}}};
  std::int64_t parked = 0;
  for (const auto& [what, body] : table) {
    EXPECT_EQ(fb(body).parked, 1) << what;
    EXPECT_EQ(number("SELECT COUNT(*) FROM parked_events"), ++parked) << what;
  }
  for (const char* table_name :
       {"people", "conversations", "messages", "events", "early_changes", "applied_events"})
    EXPECT_EQ(number(fmt::format("SELECT COUNT(*) FROM {}", table_name)), 0) << table_name;
}

}  // namespace
}  // namespace posthorn::test
