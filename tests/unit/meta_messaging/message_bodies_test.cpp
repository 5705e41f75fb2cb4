#include "channels/meta_messaging/message_bodies.h"

#include <gmock/gmock.h>

#include "channels/meta_messaging/graphemes.h"

namespace posthorn::meta_messaging {
namespace {

using channels::Channel;
using testing::ElementsAre;

const Addressing kMessenger{.channel = Channel::messenger, .recipient = "55"};
const Addressing kInstagram{.channel = Channel::instagram, .login = Login::instagram, .recipient = "66"};

std::string one_text(const Addressing& to, std::string_view text) {
  return text_bodies(to, text).value().front();
}

TEST(MetaBodies, Texts) {
  EXPECT_EQ(one_text(kMessenger, "Hi \"you\"\n"),
            R"({"recipient":{"id":"55"},"messaging_type":"RESPONSE","message":{"text":"Hi \"you\""}})");
  EXPECT_EQ(one_text(kInstagram, "Hi"), R"({"recipient":{"id":"66"},"message":{"text":"Hi"}})");
  Addressing linked = kInstagram;
  linked.login = Login::facebook;
  EXPECT_EQ(one_text(linked, "Hi"),
            R"({"recipient":{"id":"66"},"messaging_type":"RESPONSE","message":{"text":"Hi"}})");
}

TEST(MetaBodies, TagQuoteAndPrivateReply) {
  Addressing to = kMessenger;
  to.human_agent = true;
  to.reply_to = "m_1";
  EXPECT_EQ(
      one_text(to, "Hi"),
      R"({"recipient":{"id":"55"},"messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT","reply_to":{"mid":"m_1"},"message":{"text":"Hi"}})");
  const Addressing comment{.channel = Channel::instagram, .login = Login::instagram, .comment_id = "179"};
  EXPECT_EQ(one_text(comment, "Hi"), R"({"recipient":{"comment_id":"179"},"message":{"text":"Hi"}})");
  EXPECT_EQ(text_bodies(comment, std::string(1200, 'x')).error().field, "text");
  EXPECT_EQ(text_bodies(Addressing{}, "x").error().field, "recipient");
  EXPECT_EQ(text_bodies(kMessenger, " \n ").error().field, "text");
}

TEST(MetaBodies, OnlyTheFirstPieceQuotes) {
  Addressing to = kInstagram;
  to.reply_to = "m_1";
  const std::vector<std::string> bodies = text_bodies(to, std::string(1500, 'x')).value();
  ASSERT_EQ(bodies.size(), 2U);
  EXPECT_THAT(bodies[0], testing::HasSubstr("reply_to"));
  EXPECT_THAT(bodies[1], testing::Not(testing::HasSubstr("reply_to")));
}

TEST(MetaBodies, Attachments) {
  EXPECT_EQ(
      attachment_body(kMessenger, "document", "https://x.example/a.pdf").value(),
      R"({"recipient":{"id":"55"},"messaging_type":"RESPONSE","message":{"attachment":{"type":"file","payload":{"url":"https://x.example/a.pdf"}}}})");
  EXPECT_EQ(attachment_body(kMessenger, "sticker", "https://x.example/a").error().field, "kind");
  EXPECT_EQ(attachment_body(kMessenger, "image", "file:///etc/passwd").error().field, "url");
}

TEST(MetaBodies, QuickReplies) {
  EXPECT_EQ(
      quick_reply_body(kInstagram, "Which size?", {{"S", ""}, {"M", "SIZE_M"}}).value(),
      R"({"recipient":{"id":"66"},"message":{"text":"Which size?","quick_replies":[{"content_type":"text","title":"S","payload":"S"},{"content_type":"text","title":"M","payload":"SIZE_M"}]}})");
  const auto refused = [](std::vector<QuickReply> replies, std::string_view text = "t") {
    return quick_reply_body(kInstagram, text, replies).error().field;
  };
  EXPECT_EQ(refused({}), "quick_replies");
  EXPECT_EQ(refused(std::vector<QuickReply>(14, {"a", "b"})), "quick_replies");
  EXPECT_EQ(refused({{"a", ""}, {std::string(21, 'x'), ""}}), "quick_replies[1].title");
  EXPECT_EQ(refused({{"", ""}}), "quick_replies[0].title");
  EXPECT_EQ(refused({{"a", std::string(257, 'x')}}), "quick_replies[0].payload");
  EXPECT_EQ(refused({{"a", ""}}, std::string(1001, 'x')), "text");
  EXPECT_EQ(refused({{"a", ""}}, ""), "text");
  EXPECT_TRUE(quick_reply_body(kInstagram, "t", {{"ääääääääääääääääääää", ""}}));  // 20 letters, 40 bytes
}

TEST(MetaBodies, Actions) {
  EXPECT_EQ(sender_action_body("55", SenderAction::typing_on),
            R"({"recipient":{"id":"55"},"sender_action":"typing_on"})");
  EXPECT_EQ(sender_action_body("55", SenderAction::typing_off),
            R"({"recipient":{"id":"55"},"sender_action":"typing_off"})");
  EXPECT_EQ(sender_action_body("55", SenderAction::mark_seen),
            R"({"recipient":{"id":"55"},"sender_action":"mark_seen"})");
  EXPECT_EQ(
      react_body("55", "m_1"),
      R"({"recipient":{"id":"55"},"sender_action":"react","payload":{"message_id":"m_1","reaction":"love"}})");
  EXPECT_EQ(unreact_body("55", "m_1"),
            R"({"recipient":{"id":"55"},"sender_action":"unreact","payload":{"message_id":"m_1"}})");
}

TEST(MetaBodies, MetadataGoesIntoTheMessage) {
  EXPECT_EQ(
      with_metadata(one_text(kMessenger, "Hi"), "ph-1"),
      R"({"recipient":{"id":"55"},"messaging_type":"RESPONSE","message":{"text":"Hi","metadata":"ph-1"}})");
  EXPECT_EQ(with_metadata(with_metadata(one_text(kMessenger, "Hi"), "a"), "b"),
            with_metadata(one_text(kMessenger, "Hi"), "b"));
  for (const char* body :
       {R"({"recipient":{"id":"55"},"sender_action":"typing_on"})", "nonsense", "[]", R"({"message":5})"})
    EXPECT_EQ(with_metadata(body, "ph-1"), body);
  EXPECT_LE(with_metadata(one_text(kMessenger, "Hi"), std::string(5000, 'x')).size(), 1200U);
}

TEST(MetaBodies, TextsAreSplitWhereTheyMayBe) {
  EXPECT_THAT(split_text("", Channel::instagram), testing::IsEmpty());
  EXPECT_THAT(split_text(" a ", Channel::instagram), ElementsAre("a"));
  EXPECT_THAT(split_text(std::string(1000, 'x'), Channel::instagram), testing::SizeIs(1));
  EXPECT_THAT(split_text(std::string(1001, 'x'), Channel::instagram),
              ElementsAre(std::string(1000, 'x'), "x"));
  EXPECT_THAT(split_text(std::string(2001, 'x'), Channel::messenger),
              ElementsAre(std::string(2000, 'x'), "x"));
  const std::string a(600, 'a'), b(600, 'b');
  EXPECT_THAT(split_text(a + "\n\n" + b, Channel::instagram), ElementsAre(a, b));
  EXPECT_THAT(split_text(a + "\n" + std::string(200, 'c') + " " + b, Channel::instagram),
              ElementsAre(a, std::string(200, 'c') + " " + b));
  EXPECT_THAT(split_text(a + " " + b, Channel::instagram), ElementsAre(a, b));
  const std::string early = "a " + std::string(1500, 'b');  // a border far from the limit does not count
  EXPECT_EQ(split_text(early, Channel::instagram).front().size(), 1000U);
}

TEST(MetaBodies, LimitsAreTheChannels) {
  std::string smileys;
  for (int i = 0; i < 1500; ++i) smileys += "\U0001F642";
  for (const std::string& piece : split_text(smileys, Channel::instagram)) EXPECT_EQ(piece.size(), 1000U);
  const std::vector<std::string> pieces = split_text(smileys, Channel::messenger);
  ASSERT_EQ(pieces.size(), 2U);  // two UTF-16 units each
  EXPECT_EQ(pieces[0].size(), 4000U);
}

// Joined again the pieces are the text, none is over the limit, and no character is taken apart.
TEST(MetaBodies, NothingIsLostOrTakenApart) {
  const std::vector<std::string> clusters{"a",
                                          "e\u0301",
                                          "\U0001F469\u200D\U0001F469\u200D\U0001F466",
                                          "\U0001F1E9\U0001F1EA",
                                          "\U0001F44D\U0001F3FD",
                                          "\u0915\u094D",
                                          "\uAC00",
                                          "1\uFE0F\u20E3"};
  std::uint64_t seed = 42;
  const auto dice = [&seed](std::size_t sides) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::size_t>(seed >> 33U) % sides;
  };
  for (int round = 0; round < 50; ++round) {
    std::string text;
    for (std::size_t n = dice(1500); n > 0; --n) text += clusters[dice(clusters.size())];
    std::string joined;
    for (const std::string& piece : split_text(text, Channel::instagram)) {
      EXPECT_LE(piece.size(), kMaxTextInstagram);
      joined += piece;
      for (std::size_t at = 0; at < piece.size();) {
        const std::size_t end = cluster_end(piece, at);
        EXPECT_THAT(clusters, testing::Contains(piece.substr(at, end - at)));
        at = end;
      }
    }
    EXPECT_EQ(joined, text);
  }
}

TEST(Graphemes, Clusters) {
  const auto first = [](std::string_view text) { return std::string(text.substr(0, cluster_end(text, 0))); };
  EXPECT_EQ(first("ab"), "a");
  EXPECT_EQ(first("\r\nx"), "\r\n");
  EXPECT_EQ(first("\n\u0301"), "\n");
  EXPECT_EQ(first("e\u0301x"), "e\u0301");
  EXPECT_EQ(first("\U0001F1E9\U0001F1EA\U0001F1EB"), "\U0001F1E9\U0001F1EA");
  EXPECT_EQ(first("\U0001F469\u200D\U0001F4BBx"), "\U0001F469\u200D\U0001F4BB");
  EXPECT_EQ(first("\u2764\uFE0F\u2764"), "\u2764\uFE0F");
  EXPECT_EQ(first("a\u200D\U0001F4BB"), "a\u200D");
  EXPECT_EQ(first("\u1100\u1161\u11A8x"), "\u1100\u1161\u11A8");
  EXPECT_EQ(first("\U0001F3F4\U000E0067\U000E0062\U000E007Fx"), "\U0001F3F4\U000E0067\U000E0062\U000E007F");
  EXPECT_EQ(first("\xFF\xFE"), "\xFF");
  EXPECT_EQ(first("\xE2\x82"), "\xE2");
}

TEST(Graphemes, AnEndlessClusterIsCutAtCodePoints) {
  std::string zalgo = "a";
  for (int i = 0; i < 3000; ++i) zalgo += "\u0301";
  const std::vector<std::string> pieces = split_text(zalgo, Channel::instagram);
  std::string joined;
  for (const std::string& piece : pieces) {
    EXPECT_LE(piece.size(), kMaxTextInstagram);
    joined += piece;
  }
  EXPECT_EQ(joined, zalgo);
}

}  // namespace
}  // namespace posthorn::meta_messaging
