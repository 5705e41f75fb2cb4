// Any body that comes in finds its parser.
#include <gmock/gmock.h>

#include "channels/parse_webhook.h"

namespace posthorn::channels {
namespace {

constexpr std::string_view kEntry =
    R"({"id":"77","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"5"},"messages":[{"from":"49170","id":"m1","timestamp":"1","type":"text","text":{"body":"hi"}}]}}]})";
constexpr std::string_view kMessaging =
    R"({"id":"88","time":1,"messaging":[{"sender":{"id":"1"},"recipient":{"id":"88"},"timestamp":1760000000000,"message":{"mid":"m2","text":"hi"}}]})";

std::vector<WebhookEvent> parse(std::string_view body, std::string_view source = kFromMeta) {
  static std::deque<std::string> unwrapped;  // the events' views point into it
  return parse_webhook(source, body, unwrapped);
}

struct ChoiceCase {
  std::string name, body;
  Channel channel;
  std::string id;
};
class WebhookChoice : public testing::TestWithParam<ChoiceCase> {};

TEST_P(WebhookChoice, FollowsTheObject) {
  const auto events = parse(GetParam().body);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].origin->channel, GetParam().channel);
  ASSERT_TRUE(std::holds_alternative<MessageEvent>(events[0].body));
  EXPECT_EQ(std::get<MessageEvent>(events[0].body).id, GetParam().id);
  const std::string_view body = GetParam().body;
  EXPECT_GE(events[0].raw.data(), body.data()) << "the slice lies in the caller's body";
  EXPECT_LE(events[0].raw.data() + events[0].raw.size(), body.data() + body.size());
}

std::string with(std::string_view before, std::string_view entry, std::string_view after) {
  return std::string(before) + R"("entry":[)" + std::string(entry) + "]" + std::string(after);
}

INSTANTIATE_TEST_SUITE_P(
    Bodies, WebhookChoice,
    testing::Values(
        ChoiceCase{"first", with(R"({"object":"whatsapp_business_account",)", kEntry, "}"), Channel::whatsapp,
                   "m1"},
        ChoiceCase{"blanks", with("\n { \"object\" :\t\"whatsapp_business_account\" ,", kEntry, "} "),
                   Channel::whatsapp, "m1"},
        ChoiceCase{"absent", with("{", kEntry, "}"), Channel::whatsapp, "m1"},
        ChoiceCase{"in_array", with(R"([{"object":"whatsapp_business_account",)", kEntry, "}]"),
                   Channel::whatsapp, "m1"},
        ChoiceCase{"instagram", with(R"({"object":"instagram",)", kMessaging, "}"), Channel::instagram, "m2"},
        ChoiceCase{"instagram_last", with("{", kMessaging, R"(,"object":"instagram"})"), Channel::instagram,
                   "m2"},
        ChoiceCase{"page_last", with("{", kMessaging, R"(,"object":"page"})"), Channel::messenger, "m2"},
        ChoiceCase{"page_in_array", with(R"([ {"object":"page",)", kMessaging, "} ]"), Channel::messenger,
                   "m2"}),
    [](const auto& tested) { return tested.param.name; });

// A text that quotes an object does not choose.
TEST(WebhookChoiceByText, QuotedObjectsDoNotCount) {
  const std::string entry =
      R"({"id":"77","changes":[{"field":"messages","value":{"messages":[{"from":"49170","id":"m1","type":"text","text":{"body":"{\"object\":\"page\"}"},"object":"page"}]}}]})";
  const auto events = parse(with("{", entry, R"(,"object":"whatsapp_business_account"})"));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<MessageEvent>(events[0].body));
}

TEST(WebhookChoiceRefusals, AreOneMalformedEventThatNamesTheTrouble) {
  struct Case {
    std::string body, word;
  };
  for (const Case& c : std::vector<Case>{{R"({"object":"user","entry":[]})", "user"},
                                         {R"({"entry":[],"object":"permissions"})", "permissions"},
                                         {"", "empty"},
                                         {"nonsense", ""},
                                         {"[]", ""},
                                         {"[", ""}}) {
    const auto events = parse(c.body);
    ASSERT_EQ(events.size(), 1U) << c.body;
    ASSERT_NE(events[0].origin, nullptr);
    ASSERT_TRUE(std::holds_alternative<MalformedEvent>(events[0].body)) << c.body;
    EXPECT_THAT(std::get<MalformedEvent>(events[0].body).reason, testing::HasSubstr(c.word));
  }
}

std::string eum_event() {
  std::string entry;
  for (const char c : kEntry) entry += c == '"' ? std::string("\\\"") : std::string(1, c);
  return R"({"context":{},"whatsAppWebhookEntry":")" + entry + R"(","messageId":"x"})";
}

TEST(WebhookChoiceByWay, AmazonsEnvelopesAreTakenOff) {
  const std::string body = eum_event();
  const auto events = parse(body, kFromSqs);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<MessageEvent>(events[0].body).id, "m1");
  EXPECT_EQ(events[0].origin->business_id, "77");
  // The same message by Meta's own way is the same event.
  const auto direct = parse(with(R"({"object":"whatsapp_business_account",)", kEntry, "}"));
  EXPECT_EQ(events[0].natural_key(), direct.at(0).natural_key());
}

TEST(WebhookChoiceByWay, ABrokenEnvelopeIsMalformed) {
  const std::string body = R"({"Type":"Notification","Message":5})";
  const auto events = parse(body, kFromSns);
  ASSERT_EQ(events.size(), 1U);
  ASSERT_TRUE(std::holds_alternative<MalformedEvent>(events[0].body));
  EXPECT_EQ(events[0].raw, body);
}

}  // namespace
}  // namespace posthorn::channels
