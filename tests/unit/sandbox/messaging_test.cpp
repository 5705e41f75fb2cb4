#include "conversation_fixture.h"
#include "platform/crypto.h"

namespace posthorn::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kUser = "6742312345678901";

std::string member_text(const js::value& message, const std::string& path) {
  js::error_code ec;
  const js::value* found = message.find_pointer(path, ec);
  if (found == nullptr) return "(missing)";
  return found->is_string() ? std::string(found->get_string()) : js::serialize(*found);
}

class MessagingTest : public ConversationTest {
 protected:
  Reply graph(const std::string& method, const std::string& path, std::string body = {},
              std::string_view token = kDefaultInstagramToken) {
    return call(method, "/v25.0/" + path, std::move(body), std::string(token));
  }
  static std::string to(std::string_view user, std::string_view message = R"({"text":"Hello"})",
                        std::string_view more = "") {
    return R"({"recipient":{"id":")" + std::string(user) + R"("},"message":)" + std::string(message) +
           std::string(more) + "}";
  }
  static int subcode(const Reply& reply) {
    const js::value* code = reply.body.at("error").as_object().if_contains("error_subcode");
    return code == nullptr ? 0 : static_cast<int>(code->as_int64());
  }
};

struct Form {
  std::string account, call, path, expected;
};
class EveryAct : public MessagingTest, public ::testing::WithParamInterface<Form> {};

TEST_P(EveryAct, becomes_what_meta_sends) {
  const Form& form = GetParam();
  from_user(form.account, R"({"type":"text","text":"Hi"})");
  const std::string account = member_text(items().at(0), "/recipient/id");
  ASSERT_EQ(graph("POST", "me/messages", to(kUser),
                  form.account == "instagram_login" ? kDefaultInstagramToken : kDefaultPageToken)
                .status,
            200);
  ASSERT_TRUE(run_until_idle());
  const js::value item = from_user(form.account, form.call);
  ASSERT_TRUE(item.is_object()) << form.call;
  EXPECT_EQ(member_text(item, form.path), form.expected) << js::serialize(item);
  const bool echo = member_text(item, "/message/is_echo") == "true";
  EXPECT_EQ(member_text(item, "/sender/id"), echo ? account : kUser);
  EXPECT_EQ(member_text(item, "/recipient/id"), echo ? std::string(kUser) : account);
  EXPECT_EQ(member_text(item, "/timestamp").size(), 13U);
  EXPECT_EQ(js::parse(webhooks.back().body).at("object").as_string(),
            form.account == "messenger" ? "page" : "instagram");
}

INSTANTIATE_TEST_SUITE_P(
    Forms, EveryAct,
    ::testing::Values(
        Form{"instagram_login", R"({"type":"text","text":"Hi"})", "/message/text", "Hi"},
        Form{"instagram", R"({"type":"text","text":"Hi","quick_reply":"YES"})",
             "/message/quick_reply/payload", "YES"},
        Form{"instagram", R"({"type":"text","text":"Hi","reply_to":"m1"})", "/message/reply_to/mid", "m1"},
        Form{"instagram", R"({"type":"text","text":"Hi","referral":true})", "/message/referral/source",
             "ADS"},
        Form{"messenger", R"({"type":"image"})", "/message/attachments/0/type", "image"},
        Form{"messenger", R"({"type":"sticker"})", "/message/attachments/0/payload/sticker_id",
             "369239263222822"},
        Form{"messenger", R"({"type":"location"})", "/message/attachments/0/type", "location"},
        Form{"messenger", R"({"type":"fallback"})", "/message/attachments/0/payload", "(missing)"},
        Form{"instagram", R"({"type":"like_heart"})", "/message/attachments/0/payload", "(missing)"},
        Form{"instagram", R"({"type":"share","share":"Boots"})", "/message/attachments/0/payload/title",
             "Boots"},
        Form{"instagram", R"({"type":"reel"})", "/message/attachments/0/type", "ig_reel"},
        Form{"instagram", R"({"type":"story_mention"})", "/message/attachments/0/type", "story_mention"},
        Form{"instagram", R"({"type":"story_reply"})", "/message/reply_to/story/id", "18000000000000003"},
        Form{"instagram", R"({"type":"unsupported"})", "/message/is_unsupported", "true"},
        Form{"messenger", R"({"type":"postback","postback":"MENU","title":"Menu"})", "/postback/payload",
             "MENU"},
        Form{"messenger", R"({"type":"postback","ref":"door"})", "/postback/referral/ref", "door"},
        Form{"instagram", R"({"type":"reaction","to":"m1"})", "/reaction/reaction", "love"},
        Form{"instagram", R"({"type":"reaction","reaction":"","to":"m1"})", "/reaction/action", "unreact"},
        Form{"instagram", R"({"type":"edit","edit":"better"})", "/message_edit/text", "better"},
        Form{"instagram", R"({"type":"unsend"})", "/message/is_deleted", "true"},
        Form{"instagram", R"({"type":"read","of":"m1"})", "/read/mid", "m1"},
        Form{"messenger", R"({"type":"read"})", "/read/mid", "(missing)"},
        Form{"messenger", R"({"type":"referral","referral":"door"})", "/referral/ref", "door"},
        Form{"messenger", R"({"type":"optin"})", "/optin/type", "notification_messages"},
        Form{"messenger", R"({"type":"handover","handover":"requested"})", "/request_thread_control/metadata",
             "sandbox"},
        Form{"messenger", R"({"type":"echo","echo":"by hand"})", "/message/text", "by hand"},
        Form{"instagram", R"({"type":"echo","echo":{"type":"image"}})", "/message/attachments/0/type",
             "image"},
        Form{"instagram", R"({"type":"raw","raw":{"novelty":{"a":1}}})", "/novelty/a", "1"}));

TEST_F(MessagingTest, each_flavour_signs_with_its_own_secret) {
  from_user("instagram_login", R"({"type":"text","text":"a"})");
  HmacSha256 own{Secret(std::string(kDefaultInstagramSecret))}, app{Secret(std::string(kDefaultAppSecret))};
  EXPECT_EQ(webhooks.at(0).signature, "sha256=" + to_hex(own(webhooks[0].body)));
  from_user("instagram", R"({"type":"text","text":"a"})");
  EXPECT_EQ(webhooks.at(0).signature, "sha256=" + to_hex(app(webhooks[0].body)));
  sandbox->set_app_secret(Secret("new"));
  HmacSha256 rotated{Secret("new")};
  from_user("messenger", R"({"type":"text","text":"a"})");
  EXPECT_EQ(webhooks.at(0).signature, "sha256=" + to_hex(rotated(webhooks[0].body)));
}

TEST_F(MessagingTest, a_send_has_its_echo_its_receipts_and_its_place_in_the_ledger) {
  from_user("messenger", R"({"type":"text","text":"Hi"})", "7000000000000001");
  webhooks.clear();
  const Reply sent = graph(
      "POST", std::string(kDefaultPage) + "/messages",
      to("7000000000000001", R"({"text":"Hello","metadata":"ph-7"})", R"(,"messaging_type":"RESPONSE")"),
      kDefaultPageToken);
  ASSERT_EQ(sent.status, 200) << sent.text;
  const std::string mid = member_text(sent.body, "/message_id");
  EXPECT_THAT(mid, StartsWith("m_"));
  EXPECT_EQ(member_text(sent.body, "/recipient_id"), "7000000000000001");
  ASSERT_TRUE(run_until_idle());
  std::vector<std::string> seen;
  for (const js::value& item : items()) {
    if (item.as_object().contains("delivery"))
      seen.push_back("delivery " + member_text(item, "/delivery/mids/0"));
    if (item.as_object().contains("read")) seen.push_back("read");
    if (item.as_object().contains("message")) {
      seen.push_back("echo " + member_text(item, "/message/mid"));
      EXPECT_EQ(member_text(item, "/message/metadata"), "ph-7");
      EXPECT_EQ(member_text(item, "/message/app_id"), kDefaultApp);
    }
  }
  EXPECT_THAT(seen, ::testing::UnorderedElementsAre("echo " + mid, "delivery " + mid, "read"));
  const js::value ledger = control("GET", "ledger/account/messenger?direction=out").at("messages");
  ASSERT_EQ(ledger.as_array().size(), 1U);
  EXPECT_EQ(member_text(ledger, "/0/metadata"), "ph-7");
  EXPECT_EQ(member_text(ledger, "/0/fate"), "read");
}

TEST_F(MessagingTest, instagram_echoes_name_neither_app_nor_metadata_and_nothing_is_delivered) {
  from_user("instagram_login", R"({"type":"text","text":"Hi"})");
  webhooks.clear();
  graph("POST", "me/messages", to(kUser, R"({"text":"Hello","metadata":"ph-7"})"));
  ASSERT_TRUE(run_until_idle());
  for (const js::value& item : items()) {
    EXPECT_FALSE(item.as_object().contains("delivery"));
    EXPECT_EQ(member_text(item, "/message/metadata"), "(missing)");
  }
  EXPECT_GE(items().size(), 2U);
}

TEST_F(MessagingTest, the_window_closes_after_a_day_and_for_people_after_seven) {
  from_user("instagram_login", R"({"type":"text","text":"Hi"})");
  EXPECT_EQ(graph("POST", "me/messages", to(kUser)).status, 200);
  world.run_for(std::chrono::hours(25));
  const Reply closed = graph("POST", "me/messages", to(kUser));
  EXPECT_EQ(closed.code(), 10);
  EXPECT_EQ(subcode(closed), 2534022);
  const std::string human = R"(,"messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT")";
  EXPECT_EQ(graph("POST", "me/messages", to(kUser, R"({"text":"I am here"})", human)).status, 200);
  control("POST", "accounts/instagram_login", R"({"human_agent":false})");
  EXPECT_EQ(graph("POST", "me/messages", to(kUser, R"({"text":"I am here"})", human)).code(), 10);
  control("POST", "accounts/instagram_login", R"({"human_agent":true})");
  world.run_for(std::chrono::hours(24 * 7));
  EXPECT_EQ(graph("POST", "me/messages", to(kUser, R"({"text":"late"})", human)).code(), 10);
  from_user("messenger", R"({"type":"text","text":"Hi"})", "7000000000000001");
  world.run_for(std::chrono::hours(25));
  EXPECT_EQ(subcode(graph("POST", "me/messages", to("7000000000000001"), kDefaultPageToken)), 2018278);
}

struct Refusal {
  std::string body;
  int code, subcode;
};
class EveryRefusal : public MessagingTest, public ::testing::WithParamInterface<Refusal> {};

TEST_P(EveryRefusal, has_metas_code) {
  from_user("instagram_login", R"({"type":"text","text":"Hi"})");
  const Reply reply = graph("POST", std::string(kDefaultInstagram) + "/messages", GetParam().body);
  EXPECT_EQ(reply.status, 400) << reply.text;
  EXPECT_EQ(reply.code(), GetParam().code) << reply.text;
  EXPECT_EQ(subcode(reply), GetParam().subcode) << reply.text;
}

std::string to_user(std::string_view message, std::string_view more = "") {
  return R"({"recipient":{"id":"6742312345678901"},"message":)" + std::string(message) + std::string(more) +
         "}";
}

INSTANTIATE_TEST_SUITE_P(
    Refusals, EveryRefusal,
    ::testing::Values(
        Refusal{"{}", 100, 0}, Refusal{"{", 100, 0},
        Refusal{R"({"recipient":{"id":5},"message":{"text":"x"}})", 100, 0},
        Refusal{R"({"recipient":{"id":"1"},"message":{"text":"x"}})", 100, 2534014},
        Refusal{to_user("{}"), 100, 0}, Refusal{to_user(R"({"text":""})"), 100, 0},
        Refusal{to_user(R"({"text":")" + std::string(1001, 'x') + "\"}"), 100, 0},
        Refusal{to_user(R"({"text":"x","attachment":{"type":"image"}})"), 100, 0},
        Refusal{to_user(R"({"attachment":{"type":"hologram","payload":{}}})"), 100, 2018047},
        Refusal{to_user(R"({"attachment":{"type":"image","payload":{}}})"), 100, 2018008},
        Refusal{to_user(R"({"attachment":{"type":"image","payload":{"attachment_id":"1"}}})"), 100, 2018074},
        Refusal{
            to_user(R"({"attachment":{"type":"template","payload":{"template_type":"button","text":"x"}}})"),
            100, 0},
        Refusal{
            to_user(
                R"({"attachment":{"type":"template","payload":{"template_type":"generic","elements":[]}}})"),
            100, 0},
        Refusal{to_user(R"({"text":"x","quick_replies":[{"content_type":"text"}]})"), 100, 0},
        Refusal{to_user(R"({"text":"x","reply_to":{"mid":"none"}})"), 100, 0},
        Refusal{to_user(R"({"text":"x"})", R"(,"messaging_type":"SHOUT")"), 100, 0},
        Refusal{to_user(R"({"text":"x"})", R"(,"messaging_type":"MESSAGE_TAG","tag":"ACCOUNT_UPDATE")"), 100,
                0},
        Refusal{R"({"recipient":{"id":"6742312345678901"},"sender_action":"dance"})", 100, 0},
        Refusal{R"({"recipient":{"comment_id":"17"},"message":{"text":"x"}})", 100, 2534025}));

TEST_F(MessagingTest, a_comment_is_no_consent_and_has_one_answer) {
  control("POST", "users/" + std::string(kUser) + "/send?account=instagram",
          R"({"type":"comment","comment":"How much?"})");
  ASSERT_TRUE(run_until_idle());
  const js::value change = js::parse(webhooks.back().body).at("entry").at(0).at("changes").at(0);
  EXPECT_EQ(member_text(change, "/field"), "comments");
  const std::string id = member_text(change, "/value/comment_id");
  EXPECT_EQ(subcode(graph("GET", std::string(kUser), {}, kDefaultPageToken)), 2018218);
  EXPECT_EQ(subcode(graph("POST", "me/messages", to(kUser), kDefaultPageToken)), 2534022);
  const std::string answer = R"({"recipient":{"comment_id":")" + id + R"("},"message":{"text":"10"}})";
  EXPECT_EQ(graph("POST", "me/messages", answer, kDefaultPageToken).status, 200);
  EXPECT_EQ(subcode(graph("POST", "me/messages", answer, kDefaultPageToken)), 2534025);
}

TEST_F(MessagingTest, comments_of_the_instagram_login_stand_in_the_entry) {
  control("POST", "users/" + std::string(kUser) + "/send?account=instagram_login", R"({"type":"comment"})");
  ASSERT_TRUE(run_until_idle());
  const js::value entry = js::parse(webhooks.back().body).at("entry").at(0);
  EXPECT_EQ(member_text(entry, "/field"), "comments");
  EXPECT_EQ(member_text(entry, "/value/from/id"), kUser);
}

TEST_F(MessagingTest, profiles_and_their_pictures) {
  control("POST", "users/" + std::string(kUser) + "/send?account=instagram_login",
          R"({"type":"text","text":"Hi","name":"Anna Berg","username":"anna.b"})");
  const Reply profile = graph("GET", std::string(kUser) + "?fields=name,username,profile_pic");
  EXPECT_EQ(member_text(profile.body, "/name"), "Anna Berg");
  EXPECT_EQ(member_text(profile.body, "/username"), "anna.b");
  EXPECT_EQ(member_text(profile.body, "/follower_count"), "(missing)");
  const std::string url = member_text(profile.body, "/profile_pic");
  ASSERT_THAT(url, StartsWith("http://meta.test/sandbox-cdn/"));
  const Reply picture = call("GET", url.substr(std::string("http://meta.test").size()), {}, "");
  EXPECT_EQ(picture.status, 200);
  EXPECT_EQ(picture.headers.get("Content-Type"), "image/jpeg");
  world.run_for(std::chrono::hours(49));
  EXPECT_EQ(call("GET", url.substr(std::string("http://meta.test").size()), {}, "").status, 404);
}

TEST_F(MessagingTest, who_the_token_is) {
  EXPECT_EQ(member_text(graph("GET", "me?fields=user_id,username").body, "/user_id"), kDefaultInstagram);
  EXPECT_NE(member_text(graph("GET", "me").body, "/id"), kDefaultInstagram);
  const Reply page = graph("GET", "me?fields=id,instagram_business_account", {}, kDefaultPageToken);
  EXPECT_EQ(member_text(page.body, "/id"), kDefaultPage);
  EXPECT_EQ(member_text(page.body, "/instagram_business_account/id"), kDefaultLinkedInstagram);
  EXPECT_EQ(graph("GET", std::string(kDefaultInstagram), {}, "wrong").code(), 190);
  control("POST", "accounts/instagram_login", R"({"token_expired":true})");
  EXPECT_EQ(subcode(graph("GET", "me")), 463);
  control("POST", "accounts/instagram", R"({"access_allowed":false})");
  EXPECT_EQ(subcode(graph("GET", std::string(kDefaultLinkedInstagram), {}, kDefaultPageToken)), 2534041);
}

TEST_F(MessagingTest, tokens_are_refreshed_once_a_day) {
  const std::string path = "/refresh_access_token?grant_type=ig_refresh_token&access_token=";
  const Reply fresh = call("GET", path + std::string(kDefaultInstagramToken), {}, "");
  ASSERT_EQ(fresh.status, 200) << fresh.text;
  EXPECT_EQ(member_text(fresh.body, "/expires_in"), "5184000");
  const std::string token = member_text(fresh.body, "/access_token");
  EXPECT_EQ(graph("GET", "me", {}, token).status, 200);
  EXPECT_EQ(call("GET", path + token, {}, "").code(), 100) << "too young";
  EXPECT_EQ(call("GET", path + std::string(kDefaultPageToken), {}, "").code(), 190);
}

TEST_F(MessagingTest, subscriptions_decide_what_a_page_is_told) {
  EXPECT_EQ(graph("POST", "me/subscribed_apps?subscribed_fields=messages", "{}", kDefaultPageToken).status,
            200);
  const Reply list = graph("GET", "me/subscribed_apps", {}, kDefaultPageToken);
  EXPECT_EQ(member_text(list.body, "/data/0/subscribed_fields"), R"(["messages"])");
  EXPECT_TRUE(from_user("messenger", R"({"type":"postback"})").is_null());
  EXPECT_TRUE(from_user("messenger", R"({"type":"text","text":"x"})").is_object());
  EXPECT_EQ(graph("DELETE", "me/subscribed_apps", {}, kDefaultPageToken).status, 200);
  EXPECT_TRUE(from_user("messenger", R"({"type":"text","text":"x"})").is_null());
  EXPECT_EQ(graph("POST", "me/subscribed_apps", "{}", kDefaultPageToken).code(), 100);
}

TEST_F(MessagingTest, conversations_can_be_read_back) {
  for (int i = 0; i < 25; ++i)
    from_user("instagram_login", R"({"type":"text","text":"n)" + std::to_string(i) + "\"}");
  from_user("instagram_login", R"({"type":"text","text":"other"})", "6742312345678902");
  const Reply list =
      graph("GET", std::string(kDefaultInstagram) + "/conversations?platform=instagram&limit=1");
  ASSERT_EQ(list.status, 200) << list.text;
  EXPECT_EQ(member_text(list.body, "/data/0/participants/data/1/id"), "6742312345678902") << "newest first";
  const std::string after = member_text(list.body, "/paging/cursors/after");
  const Reply second = graph("GET", "me/conversations?platform=instagram&limit=1&after=" + after);
  EXPECT_EQ(member_text(second.body, "/data/0/participants/data/1/id"), kUser);
  EXPECT_EQ(member_text(second.body, "/paging/next"), "(missing)");
  EXPECT_EQ(graph("GET", "me/conversations?platform=instagram").code(), 613) << "two calls a second";
  const Reply heads = graph("GET", member_text(second.body, "/data/0/id") + "?fields=messages");
  ASSERT_EQ(heads.body.at("messages").at("data").as_array().size(), 25U);
  const Reply newest = graph("GET", member_text(heads.body, "/messages/data/0/id"));
  EXPECT_EQ(member_text(newest.body, "/message"), "n24");
  EXPECT_EQ(member_text(newest.body, "/from/id"), kUser);
  EXPECT_THAT(member_text(newest.body, "/created_time"), HasSubstr("+0000"));
  EXPECT_EQ(subcode(graph("GET", member_text(heads.body, "/messages/data/24/id"))), 33)
      << "details of 20 only";
}

TEST_F(MessagingTest, another_app_may_own_the_thread) {
  from_user("messenger", R"({"type":"text","text":"Hi"})");
  from_user("messenger", R"({"type":"handover","handover":"lost"})");
  EXPECT_EQ(subcode(graph("POST", "me/messages", to(kUser), kDefaultPageToken)), 2018300);
  EXPECT_TRUE(from_user("messenger", R"({"type":"text","text":"anybody?"})").is_null());
  EXPECT_EQ(member_text(items("standby").at(0), "/message/text"), "anybody?");
  from_user("messenger", R"({"type":"handover","handover":"gained"})");
  EXPECT_EQ(graph("POST", "me/messages", to(kUser), kDefaultPageToken).status, 200);
}

TEST_F(MessagingTest, sends_are_paced) {
  from_user("instagram_login", R"({"type":"text","text":"Hi"})");
  int refused = 0;
  for (int i = 0; i < 110; ++i) refused += graph("POST", "me/messages", to(kUser)).code() == 613;
  EXPECT_EQ(refused, 10);
}

TEST_F(MessagingTest, people_answer_and_tap_and_refuse) {
  from_user("messenger", R"({"type":"text","text":"Hi"})");
  control("POST", "users/" + std::string(kUser) + "/behaviour?account=messenger",
          R"({"taps":1,"reply_after_ms":5})");
  webhooks.clear();
  const std::string choice =
      R"({"text":"Which?","quick_replies":[{"content_type":"text","title":"Red","payload":"R"}]})";
  graph("POST", "me/messages", to(kUser, choice), kDefaultPageToken);
  graph("POST", "me/messages", to(kUser, choice), kDefaultPageToken);
  ASSERT_TRUE(run_until_idle());
  int taps = 0;
  for (const js::value& item : items()) taps += member_text(item, "/message/quick_reply/payload") == "R";
  EXPECT_EQ(taps, 1);
  control("POST", "users/" + std::string(kUser) + "/behaviour?account=messenger",
          R"({"error":551,"subcode":1545041})");
  const Reply refused = graph("POST", "me/messages", to(kUser), kDefaultPageToken);
  EXPECT_EQ(refused.code(), 551);
  EXPECT_EQ(subcode(refused), 1545041);
}

TEST_F(MessagingTest, scripts_work_for_users_as_well) {
  control("POST", "scripts", R"({"user":"6742312345678901","account":"instagram","steps":[
      {"send":"Hello"},{"expect":"size","send":{"type":"text","text":"XL"}}]})");
  ASSERT_TRUE(run_until_idle());
  graph("POST", "me/messages", to(kUser, R"({"text":"Which Size?"})"), kDefaultPageToken);
  ASSERT_TRUE(run_until_idle());
  EXPECT_TRUE(control("GET", "scripts").at("scripts").at(0).at("done").as_bool());
  EXPECT_EQ(member_text(control("GET", "ledger/account/instagram?direction=in"), "/messages/1/message/text"),
            "XL");
}

TEST_F(MessagingTest, faults_reach_these_channels_with_their_subcode) {
  from_user("instagram_login", R"({"type":"text","text":"Hi"})");
  control("POST", "chaos", R"({"faults":[{"kind":"error","code":1,"subcode":1357046,"remaining":1}]})");
  const Reply failed = graph("POST", "me/messages", to(kUser));
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(subcode(failed), 1357046);
  control("POST", "chaos", R"({"faults":[{"kind":"lost_reply","remaining":1}]})");
  EXPECT_TRUE(graph("POST", "me/messages", to(kUser)).reset);
  EXPECT_EQ(control("GET", "ledger/account/instagram_login?direction=out").at("messages").as_array().size(),
            1U);
}

TEST_F(MessagingTest, a_reset_forgets_the_people_and_keeps_the_accounts) {
  from_user("messenger", R"({"type":"text","text":"Hi"})");
  control("POST", "reset");
  EXPECT_EQ(control("GET", "ledger/account/messenger").at("messages").as_array().size(), 0U);
  EXPECT_EQ(control("GET", "accounts").at("accounts").as_array().size(), 3U);
  EXPECT_TRUE(from_user("messenger", R"({"type":"text","text":"Hi"})").is_object());
}

TEST_F(MessagingTest, wrong_acts_are_refused_by_name) {
  for (const std::string bad :
       {R"({"type":"dance"})", R"({"type":"text"})", R"({"type":"tap"})", R"({"type":"raw"})",
        R"({"type":"echo"})", R"({"type":"handover","handover":"x"})", "[]"})
    control("POST", "users/1/send?account=instagram", bad, 400);
  control("POST", "users/1/send?account=nobody", R"({"type":"text","text":"x"})", 404);
}

}  // namespace
}  // namespace posthorn::sandbox
