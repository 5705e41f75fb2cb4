#include "sandbox_fixture.h"

namespace posthorn::sandbox {
namespace {

std::string template_body(std::string_view name, std::string_view components,
                          std::string_view language = "en_US") {
  return R"({"messaging_product":"whatsapp","to":"+14155550123","type":"template","template":{"name":")" +
         std::string(name) + R"(","language":{"code":")" + std::string(language) + R"("},"components":)" +
         std::string(components) + "}}";
}

struct Case {
  std::string_view name, body;
  int code;  // 0: accepted
  std::string_view details = "";
};

class Envelope : public SandboxTest, public ::testing::WithParamInterface<Case> {};

TEST_P(Envelope, is_judged) {
  const Reply reply = send(std::string(GetParam().body));
  EXPECT_EQ(reply.code(), GetParam().code) << reply.text;
  if (GetParam().code != 0) {
    EXPECT_THAT(reply.details(), ::testing::HasSubstr(std::string(GetParam().details)));
    EXPECT_EQ(sandbox->ledger().size(), 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Bad, Envelope,
    ::testing::Values(
        Case{"empty", "", 100, "not a valid JSON"}, Case{"not_json", "{", 100, "not a valid JSON"},
        Case{"array", "[]", 100, "not a valid JSON"},
        Case{"no_product", R"({"to":"+14155550123"})", 100, "messaging_product"},
        Case{"no_to", R"({"messaging_product":"whatsapp","type":"text","text":{"body":"x"}})", 100,
             "to is required"},
        Case{"many_to",
             R"({"messaging_product":"whatsapp","to":["+14155550123"],"type":"text","text":{"body":"x"}})",
             100, "must be a string"},
        Case{
            "bad_number",
            R"({"messaging_product":"whatsapp","to":"abc","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}})",
            131009, "abc"},
        Case{"unknown_type", R"({"messaging_product":"whatsapp","to":"+14155550123","type":"fax"})", 100,
             "fax"},
        Case{"no_template", R"({"messaging_product":"whatsapp","to":"+14155550123","type":"template"})",
             131008, "template"},
        Case{
            "no_language",
            R"({"messaging_product":"whatsapp","to":"+14155550123","type":"template","template":{"name":"hello_world"}})",
            131008, "language"},
        Case{
            "itself",
            R"({"messaging_product":"whatsapp","to":"+15550783881","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}})",
            131021},
        Case{"outside_window",
             R"({"messaging_product":"whatsapp","to":"+14155550123","type":"text","text":{"body":"x"}})",
             131047},
        Case{"no_text", R"({"messaging_product":"whatsapp","to":"+14155550123","type":"text","text":{}})",
             131008, "body"},
        Case{
            "bad_emoji",
            R"({"messaging_product":"whatsapp","to":"+14155550123","type":"reaction","reaction":{"message_id":"x","emoji":"y"}})",
            131009},
        Case{
            "bad_buttons",
            R"({"messaging_product":"whatsapp","to":"+14155550123","type":"interactive","interactive":{"type":"button","body":{"text":"x"},"action":{"buttons":[]}}})",
            131009, "buttons"},
        Case{"bad_status", R"({"messaging_product":"whatsapp","status":"seen","message_id":"wamid.x"})", 100,
             "READ"},
        Case{"read", R"({"messaging_product":"whatsapp","status":"read","message_id":"wamid.x"})", 0}),
    [](const auto& info) { return std::string(info.param.name); });

struct TemplateCase {
  std::string_view name, message_template, components;
  int code;
  std::string_view details = "";
};

class Components : public SandboxTest, public ::testing::WithParamInterface<TemplateCase> {};

TEST_P(Components, are_judged) {
  std::string components(GetParam().components);
  const std::string upload =
      "--b\r\nContent-Disposition: form-data; "
      "name=\"messaging_product\"\r\n\r\nwhatsapp\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; "
      "filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--b--\r\n";
  const Reply media = call("POST", "/v25.0/" + std::string(kDefaultNumber) + "/media", upload,
                           std::string(kDefaultToken), "multipart/form-data; boundary=b");
  ASSERT_EQ(media.status, 200) << media.text;
  if (const auto at = components.find("MEDIA"); at != std::string::npos)
    components.replace(at, 5, media.body.at("id").as_string().c_str());
  const Reply reply = send(template_body(GetParam().message_template, components,
                                         GetParam().message_template == "payment_request" ? "en" : "en_US"));
  EXPECT_EQ(reply.code(), GetParam().code) << reply.text;
  if (GetParam().code != 0)
    EXPECT_THAT(reply.details(), ::testing::HasSubstr(std::string(GetParam().details)));
  else
    EXPECT_EQ(reply.status, 200);
}

#define BODY1 R"({"type":"body","parameters":[{"type":"text","text":"Anna"}]})"
INSTANTIATE_TEST_SUITE_P(
    All, Components,
    ::testing::Values(
        TemplateCase{"plain", "hello_world", "[]", 0},
        TemplateCase{"unknown_name", "no_such", "[]", 132001, "no_such"},
        TemplateCase{"paused", "paused_promo", "[" BODY1 "]", 132015, "paused"},
        TemplateCase{"rejected", "rejected_promo", "[" BODY1 "]", 132001, "REJECTED"},
        TemplateCase{
            "body_missing", "order_update", "[]", 132000,
            "body: number of localizable_params (0) does not match the expected number of params (1)"},
        TemplateCase{
            "body_too_many", "order_update",
            R"([{"type":"body","parameters":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])",
            132000, "(2)"},
        TemplateCase{"body_good", "order_update", "[" BODY1 "]", 0},
        TemplateCase{"newline", "order_update",
                     R"([{"type":"body","parameters":[{"type":"text","text":"a\nb"}]}])", 132018},
        TemplateCase{"five_spaces", "order_update",
                     R"([{"type":"body","parameters":[{"type":"text","text":"a     b"}]}])", 132018},
        TemplateCase{"four_spaces", "order_update",
                     R"([{"type":"body","parameters":[{"type":"text","text":"a    b"}]}])", 0},
        TemplateCase{"empty_text", "order_update",
                     R"([{"type":"body","parameters":[{"type":"text","text":""}]}])", 131008},
        TemplateCase{"no_text", "order_update", R"([{"type":"body","parameters":[{"type":"text"}]}])",
                     131008},
        TemplateCase{"wrong_type", "order_update",
                     R"([{"type":"body","parameters":[{"type":"image","image":{"link":"https://x"}}]}])",
                     132012},
        TemplateCase{
            "currency", "order_update",
            R"([{"type":"body","parameters":[{"type":"currency","currency":{"fallback_value":"$1","code":"USD","amount_1000":1000}}]}])",
            0},
        TemplateCase{
            "bad_currency", "order_update",
            R"([{"type":"body","parameters":[{"type":"currency","currency":{"fallback_value":"$1"}}]}])",
            132012},
        TemplateCase{
            "date_time", "order_update",
            R"([{"type":"body","parameters":[{"type":"date_time","date_time":{"fallback_value":"May 1"}}]}])",
            0},
        TemplateCase{
            "named_good", "order_confirmation",
            R"([{"type":"body","parameters":[{"type":"text","parameter_name":"order_number","text":"7"},{"type":"text","parameter_name":"first_name","text":"A"}]},{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"7"}]}])",
            0},
        TemplateCase{
            "named_without_name", "order_confirmation",
            R"([{"type":"body","parameters":[{"type":"text","text":"7"},{"type":"text","text":"A"}]}])", 100,
            "Parameter name"},
        TemplateCase{
            "named_wrong", "order_confirmation",
            R"([{"type":"body","parameters":[{"type":"text","parameter_name":"x","text":"7"},{"type":"text","parameter_name":"first_name","text":"A"}]}])",
            132012, "\"x\""},
        TemplateCase{
            "named_twice", "order_confirmation",
            R"([{"type":"body","parameters":[{"type":"text","parameter_name":"first_name","text":"7"},{"type":"text","parameter_name":"first_name","text":"A"}]}])",
            132012, "twice"},
        TemplateCase{
            "url_missing", "order_confirmation",
            R"([{"type":"body","parameters":[{"type":"text","parameter_name":"order_number","text":"7"},{"type":"text","parameter_name":"first_name","text":"A"}]}])",
            131008, "Button at index 0 of type Url requires a parameter"},
        TemplateCase{
            "image_missing", "new_arrivals",
            "[" BODY1
            R"(,{"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"7"}]}])",
            132012, "expected IMAGE, received UNKNOWN"},
        TemplateCase{"image_wrong", "new_arrivals",
                     R"([{"type":"header","parameters":[{"type":"video","video":{"link":"https://x/y"}}]}])",
                     132012, "expected IMAGE, received VIDEO"},
        TemplateCase{
            "image_id", "new_arrivals",
            R"([{"type":"header","parameters":[{"type":"image","image":{"id":"MEDIA"}}]},)" BODY1
            R"(,{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"7"}]}])",
            0},
        TemplateCase{"image_unknown_id", "new_arrivals",
                     R"([{"type":"header","parameters":[{"type":"image","image":{"id":"1"}}]}])", 100,
                     "media attachment ID"},
        TemplateCase{"image_bad_link", "new_arrivals",
                     R"([{"type":"header","parameters":[{"type":"image","image":{"link":"ftp://x"}}]}])", 100,
                     "URI"},
        TemplateCase{
            "video", "product_video",
            R"([{"type":"header","parameters":[{"type":"video","video":{"link":"https://x/v.mp4"}}]}])", 0},
        TemplateCase{
            "document", "invoice_ready",
            R"([{"type":"header","parameters":[{"type":"document","document":{"link":"https://x/i.pdf","filename":"i.pdf"}}]},{"type":"body","parameters":[{"type":"text","text":"1"},{"type":"text","text":"2"}]}])",
            0},
        TemplateCase{
            "location", "pickup_point",
            R"([{"type":"header","parameters":[{"type":"location","location":{"latitude":"1","longitude":"2","name":"n","address":"a"}}]},{"type":"body","parameters":[{"type":"text","text":"1"},{"type":"text","text":"2"}]}])",
            0},
        TemplateCase{"location_bad", "pickup_point",
                     R"([{"type":"header","parameters":[{"type":"location","location":{"name":"n"}}]}])",
                     131008, "latitude"},
        TemplateCase{
            "otp", "login_code",
            R"([{"type":"body","parameters":[{"type":"text","text":"123456"}]},{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"123456"}]}])",
            0},
        TemplateCase{"otp_without_button", "login_code",
                     R"([{"type":"body","parameters":[{"type":"text","text":"123456"}]}])", 131008, "Otp"},
        TemplateCase{
            "otp_long", "login_code",
            R"([{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"1234567890123456"}]}])",
            132005},
        TemplateCase{
            "coupon", "coupon_gift",
            R"([{"type":"body","parameters":[{"type":"text","text":"25OFF"},{"type":"text","text":"25%"}]},{"type":"button","sub_type":"copy_code","index":"1","parameters":[{"type":"coupon_code","coupon_code":"25OFF"}]}])",
            0},
        TemplateCase{
            "coupon_wrong_button", "coupon_gift",
            R"([{"type":"button","sub_type":"copy_code","index":"0","parameters":[{"type":"coupon_code","coupon_code":"25OFF"}]}])",
            132012, "QuickReply"},
        TemplateCase{
            "button_out_of_range", "coupon_gift",
            R"([{"type":"button","sub_type":"quick_reply","index":"9","parameters":[{"type":"payload","payload":"x"}]}])",
            132012, "index 9"},
        TemplateCase{
            "offer", "limited_offer",
            R"([{"type":"header","parameters":[{"type":"image","image":{"link":"https://x/o.png"}}]},{"type":"body","parameters":[{"type":"text","text":"A"},{"type":"text","text":"B"}]},{"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{"expiration_time_ms":4102444800000}}]},{"type":"button","sub_type":"copy_code","index":0,"parameters":[{"type":"coupon_code","coupon_code":"C"}]},{"type":"button","sub_type":"url","index":1,"parameters":[{"type":"text","text":"x"}]}])",
            0},
        TemplateCase{
            "offer_over", "limited_offer",
            R"([{"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{"expiration_time_ms":1}}]}])",
            131009, "future"},
        TemplateCase{
            "flow", "feedback_form",
            "[" BODY1
            R"(,{"type":"button","sub_type":"flow","index":"0","parameters":[{"type":"action","action":{"flow_token":"t"}}]}])",
            0},
        TemplateCase{
            "catalog", "view_catalog",
            R"([{"type":"body","parameters":[{"type":"text","text":"A"},{"type":"text","text":"B"}]},{"type":"button","sub_type":"CATALOG","index":0,"parameters":[{"type":"action","action":{"thumbnail_product_retailer_id":"2lc20305pt"}}]}])",
            0},
        TemplateCase{
            "mpm", "abandoned_cart",
            R"([{"type":"header","parameters":[{"type":"text","text":"P"}]},)" BODY1
            R"(,{"type":"button","sub_type":"mpm","index":"0","parameters":[{"type":"action","action":{"thumbnail_product_retailer_id":"x","sections":[{"title":"t","product_items":[{"product_retailer_id":"a"}]}]}}]}])",
            0},
        TemplateCase{
            "mpm_empty", "abandoned_cart",
            R"([{"type":"button","sub_type":"mpm","index":"0","parameters":[{"type":"action","action":{"thumbnail_product_retailer_id":"x","sections":[]}}]}])",
            131008},
        TemplateCase{
            "order_details", "payment_request",
            "[" BODY1
            R"(,{"type":"button","sub_type":"order_details","index":0,"parameters":[{"type":"action","action":{"order_details":{"reference_id":"r","type":"digital-goods","currency":"INR","total_amount":{"value":100,"offset":100},"order":{"status":"pending"}}}}]}])",
            0},
        TemplateCase{
            "carousel", "summer_carousel",
            "[" BODY1
            R"(,{"type":"carousel","cards":[{"card_index":0,"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"https://x/1"}}]},)" BODY1
            R"(,{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"m"}]},{"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"l"}]}]},{"card_index":1,"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"https://x/2"}}]},)" BODY1
            R"(,{"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"l"}]}]}]}])",
            0},
        TemplateCase{"carousel_one_card", "summer_carousel",
                     "[" BODY1 R"(,{"type":"carousel","cards":[{"card_index":0,"components":[]}]}])", 132012,
                     "number of cards (1)"},
        TemplateCase{"carousel_missing", "summer_carousel", "[" BODY1 "]", 132012, "cards are required"},
        TemplateCase{"stray_component", "hello_world", R"([{"type":"carousel","cards":[]}])", 132012,
                     "carousel"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(SandboxTest, text_over_the_limit_with_its_variables_is_132005) {
  const std::string value(1000, 'x');
  EXPECT_EQ(send(template_body("order_update", R"([{"type":"body","parameters":[{"type":"text","text":")" +
                                                   value + R"("}]}])"))
                .code(),
            132005);
  EXPECT_EQ(send(template_body("order_update", R"([{"type":"body","parameters":[{"type":"text","text":")" +
                                                   value.substr(100) + R"("}]}])"))
                .code(),
            0);
}

TEST_F(SandboxTest, answers_like_meta) {
  const Reply good = send(order_update("+1 (415) 555-0123"));
  EXPECT_EQ(good.body.at("contacts").at(0).at("input").as_string(), "+1 (415) 555-0123");
  EXPECT_EQ(good.body.at("contacts").at(0).at("wa_id").as_string(), "14155550123");
  EXPECT_EQ(good.body.at("messages").at(0).at("message_status").as_string(), "accepted");
  EXPECT_THAT(good.wamid(), ::testing::MatchesRegex("wamid\\.HBg[A-Za-z0-9+/]+=*"));
  const Reply bad = send(template_body("no_such", "[]"));
  EXPECT_EQ(bad.status, 404);
  EXPECT_EQ(bad.body.at("error").at("type").as_string(), "OAuthException");
  EXPECT_TRUE(bad.body.at("error").at("fbtrace_id").is_string());
  EXPECT_THAT(std::string(bad.body.at("error").at("message").as_string()),
              ::testing::StartsWith("(#132001) "));
}

TEST_F(SandboxTest, national_numbers_get_the_business_numbers_country_code) {
  EXPECT_EQ(send(order_update("0415 555 0199")).body.at("contacts").at(0).at("wa_id").as_string(),
            "14155550199");
  EXPECT_EQ(send(order_update("491701234567")).body.at("contacts").at(0).at("wa_id").as_string(),
            "491701234567");
}

TEST_F(SandboxTest, tokens_are_checked) {
  const std::string path = "/" + std::string(kDefaultNumber) + "/messages";
  EXPECT_EQ(call("POST", path, order_update("+14155550123"), "").code(), 104);
  const Reply wrong = call("POST", path, order_update("+14155550123"), "wrong");
  EXPECT_EQ(wrong.code(), 190);
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(call("POST", path, order_update("+14155550123")).status, 200) << "the version is optional";
  sandbox->expire_tokens_after(2);
  EXPECT_EQ(call("POST", path, order_update("+14155550124")).status, 200);
  EXPECT_EQ(call("POST", path, order_update("+14155550125")).status, 200);
  EXPECT_EQ(call("POST", path, order_update("+14155550126")).code(), 190);
  sandbox->restore_tokens();
  EXPECT_EQ(call("POST", path, order_update("+14155550127")).status, 200);
}

TEST_F(SandboxTest, an_unknown_number_is_error_100_subcode_33) {
  const Reply reply = call("POST", "/v25.0/999/messages", order_update("+14155550123"));
  EXPECT_EQ(reply.code(), 100);
  EXPECT_EQ(reply.body.at("error").at("error_subcode").as_int64(), 33);
}

TEST_F(SandboxTest, free_form_passes_inside_the_window_only) {
  const std::string text =
      R"({"messaging_product":"whatsapp","to":"+14155550123","type":"text","text":{"body":"Hello"}})";
  EXPECT_EQ(send(text).code(), 131047);
  ASSERT_TRUE(sandbox->send_from_phone(14155550123, R"({"type":"text","text":"Hi"})", kDefaultNumber));
  EXPECT_EQ(send(text).status, 200);
  world.run_for(std::chrono::hours(25));
  EXPECT_EQ(send(text).code(), 131047);
}

TEST_F(SandboxTest, marketing_endpoint_takes_marketing_only) {
  const std::string path = "/v25.0/" + std::string(kDefaultNumber) + "/marketing_messages";
  EXPECT_EQ(call("POST", path, order_update("+14155550123")).code(), 134100);
}

TEST_F(SandboxTest, user_ids_can_be_addressed_once_known) {
  ASSERT_EQ(send(order_update("+14155550123")).status, 200);
  const std::string body =
      R"({"messaging_product":"whatsapp","recipient":")" + user_id_of(14155550123) +
      R"(","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}})";
  const Reply reply = send(body);
  EXPECT_EQ(reply.status, 200) << reply.text;
  EXPECT_EQ(sandbox->ledger().messages_for(14155550123).size(), 2U);
  EXPECT_EQ(
      send(
          R"({"messaging_product":"whatsapp","recipient":"US.1","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}})")
          .code(),
      131009);
}

}  // namespace
}  // namespace posthorn::sandbox
