// What our side sends: queued with its message, and joined with whatever tells what became of it.
#include "messaging/outgoing_messages.h"

#include "messaging/outcome_batch.h"
#include "messaging/single_sends.h"
#include "unit/messaging/conversation_house.h"

namespace posthorn::test {
namespace {

using ::testing::HasSubstr;

class OutgoingTest : public ConversationTest {
 protected:
  QueuedReply reply(ConversationId conversation,
                    std::string content = R"({"type":"text","text":{"body":"hi"}})",
                    std::string reply_to = "") {
    NewReply reply;
    reply.conversation = conversation;
    reply.type = "text";
    reply.text = "hi";
    reply.content = std::move(content);
    reply.author = "eve";
    reply.reply_to = std::move(reply_to);
    reply.purpose = "reply";
    const auto queued = outgoing_messages::queue_reply(tx(), reply, at(100));
    EXPECT_TRUE(queued) << queued.error().message;
    return queued.value_or(QueuedReply{});
  }
  std::string payload(const QueuedReply& queued) {
    return value(fmt::format("SELECT payload FROM single_sends WHERE row_no = {}", queued.send_row));
  }
  // The dispatcher takes it.
  void leaves(const QueuedReply& queued) {
    execute(
        fmt::format("INSERT INTO sends (campaign_id, row_no, account_id, phone, state, attempt, intent_at) "
                    "VALUES (0, {}, {}, 0, 1, 1, 5)",
                    queued.send_row, queued.account.value));
  }
  void answered(const QueuedReply& queued, std::string id, SendEvent event = SendEvent::accepted,
                int code = 0) {
    OutcomeBatch outcomes;
    outcomes.now = now_;
    outcomes.account = queued.account;
    Outcome& outcome = outcomes.outcomes.emplace_back();
    outcome.key = {CampaignId{}, queued.send_row};
    outcome.attempt = 1;
    outcome.event = event;
    outcome.code = code;
    outcome.message_id = std::move(id);
    const auto done = commit_outcomes(tx(), outcomes);
    ASSERT_TRUE(done) << done.error().message;
  }
  Message stored(const QueuedReply& queued) { return messages::get(tx(), queued.message).value(); }
  static std::string word(const Message& m) {
    return std::string(delivery_word(static_cast<std::uint32_t>(m.delivery)));
  }
};

TEST_F(OutgoingTest, AReplyIsAMessageAndASendAtOnce) {
  wa(text("w", person("491700000001"), "x", 1));
  const QueuedReply queued = reply(ConversationId{1}, R"({"type":"text","text":{"body":"hi"}})", "w");
  EXPECT_EQ(queued.account, kWhatsApp);
  EXPECT_EQ(
      payload(queued),
      R"({"type":"text","text":{"body":"hi"},"messaging_product":"whatsapp","recipient_type":"individual",)"
      R"("to":"+491700000001","context":{"message_id":"w"}})");
  EXPECT_EQ(number("SELECT phone FROM single_sends"), 491700000001);
  EXPECT_EQ(number("SELECT lane FROM single_sends"), 0);
  const Message m = stored(queued);
  EXPECT_EQ(m.direction, MessageDirection::out);
  EXPECT_EQ(m.author, "eve");
  EXPECT_EQ(m.submission, "queued");
  EXPECT_EQ(m.reply_to, "w");
  EXPECT_EQ(conversation().last_message, m.id);
  EXPECT_EQ(conversation().unread, 1);
  EXPECT_EQ(
      last_event("message.sent"),
      R"({"message_id":2,"conversation_id":1,"account_id":1,"person_id":1,"type":"text","channel":"whatsapp"})");
}

TEST_F(OutgoingTest, EveryoneIsAddressedAsTheirChannelWants) {
  wa(text("a", person("DE.77", channels::AddressKind::bsuid), "x", 1));
  ig(text("b", igsid("88"), "x", 1));
  channels::MessageEvent group = text("c", person("4911"), "x", 1);
  group.group_id = "grp";
  wa(group);
  EXPECT_THAT(payload(reply(ConversationId{1})), HasSubstr(R"("recipient":"DE.77"})"));
  EXPECT_THAT(payload(reply(ConversationId{2}, R"({"message":{"text":"hi"}})", "b")),
              HasSubstr(R"("recipient":{"id":"88"},"messaging_type":"RESPONSE","reply_to":{"mid":"b"}})"));
  EXPECT_THAT(payload(reply(ConversationId{2}, R"({"message":{},"messaging_type":"MESSAGE_TAG"})")),
              HasSubstr(R"("messaging_type":"MESSAGE_TAG")"));
  EXPECT_THAT(payload(reply(ConversationId{3})), HasSubstr(R"("recipient_type":"group","to":"grp")"));
  EXPECT_EQ(number("SELECT SUM(phone) FROM single_sends"), 0);
}

TEST(RecipientKeyTest, TellsApartWhomWhatsAppLimits) {
  const auto key = [](std::string_view to) {
    return recipient_key(fmt::format(R"({{"messaging_product":"whatsapp",{}}})", to)).key;
  };
  const std::uint64_t one = key(R"("recipient":"DE.1")");
  EXPECT_GT(one, 999'999'999'999'999U);
  EXPECT_EQ(one, key(R"("recipient":"DE.1","type":"text")"));
  EXPECT_NE(one, key(R"("recipient":"DE.2")"));
  EXPECT_NE(key(R"("to":"group-1")"), key(R"("to":"group-2")"));
  for (const char* nobody : {"", "x", "{}", R"({"messaging_product":"whatsapp"})"})
    EXPECT_EQ(recipient_key(nobody).key, 0U) << nobody;
  const RecipientKey elsewhere = recipient_key(R"({"recipient":{"id":"5"}})");
  EXPECT_NE(elsewhere.key, 0U);
  EXPECT_FALSE(elsewhere.whatsapp) << "no limit of pairs there";
}

TEST_F(OutgoingTest, WhatCannotBeSentIsRefusedAndStoresNothing) {
  wa(text("w", person("491700000001"), "x", 1));
  struct Bad {
    ConversationId conversation;
    const char* content;
    ErrorCode code;
    const char* field;
  };
  const std::vector<Bad> table = {
      {ConversationId{9}, R"({"type":"text"})", ErrorCode::not_found, "id"},
      {ConversationId{1}, "", ErrorCode::invalid_argument, ""},
      {ConversationId{1}, "[]", ErrorCode::invalid_argument, "content"},
      {ConversationId{1}, "{}", ErrorCode::invalid_argument, "content"},
      {ConversationId{1}, R"({"to":"+49"})", ErrorCode::invalid_argument, "content.to"},
      {ConversationId{1}, R"({"recipient":"x"})", ErrorCode::invalid_argument, "content.recipient"},
      {ConversationId{1}, R"({"biz_opaque_callback_data":"x"})", ErrorCode::invalid_argument, "payload"},
  };
  for (const Bad& bad : table) {
    NewReply reply;
    reply.conversation = bad.conversation;
    reply.content = bad.content;
    const auto queued = outgoing_messages::queue_reply(tx(), reply, at(1));
    ASSERT_FALSE(queued) << bad.content;
    EXPECT_EQ(queued.error().code, bad.code) << bad.content;
    EXPECT_EQ(queued.error().field, bad.field) << bad.content;
  }
  EXPECT_EQ(number("SELECT COUNT(*) FROM single_sends"), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM messages"), 1);
}

TEST_F(OutgoingTest, TheAnswerNamesTheMessageAndIsAnEvent) {
  wa(text("w", person("491700000001"), "x", 1));
  const QueuedReply queued = reply(ConversationId{1});
  leaves(queued);
  answered(queued, "wamid.out");
  EXPECT_EQ(message("wamid.out").id, queued.message);
  EXPECT_EQ(stored(queued).submission, "accepted");
  EXPECT_EQ(last_event("message.status"), R"({"message_id":2,"conversation_id":1,"status":"accepted"})");
  channels::ReactionEvent heart;
  heart.target_id = "wamid.out";
  heart.person = person("491700000001");
  heart.emoji = "❤️";
  wa(heart);
  EXPECT_EQ(messages::reactions(tx(), queued.message).value().size(), 1U);
}

TEST_F(OutgoingTest, ARefusalIsAFailureWithItsCode) {
  wa(text("w", person("491700000001"), "x", 1));
  const QueuedReply queued = reply(ConversationId{1});
  leaves(queued);
  answered(queued, "", SendEvent::rejected, 131047);
  EXPECT_EQ(stored(queued).error_code, 131047);
  EXPECT_EQ(last_event("message.status"),
            R"({"message_id":2,"conversation_id":1,"status":"failed","code":131047})");
}

TEST_F(OutgoingTest, StatusesBecomeEventsOncePerWord) {
  wa(text("w", person("491700000001"), "x", 1));
  const QueuedReply queued = reply(ConversationId{1});
  leaves(queued);
  for (const DeliveryKind kind :
       {DeliveryKind::read, DeliveryKind::sent, DeliveryKind::delivered, DeliveryKind::read}) {
    StatusFact fact;
    fact.key = {CampaignId{}, queued.send_row};
    fact.account = queued.account;
    fact.attempt = 1;
    fact.kind = kind;
    fact.at = kStart;
    fact.wamid = "wamid.out";
    EventBatch one = batch();
    one.facts.push_back(fact);
    commit(one);
  }
  EXPECT_EQ(events("message.status"), 1);
  EXPECT_THAT(last_event("message.status"), HasSubstr(R"("status":"read")"));
  EXPECT_EQ(message("wamid.out").id, queued.message);  // the answer was lost, the status named it
  EXPECT_EQ(stored(queued).submission, "accepted");
  EXPECT_EQ(word(stored(queued)), "read");
}

class EchoTest : public OutgoingTest {
 protected:
  QueuedReply on_its_way() {
    fb(text("in", psid("7"), "x", 1));
    const QueuedReply queued = reply(ConversationId{1}, R"({"message":{"text":"hi"}})");
    leaves(queued);
    return queued;
  }
  std::int64_t outgoing() { return number("SELECT COUNT(*) FROM messages WHERE direction = 1"); }
};

TEST_F(EchoTest, AfterTheAnswerIsNoSecondMessage) {
  const QueuedReply queued = on_its_way();
  answered(queued, "mid.out");
  EXPECT_EQ(fb(echo("mid.out", psid("7"), "hi", 101)).repeated, 1);
  EXPECT_EQ(outgoing(), 1);
}

TEST_F(EchoTest, BeforeTheAnswerWithOurTokenSettlesTheSend) {
  const QueuedReply queued = on_its_way();
  channels::MessageEvent e = echo("mid.out", psid("7"), "other words", 101);
  e.metadata = mint_.make({kMessenger, CampaignId{}, queued.send_row, 1});
  fb(e);
  EXPECT_EQ(outgoing(), 1);
  EXPECT_EQ(stored(queued).channel_id, "mid.out");
  EXPECT_EQ(stored(queued).submission, "accepted");
  answered(queued, "mid.out");
  EXPECT_EQ(outgoing(), 1);
  EXPECT_EQ(events("message.sent"), 1);
}

TEST_F(EchoTest, BeforeTheAnswerIsKnownByWhatItSays) {
  const QueuedReply queued = on_its_way();
  fb(echo("mid.out", psid("7"), "hi", 101));
  EXPECT_EQ(outgoing(), 1);
  EXPECT_EQ(stored(queued).channel_id, "mid.out");
  fb(echo("mid.two", psid("7"), "hi", 102));  // the same words by hand: ours is settled
  EXPECT_EQ(outgoing(), 2);
}

TEST_F(EchoTest, ThatWasTakenForAnothersIsTakenBack) {
  const QueuedReply queued = on_its_way();
  fb(echo("mid.out", psid("7"), "hi!", 101));  // the channel changed the text
  EXPECT_EQ(outgoing(), 2);
  channels::ReactionEvent heart;
  heart.target_id = "mid.out";
  heart.person = psid("7");
  heart.emoji = "x";
  fb(heart);
  channels::ReceiptEvent seen;
  seen.read = true;
  seen.ids = {"mid.out"};
  seen.person = psid("7");
  fb(seen);
  answered(queued, "mid.out");
  EXPECT_EQ(outgoing(), 1);
  EXPECT_EQ(message("mid.out").id, queued.message);
  EXPECT_EQ(messages::reactions(tx(), queued.message).value().size(), 1U);
  EXPECT_EQ(word(stored(queued)), "read");
  EXPECT_EQ(conversation().last_message, queued.message);
  EXPECT_EQ(fb(echo("mid.out", psid("7"), "hi!", 101)).repeated, 1);
}

// The search index, events and rules know messages by their ids: one that was taken back is not given out
// again.
TEST_F(EchoTest, ThatWasTakenBackLeavesItsIdUnused) {
  const QueuedReply queued = on_its_way();
  fb(echo("mid.out", psid("7"), "hi!", 101));
  const MessageId taken_back = message("mid.out").id;
  answered(queued, "mid.out");
  fb(text("next", psid("7"), "y", 102));
  EXPECT_GT(message("next").id, taken_back);
  const QueuedReply another = reply(ConversationId{1}, R"({"message":{"text":"bye"}})");
  EXPECT_GT(another.message, message("next").id);
}

TEST_F(EchoTest, ATokenOfSomebodyElseIsNoProof) {
  on_its_way();
  channels::MessageEvent e = echo("mid.x", psid("7"), "other words", 101);
  TokenMint foreign(Secret(std::string(32, 'f')));
  e.metadata = foreign.make({kMessenger, CampaignId{}, 1, 1});
  fb(e);
  EXPECT_EQ(outgoing(), 2);
}

TEST_F(EchoTest, ReceiptsReachTheSend) {
  const QueuedReply queued = on_its_way();
  answered(queued, "mid.out");
  channels::ReceiptEvent seen;
  seen.read = true;
  seen.watermark = at(200);
  seen.person = psid("7");
  fb(seen);
  EXPECT_EQ(word(stored(queued)), "read");
  EXPECT_EQ(number("SELECT delivery FROM sends"), static_cast<std::int64_t>(delivery_bits::kRead));
  EXPECT_THAT(last_event("message.status"), HasSubstr("read"));
}

}  // namespace
}  // namespace posthorn::test
