// The parser of Instagram's and Messenger's webhooks against what no fixture shows: bad bytes, and what makes
// two deliveries one event.
#include "channels/meta_messaging/webhook.h"

#include <chrono>

#include <gmock/gmock.h>

#include "channels/meta_messaging/json_slices.h"
#include "events_text.h"

namespace posthorn::meta_messaging {
namespace {

using channels::MalformedEvent;
using channels::MessageEvent;
using channels::UnknownEvent;
using channels::WebhookEvent;

std::string item(std::string_view payload, std::string_view timestamp = "1790000000123") {
  return fmt::format(R"({{"sender":{{"id":"55"}},"recipient":{{"id":"178"}},"timestamp":{},{}}})", timestamp,
                     payload);
}
std::string message(std::string_view mid) {
  return item(fmt::format(R"("message":{{"mid":"{}","text":"x"}})", mid));
}
std::string body_of(std::string_view items, std::string_view list = "messaging",
                    std::string_view time = "1790000001000") {
  return fmt::format(R"({{"object":"instagram","entry":[{{"id":"178","time":{},"{}":[{}]}}]}})", time, list,
                     items);
}

std::vector<std::string> keys(std::string_view body) {
  std::vector<std::string> out;
  for (const WebhookEvent& event : parse_webhook(body)) out.push_back(event.natural_key());
  return out;
}

std::size_t messages_in(const std::vector<WebhookEvent>& events) {
  return static_cast<std::size_t>(std::ranges::count_if(
      events, [](const WebhookEvent& event) { return std::holds_alternative<MessageEvent>(event.body); }));
}

struct BadBody {
  const char* name;
  std::string body;
  const char* reason;
};

class MetaBadBody : public testing::TestWithParam<BadBody> {};

TEST_P(MetaBadBody, IsOneMalformedEvent) {
  const std::vector<WebhookEvent> events = parse_webhook(GetParam().body);
  ASSERT_EQ(events.size(), 1U);
  ASSERT_TRUE(std::holds_alternative<MalformedEvent>(events[0].body));
  EXPECT_THAT(std::get<MalformedEvent>(events[0].body).reason, testing::HasSubstr(GetParam().reason));
  EXPECT_NE(events[0].origin, nullptr);
}

INSTANTIATE_TEST_SUITE_P(
    All, MetaBadBody,
    testing::Values(
        BadBody{"empty", "", "empty"}, BadBody{"blank", " \n\t ", "empty"},
        BadBody{"no_json", "hello", "no JSON object"}, BadBody{"text", "\"entry\"", "no JSON object"},
        BadBody{"no_object", "{}", "\"object\""},
        BadBody{"object_of_whatsapp", R"({"object":"whatsapp_business_account","entry":[]})", "\"object\""},
        BadBody{"no_entry", R"({"object":"page"})", "no array"},
        BadBody{"entry_is_object", R"({"object":"page","entry":{}})", "no array"},
        BadBody{"entry_is_null", R"({"object":"page","entry":[null]})", "no object"},
        BadBody{"messaging_is_text", R"({"object":"page","entry":[{"id":"1","messaging":"x"}]})", "no array"},
        BadBody{"changes_is_text", R"({"object":"page","entry":[{"id":"1","changes":"x"}]})", "no array"},
        BadBody{"change_without_field", R"({"object":"page","entry":[{"id":"1","changes":[{"value":{}}]}]})",
                "without \"field\""},
        BadBody{"comment_of_text",
                R"({"object":"page","entry":[{"id":"1","changes":[{"field":"feed","value":"x"}]}]})",
                "no object"},
        BadBody{"comment_without_id",
                R"({"object":"instagram","entry":[{"id":"1","changes":[{"field":"comments","value":{}}]}]})",
                "without id"},
        BadBody{"deep",
                body_of("{\"message\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}"),
                "deeply"},
        BadBody{"array_in_array", "[" + std::string(100'000, '[') + std::string(100'000, ']') + "]",
                "no JSON object"},
        BadBody{"large", std::string(kMaxWebhookBody + 1, ' ') + "x", "3 MB"},
        BadBody{"reaction_without_target", body_of(item(R"("reaction":{"action":"react"})")), "\"mid\""},
        BadBody{"edit_without_target", body_of(item(R"("message_edit":{"text":"x"})")), "\"mid\""},
        BadBody{"unsent_without_target", body_of(item(R"("message":{"is_deleted":true})")), "\"mid\""}),
    [](const auto& tested) { return tested.param.name; });

TEST(MetaWebhook, OneBadItemNeverTouchesItsNeighbours) {
  for (const std::string& bad :
       {std::string("7"), std::string("null"), std::string("{\"message\":{\"mid\":\"\xFF\xFE\"}}"),
        std::string(R"({"message":{"mid":"x","text":"\uZZZZ"}})"), std::string(R"({"message":[}])"),
        std::string(R"({"sender":5,"message":{"mid":5}})"),
        "{\"a\":" + std::string(50, '{') + std::string(50, '}') + "}"}) {
    const std::vector<WebhookEvent> events =
        parse_webhook(body_of(message("a") + "," + bad + "," + message("b")));
    EXPECT_EQ(events.size(), 3U) << bad;
    EXPECT_EQ(messages_in(events), 2U) << bad;
  }
}

TEST(MetaWebhook, WhatIsBrokenInTheMiddleCostsOnlyTheRest) {
  const std::string body = body_of(message("a") + " " + message("b"));
  const std::vector<WebhookEvent> events = parse_webhook(body);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(messages_in(events), 1U);
  EXPECT_THAT(std::get<MalformedEvent>(events[1].body).reason, testing::HasSubstr("comma"));
  EXPECT_THAT(std::string(events[1].raw), testing::HasSubstr("\"b\""));
}

TEST(MetaWebhook, BytesBehindTheBodyAreReported) {
  const std::vector<WebhookEvent> events = parse_webhook(body_of(message("a")) + " {}");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(messages_in(events), 1U);
  EXPECT_TRUE(std::holds_alternative<MalformedEvent>(events[1].body));
}

TEST(MetaWebhook, TheOrderOfMembersDoesNotMatter) {
  const std::string body = R"({"entry":[{"messaging":[)" + message("a") +
                           R"(],"time":1790000001,"id":"178"}],"object":"instagram"})";
  EXPECT_EQ(keys(body), keys(body_of(message("a"))));
  EXPECT_EQ(parse_webhook(body)[0].origin->business_id, "178");
}

TEST(MetaWebhook, EscapedNamesAreTheSame) {
  const std::string body =
      R"({"\u006fbject":"\u0069nstagram","entry":[{"id":"178","messaging":[)" + message("a") + "]}]}";
  EXPECT_EQ(messages_in(parse_webhook(body)), 1U);
}

TEST(MetaWebhook, ABatchInAnotherEntryIsTheSameEvents) {
  for (const char* payload :
       {R"("message":{"mid":"m1","text":"x"})", R"("message":{"text":"no mid"})",
        R"("postback":{"payload":"P"})", R"("reaction":{"mid":"m1","action":"react","emoji":"x"})",
        R"("read":{"watermark":1790000000000})", R"("referral":{"ref":"r"})", R"("optin":{"ref":"r"})",
        R"("message_edit":{"mid":"m1","text":"y","num_edit":1})",
        R"("message":{"mid":"m1","is_deleted":true})", R"("pass_thread_control":{"new_owner_app_id":"1"})",
        R"("something":{"new":1})"}) {
    const std::string one = item(payload);
    const std::vector<std::string> first = keys(body_of(one));
    EXPECT_EQ(first, keys(body_of(one, "messaging", "1790000777000"))) << payload;
    ASSERT_EQ(first.size(), 1U) << payload;
    const std::string later = item(payload, "1790000009999");
    const bool has_id = std::string_view(payload).find("\"message") == 0 &&
                        std::string_view(payload).find("mid\":") != std::string_view::npos;
    if (!has_id) EXPECT_NE(first, keys(body_of(later))) << payload;
  }
}

TEST(MetaWebhook, ACommentInAnotherEntryIsTheSameComment) {
  for (const char* change :
       {R"({"field":"comments","value":{"id":"c1","text":"x","from":{"id":"55"}}})",
        R"({"field":"mentions","value":{"media_id":"m1","comment_id":"c1"}})",
        R"({"field":"feed","value":{"item":"comment","verb":"add","comment_id":"c1","created_time":1}})"}) {
    EXPECT_EQ(keys(body_of(change, "changes")), keys(body_of(change, "changes", "1790000777"))) << change;
  }
  const std::string unknown =
      R"({"field":"share_to_story","value":{"impressions":1}})";  // told again is news
  EXPECT_NE(keys(body_of(unknown, "changes")), keys(body_of(unknown, "changes", "1790000777")));
}

TEST(MetaWebhook, AReferralBesideATapBelongsToIt) {
  const std::string body = body_of(item(R"("postback":{"payload":"P"},"referral":{"ref":"window"})"));
  const std::vector<WebhookEvent> events = parse_webhook(body);
  ASSERT_EQ(events.size(), 1U);
  const auto& tap = std::get<MessageEvent>(events[0].body);
  EXPECT_EQ(tap.ref, "window");
  EXPECT_EQ(tap.content, R"({"payload":"P","referral":{"ref":"window"}})");
}

TEST(MetaWebhook, StandbyAndOurOwnThreadAreOneMessage) {
  for (const char* payload :
       {R"("message":{"mid":"m1","text":"x"})", R"("postback":{"title":"T","payload":"P"})"}) {
    EXPECT_EQ(keys(body_of(item(payload))), keys(body_of(item(payload), "standby"))) << payload;
  }
}

TEST(MetaWebhook, MadeIdsDifferByPersonAndAccount) {
  const std::string one =
      R"({"sender":{"id":"1"},"recipient":{"id":"178"},"timestamp":1,"postback":{"payload":"P"}})";
  const std::string two =
      R"({"sender":{"id":"2"},"recipient":{"id":"178"},"timestamp":1,"postback":{"payload":"P"}})";
  EXPECT_NE(keys(body_of(one)), keys(body_of(two)));
  std::string other = body_of(one);
  other.replace(other.find("\"178\""), 5, "\"179\"");
  EXPECT_NE(keys(body_of(one)), keys(other));
}

TEST(MetaWebhook, LargeBodiesTakeLinearTime) {
  std::string items;
  while (items.size() < kMaxWebhookBody - 1000)
    items += (items.empty() ? "" : ",") + message("m" + std::to_string(items.size()));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_GT(parse_webhook(body_of(items)).size(), 20'000U);
  const std::string quotes = body_of("{\"a\":\"" + std::string(1'000'000, '\\') + "\"}");
  EXPECT_LE(parse_webhook(quotes).size(), 2U);
  std::string fields;  // every change of a field of its own
  for (int i = 0; i < 20'000; ++i)
    fields += fmt::format("{}{{\"field\":\"f{}\",\"value\":{{}}}}", i == 0 ? "" : ",", i);
  EXPECT_EQ(parse_webhook(body_of(fields, "changes")).size(), 20'000U);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

struct SliceCase {
  const char* text;
  std::vector<std::string> values;
  const char* problem;
};

TEST(JsonSlices, ElementsOfArrays) {
  for (const SliceCase& c :
       {SliceCase{"[]", {}, ""}, SliceCase{"[ ]", {}, ""}, SliceCase{"[1]", {"1"}, ""},
        SliceCase{R"([ 1 , "a,]" , [2,{"b":"}"}] , {} ])", {"1", "\"a,]\"", R"([2,{"b":"}"}])", "{}"}, ""},
        SliceCase{R"(["\"",2])", {R"("\"")", "2"}, ""}, SliceCase{"[1 2]", {"1"}, "comma"},
        SliceCase{"[1,", {"1"}, "without an end"}, SliceCase{"[\"a", {}, "without an end"},
        SliceCase{"[{]", {"{]"}, "comma"}, SliceCase{"[{", {}, "without an end"},
        SliceCase{"[,1]", {}, "without an end"}}) {
    std::vector<std::string> values;
    const SliceProblem problem =
        for_each_element(c.text, [&](std::string_view value) { values.emplace_back(value); });
    EXPECT_EQ(values, c.values) << c.text;
    EXPECT_EQ(static_cast<bool>(problem), *c.problem != '\0') << c.text;
    EXPECT_THAT(std::string(problem.reason), testing::HasSubstr(c.problem)) << c.text;
  }
}

TEST(JsonSlices, MembersOfObjects) {
  for (const SliceCase& c :
       {SliceCase{"{}", {}, ""}, SliceCase{R"({"a":1, "b" : [2]})", {"a=1", "b=[2]"}, ""},
        SliceCase{R"({"\u0061":null})", {"a=null"}, ""}, SliceCase{R"({"a"})", {}, "colon"},
        SliceCase{R"({a:1})", {}, "name"}, SliceCase{R"({"a":1,})", {"a=1"}, "name"},
        SliceCase{R"({"a":})", {}, "without an end"}, SliceCase{R"({"a":1 "b":2})", {"a=1"}, "comma"}}) {
    std::vector<std::string> values;
    const SliceProblem problem = for_each_member(c.text, [&](std::string_view key, std::string_view value) {
      values.push_back(fmt::format("{}={}", key, value));
    });
    EXPECT_EQ(values, c.values) << c.text;
    EXPECT_EQ(static_cast<bool>(problem), *c.problem != '\0') << c.text;
    EXPECT_THAT(std::string(problem.reason), testing::HasSubstr(c.problem)) << c.text;
  }
}

}  // namespace
}  // namespace posthorn::meta_messaging
