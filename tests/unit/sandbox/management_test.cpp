#include "sandbox_fixture.h"

namespace posthorn::sandbox {
namespace {

const std::string kWaba = "/v25.0/" + std::string(kDefaultWaba);

TEST_F(SandboxTest, numbers_show_throughput_quality_and_tier) {
  const Reply list =
      call("GET", kWaba +
                      "/phone_numbers?fields=id,display_phone_number,throughput{level},quality_rating,is_on_"
                      "biz_app,whatsapp_business_manager_messaging_limit");
  ASSERT_EQ(list.status, 200) << list.text;
  const auto& data = list.body.at("data").as_array();
  ASSERT_EQ(data.size(), 3U);
  EXPECT_EQ(data[0].at("throughput").at("level").as_string(), "STANDARD");
  EXPECT_EQ(data[1].at("throughput").at("level").as_string(), "HIGH");
  EXPECT_TRUE(data[2].at("is_on_biz_app").as_bool());
  EXPECT_EQ(data[0].at("whatsapp_business_manager_messaging_limit").as_string(), "TIER_100K");
  EXPECT_FALSE(data[0].as_object().contains("verified_name")) << "only what was asked for";
  EXPECT_TRUE(call("GET", "/" + std::string(kDefaultNumber)).body.as_object().contains("verified_name"));
  EXPECT_EQ(call("GET", "/" + std::string(kDefaultNumber) + "?fields=shoe_size").code(), 100);
  EXPECT_EQ(call("GET", kWaba + "?fields=name,health_status").body.at("name").as_string(),
            "Lindenhof Outdoor");
}

TEST_F(SandboxTest, templates_are_listed_page_by_page) {
  std::vector<std::string> names;
  std::string target = kWaba + "/message_templates?limit=7&fields=name,language,status";
  for (int page = 0; page < 20 && !target.empty(); ++page) {
    const Reply r = call("GET", target);
    ASSERT_EQ(r.status, 200) << r.text;
    for (const auto& t : r.body.at("data").as_array()) names.emplace_back(t.at("name").as_string());
    const auto* next = r.body.at("paging").as_object().if_contains("next");
    target =
        next == nullptr ? "" : std::string(next->as_string()).substr(std::string("http://meta.test").size());
  }
  EXPECT_EQ(names.size(), default_templates().size());
  EXPECT_EQ(call("GET", kWaba + "/message_templates?limit=7&after=zzz").code(), 131059);
}

struct Filter {
  std::string_view query;
  std::size_t found;
};
class Filters : public SandboxTest, public ::testing::WithParamInterface<Filter> {};
TEST_P(Filters, narrow_the_list) {
  const Reply r = call("GET", kWaba + "/message_templates?limit=100&" + std::string(GetParam().query));
  EXPECT_EQ(r.body.at("data").as_array().size(), GetParam().found) << r.text;
}
INSTANTIATE_TEST_SUITE_P(All, Filters,
                         ::testing::Values(Filter{"name=spring_sale", 2},
                                           Filter{"name=spring_sale&language=de", 1},
                                           Filter{"status=PAUSED", 1}, Filter{"status=REJECTED", 1},
                                           Filter{"category=AUTHENTICATION", 1}, Filter{"name=nothing", 0}));

TEST_F(SandboxTest, templates_can_be_created_sent_and_deleted) {
  open_business();
  const std::string body =
      R"({"name":"fresh_one","language":"en","category":"UTILITY","components":[{"type":"BODY","text":"Hello {{1}}, welcome.","example":{"body_text":[["A"]]}}]})";
  const Reply created = call("POST", kWaba + "/message_templates", body);
  ASSERT_EQ(created.status, 200) << created.text;
  EXPECT_EQ(created.body.at("status").as_string(), "PENDING");
  EXPECT_EQ(call("POST", kWaba + "/message_templates", body).code(), 100) << "exists already";
  const std::string id(created.body.at("id").as_string());
  EXPECT_EQ(call("GET", "/v25.0/" + id).body.at("status").as_string(), "APPROVED");
  const std::string message =
      R"({"messaging_product":"whatsapp","to":"+14155550123","type":"template","template":{"name":"fresh_one","language":{"code":"en"},"components":[{"type":"body","parameters":[{"type":"text","text":"x"}]}]}})";
  EXPECT_EQ(send(message).status, 200);
  EXPECT_EQ(call("DELETE", kWaba + "/message_templates?name=fresh_one").status, 200);
  EXPECT_EQ(send(message).code(), 132001);
  EXPECT_EQ(call("DELETE", kWaba + "/message_templates?name=fresh_one").code(), 100);
  ASSERT_TRUE(run_until_idle());
  EXPECT_THAT(webhooks.at(0).body, ::testing::HasSubstr(R"("event":"APPROVED")"));
}

struct BadTemplate {
  std::string_view json, details;
};
class BadTemplates : public SandboxTest, public ::testing::WithParamInterface<BadTemplate> {};
TEST_P(BadTemplates, are_refused) {
  const Reply r = call("POST", kWaba + "/message_templates", std::string(GetParam().json));
  EXPECT_EQ(r.code(), 100) << r.text;
  EXPECT_THAT(r.details(), ::testing::HasSubstr(std::string(GetParam().details)));
}
INSTANTIATE_TEST_SUITE_P(
    All, BadTemplates,
    ::testing::Values(
        BadTemplate{"nonsense", "JSON"},
        BadTemplate{R"({"name":"Has Space","language":"en","category":"UTILITY","components":[]})", "name"},
        BadTemplate{R"({"name":"a","language":"en","category":"FUN","components":[]})", "category"},
        BadTemplate{R"({"name":"a","category":"UTILITY","components":[]})", "language"},
        BadTemplate{R"({"name":"a","language":"en","category":"UTILITY","components":[]})", "BODY"},
        BadTemplate{
            R"({"name":"a","language":"en","category":"UTILITY","components":[{"type":"BODY","text":"{{1}} starts"}]})",
            "start or end"},
        BadTemplate{
            R"({"name":"a","language":"en","category":"UTILITY","components":[{"type":"HEADER","format":"SMELL"},{"type":"BODY","text":"x"}]})",
            "SMELL"},
        BadTemplate{
            R"({"name":"a","language":"en","category":"UTILITY","components":[{"type":"BODY","text":"x"},{"type":"BUTTONS","buttons":[{"type":"DOOR"}]}]})",
            "DOOR"},
        BadTemplate{
            R"({"name":"a","language":"en","category":"UTILITY","components":[{"type":"BODY","text":"x"},{"type":"CAROUSEL","cards":[]}]})",
            "2 to 10"}));

TEST_F(SandboxTest, templates_are_summed_up_on_request) {
  const Reply r = call(
      "GET",
      kWaba + "/message_templates?limit=1&status=PAUSED,REJECTED&summary=total_count,message_template_limit");
  ASSERT_EQ(r.status, 200) << r.text;
  EXPECT_EQ(r.body.at("data").as_array().size(), 1U);
  EXPECT_GT(r.body.at("summary").at("total_count").as_int64(), 10);
  EXPECT_EQ(r.body.at("summary").as_object().size(), 2U);
  EXPECT_THAT(std::string(r.body.at("paging").at("next").as_string()), ::testing::HasSubstr("summary="));
  EXPECT_EQ(call("GET", kWaba + "/message_templates?summary=smell").code(), 100);
}

TEST_F(SandboxTest, parameters_of_an_upload_may_stand_in_the_address) {
  const std::string form =
      "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\nContent-Type: "
      "application/pdf\r\n\r\n%PDF\r\n--xx--\r\n";
  const std::string path = "/v25.0/" + std::string(kDefaultNumber) + "/media", token(kDefaultToken);
  EXPECT_EQ(
      call("POST", path + "?messaging_product=whatsapp", form, token, "multipart/form-data; boundary=xx")
          .status,
      200);
  EXPECT_EQ(call("POST", path, form, token, "multipart/form-data; boundary=xx").code(), 100);
  EXPECT_EQ(
      call("POST", path + "?messaging_product=telegraph", form, token, "multipart/form-data; boundary=xx")
          .code(),
      100);
}

TEST_F(SandboxTest, media_live_behind_their_url_for_five_minutes) {
  const std::string form =
      "--xx\r\nContent-Disposition: form-data; "
      "name=\"messaging_product\"\r\n\r\nwhatsapp\r\n--xx\r\nContent-Disposition: form-data; name=\"file\"; "
      "filename=\"a.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n-\r\n--xx--\r\n";
  const Reply up = call("POST", "/v25.0/" + std::string(kDefaultNumber) + "/media", form,
                        std::string(kDefaultToken), "multipart/form-data; boundary=\"xx\"");
  ASSERT_EQ(up.status, 200) << up.text;
  const std::string id(up.body.at("id").as_string());
  const Reply info = call("GET", "/v25.0/" + id + "?phone_number_id=" + std::string(kDefaultNumber));
  EXPECT_EQ(info.body.at("mime_type").as_string(), "application/pdf");
  EXPECT_EQ(info.body.at("file_size").as_int64(), 7);
  EXPECT_EQ(call("GET", "/v25.0/" + id + "?phone_number_id=1").code(), 100);
  const std::string url =
      std::string(info.body.at("url").as_string()).substr(std::string("http://meta.test").size());
  EXPECT_EQ(call("GET", url).text, "%PDF\r\n-");
  EXPECT_EQ(call("GET", url, "", "").code(), 104);
  world.run_for(std::chrono::minutes(6));
  EXPECT_EQ(call("GET", url).status, 404);
  EXPECT_EQ(call("DELETE", "/v25.0/" + id).status, 200);
  EXPECT_EQ(call("GET", "/v25.0/" + id).code(), 100);
}

TEST_F(SandboxTest, bad_uploads_are_refused) {
  const std::string path = "/v25.0/" + std::string(kDefaultNumber) + "/media", token(kDefaultToken);
  EXPECT_EQ(call("POST", path, "{}").code(), 100);
  EXPECT_EQ(call("POST", path, "--x\r\nno end", token, "multipart/form-data; boundary=x").code(), 100);
  EXPECT_EQ(call("POST", path, "--x--\r\n", token, "multipart/form-data; boundary=x").code(), 100);
  const std::string exe =
      "--x\r\nContent-Disposition: form-data; "
      "name=\"messaging_product\"\r\n\r\nwhatsapp\r\n--x\r\nContent-Disposition: form-data; "
      "name=\"file\"\r\nContent-Type: application/x-msdownload\r\n\r\nMZ\r\n--x--\r\n";
  EXPECT_THAT(call("POST", path, exe, token, "multipart/form-data; boundary=x").details(),
              ::testing::HasSubstr("x-msdownload"));
  std::string big = exe;
  big.replace(big.find("application/x-msdownload"), 24, "image/jpeg");
  big.replace(big.find("MZ"), 2, std::string(5 * 1024 * 1024 + 1, 'x'));
  EXPECT_EQ(call("POST", path, big, token, "multipart/form-data; boundary=x").code(), 131053);
}

TEST_F(SandboxTest, subscriptions_and_tokens_can_be_inspected) {
  EXPECT_EQ(call("GET", kWaba + "/subscribed_apps").body.at("data").as_array().size(), 1U);
  EXPECT_EQ(call("DELETE", kWaba + "/subscribed_apps").status, 200);
  EXPECT_EQ(call("GET", kWaba + "/subscribed_apps").body.at("data").as_array().size(), 0U);
  EXPECT_EQ(call("POST", kWaba + "/subscribed_apps").status, 200);
  EXPECT_EQ(call("GET", kWaba + "/subscribed_apps").body.at("data").as_array().size(), 1U);
  const Reply token = call("GET", "/debug_token?input_token=" + std::string(kDefaultToken));
  EXPECT_TRUE(token.body.at("data").at("is_valid").as_bool());
  EXPECT_EQ(token.body.at("data").at("scopes").as_array().size(), 2U);
  EXPECT_FALSE(call("GET", "/debug_token?input_token=x").body.at("data").at("is_valid").as_bool());
  EXPECT_EQ(call("GET", "/v25.0/me/permissions").body.at("data").as_array().size(), 2U);
  EXPECT_EQ(call("GET", "/v25.0/12345").code(), 100);
  EXPECT_EQ(call("GET", kWaba + "/unknown_edge").code(), 100);
}

}  // namespace
}  // namespace posthorn::sandbox
