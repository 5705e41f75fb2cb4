// The Graph client against a scripted server in a simulated world.
#include "channels/whatsapp/graph_client.h"

#include <gmock/gmock.h>

#include "channels/whatsapp/graph_answers.h"
#include "platform/crypto.h"
#include "platform/http_server.h"
#include "platform/simulated/process.h"
#include "platform/simulated/world.h"

namespace posthorn::whatsapp {
namespace {

using namespace std::chrono_literals;
using simulated::Process;
using simulated::World;
using testing::ElementsAre;
using testing::HasSubstr;

// Answers requests in the order of the script and remembers them.
struct Script {
  std::vector<HttpResponse> answers;
  std::vector<HttpRequest> requests;

  void add(int status, std::string body) {
    HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    answers.push_back(std::move(response));
  }
};

Task<> answer(Script& script, HttpExchange& exchange) {
  HttpRequest request = exchange.request();
  Result<std::string> body = co_await exchange.read_body(1 << 20);
  request.body = body.value_or("");
  script.requests.push_back(std::move(request));
  HttpResponse response;
  response.status = 599;
  const std::size_t number = script.requests.size() - 1;
  if (number < script.answers.size()) response = script.answers[number];
  const Result<> answered = co_await exchange.respond(std::move(response));
  EXPECT_TRUE(answered);
}

class GraphClientTest : public testing::Test {
 protected:
  GraphClientTest() {
    Script& script = script_;
    auto listener = *server_process_.network().listen("0.0.0.0", 80);
    server_ =
        std::make_unique<HttpServer>(std::move(listener), server_process_.clock(), server_process_.executor(),
                                     [&script](HttpExchange& exchange) { return answer(script, exchange); });
    server_->start();
    client_ = make({}).value();
  }

  Result<std::unique_ptr<GraphClient>> make(Secret app_secret, std::string base = "http://graph/base/",
                                            std::string token = "TOKEN") {
    GraphConfig config;
    config.base_url = std::move(base);
    return GraphClient::create(*http_, client_process_.clock(), std::move(config), Secret(std::move(token)),
                               std::move(app_secret));
  }

  template <class T>
  static Task<> store(Task<T> task, std::optional<T>& out) {
    out = co_await std::move(task);
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> out;
    client_process_.spawn(store(std::move(task), out));
    EXPECT_TRUE(world_.run_until([&] { return out.has_value(); }, 600s));
    return *std::move(out);
  }

  World world_{3};
  Script script_;
  Process server_process_{world_, "graph"};
  Process client_process_{world_, "client"};
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpClient> http_ = std::make_unique<HttpClient>(
      client_process_.network(), client_process_.clock(), client_process_.executor());
  std::unique_ptr<GraphClient> client_;
};

TEST_F(GraphClientTest, SendsOneMessage) {
  script_.add(200, R"({"messages":[{"id":"wamid.A"}]})");
  client_process_.jump_wall_clock(-30s);
  int last_byte = 0;
  const auto reply = run(client_->send_message("555", R"({"a":1})", [&] { ++last_byte; }));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(last_byte, 1);
  ASSERT_EQ(script_.requests.size(), 1U);
  const HttpRequest& request = script_.requests[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/base/v25.0/555/messages");
  EXPECT_EQ(request.headers.get("Authorization"), "Bearer TOKEN");
  EXPECT_EQ(request.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(request.body, R"({"a":1})");
  ASSERT_TRUE(client_->clock_skew());
  EXPECT_NEAR(static_cast<double>(client_->clock_skew()->count()), 30e6, 2e6);
}

TEST_F(GraphClientTest, ListsTemplatesPageByPageAndTakesOnlyTheCursor) {
  script_.add(
      200,
      R"({"data":[{"id":"1","name":"a","language":"en","status":"APPROVED","components":[{"type":"BODY","text":"x"}]},{"name":"bad"}],
      "paging":{"cursors":{"after":"C 1"},"next":"https://evil.example/v25.0/x?access_token=TOKEN"}})");
  script_.add(
      200,
      R"({"data":[{"id":"2","name":"b","language":"en","status":"PAUSED","components":[]}],"paging":{"cursors":{"after":"C2"}}})");
  std::vector<std::string> unreadable;
  const auto templates = run(client_->list_templates("77", &unreadable));
  ASSERT_TRUE(templates) << templates.error().message;
  ASSERT_EQ(templates->size(), 2U);
  EXPECT_EQ((*templates)[1].facts.status, "PAUSED");
  EXPECT_EQ(unreadable.size(), 1U);
  ASSERT_EQ(script_.requests.size(), 2U);
  EXPECT_THAT(script_.requests[0].target,
              testing::StartsWith("/base/v25.0/77/message_templates?fields=id,name"));
  EXPECT_THAT(script_.requests[1].target, HasSubstr("&after=C%201"));
  EXPECT_EQ(script_.requests[1].headers.get("Host"), "graph");
}

TEST_F(GraphClientTest, EndlessListsEnd) {
  for (int i = 0; i < 300; ++i) {
    script_.add(200,
                R"({"data":[],"paging":{"cursors":{"after":")" + std::to_string(i) + R"("},"next":"n"}})");
  }
  EXPECT_EQ(run(client_->phone_numbers("77")).error().code, ErrorCode::internal);
}

TEST_F(GraphClientTest, PhoneNumbersAndBusiness) {
  script_.add(
      200,
      R"({"id":"555","display_phone_number":"+49","verified_name":"Shop","quality_rating":"GREEN","status":"CONNECTED",
      "throughput":{"level":"HIGH"},"messaging_limit_tier":"TIER_10K","whatsapp_business_manager_messaging_limit":"TIER_100K"})");
  script_.add(
      200,
      R"({"id":"77","name":"W","currency":"EUR","health_status":{"can_send_message":"LIMITED","entities":[
      {"entity_type":"BUSINESS","can_send_message":"LIMITED","errors":[{"error_code":141010,"error_description":"Not verified","possible_solution":"Verify"}]}]}})");
  const auto number = run(client_->phone_number("555"));
  ASSERT_TRUE(number);
  EXPECT_EQ(number->throughput(), 1000);
  EXPECT_EQ(number->messaging_tier, "TIER_100K");
  EXPECT_EQ(number->status, "CONNECTED");
  const auto business = run(client_->business("77"));
  ASSERT_TRUE(business);
  EXPECT_EQ(business->can_send, "LIMITED");
  EXPECT_THAT(business->problems, ElementsAre("BUSINESS: (141010) Not verified Verify"));
}

TEST_F(GraphClientTest, Subscriptions) {
  script_.add(
      200,
      R"({"data":[{"whatsapp_business_api_data":{"id":"9","name":"App"},"override_callback_uri":"https://x"}]})");
  script_.add(200, R"({"success":true})");
  script_.add(200, R"({"success":false})");
  const auto apps = run(client_->subscribed_apps("77"));
  ASSERT_TRUE(apps);
  ASSERT_EQ(apps->size(), 1U);
  EXPECT_EQ((*apps)[0].name, "App");
  EXPECT_TRUE(run(client_->subscribe_app("77")));
  EXPECT_FALSE(run(client_->subscribe_app("77")));
}

TEST_F(GraphClientTest, MediaGoUpComeDownAndAreDeleted) {
  script_.add(200, R"({"id":"M1"})");
  script_.add(
      200, R"({"id":"M1","url":"http://graph/bytes/1","mime_type":"image/png","sha256":"x","file_size":3})");
  script_.add(200, "abc");
  script_.add(200, R"({"success":true})");
  EXPECT_EQ(run(client_->upload_media("555", "a\"b.png", "image/png", std::string("PN\r\nG\0", 6))).value(),
            "M1");
  const HttpRequest& upload = script_.requests[0];
  EXPECT_THAT(std::string(upload.headers.get("Content-Type")),
              testing::StartsWith("multipart/form-data; boundary=posthorn-"));
  EXPECT_THAT(upload.body, HasSubstr("name=\"messaging_product\"\r\n\r\nwhatsapp\r\n"));
  EXPECT_THAT(
      upload.body,
      HasSubstr(std::string("filename=\"a_b.png\"\r\nContent-Type: image/png\r\n\r\nPN\r\nG\0\r\n--", 55)));
  const MediaInfo info = run(client_->media("M1")).value();
  EXPECT_EQ(run(client_->download_media(info, 3)).value(), "abc");
  EXPECT_TRUE(run(client_->delete_media("M1")));
  EXPECT_EQ(script_.requests.back().method, "DELETE");
}

TEST_F(GraphClientTest, TheTokenGoesToNoOtherHost) {
  for (const char* url : {"http://evil/bytes", "https://graph/bytes", "http://graph:81/bytes",
                          "http://lookaside.fbsbx.com/x", "https://lookaside.fbsbx.com.evil/x", "nonsense"}) {
    MediaInfo info;
    info.url = url;
    EXPECT_FALSE(run(client_->download_media(info, 10))) << url;
  }
  EXPECT_TRUE(script_.requests.empty());
}

TEST_F(GraphClientTest, IdsCannotChangeThePath) {
  for (const char* id : {"", "../x", "1/2", "1?x", "1 2", "1\r\nX: y"}) {
    EXPECT_FALSE(run(client_->send_message(id, "{}"))) << id;
    EXPECT_EQ(run(client_->phone_number(id)).error().code, ErrorCode::invalid_argument) << id;
    EXPECT_EQ(run(client_->media(id)).error().code, ErrorCode::invalid_argument) << id;
  }
  EXPECT_TRUE(script_.requests.empty());
}

TEST_F(GraphClientTest, ProofIsAddedWhenTheAppSecretIsKnown) {
  client_ = make(Secret("s")).value();
  script_.add(200, R"({"id":"1"})");
  script_.add(200, R"({})");
  (void)run(client_->phone_number("555"));
  (void)run(client_->send_message("555", "{}"));
  const std::string proof = "appsecret_proof=" + to_hex(HmacSha256(Secret("s"))("TOKEN"));
  EXPECT_THAT(script_.requests[0].target, testing::EndsWith("&" + proof));
  EXPECT_THAT(script_.requests[1].target, testing::EndsWith("?" + proof));
}

TEST_F(GraphClientTest, TokenIsInspectedWithoutEnteringAUrl) {
  script_.add(200, R"({"data":{"is_valid":true,"scopes":["whatsapp_business_messaging"],"expires_at":0}})");
  const auto info = run(client_->inspect_token());
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->valid);
  EXPECT_FALSE(info->expires_at);
  EXPECT_THAT(info->scopes, ElementsAre("whatsapp_business_messaging"));
  EXPECT_THAT(script_.requests[0].target, testing::Not(HasSubstr("TOKEN")));
}

TEST_F(GraphClientTest, PermissionsServeWhereDebuggingIsRefused) {
  script_.add(400, R"({"error":{"message":"no","code":100}})");
  script_.add(200,
              R"({"data":[{"permission":"a","status":"granted"},{"permission":"b","status":"declined"}]})");
  EXPECT_THAT(run(client_->inspect_token()).value().scopes, ElementsAre("a"));
}

struct ErrorCase {
  int status;
  std::string body;
  ErrorCode code;
};
class GraphErrors : public testing::TestWithParam<ErrorCase> {};
TEST_P(GraphErrors, BecomeKinds) {
  EXPECT_EQ(error_of(GetParam().status, GetParam().body).code, GetParam().code);
}
INSTANTIATE_TEST_SUITE_P(
    Kinds, GraphErrors,
    testing::Values(ErrorCase{401, R"({"error":{"code":190,"message":"m"}})", ErrorCode::unauthenticated},
                    ErrorCase{400, R"({"error":{"code":190}})", ErrorCode::unauthenticated},
                    ErrorCase{403, R"({"error":{"code":200}})", ErrorCode::permission_denied},
                    ErrorCase{400, R"({"error":{"code":100,"error_subcode":33}})", ErrorCode::not_found},
                    ErrorCase{400, R"({"error":{"code":100}})", ErrorCode::invalid_argument},
                    ErrorCase{429, "", ErrorCode::resource_exhausted},
                    ErrorCase{400, R"({"error":{"code":80007}})", ErrorCode::resource_exhausted},
                    ErrorCase{503, "<html>", ErrorCode::unavailable},
                    ErrorCase{500, R"({"error":{"code":131000}})", ErrorCode::unavailable},
                    ErrorCase{404, "", ErrorCode::not_found}));

TEST_F(GraphClientTest, UnreachableAndGarbage) {
  script_.add(200, "<html>");
  script_.add(200, R"({"error":{"code":190,"message":"expired"}})");
  EXPECT_EQ(run(client_->phone_number("555")).error().code, ErrorCode::internal);
  EXPECT_EQ(run(client_->phone_number("555")).error().code, ErrorCode::unauthenticated);
  server_->stop();
  EXPECT_EQ(run(client_->phone_number("555")).error().code, ErrorCode::unavailable);
}

TEST_F(GraphClientTest, BadConfigurationIsRefused) {
  EXPECT_FALSE(make({}, "ftp://graph"));
  EXPECT_EQ(make({}, "http://graph", "").error().field, "token");
  EXPECT_EQ(make({}, "http://graph", "a\r\nX: y").error().field, "token");
}

TEST(HttpDate, OnlyTheFixedForm) {
  EXPECT_EQ(to_micros(*parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT")), 784111777000000);
  for (const char* bad : {"", "now", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT",
                          "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, xx Nov 1994 08:49:37 GMT"}) {
    EXPECT_FALSE(parse_http_date(bad)) << bad;
  }
}

}  // namespace
}  // namespace posthorn::whatsapp
