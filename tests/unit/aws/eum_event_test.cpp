// Meta's entry inside Amazon's envelopes.
#include "channels/aws/eum_event.h"

#include <gmock/gmock.h>

#include "core/json.h"
#include "core/json_writer.h"

namespace posthorn::aws {
namespace {

using testing::HasSubstr;

constexpr std::string_view kEntry =
    R"({"id":"365731","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","messages":[{"id":"wamid.A","from":"4915","type":"text","text":{"body":"Grüße \"x\" \n\u0001"},"timestamp":"1739321024"}]}}]})";

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}
std::string event_of(std::string_view entry_json) {
  return R"({"context":{"MetaWabaIds":[{"wabaId":"365731","arn":"arn:aws:social-messaging:us-east-1:1:waba/a"}],"MetaPhoneNumberIds":[{"metaPhoneNumberId":"9","arn":"arn:x"}]},"whatsAppWebhookEntry":)" +
         std::string(entry_json) +
         R"(,"aws_account_id":"1","message_timestamp":"2025-01-08T23:30:43.271279391Z","messageId":"6d69f07a"})";
}
std::string notification(std::string_view message) {
  return R"({"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:us-east-1:1:t","Message":)" +
         quoted(message) +
         R"(,"Timestamp":"2026-01-01T00:00:00.000Z","SignatureVersion":"2","Signature":"x"})";
}
const std::string kWanted = R"({"object":"whatsapp_business_account","entry":[)" + std::string(kEntry) + "]}";

TEST(EumEvent, TheEntryComesOutVerbatim) {
  const std::string event = event_of(quoted(kEntry));
  EXPECT_EQ(unwrap_event("sns", notification(event)).value_or("?"), kWanted);
  EXPECT_EQ(unwrap_event("sqs", notification(event)).value_or("?"), kWanted);
  EXPECT_EQ(unwrap_event("sqs", event).value_or("?"), kWanted);
}

TEST(EumEvent, AnEntryGivenAsAnObjectIsTaken) {
  const Result<std::string> body = unwrap_event("sqs", event_of(kEntry));
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(*parse_json(*body), *parse_json(kWanted));
}

TEST(EumEvent, ARawEventIsNothingThatComesOverHttp) {
  EXPECT_FALSE(unwrap_event("sns", event_of(quoted(kEntry))));
}

struct Bad {
  std::string body;
  std::string field, words;
};

TEST(EumEvent, SaysWhatIsWrong) {
  const std::vector<Bad> table{
      {"", "", ""},
      {"{", "", ""},
      {"[]", "", "must be a JSON object"},
      {"{}", "Type", "Type is missing"},
      {R"({"Type":"SubscriptionConfirmation","Message":"x"})", "Type",
       "SubscriptionConfirmation carries no event"},
      {R"({"Type":"Notification"})", "Message", "must be a text"},
      {R"({"Type":"Notification","Message":{}})", "Message", "must be a text"},
      {notification("hello"), "Message", "not JSON"},
      {notification("[1]"), "Message", "one JSON object"},
      {notification("{}"), "whatsAppWebhookEntry", "is missing"},
      {event_of("7"), "whatsAppWebhookEntry", "must be the JSON text"},
      {event_of("null"), "whatsAppWebhookEntry", "must be the JSON text"},
      {event_of(R"("")"), "whatsAppWebhookEntry", "not JSON"},
      {event_of(R"("[]")"), "whatsAppWebhookEntry", "one object"},
      {event_of(R"("{},{}")"), "whatsAppWebhookEntry", "not JSON"},
      {event_of(R"("{}],\"x\":[{}")"), "whatsAppWebhookEntry", "not JSON"},
  };
  for (const Bad& bad : table) {
    const Result<std::string> body = unwrap_event("sqs", bad.body);
    ASSERT_FALSE(body) << bad.body;
    EXPECT_EQ(body.error().code, ErrorCode::invalid_argument) << bad.body;
    EXPECT_EQ(body.error().field, bad.field) << bad.body;
    EXPECT_THAT(body.error().message, HasSubstr(bad.words)) << bad.body;
  }
}

}  // namespace
}  // namespace posthorn::aws
