// POST /webhooks/aws/sns as SNS sees it.
#include "api/sns_routes.h"

#include "platform/simulated/simulated_files.h"
#include "unit/aws/sns_house.h"

namespace posthorn::aws {
namespace {

class SnsRoutesTest : public SnsHouse {
 protected:
  SnsRoutesTest() {
    Credentials::Ports sources{
        .http = http_,
        .clock = client_.clock(),
        .files = files_on_disk_,
        .log = null_log(),
        .executor = client_.executor(),
        .environment = [](const std::string&) { return std::optional<std::string>(); }};
    CredentialOptions keys;
    keys.access_key_id = "A";
    keys.secret_access_key = Secret("s");
    credentials_ = std::make_unique<Credentials>(std::move(sources), keys);
  }

  void serve_routes() {
    AwsClient::Ports calls{
        .http = http_, .clock = client_.clock(), .random = client_.random(), .credentials = *credentials_};
    sns_ = std::make_unique<SnsClient>(calls, "http://sandbox:9000");
    SnsRoutes::Ports ports{
        .verifier = verifier(),
        .sns = *sns_,
        .accept = [this](std::string body, std::string source) { return accept(body, source); },
        .unsubscribed = [this](std::string topic) { return unsubscribed(topic); },
        .log = null_log(),
        .metrics = *metrics_};
    routes_ = std::make_unique<SnsRoutes>(std::move(ports));
    routes_->add_to(router_);
    server_ = std::make_unique<HttpServer>(
        *client_.network().listen("0.0.0.0", 8080), client_.clock(), client_.executor(),
        [this](HttpExchange& exchange) { return router_.handle(exchange); });
    server_->start();
  }

  Task<Result<JournalId>> accept(std::string body, std::string source) {
    if (full_) co_return fail(ErrorCode::resource_exhausted, "full");
    EXPECT_EQ(source, "sns");
    accepted_.push_back(std::move(body));
    co_return JournalId{1};
  }
  Task<Result<>> unsubscribed(std::string topic) {
    if (full_) co_return fail(ErrorCode::resource_exhausted, "full");
    alarms_.push_back(std::move(topic));
    co_return Result<>();
  }

  int post(std::string body) {
    if (!server_) serve_routes();
    HttpRequest request;
    request.method = "POST";
    request.target = "/webhooks/aws/sns";
    request.headers.set("Content-Type", "text/plain; charset=UTF-8");
    request.headers.set("x-amz-sns-message-type", "Notification");
    request.body = std::move(body);
    const Endpoint endpoint{.host = "client", .port = 8080, .tls = false};
    HttpClient sender(amazon_.network(), amazon_.clock(), amazon_.executor());
    std::optional<int> status;
    auto send = [](HttpClient& http, Endpoint to, HttpRequest what, std::optional<int>& out) -> Task<> {
      const auto answer = co_await http.send(to, std::move(what), 60s);
      out = answer ? answer->status : -1;
    };
    amazon_.spawn(send(sender, endpoint, std::move(request), status));
    EXPECT_TRUE(world_.run_until([&] { return status.has_value(); }, 60s));
    return status.value_or(-2);
  }
  int post(boost::json::object message) { return post(test::signed_body(std::move(message), keys_.key)); }

  simulated::SimulatedFiles files_on_disk_;
  HttpClient http_{client_.network(), client_.clock(), client_.executor()};
  std::unique_ptr<Credentials> credentials_;
  std::unique_ptr<SnsClient> sns_;
  std::unique_ptr<Metrics> metrics_ = make_metrics();
  std::unique_ptr<SnsRoutes> routes_;
  Router router_;
  std::unique_ptr<HttpServer> server_;
  std::vector<std::string> accepted_, alarms_;
  bool full_ = false;
};

TEST_F(SnsRoutesTest, ANotificationIsStoredVerbatimAndOnce) {
  const std::string body = test::signed_body(notification(), keys_.key);
  EXPECT_EQ(post(body), 200);
  EXPECT_EQ(post(body), 200);
  EXPECT_THAT(accepted_, testing::ElementsAre(body));
}

TEST_F(SnsRoutesTest, OverloadIsSomethingToComeBackFrom) {
  full_ = true;
  const std::string body = test::signed_body(notification(), keys_.key);
  EXPECT_EQ(post(body), 503);
  EXPECT_EQ(post(confirmation("UnsubscribeConfirmation")), 503);
  full_ = false;
  EXPECT_EQ(post(body), 200) << "what was not stored is not taken for a repetition";
  EXPECT_EQ(accepted_.size(), 1U);
}

TEST_F(SnsRoutesTest, RefusalsAreFinalAndOutagesAreNot) {
  auto foreign = notification();
  foreign["TopicArn"] = "arn:aws:sns:us-east-1:9:x";
  EXPECT_EQ(post(foreign), 403);
  auto old = notification();
  old["Timestamp"] = iso_time(client_.clock().wall_now() - 3h);
  EXPECT_EQ(post(old), 403);
  EXPECT_EQ(post(test::signed_body(notification(), keys_.other_key)), 403);
  EXPECT_EQ(post(std::string("{")), 400);
  EXPECT_NE(post(std::string(3 << 20, ' ')), 200);
  auto elsewhere = notification();
  elsewhere["SigningCertURL"] = "https://" + std::string(kHost) + "/absent.pem";
  EXPECT_EQ(post(elsewhere), 503);
  EXPECT_TRUE(accepted_.empty());
}

TEST_F(SnsRoutesTest, ASubscriptionIsConfirmedByASignedCallAndItsAddressIsNotFetched) {
  EXPECT_EQ(post(confirmation("SubscriptionConfirmation")), 503) << "our stand-in for SNS has no answer yet";
  EXPECT_GE(files_.asked["sandbox/"], 1);
  files_.files["sandbox/"] = "<R><SubscriptionArn>arn:sub</SubscriptionArn></R>";
  auto again = confirmation("SubscriptionConfirmation");
  EXPECT_EQ(post(again), 200);
  for (const auto& [name, times] : files_.asked) EXPECT_FALSE(name.contains("ConfirmSubscription")) << name;
  const int asked = files_.asked["sandbox/"];
  EXPECT_EQ(post(again), 200);
  EXPECT_EQ(files_.asked["sandbox/"], asked) << "once";
  EXPECT_TRUE(accepted_.empty());
}

TEST_F(SnsRoutesTest, AnEndedSubscriptionIsAnAlarm) {
  EXPECT_EQ(post(confirmation("UnsubscribeConfirmation")), 200);
  EXPECT_THAT(alarms_, testing::ElementsAre(std::string(kTopic)));
}

}  // namespace
}  // namespace posthorn::aws
