// The client of Instagram and Messenger against a scripted server in a simulated world.
#include "channels/meta_messaging/client.h"

#include <gmock/gmock.h>

#include "channels/meta_messaging/message_bodies.h"
#include "platform/crypto.h"
#include "platform/http_server.h"
#include "platform/simulated/process.h"
#include "platform/simulated/world.h"

namespace posthorn::meta_messaging {
namespace {

using namespace std::chrono_literals;
using channels::Channel;
using simulated::Process;
using simulated::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

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

class MetaClientTest : public testing::Test {
 protected:
  MetaClientTest() {
    Script& script = script_;
    auto listener = *server_process_.network().listen("0.0.0.0", 80);
    server_ =
        std::make_unique<HttpServer>(std::move(listener), server_process_.clock(), server_process_.executor(),
                                     [&script](HttpExchange& exchange) { return answer(script, exchange); });
    server_->start();
  }

  static MetaClientConfig config(Channel channel, Login login) {
    MetaClientConfig out;
    out.base_url = "http://meta/base/";
    out.channel = channel;
    out.login = login;
    out.account_id = channel == Channel::messenger ? "1085" : "1784";
    return out;
  }
  std::unique_ptr<MetaClient> make(MetaClientConfig config, Secret app_secret = {}) {
    return MetaClient::create(*http_, std::move(config), Secret("TOKEN"), std::move(app_secret)).value();
  }
  std::unique_ptr<MetaClient> instagram() { return make(config(Channel::instagram, Login::instagram)); }
  std::unique_ptr<MetaClient> messenger() { return make(config(Channel::messenger, Login::facebook)); }

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
  const HttpRequest& last() const { return script_.requests.back(); }

  World world_{3};
  Script script_;
  Process server_process_{world_, "meta"};
  Process client_process_{world_, "client"};
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpClient> http_ = std::make_unique<HttpClient>(
      client_process_.network(), client_process_.clock(), client_process_.executor());
};

TEST_F(MetaClientTest, SendsFromTheObjectOfItsFlavour) {
  MetaClientConfig linked = config(Channel::instagram, Login::facebook);
  for (int i = 0; i < 4; ++i) script_.add(200, R"({"recipient_id":"55","message_id":"m_1"})");
  int last_byte = 0;
  ASSERT_TRUE(run(instagram()->send(R"({"a":1})", [&] { ++last_byte; })));
  EXPECT_EQ(last_byte, 1);
  EXPECT_EQ(last().method, "POST");
  EXPECT_EQ(last().target, "/base/v25.0/1784/messages");
  EXPECT_EQ(last().headers.get("Authorization"), "Bearer TOKEN");
  EXPECT_EQ(last().headers.get("Content-Type"), "application/json");
  EXPECT_EQ(last().body, R"({"a":1})");
  const auto page = messenger();
  ASSERT_TRUE(run(page->send("{}")));
  EXPECT_EQ(last().target, "/base/v25.0/1085/messages");
  const auto by_page_token = make(linked);
  ASSERT_TRUE(run(by_page_token->send("{}")));
  EXPECT_EQ(last().target, "/base/v25.0/me/messages");
  linked.page_id = "9000";
  const auto by_page = make(linked);
  ASSERT_TRUE(run(by_page->send("{}")));
  EXPECT_EQ(last().target, "/base/v25.0/9000/messages");
}

TEST_F(MetaClientTest, ProofGoesWithFacebookLoginOnly) {
  const std::string proof = "appsecret_proof=" + to_hex(HmacSha256(Secret("S"))("TOKEN"));
  script_.add(200, R"({"name":"Anna"})");
  script_.add(200, R"({"name":"Anna"})");
  const auto page = make(config(Channel::messenger, Login::facebook), Secret("S"));
  ASSERT_TRUE(run(page->profile("55")));
  EXPECT_THAT(last().target, HasSubstr("&" + proof));
  const auto ig = make(config(Channel::instagram, Login::instagram), Secret("S"));
  ASSERT_TRUE(run(ig->profile("55")));
  EXPECT_THAT(last().target, Not(HasSubstr("proof")));
}

TEST_F(MetaClientTest, Profiles) {
  script_.add(
      200,
      R"({"name":"Anna B","username":"anna.b","profile_pic":"https://cdn/x.jpg","follower_count":7,"id":"55"})");
  script_.add(200, R"({"first_name":"Anna","last_name":"Berger","profile_pic":"https://cdn/y.jpg"})");
  script_.add(200, R"({"id":"55"})");
  script_.add(400, R"({"error":{"message":"no profile","code":100,"error_subcode":2018218}})");
  const auto ig = instagram();
  const Profile one = run(ig->profile("55")).value();
  EXPECT_THAT(last().target, StartsWith("/base/v25.0/55?fields=name,username,profile_pic,follower_count"));
  EXPECT_EQ(one.shown_name(), "Anna B");
  EXPECT_EQ(one.username, "anna.b");
  EXPECT_EQ(one.picture_url, "https://cdn/x.jpg");
  EXPECT_EQ(one.raw.at("follower_count").as_int64(), 7);
  const auto page = messenger();
  EXPECT_EQ(run(page->profile("55")).value().shown_name(), "Anna Berger");
  EXPECT_EQ(last().target, "/base/v25.0/55?fields=first_name,last_name,profile_pic");
  EXPECT_EQ(run(page->profile("55")).value().shown_name(), "");
  EXPECT_EQ(run(page->profile("55")).error().code, ErrorCode::permission_denied);
}

TEST_F(MetaClientTest, IdentityIsWhatWebhooksName) {
  script_.add(200, R"({"id":"9999","user_id":"1784","username":"shop","account_type":"BUSINESS"})");
  script_.add(200, R"({"id":"1085","name":"Shop"})");
  script_.add(200,
              R"({"id":"1085","name":"Shop","instagram_business_account":{"id":"1784","username":"shop"}})");
  script_.add(200, R"({"id":"1085","name":"Shop"})");
  const auto ig = instagram();
  const Identity mine = run(ig->identity()).value();
  EXPECT_EQ(mine.account_id, "1784");
  EXPECT_EQ(mine.username, "shop");
  EXPECT_EQ(last().target, "/base/v25.0/me?fields=user_id,username,account_type,name");
  const auto page = messenger();
  EXPECT_EQ(run(page->identity()).value().account_id, "1085");
  const auto linked = make(config(Channel::instagram, Login::facebook));
  EXPECT_EQ(run(linked->identity()).value().account_id, "1784");
  EXPECT_EQ(run(linked->identity()).value().account_id, "");
}

TEST_F(MetaClientTest, Subscriptions) {
  script_.add(200, R"({"data":[{"id":"7","name":"App","subscribed_fields":["messages",{"name":"feed"}]}]})");
  script_.add(200, R"({"success":true})");
  script_.add(200, R"({"success":false})");
  const auto page = messenger();
  const auto listed = run(page->subscriptions()).value();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].app_id, "7");
  EXPECT_THAT(listed[0].fields, ElementsAre("messages", "feed"));
  EXPECT_TRUE(run(page->subscribe({"messages", "feed"})));
  EXPECT_EQ(last().method, "POST");
  EXPECT_EQ(last().target, "/base/v25.0/1085/subscribed_apps?subscribed_fields=messages,feed");
  EXPECT_FALSE(run(page->subscribe(wanted_fields(Channel::messenger))));
  EXPECT_EQ(run(page->subscribe({})).error().field, "fields");
}

TEST_F(MetaClientTest, TheTokenStandsInOneAddressOnly) {
  script_.add(200, R"({"access_token":"FRESH","token_type":"bearer","expires_in":5184000})");
  script_.add(200, R"({"token_type":"bearer"})");
  const auto ig = instagram();
  const FreshToken fresh = run(ig->refresh_token()).value();
  EXPECT_EQ(fresh.token.reveal(), "FRESH");
  EXPECT_EQ(fresh.expires_in, 60 * 24h);
  EXPECT_EQ(last().target, "/base/refresh_access_token?grant_type=ig_refresh_token&access_token=TOKEN");
  EXPECT_EQ(run(ig->refresh_token()).error().code, ErrorCode::internal);
  const auto page = messenger();
  EXPECT_EQ(run(page->refresh_token()).error().code, ErrorCode::invalid_argument);
}

TEST_F(MetaClientTest, ConversationsPageByPage) {
  script_.add(200, R"({"data":[{"id":"c1","updated_time":"2026-09-21T13:33:20+0000",
      "participants":{"data":[{"id":"1784"},{"id":"55"}]}}],
      "paging":{"cursors":{"after":"A B"},"next":"https://evil.example/?access_token=TOKEN"}})");
  script_.add(200, R"({"data":[{"id":"c2"},{"id":"c3"}],"paging":{"cursors":{"after":"X"},"next":"n"}})");
  script_.add(200, R"({"data":[]})");
  const auto ig = instagram();
  const auto listed = run(ig->conversations(2)).value();
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(to_micros(listed[0].updated_at) / 1'000'000, 1789997600);
  EXPECT_THAT(listed[0].participants, ElementsAre("1784", "55"));
  EXPECT_THAT(script_.requests[0].target, StartsWith("/base/v25.0/1784/conversations?platform=instagram&"));
  EXPECT_THAT(script_.requests[1].target, HasSubstr("&after=A%20B"));
  EXPECT_EQ(script_.requests[1].headers.get("Host"), "meta");
  EXPECT_FALSE(run(ig->conversation_with("55")).value());
  EXPECT_THAT(last().target, HasSubstr("&user_id=55&"));
  EXPECT_EQ(run(ig->conversations(0)).error().field, "limit");
}

TEST_F(MetaClientTest, MessagesOfAConversation) {
  script_.add(
      200,
      R"({"messages":{"data":[{"id":"m=1","created_time":"2026-09-21T13:33:20+0000"},{"id":""}]},"id":"c1"})");
  script_.add(200, R"({"id":"m=1","created_time":"2026-09-21T13:33:20+0000","from":{"id":"55","username":"a"},
      "to":{"data":[{"id":"1784"}]},"message":"Hello","attachments":{"data":[]}})");
  script_.add(400, R"({"error":{"message":"gone","code":9000001}})");
  const auto ig = instagram();
  const auto heads = run(ig->message_heads("c/1")).value();
  EXPECT_EQ(last().target, "/base/v25.0/c%2F1?fields=messages");
  ASSERT_EQ(heads.size(), 1U);
  const RemoteMessage message = run(ig->message("m=1")).value();
  EXPECT_THAT(last().target, StartsWith("/base/v25.0/m%3D1?fields=id,created_time"));
  EXPECT_EQ(message.from, "55");
  EXPECT_EQ(message.to, "1784");
  EXPECT_EQ(message.text, "Hello");
  EXPECT_EQ(run(ig->message("m=1")).error().code, ErrorCode::not_found);
}

TEST_F(MetaClientTest, SenderActionsNeedNoMessageId) {
  script_.add(200, R"({"recipient_id":"55"})");
  script_.add(400, R"({"error":{"message":"closed","code":10,"error_subcode":2534022}})");
  const auto ig = instagram();
  EXPECT_TRUE(run(ig->sender_action(sender_action_body("55", SenderAction::mark_seen))));
  EXPECT_EQ(run(ig->sender_action("{}")).error().code, ErrorCode::permission_denied);
}

TEST_F(MetaClientTest, ErrorsHaveTheirKind) {
  struct Case {
    int status;
    const char* body;
    ErrorCode code;
  };
  const Case cases[] = {
      {400, R"({"error":{"message":"Invalid token","code":190}})", ErrorCode::unauthenticated},
      {401, "", ErrorCode::unauthenticated},
      {403, R"({"error":{"message":"no","code":200}})", ErrorCode::permission_denied},
      {400, R"({"error":{"message":"slow","code":4}})", ErrorCode::resource_exhausted},
      {429, "", ErrorCode::resource_exhausted},
      {503, "<html>", ErrorCode::unavailable},
      {400, R"({"error":{"message":"bad","code":100}})", ErrorCode::invalid_argument},
      {200, R"({"error":{"message":"odd","code":190}})", ErrorCode::unauthenticated},
      {200, "nonsense", ErrorCode::internal},
      {302, "", ErrorCode::permission_denied},
  };
  const auto ig = instagram();
  for (const Case& c : cases) {
    script_.add(c.status, c.body);
    const auto failed = run(ig->identity());
    ASSERT_FALSE(failed) << c.body;
    EXPECT_EQ(failed.error().code, c.code) << c.status << c.body;
    EXPECT_THAT(failed.error().message, Not(HasSubstr("TOKEN")));
  }
}

TEST_F(MetaClientTest, IdsCannotChangeThePath) {
  const auto ig = instagram();
  for (const char* id : {"", "../x", "1/2", "1?x", "1 2", "1\r\nX: y"}) {
    EXPECT_EQ(run(ig->profile(id)).error().code, ErrorCode::invalid_argument) << id;
    EXPECT_EQ(run(ig->conversation_with(id)).error().code, ErrorCode::invalid_argument) << id;
    MetaClientConfig bad = config(Channel::instagram, Login::instagram);
    bad.account_id = id;
    EXPECT_FALSE(MetaClient::create(*http_, bad, Secret("T"))) << id;
  }
  for (const char* id : {"", ".", "..", "a b", "a\nb"}) {
    EXPECT_EQ(run(ig->message(id)).error().code, ErrorCode::invalid_argument) << id;
    EXPECT_EQ(run(ig->message_heads(id)).error().code, ErrorCode::invalid_argument) << id;
  }
  EXPECT_TRUE(script_.requests.empty());
}

TEST_F(MetaClientTest, RefusesBadSettings) {
  MetaClientConfig bad = config(Channel::messenger, Login::facebook);
  bad.version = "25";
  EXPECT_EQ(MetaClient::create(*http_, bad, Secret("T")).error().field, "graph.version");
  const MetaClientConfig good = config(Channel::messenger, Login::facebook);
  EXPECT_EQ(MetaClient::create(*http_, good, Secret("")).error().field, "token");
  EXPECT_EQ(MetaClient::create(*http_, good, Secret("a b")).error().field, "token");
  bad = good;
  bad.base_url = "ftp://x";
  EXPECT_FALSE(MetaClient::create(*http_, bad, Secret("T")));
  EXPECT_EQ(login_from("instagram"), Login::instagram);
  EXPECT_EQ(login_from("facebook"), Login::facebook);
  EXPECT_EQ(login_from("x"), std::nullopt);
}

}  // namespace
}  // namespace posthorn::meta_messaging
