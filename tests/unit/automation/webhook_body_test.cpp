// What receivers are told about an event.
#include "automation/webhook_body.h"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "unit/automation/webhook_house.h"

namespace posthorn::webhook_testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class WebhookBodyTest : public testing::Test {
 protected:
  WebhookBodyTest() {
    house.start();
    house.execute(
        "INSERT INTO accounts (id, channel, name, business_id, sender_id, sealed_token, created_at, "
        "updated_at, "
        "display_number) VALUES (4, 'whatsapp', 'main', 'waba', '106540352242922', 'sealed', 0, 0, "
        "'15550783881')");
    house.execute(
        "INSERT INTO people (id, portfolio, name, given_name, created_at, updated_at) VALUES (5, 'waba', "
        "'Anna', 'Anna "
        "from Berlin', 0, 0), (6, 'waba', 'Anna 2', '', 0, 0)");
    house.execute("UPDATE people SET merged_into = 5 WHERE id = 6");
    house.execute(
        "INSERT INTO person_addresses (kind, scope, value, person_id, shown, valid_from) VALUES (1, 'waba', "
        "'5511987654321', 5, '551187654321', 0), (2, 'waba', 'BR.13', 5, '', 0)");
    house.execute(
        "INSERT INTO conversations (id, account_id, person_id, unread, assigned_to, created_at) VALUES (7, "
        "4, 5, 2, "
        "'ben', 0)");
    house.execute("INSERT INTO conversation_labels (label, conversation_id) VALUES ('vip', 7)");
    house.execute(
        "INSERT INTO messages (id, conversation_id, direction, at, received_at, channel_id, type, text, "
        "content, "
        "flags) VALUES (8, 7, 0, 1767225600000000, 0, 'wamid.A', 'image', 'Look \"here\" 👋', "
        "'{\"image\":{\"id\":\"1\"}}', 1)");
    house.execute(
        "INSERT INTO attachments (id, message_id, position, account_id, kind, told_type, state, size, "
        "mime_type, "
        "file_name) VALUES (9, 8, 0, 4, 'image', 'image/png', 1, 1234, 'image/jpeg', 'a.jpg')");
  }

  json::value body(const std::string& kind, const std::string& subject, const std::string& data) {
    LoggedEvent event{EventId{77}, wall_from_micros(1767225601000000), kind, subject, data};
    const auto made =
        house.sql([event](Transaction& tx) -> Result<WebhookBody> { return WebhookBodies(tx).of(event); });
    EXPECT_TRUE(made);
    business = made->business_id;
    return parse_json(made->json).value();
  }

  WebhookHouse house;
  std::string business;
};

TEST_F(WebhookBodyTest, AMessageComesWithEverythingAroundIt) {
  const auto told = body(
      "message.received", "conversation:7",
      R"({"message_id":8,"conversation_id":7,"account_id":4,"person_id":6,"type":"image","channel":"whatsapp"})");
  const JsonView view(told), data = view["data"];
  EXPECT_EQ(view["type"].string_or(""), "message.received");
  EXPECT_EQ(view["timestamp"].string_or(""), "2026-01-01T00:00:01Z");
  EXPECT_EQ(data["event_id"].integer_or(0), 77);
  EXPECT_EQ(data["message_id"].integer_or(0), 8);
  const auto message = data["message"];
  EXPECT_EQ(message["text"].string_or(""), "Look \"here\" 👋");
  EXPECT_EQ(message["type"].string_or(""), "image");
  EXPECT_EQ(message["from"].string_or(""), "551187654321");  // as the channel spells it
  EXPECT_EQ(message["direction"].string_or(""), "in");
  EXPECT_EQ(message["at"].string_or(""), "2026-01-01T00:00:00Z");
  EXPECT_EQ(message["channel_id"].string_or(""), "wamid.A");
  EXPECT_TRUE(message["forwarded"].boolean_or(false));
  EXPECT_EQ(message["content"]["image"]["id"].string_or(""), "1");
  ASSERT_EQ(message["attachments"].size(), 1U);
  const auto attachment = message["attachments"][std::size_t{0}];
  EXPECT_EQ(attachment["id"].integer_or(0), 9);
  EXPECT_EQ(attachment["mime_type"].string_or(""), "image/jpeg");
  EXPECT_EQ(attachment["state"].string_or(""), "stored");
  EXPECT_EQ(data["person"]["id"].integer_or(0), 5);  // who 6 was merged into
  EXPECT_EQ(data["person"]["name"].string_or(""), "Anna from Berlin");
  EXPECT_EQ(data["person"]["addresses"].size(), 2U);
  EXPECT_EQ(data["conversation"]["assigned_to"].string_or(""), "ben");
  EXPECT_EQ(data["conversation"]["labels"][std::size_t{0}].string_or(""), "vip");
  EXPECT_EQ(data["account"]["name"].string_or(""), "main");
  EXPECT_EQ(business, "waba");
  EXPECT_THAT(json::serialize(told), testing::Not(HasSubstr("sealed")));
}

TEST_F(WebhookBodyTest, WhatAnEventLeavesOutIsLookedUp) {
  const auto told =
      body("message.status", "conversation:7", R"({"message_id":8,"conversation_id":7,"status":"read"})");
  const auto data = JsonView(told)["data"];
  EXPECT_EQ(data["status"].string_or(""), "read");
  EXPECT_EQ(data["account"]["name"].string_or(""), "main");
  EXPECT_EQ(data["person"]["id"].integer_or(0), 5);
  EXPECT_EQ(business, "waba");
}

TEST_F(WebhookBodyTest, ThingsThatAreGoneAreNull) {
  const auto told = body("message.received", "conversation:1",
                         R"({"message_id":100,"conversation_id":101,"account_id":102,"person_id":103})");
  const auto data = JsonView(told)["data"];
  EXPECT_EQ(data["message_id"].integer_or(0), 100);
  EXPECT_FALSE(data["message"].exists());
  EXPECT_FALSE(data["conversation"].exists());
  EXPECT_FALSE(data["account"].exists());
  EXPECT_EQ(business, "");
}

TEST_F(WebhookBodyTest, OtherEventsKeepTheirData) {
  auto told = body("template.status", "template:1",
                   R"({"field":"x","business_id":"waba9","summary":"approved","event":{"a":[1]}})");
  EXPECT_EQ(JsonView(told)["data"]["event"]["a"][std::size_t{0}].integer_or(0), 1);
  EXPECT_EQ(business, "waba9");
  told = body("campaign.paused", "campaign:12", "not json");
  EXPECT_TRUE(JsonView(told)["data"].object());
  told = body("x.y", "", R"([1,2])");
  EXPECT_EQ(JsonView(told)["data"]["value"].size(), 2U);
}

TEST_F(WebhookBodyTest, EndpointsOfOneBusinessGetOnlyItsEvents) {
  house.add_endpoint("https://a.example.org/", {"*"}, "waba");
  house.add_endpoint("https://b.example.org/", {"*"}, "waba9");
  const WallTime now = house.life->process.clock().wall_now();
  (void)house.sql([now](Transaction& tx) {
    return events::append(tx, now, "message.received", "conversation:7",
                          R"({"message_id":8,"conversation_id":7})");
  });
  house.life->feed->notify();
  house.world.run_for(10s);
  ASSERT_THAT(house.outside.requests, SizeIs(1));
  EXPECT_EQ(house.outside.requests.front().url, "https://a.example.org/");
}

}  // namespace
}  // namespace posthorn::webhook_testing
