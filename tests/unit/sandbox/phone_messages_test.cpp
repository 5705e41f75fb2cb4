#include "conversation_fixture.h"
#include "platform/crypto.h"
#include "sandbox/json_text.h"

namespace posthorn::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string member_text(const js::value& message, const std::string& path) {
  js::error_code ec;
  const js::value* found = message.find_pointer(path, ec);
  if (found == nullptr) return "(missing)";
  return found->is_string() ? std::string(found->get_string()) : js::serialize(*found);
}

struct Form {
  std::string call, type, path, expected;
};

class EveryForm : public ConversationTest, public ::testing::WithParamInterface<Form> {};

TEST_P(EveryForm, becomes_what_meta_sends) {
  const js::value message = from_phone(GetParam().call);
  ASSERT_TRUE(message.is_object());
  EXPECT_EQ(member_text(message, "/type"), GetParam().type);
  EXPECT_EQ(member_text(message, GetParam().path), GetParam().expected);
  EXPECT_EQ(member_text(message, "/from"), std::to_string(kPhone));
  EXPECT_EQ(member_text(message, "/from_user_id"), user_id_of(kPhone));
  EXPECT_THAT(member_text(message, "/id"), StartsWith("wamid."));
}

INSTANTIATE_TEST_SUITE_P(
    Forms, EveryForm,
    ::testing::Values(
        Form{R"({"type":"text","text":"Hi"})", "text", "/text/body", "Hi"},
        Form{R"({"type":"text","text":{"body":"Hi"}})", "text", "/text/body", "Hi"},
        Form{R"({"type":"location","location":"Home"})", "location", "/location/name", "Home"},
        Form{R"({"type":"location"})", "location", "/location/latitude", "5.2520008E1"},
        Form{R"({"type":"contacts","contacts":"Anna Berg"})", "contacts", "/contacts/0/name/first_name",
             "Anna"},
        Form{R"({"type":"reaction","reaction":"X","to":"wamid.A"})", "reaction", "/reaction/emoji", "X"},
        Form{R"({"type":"reaction","reaction":"","to":"wamid.A"})", "reaction", "/reaction/emoji",
             "(missing)"},
        Form{R"({"type":"button","button":"Stop","to":"wamid.A"})", "button", "/button/payload", "Stop"},
        Form{R"({"type":"button","button":"Stop","to":"wamid.A"})", "button", "/context/id", "wamid.A"},
        Form{R"({"type":"button_reply","button_reply":"Yes","id":"wamid.C"})", "interactive",
             "/interactive/button_reply/title", "Yes"},
        Form{R"({"type":"list_reply","list_reply":{"id":"r1","title":"Row"}})", "interactive",
             "/interactive/list_reply/id", "r1"},
        Form{R"({"type":"nfm_reply","nfm_reply":{"day":"Monday"}})", "interactive",
             "/interactive/nfm_reply/response_json", R"({"day":"Monday"})"},
        Form{R"({"type":"address_message","address_message":{"in_pin_code":"400063"}})", "interactive",
             "/interactive/nfm_reply/response_json", R"({"values":{"in_pin_code":"400063"}})"},
        Form{R"({"type":"call_permission_reply","call_permission_reply":"reject"})", "interactive",
             "/interactive/call_permission_reply/response", "reject"},
        Form{R"({"type":"order","order":"Soon please"})", "order", "/order/text", "Soon please"},
        Form{R"({"type":"order"})", "order", "/order/product_items/0/quantity", "2"},
        Form{R"({"type":"edit","edit":"better","of":"wamid.A"})", "edit", "/edit/message/text/body",
             "better"},
        Form{R"({"type":"revoke","of":"wamid.A"})", "revoke", "/revoke/original_message_id", "wamid.A"},
        Form{R"({"type":"unsupported","unsupported":"poll"})", "unsupported", "/errors/0/code", "131051"},
        Form{R"({"type":"request_welcome"})", "request_welcome", "/request_welcome", "(missing)"},
        Form{R"({"type":"hologram","hologram":{"id":"9"}})", "hologram", "/hologram/id", "9"},
        Form{R"({"type":"text","text":"Hi","referral":true})", "text", "/referral/source_type", "ad"},
        Form{R"({"type":"text","text":"Hi","forwarded":true})", "text", "/context/forwarded", "true"},
        Form{R"({"type":"text","text":"Hi","forwarded":"often"})", "text", "/context/frequently_forwarded",
             "true"},
        Form{R"({"type":"text","text":"Hi","group":"Y2Fw"})", "text", "/group_id", "Y2Fw"},
        Form{R"({"type":"text","text":"Hi","reply_to":"wamid.A"})", "text", "/context/id", "wamid.A"},
        Form{R"({"type":"text","text":"Hi","product":"p1","reply_to":"wamid.A"})", "text",
             "/context/referred_product/product_retailer_id", "p1"},
        Form{R"({"type":"text","text":"Hi","timestamp":1700000000})", "text", "/timestamp", "1700000000"},
        Form{R"({"type":"text","text":"Hi","id":"wamid.CHOSEN"})", "text", "/id", "wamid.CHOSEN"}));

struct File {
  std::string type, wire, mime;
};
class EveryFile : public ConversationTest, public ::testing::WithParamInterface<File> {};

TEST_P(EveryFile, can_be_fetched_with_the_token) {
  const auto& [type, wire, mime] = GetParam();
  const js::value message = from_phone(R"({"type":")" + type + R"(","caption":"look","size":3000})");
  EXPECT_EQ(member_text(message, "/type"), wire);
  EXPECT_EQ(member_text(message, "/" + wire + "/mime_type"), mime);
  EXPECT_EQ(member_text(message, "/" + wire + "/caption"), "look");
  const Reply info = call("GET", "/v25.0/" + member_text(message, "/" + wire + "/id"));
  ASSERT_EQ(info.status, 200) << info.text;
  std::string url(info.body.at("url").as_string());
  ASSERT_THAT(url, StartsWith("http://meta.test/sandbox-media/"));
  url = url.substr(std::string("http://meta.test").size());
  const Reply file = call("GET", url);
  EXPECT_EQ(file.status, 200);
  EXPECT_EQ(file.text.size(), 3000U);
  EXPECT_EQ(file.headers.get("Content-Type"), mime);
  EXPECT_EQ(to_hex(sha256(file.text)), info.body.at("sha256").as_string());
  EXPECT_EQ(base64(*from_hex(to_hex(sha256(file.text)))), member_text(message, "/" + wire + "/sha256"));
  EXPECT_EQ(call("GET", url, {}, "").status, 401) << "not without the token";
  EXPECT_EQ(call("GET", url.substr(0, url.size() - 1)).status, 404) << "not with a changed signature";
  world.run_for(std::chrono::minutes(6));
  EXPECT_EQ(call("GET", url).status, 404) << "not after five minutes";
}

INSTANTIATE_TEST_SUITE_P(Files, EveryFile,
                         ::testing::Values(File{"image", "image", "image/jpeg"},
                                           File{"video", "video", "video/mp4"},
                                           File{"audio", "audio", "audio/aac"},
                                           File{"voice", "audio", "audio/ogg; codecs=opus"},
                                           File{"document", "document", "application/pdf"},
                                           File{"sticker", "sticker", "image/webp"}));

TEST_F(ConversationTest, a_file_of_ones_own_and_a_type_that_meta_gets_wrong) {
  const js::value message = from_phone(
      R"({"type":"document","base64":"aGVsbG8=","mime_type":"text/plain","said_mime_type":"application/pdf","filename":"a.txt"})");
  EXPECT_EQ(member_text(message, "/document/mime_type"), "application/pdf");
  EXPECT_EQ(member_text(message, "/document/filename"), "a.txt");
  const Reply info = call("GET", "/" + member_text(message, "/document/id"));
  EXPECT_EQ(info.body.at("file_size").as_int64(), 5);
  EXPECT_EQ(info.body.at("mime_type").as_string(), "text/plain");
}

TEST_F(ConversationTest, the_newest_messages_are_found_without_naming_them) {
  from_phone(R"({"type":"text","text":"first"})");
  const std::string first = member_text(last_value, "/messages/0/id");
  EXPECT_EQ(member_text(from_phone(R"({"type":"edit","edit":"second"})"), "/edit/original_message_id"),
            first);
  const std::string sent = send(order_update("+14155550123")).wamid();
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(member_text(from_phone(R"({"type":"reaction"})"), "/reaction/message_id"), sent);
  control("POST", "phones/14155559999/send", R"({"type":"reaction"})", 400);
  control("POST", "phones/14155559999/send", R"({"type":"revoke"})", 400);
}

TEST_F(ConversationTest, a_person_with_a_username_shows_no_number) {
  const js::value message =
      from_phone(R"({"type":"text","text":"Hi","hide_phone":true,"username":"anna.b","name":"Anna"})");
  EXPECT_FALSE(message.as_object().contains("from"));
  const js::value contact = last_value.at("contacts").at(0);
  EXPECT_FALSE(contact.as_object().contains("wa_id"));
  EXPECT_EQ(member_text(contact, "/profile/username"), "anna.b");
  EXPECT_EQ(member_text(contact, "/profile/name"), "Anna");
}

TEST_F(ConversationTest, a_rotated_user_id_is_announced_and_kept) {
  const js::value message = from_phone(R"({"type":"user_id_change"})");
  EXPECT_EQ(member_text(message, "/system/type"), "user_changed_user_id");
  EXPECT_EQ(member_text(message, "/system/previous_user_id"), user_id_of(kPhone));
  const std::string fresh = member_text(message, "/system/user_id");
  EXPECT_NE(fresh, user_id_of(kPhone));
  EXPECT_FALSE(last_value.as_object().contains("contacts"));
  EXPECT_EQ(member_text(from_phone(R"({"type":"text","text":"me again"})"), "/from_user_id"), fresh);
}

TEST_F(ConversationTest, a_changed_number_is_another_user_id_and_the_old_one_is_gone) {
  const js::value message = from_phone(R"({"type":"number_change","to":"4915112345678"})");
  EXPECT_EQ(member_text(message, "/from"), std::to_string(kPhone));
  EXPECT_EQ(member_text(message, "/system/wa_id"), "4915112345678");
  EXPECT_EQ(member_text(message, "/system/user_id"), user_id_of(4915112345678));
  EXPECT_EQ(sandbox->phones().kind(kPhone), PhoneKind::not_on_whatsapp);
}

std::string menu(std::string_view to) {
  return R"({"messaging_product":"whatsapp","to":")" + std::string(to) +
         R"(","type":"interactive","interactive":{"type":"button","body":{"text":"Please choose"},"action":{"buttons":[{"type":"reply","reply":{"id":"b1","title":"Yes"}},{"type":"reply","reply":{"id":"b2","title":"No"}}]}}})";
}

TEST_F(ConversationTest, buttons_can_be_tapped) {
  from_phone(R"({"type":"text","text":"Hi"})");
  ASSERT_EQ(send(menu("+14155550123")).status, 200);
  ASSERT_TRUE(run_until_idle());
  const js::value first = from_phone(R"({"type":"tap"})");
  EXPECT_EQ(member_text(first, "/interactive/button_reply/id"), "b1");
  EXPECT_NE(member_text(first, "/context/id"), "(missing)");
  EXPECT_EQ(member_text(from_phone(R"({"type":"tap","tap":2})"), "/interactive/button_reply/id"), "b2");
  EXPECT_EQ(member_text(from_phone(R"({"type":"tap","tap":"No"})"), "/interactive/button_reply/title"), "No");
  control("POST", "phones/14155550123/send", R"({"type":"tap","tap":3})", 400);
}

TEST_F(ConversationTest, a_phone_that_taps_the_first_thing_stops_after_its_taps) {
  from_phone(R"({"type":"text","text":"Hi"})");
  control("POST", "phones/14155550123/behaviour", R"({"taps":1,"reply_after_ms":10})");
  webhooks.clear();
  send(menu("+14155550123"));
  ASSERT_TRUE(run_until_idle());
  send(menu("+14155550123"));
  ASSERT_TRUE(run_until_idle());
  int taps = 0;
  for (const js::value& value : values("messages"))
    if (const js::value* list = member(value, "messages")) taps += static_cast<int>(list->as_array().size());
  EXPECT_EQ(taps, 1);
}

TEST_F(ConversationTest, a_scripted_conversation_goes_step_by_step) {
  control("POST", "scripts", R"({"phone":"14155550123","steps":[
      {"send":"Hello","after_ms":5},
      {"expect":"please CHOOSE","send":{"type":"tap","tap":"No"},"after_ms":20},
      {"expect":{"type":"text"},"send":"Thanks"}]})");
  ASSERT_TRUE(run_until_idle());
  send(menu("+14155550123"));
  ASSERT_TRUE(run_until_idle());
  js::value report = control("GET", "scripts").at("scripts").at(0);
  EXPECT_EQ(report.at("step").as_int64(), 2);
  EXPECT_FALSE(report.at("done").as_bool());
  send(menu("+14155550123"));
  ASSERT_TRUE(run_until_idle());
  send(R"({"messaging_product":"whatsapp","to":"+14155550123","type":"text","text":{"body":"Bye"}})");
  ASSERT_TRUE(run_until_idle());
  report = control("GET", "scripts").at("scripts").at(0);
  EXPECT_TRUE(report.at("done").as_bool());
  EXPECT_EQ(report.at("unexpected").as_array().size(), 1U);
  EXPECT_EQ(report.at("errors").as_array().size(), 0U) << js::serialize(report);
  std::vector<std::string> said;
  for (const js::value& value : values("messages"))
    if (const js::value* list = member(value, "messages")) said.push_back(member_text(list->at(0), "/type"));
  EXPECT_THAT(said, ElementsAre("text", "interactive", "text"));
}

TEST_F(ConversationTest, scripts_that_say_nothing_are_refused) {
  for (const std::string bad :
       {R"({"phone":"14155550123"})", R"({"phone":"14155550123","steps":[]})",
        R"({"phone":"14155550123","steps":[{}]})", R"({"phone":"14155550123","steps":[{"expect":5}]})",
        R"({"phone":"14155550123","steps":[{"send":5}]})", R"({"steps":[{"send":"x"}]})",
        R"({"phone":"x","steps":[{"send":"x"}]})"})
    control("POST", "scripts", bad, 400);
}

TEST_F(ConversationTest, wrong_forms_are_refused_by_name) {
  for (const std::string bad : {R"({"type":"text"})", R"({"type":"hologram"})", R"({"text":"x"})", "[]",
                                R"({"type":"image","base64":"???"})", R"({"type":"image","size":1e12})",
                                R"({"type":"number_change","to":"x"})"})
    control("POST", "phones/14155550123/send", bad, 400);
}

}  // namespace
}  // namespace posthorn::sandbox
