#include "channels/whatsapp/webhook.h"

#include <set>

#include <gmock/gmock.h>

namespace posthorn::whatsapp {
namespace {

using channels::MessageEvent;

std::string envelope(std::string_view field, std::string_view value) {
  return R"({"object":"whatsapp_business_account","entry":[{"id":"1234567890123456","time":1760000000,"changes":[{"field":")" +
         std::string(field) + R"(","value":)" + std::string(value) + "}]}]}";
}

std::string messages_value(std::string_view rest) {
  return R"({"messaging_product":"whatsapp","metadata":{"display_phone_number":"49170111","phone_number_id":"555"},)" +
         std::string(rest) + "}";
}

template <class T>
T only(const std::string& body) {
  const auto events = parse_webhook(body);
  EXPECT_EQ(events.size(), 1U) << body;
  if (events.empty() || !std::holds_alternative<T>(events.front().body)) {
    const auto* bad = events.empty() ? nullptr : std::get_if<MalformedEvent>(&events.front().body);
    ADD_FAILURE() << "another kind of event: " << (events.empty() ? 0 : events.front().body.index()) << " "
                  << (bad != nullptr ? bad->reason : "");
    return {};
  }
  return std::get<T>(events.front().body);
}

constexpr std::string_view kDelivered =
    R"({"id":"wamid.A","status":"delivered","timestamp":"1760000001","recipient_id":"491701234567","recipient_user_id":"DE.77",)"
    R"("biz_opaque_callback_data":"v1.1.2.3.1.abc","conversation":{"id":"c","origin":{"type":"marketing"}},)"
    R"("pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}})";

TEST(WebhookStatus, AllMembers) {
  const std::string body =
      envelope("messages", messages_value(R"("statuses":[)" + std::string(kDelivered) + "]"));
  const auto events = parse_webhook(body);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].origin->field, "messages");
  EXPECT_EQ(events[0].origin->business_id, "1234567890123456");
  EXPECT_EQ(events[0].origin->phone_number_id, "555");
  EXPECT_EQ(events[0].origin->display_phone_number, "49170111");
  EXPECT_EQ(events[0].origin->entry_time, 1760000000);
  EXPECT_EQ(events[0].raw, kDelivered);
  EXPECT_GE(events[0].raw.data(), body.data()) << "the slice lies in the caller's body";
  const auto& s = std::get<StatusEvent>(events[0].body);
  EXPECT_EQ(s.wamid, "wamid.A");
  EXPECT_EQ(s.status, MessageStatus::delivered);
  EXPECT_EQ(s.at, webhook_time(1760000001));
  EXPECT_EQ(s.recipient_id, "491701234567");
  EXPECT_EQ(s.user_id, "DE.77");
  EXPECT_EQ(s.token, "v1.1.2.3.1.abc");
  EXPECT_EQ(s.pricing_category, "marketing");
  EXPECT_EQ(s.pricing_type, "regular");
  EXPECT_EQ(s.pricing_model, "PMP");
  EXPECT_TRUE(s.billable);
  EXPECT_TRUE(s.errors.empty());
}

TEST(WebhookStatus, FailedWithErrors) {
  const auto s = only<StatusEvent>(envelope(
      "messages",
      messages_value(
          R"("statuses":[{"id":"w","status":"failed","timestamp":1760000001,"recipient_id":"1","errors":[{"code":131049,"title":"t","message":"m",)"
          R"("error_data":{"details":"healthy ecosystem"},"href":"x"}]}])")));
  EXPECT_EQ(s.status, MessageStatus::failed);
  ASSERT_EQ(s.errors.size(), 1U);
  EXPECT_EQ(s.errors[0].code, 131049);
  EXPECT_EQ(s.errors[0].details, "healthy ecosystem");
  EXPECT_EQ(s.errors[0].http_status, 0);
}

TEST(WebhookStatus, WordsAndOthers) {
  for (const std::string& word : std::vector<std::string>{"sent", "delivered", "read", "played", "failed"}) {
    EXPECT_EQ(to_string(only<StatusEvent>(
                            envelope("messages",
                                     messages_value(R"("statuses":[{"id":"w","status":")" + word + R"("}])")))
                            .status),
              word);
  }
  for (const std::string other : {R"("in_orbit")", R"("deleted")", R"("sent","type":"satellite")"}) {
    only<UnknownEvent>(
        envelope("messages", messages_value(R"("statuses":[{"id":"w","status":)" + other + "}]")));
  }
}

TEST(WebhookStatus, UserIdFromContactsOrFromTheNumbersPlace) {
  const auto from_contacts = only<StatusEvent>(envelope(
      "messages",
      messages_value(
          R"("contacts":[{"profile":{"username":"@a"},"wa_id":"49","user_id":"DE.5"}],"statuses":[{"id":"w","status":"read","recipient_id":"49"}])")));
  EXPECT_EQ(from_contacts.user_id, "DE.5");
  const auto in_recipient = only<StatusEvent>(envelope(
      "messages", messages_value(R"("statuses":[{"id":"w","status":"read","recipient_id":"DE.6"}])")));
  EXPECT_EQ(in_recipient.user_id, "DE.6");
  EXPECT_EQ(in_recipient.recipient_id, "");
}

TEST(WebhookStatus, MembersAfterTheListStillCount) {
  const auto events = parse_webhook(
      R"({"entry":[{"changes":[{"value":{"statuses":[{"status":"sent","id":"w"}],"metadata":{"phone_number_id":"9"}},"field":"messages"}],"id":"77"}]})");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].origin->phone_number_id, "9");
  EXPECT_EQ(events[0].origin->business_id, "77");
}

TEST(WebhookTime, SecondsAndMilliseconds) {
  EXPECT_EQ(webhook_time(1760000001), webhook_time(1760000001000));
  EXPECT_EQ(to_micros(webhook_time(1760000001)), 1760000001000000);
  EXPECT_EQ(to_micros(webhook_time(-5)), 0);
  EXPECT_GT(to_micros(webhook_time(9223372036854775807)), 0);
}

TEST(WebhookIsolation, OneBadItemTouchesNoOther) {
  const std::string good(kDelivered);
  for (const std::string& bad : std::vector<std::string>{
           R"({"status":"sent"})", R"({"id":"w"})", R"("text")", "7", "null", "[]",
           R"({"id":tru,"status":"sent"})",
           R"({"id":"w","status":"sent","x":)" + std::string(40, '[') + std::string(40, ']') + "}",
           R"({"id":"a\ud83d","status":5})"}) {
    const std::string body =
        envelope("messages", messages_value(R"("statuses":[)" + good + "," + bad + "," + good + "]"));
    const auto events = parse_webhook(body);
    ASSERT_EQ(events.size(), 3U) << bad;
    EXPECT_TRUE(std::holds_alternative<StatusEvent>(events[0].body)) << bad;
    ASSERT_TRUE(std::holds_alternative<MalformedEvent>(events[1].body)) << bad;
    EXPECT_FALSE(std::get<MalformedEvent>(events[1].body).reason.empty());
    EXPECT_EQ(events[1].raw, bad);
    EXPECT_TRUE(std::holds_alternative<StatusEvent>(events[2].body)) << bad;
  }
}

TEST(WebhookIsolation, BadChangesAndEntriesLeaveTheOthers) {
  const auto events = parse_webhook(
      R"({"entry":[7,{"id":"1"},{"id":"2","changes":["x",{"value":{}},{"field":"messages","value":[]},{"field":"security","value":{"event":"PIN_CHANGED"}}]}]})");
  ASSERT_EQ(events.size(), 6U);
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(std::holds_alternative<MalformedEvent>(events[static_cast<std::size_t>(i)].body)) << i;
  EXPECT_EQ(std::get<SecurityEvent>(events[5].body).event, "PIN_CHANGED");
}

TEST(WebhookBody, GarbageIsOneMalformedEvent) {
  for (const std::string& body :
       {std::string(), std::string("   "), std::string("nonsense"), std::string("[]"), std::string("{}"),
        std::string("{\"entry\":{}}"), std::string("{\"entry\":["), std::string("\xff\xfe{}"),
        std::string("{\"entry\":[]"), std::string(200000, '['), std::string(kMaxWebhookBody + 1, ' ')}) {
    const auto events = parse_webhook(body);
    ASSERT_GE(events.size(), 1U) << body.substr(0, 20);
    EXPECT_TRUE(std::holds_alternative<MalformedEvent>(events.back().body)) << body.substr(0, 20);
    EXPECT_NE(events.back().origin, nullptr);
  }
  EXPECT_TRUE(parse_webhook(R"({"entry":[]})").empty());
}

TEST(WebhookMessage, TextWithNameAndLosslessText) {
  const std::string body = envelope(
      "messages",
      messages_value(
          R"("contacts":[{"profile":{"name":"J\u00f6rg"},"wa_id":"49170","user_id":"DE.9"}],"messages":[{"from":"49170","id":"wamid.M","timestamp":"1760000002",)"
          R"("type":"text","text":{"body":"STOP \ud83d\ude00\n\"x\" \u0000 ok"},"context":{"from":"1","id":"wamid.Q"}}])"));
  const auto m = only<MessageEvent>(body);
  EXPECT_EQ(m.id, "wamid.M");
  using channels::AddressKind;
  EXPECT_THAT(m.person.addresses, testing::ElementsAre(channels::Address{AddressKind::bsuid, "DE.9"},
                                                       channels::Address{AddressKind::phone, "49170"}));
  EXPECT_EQ(m.person.name, "Jörg");
  EXPECT_EQ(m.text, std::string("STOP 😀\n\"x\" \0 ok", 18));
  EXPECT_EQ(m.reply_to, "wamid.Q");
  EXPECT_EQ(m.at, webhook_time(1760000002));
}

TEST(WebhookMessage, HalfAnEmojiBecomesAReplacementCharacter) {
  const auto m = only<MessageEvent>(envelope(
      "messages",
      messages_value(
          R"("messages":[{"from":"1","id":"m","type":"text","text":{"body":"a\ud83d b\\ud83d \ude00"}}])")));
  EXPECT_EQ(m.text, "a\xEF\xBF\xBD b\\ud83d \xEF\xBF\xBD");
}

struct ContentCase {
  std::string json;
  std::string type, text, payload, media;
};
class WebhookContent : public testing::TestWithParam<ContentCase> {};

TEST_P(WebhookContent, IsFound) {
  const ContentCase& c = GetParam();
  const auto m = only<MessageEvent>(envelope(
      "messages", messages_value(R"("messages":[{"from":"1","id":"m","timestamp":"1",)" + c.json + "}]")));
  EXPECT_EQ(m.type, c.type);
  EXPECT_EQ(m.text, c.text);
  EXPECT_EQ(m.payload, c.payload);
  EXPECT_EQ(m.attachments.empty() ? std::string() : m.attachments.front().media_id, c.media);
}

INSTANTIATE_TEST_SUITE_P(
    Types, WebhookContent,
    testing::Values(
        ContentCase{R"("type":"button","button":{"payload":"P","text":"Stop"})", "button", "Stop", "P", ""},
        ContentCase{
            R"("type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"I","title":"Yes"}})",
            "interactive", "Yes", "I", ""},
        ContentCase{
            R"("type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"L","title":"Row","description":"d"}})",
            "interactive", "Row", "L", ""},
        ContentCase{
            R"("type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":"{}"}})",
            "interactive", "Sent", "", ""},
        ContentCase{R"("type":"image","image":{"id":"77","mime_type":"image/jpeg","caption":"c"})", "image",
                    "c", "", "77"},
        ContentCase{R"("type":"system","system":{"type":"news","body":"moved"})", "system", "moved", "", ""},
        ContentCase{R"("type":"unsupported","errors":[{"code":131051}])", "unsupported", "", "", ""},
        ContentCase{R"("type":"location","location":{"latitude":1,"longitude":2})", "location", "", "", ""},
        ContentCase{R"("type":"brand_new","brand_new":[1,2])", "brand_new", "", "", ""}));

TEST(WebhookFields, Templates) {
  const auto status = only<TemplateStatusEvent>(envelope(
      "message_template_status_update",
      R"({"event":"PAUSED","message_template_id":1689556908129832,"message_template_name":"promo","message_template_language":"en_US",)"
      R"("reason":"NONE","other_info":{"title":"FIRST_PAUSE","description":"paused for 3 h"}})"));
  EXPECT_EQ(status.status, "PAUSED");
  EXPECT_EQ(status.template_id, "1689556908129832");
  EXPECT_EQ(status.name, "promo");
  EXPECT_EQ(status.detail, "FIRST_PAUSE: paused for 3 h");
  const auto quality = only<TemplateQualityEvent>(envelope(
      "message_template_quality_update",
      R"({"previous_quality_score":"GREEN","new_quality_score":"RED","message_template_id":"1","message_template_name":"promo","message_template_language":"de"})"));
  EXPECT_EQ(quality.previous, "GREEN");
  EXPECT_EQ(quality.current, "RED");
  const auto warning = only<TemplateCategoryEvent>(envelope(
      "template_category_update",
      R"({"message_template_name":"promo","message_template_language":"de","new_category":"UTILITY","correct_category":"MARKETING"})"));
  EXPECT_EQ(warning.current, "UTILITY");
  EXPECT_EQ(warning.upcoming, "MARKETING");
  const auto done = only<TemplateCategoryEvent>(
      envelope("template_category_update",
               R"({"message_template_name":"p","previous_category":"UTILITY","new_category":"MARKETING"})"));
  EXPECT_EQ(done.previous, "UTILITY");
  EXPECT_EQ(done.upcoming, "");
  EXPECT_EQ(only<TemplateComponentsEvent>(
                envelope("message_template_components_update", R"({"message_template_name":"p"})"))
                .name,
            "p");
}

TEST(WebhookFields, NumbersAndAccounts) {
  const std::string upgrade = envelope(
      "phone_number_quality_update",
      R"({"display_phone_number":"49170","event":"THROUGHPUT_UPGRADE","max_daily_conversations_per_business":"TIER_UNLIMITED"})");
  EXPECT_EQ(only<PhoneQualityEvent>(upgrade).event, "THROUGHPUT_UPGRADE");
  EXPECT_EQ(parse_webhook(upgrade)[0].origin->display_phone_number, "49170");
  EXPECT_EQ(only<PhoneQualityEvent>(
                envelope("phone_number_quality_update", R"({"event":"FLAGGED","current_limit":"TIER_10K"})"))
                .messaging_tier,
            "TIER_10K");
  EXPECT_EQ(only<PhoneNameEvent>(envelope("phone_number_name_update",
                                          R"({"decision":"APPROVED","requested_verified_name":"Shop"})"))
                .requested_name,
            "Shop");
  const auto restriction = only<AccountEvent>(envelope(
      "account_update",
      R"({"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_BUSINESS_INITIATED_MESSAGING","expiration":1760009999}]})"));
  EXPECT_TRUE(restriction.stops_sending);
  EXPECT_EQ(restriction.detail, "RESTRICTED_BUSINESS_INITIATED_MESSAGING until 1760009999");
  EXPECT_FALSE(
      only<AccountEvent>(
          envelope(
              "account_update",
              R"({"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_ADD_PHONE_NUMBER_ACTION"}]})"))
          .stops_sending);
  EXPECT_TRUE(
      only<AccountEvent>(
          envelope(
              "account_update",
              R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE","waba_ban_date":"d"}})"))
          .stops_sending);
  const auto reinstated = only<AccountEvent>(
      envelope("account_update", R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}})"));
  EXPECT_FALSE(reinstated.stops_sending);
  EXPECT_TRUE(reinstated.restores_sending);
  EXPECT_FALSE(
      only<AccountEvent>(envelope("account_update", R"({"event":"VERIFIED_ACCOUNT"})")).stops_sending);
  EXPECT_EQ(
      only<AccountAlertEvent>(
          envelope(
              "account_alerts",
              R"({"entity_type":"BUSINESS","entity_id":1,"alert_info":{"alert_severity":"CRITICAL","alert_type":"OBA"}})"))
          .severity,
      "CRITICAL");
  EXPECT_EQ(
      only<AccountReviewEvent>(envelope("account_review_update", R"({"decision":"APPROVED"})")).decision,
      "APPROVED");
  const auto capability = only<BusinessCapabilityEvent>(
      envelope("business_capability_update",
               R"({"max_daily_conversations_per_business":"TIER_2K","max_phone_numbers_per_business":20})"));
  EXPECT_EQ(capability.messaging_tier, "TIER_2K");
  EXPECT_EQ(capability.max_phone_numbers, 20);
  EXPECT_EQ(
      only<SecurityEvent>(envelope("security", R"({"event":"PIN_RESET_REQUEST","requester":"1"})")).requester,
      "1");
}

TEST(WebhookFields, UserPreferencesOneByOne) {
  const std::string body = envelope(
      "user_preferences",
      messages_value(
          R"("user_preferences":[{"wa_id":"49170","user_id":"DE.1","detail":"d","category":"marketing_messages","value":"stop","timestamp":1760000000},)"
          R"({"user_id":"DE.2","category":"marketing_messages","value":"resume","timestamp":1760000000},{"value":"maybe","user_id":"x"},{"value":"stop"},)"
          R"({"wa_id":"49171","detail":"link","category":"marketing_messages","value":"signup","signup_id":"1","timestamp":1760000000}])"));
  const auto events = parse_webhook(body);
  ASSERT_EQ(events.size(), 5U);
  const auto& stop = std::get<UserPreferenceEvent>(events[0].body);
  EXPECT_TRUE(stop.stop);
  EXPECT_EQ(stop.phone, "49170");
  EXPECT_FALSE(std::get<UserPreferenceEvent>(events[1].body).stop);
  EXPECT_TRUE(std::holds_alternative<MalformedEvent>(events[2].body));
  EXPECT_TRUE(std::holds_alternative<MalformedEvent>(events[3].body));
  EXPECT_FALSE(std::get<UserPreferenceEvent>(events[4].body).stop);  // signed up through a link
  EXPECT_NE(events[0].natural_key(), events[1].natural_key());
}

TEST(WebhookFields, APreferenceIsCompletedFromItsOwnContactOnly) {
  const auto preference = [](std::string_view wa_id) {
    return only<UserPreferenceEvent>(envelope(
        "user_preferences",
        fmt::format(
            R"({{"messaging_product":"whatsapp","metadata":{{"phone_number_id":"1"}},)"
            R"("contacts":[{{"wa_id":"491701234567","user_id":"DE.1349"}}],"user_preferences":[{{"wa_id":"{}",)"
            R"("category":"marketing_messages","value":"stop","timestamp":1760000000}}]}})",
            wa_id)));
  };
  EXPECT_EQ(preference("491701234567").user_id, "DE.1349");
  EXPECT_EQ(preference("491701234588").user_id, "");
  EXPECT_EQ(preference("491701234588").phone, "491701234588");
}

TEST(WebhookFields, MissingEssentialsAreMalformed) {
  for (const char* field : {"message_template_status_update", "message_template_quality_update",
                            "template_category_update", "phone_number_quality_update", "account_update",
                            "account_alerts", "account_review_update", "security", "flows"}) {
    EXPECT_FALSE(only<MalformedEvent>(envelope(field, "{}")).reason.empty()) << field;
  }
}

TEST(WebhookFields, UnknownFieldsAndErrorsBesideMessages) {
  only<UnknownEvent>(envelope("brand_new_field", R"({"a":[1,{"b":2}]})"));
  only<UnknownEvent>(envelope("messages", messages_value(R"("calls":[])")));
  const auto errors = only<ValueErrorEvent>(
      envelope("messages", messages_value(R"("errors":[{"code":130429,"title":"Rate"}])")));
  ASSERT_EQ(errors.errors.size(), 1U);
  EXPECT_EQ(errors.errors[0].code, 130429);
}

TEST(NaturalKey, SameEventSameKey) {
  const auto key = [](std::string_view field, std::string_view value) {
    return parse_webhook(envelope(field, value)).at(0).natural_key();
  };
  EXPECT_EQ(key("security", R"({"event":"A","requester":"1"})"),
            key("security", R"({ "requester":"1", "event":"A" })"));
  EXPECT_NE(key("security", R"({"event":"A","requester":"1"})"),
            key("security", R"({"event":"A","requester":"2"})"));
  EXPECT_NE(key("flows", R"({"event":"A"})"), key("security", R"({"event":"A"})"));
  const auto status = [&](std::string_view item) {
    return key("messages", messages_value(R"("statuses":[)" + std::string(item) + "]"));
  };
  EXPECT_EQ(status(R"({"id":"w","status":"sent","timestamp":"1"})"),
            status(R"({"id":"w","status":"sent","timestamp":"2","pricing":{}})"));
  EXPECT_NE(status(R"({"id":"w","status":"sent"})"), status(R"({"id":"w","status":"read"})"));
  EXPECT_NE(status(R"({"id":"w","status":"read","recipient_participant_id":"1"})"),
            status(R"({"id":"w","status":"read","recipient_participant_id":"2"})"));
}

TEST(NaturalKey, OfCallsIsIdEventAndStatus) {
  const auto key = [](std::string_view item) {
    return parse_webhook(envelope("calls", messages_value(R"("calls":[)" + std::string(item) + "]")))
        .at(0)
        .natural_key();
  };
  EXPECT_EQ(key(R"({"id":"w","event":"connect","timestamp":"1"})"),
            key(R"({"id":"w","event":"connect","from":"1"})"));
  EXPECT_NE(key(R"({"id":"w","event":"connect"})"), key(R"({"id":"w","event":"terminate"})"));
  EXPECT_NE(key(R"({"id":"w","event":"terminate"})"),
            key(R"({"id":"w","event":"terminate","status":"FAILED"})"));
}

// An event with a time of its own is the same in whatever entry it comes; one without belongs to its entry.
TEST(NaturalKey, EntryTimeCountsOnlyWithoutAnOwnTime) {
  const auto key = [](std::string_view field, std::string_view value, int entry_time) {
    const std::string body = R"({"entry":[{"id":"1","time":)" + std::to_string(entry_time) +
                             R"(,"changes":[{"field":")" + std::string(field) + R"(","value":)" +
                             std::string(value) + "}]}]}";
    return parse_webhook(body).at(0).natural_key();
  };
  const std::string group =
      messages_value(R"("groups":[{"group_id":"g","type":"group_delete","timestamp":"5"}])");
  EXPECT_EQ(key("group_lifecycle_update", group, 1), key("group_lifecycle_update", group, 2));
  EXPECT_NE(key("flows", R"({"event":"A"})", 1), key("flows", R"({"event":"A"})", 2));
}

TEST(NaturalKey, HistoryOfTwoNumbersDiffers) {
  const auto key = [](std::string_view number) {
    return parse_webhook(envelope("history", R"({"metadata":{"phone_number_id":")" + std::string(number) +
                                                 R"("},"history":[{"metadata":{"phase":0},"threads":[]}]})"))
        .at(0)
        .natural_key();
  };
  EXPECT_NE(key("1"), key("2"));
}

// The picture of a placeholder comes later under the same id and must not count as a repetition.
TEST(NaturalKey, PlaceholderIsNotItsPicture) {
  const auto key = [](std::string_view type) {
    return parse_webhook(envelope("history", messages_value(R"("messages":[{"from":"49","id":"w","type":")" +
                                                            std::string(type) + R"("}])")))
        .at(0)
        .natural_key();
  };
  EXPECT_NE(key("media_placeholder"), key("image"));
}

TEST(WebhookBody, SomethingBehindTheBodyIsNoticed) {
  const auto events = parse_webhook(R"({"entry":[]},{"entry":[]})");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<MalformedEvent>(events[0].body));
}

// Thousands of messages in one body take thousands of times one message, not its square: counted, not timed.
TEST(WebhookHistory, LargeBodiesKeepEveryMessage) {
  std::string threads;
  constexpr int kThreads = 50, kMessages = 100;
  for (int t = 0; t < kThreads; ++t) {
    std::string messages;
    for (int i = 0; i < kMessages; ++i) {
      messages += (i == 0 ? "" : ",") + std::string(R"({"from":")") +
                  (i % 2 == 0 ? "49170111" : "49" + std::to_string(t)) + R"(","id":"w)" +
                  std::to_string(t * 1000 + i) + R"(","timestamp":"1","type":"text","text":{"body":"x"}})";
    }
    threads += (t == 0 ? "" : ",") + std::string(R"({"id":"49)") + std::to_string(t) + R"(","messages":[)" +
               messages + "]}";
  }
  const std::string body =
      envelope("history", messages_value(R"("history":[{"threads":[)" + threads + "]}]"));
  const auto events = parse_webhook(body);
  ASSERT_EQ(events.size(), static_cast<std::size_t>(kThreads * kMessages));
  std::set<std::string> keys;
  int out = 0;
  for (const auto& event : events) {
    const auto& message = std::get<MessageEvent>(event.body);
    EXPECT_TRUE(message.from_history);
    EXPECT_EQ(message.person.addresses.size(), 1U);
    out += message.direction == channels::Direction::out ? 1 : 0;
    keys.insert(event.natural_key());
  }
  EXPECT_EQ(out, kThreads * kMessages / 2);
  EXPECT_EQ(keys.size(), events.size());
}

TEST(Signature, OnlyTheRightOne) {
  const std::string body = R"({"a":"b"})";
  const Sha256Digest digest = HmacSha256(Secret("topsecret"))(body);
  const std::string good = "sha256=" + to_hex(digest);
  const std::vector<Secret> secrets = {Secret("old"), Secret("topsecret")};
  EXPECT_TRUE(verify_signature(body, good, secrets));
  EXPECT_TRUE(verify_signature(body, good, std::vector<Secret>{Secret("topsecret"), Secret("new")}));
  EXPECT_FALSE(verify_signature(body + " ", good, secrets));
  EXPECT_FALSE(verify_signature(body, good, std::vector<Secret>{Secret("old")}));
  EXPECT_FALSE(verify_signature(body, good, {}));
  EXPECT_FALSE(verify_signature(body, "sha256=" + to_hex(HmacSha256(Secret("x"))(body)),
                                std::vector<Secret>{Secret("")}));
  std::string upper = good;
  for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
  for (const std::string& bad : {std::string(), std::string("sha256="), good.substr(7), good + "0",
                                 good.substr(0, good.size() - 1), " " + good, "sha1=" + good.substr(7),
                                 "SHA256=" + good.substr(7), upper, good.substr(0, good.size() - 1) + "g"}) {
    EXPECT_FALSE(verify_signature(body, bad, secrets)) << bad;
  }
}

TEST(Challenge, AnswersOnlyMeta) {
  const auto ask = [](std::string target) {
    HttpRequest request;
    request.target = std::move(target);
    return answer_challenge(request, Secret("t0ken"));
  };
  EXPECT_EQ(ask("/w?hub.mode=subscribe&hub.challenge=11%2022&hub.verify_token=t0ken").value(), "11 22");
  EXPECT_EQ(ask("/w?hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong").error().code,
            ErrorCode::permission_denied);
  EXPECT_EQ(ask("/w?hub.mode=subscribe&hub.challenge=1").error().code, ErrorCode::permission_denied);
  EXPECT_EQ(ask("/w?hub.mode=other&hub.challenge=1&hub.verify_token=t0ken").error().field, "hub.mode");
  EXPECT_EQ(ask("/w?hub.mode=subscribe&hub.verify_token=t0ken").error().field, "hub.challenge");
  HttpRequest request;
  request.target = "/w?hub.mode=subscribe&hub.challenge=1&hub.verify_token=";
  EXPECT_FALSE(answer_challenge(request, Secret(""))) << "an empty configured token lets nobody in";
}

}  // namespace
}  // namespace posthorn::whatsapp
