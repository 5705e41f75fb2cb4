// A simulated world with a host that keeps SNS certificates, and a verifier that asks it.
#pragma once
#include <gmock/gmock.h>

#include "channels/aws/sns_verifier.h"
#include "core/time_text.h"
#include "platform/http_server.h"
#include "platform/simulated/process.h"
#include "platform/simulated/wire.h"
#include "platform/simulated/world.h"
#include "unit/aws/sns_signer.h"

namespace posthorn::aws {

using namespace std::chrono_literals;

constexpr std::string_view kTopic = "arn:aws:sns:us-east-1:123456789012:whatsapp";
constexpr std::string_view kHost = "sns.us-east-1.amazonaws.com";
constexpr std::string_view kPath = "/SimpleNotificationService-0123abcd.pem";

// Keys take long to make, so all tests share them.
struct TestKeys {
  WallTime now = simulated::World(1).wall_now();
  test::Authority root{"Test root", now};
  test::Authority between{"Test intermediate", now, &root};
  test::Authority foreign{"Nobody's root", now};
  test::Key key = test::new_key(), other_key = test::new_key();
  static TestKeys& get() {
    static TestKeys keys;
    return keys;
  }
  test::Certificate good() const { return root.issue(key, wishes()); }
  test::CertificateWishes wishes() const { return {.from = now - 24h, .until = now + 24h * 30}; }
};

// Files over HTTP by "host/path"; counts what was asked.
struct FileHost {
  std::map<std::string, std::string> files;
  std::map<std::string, int> asked;
  int status = 200;
  Duration delay{};
};

inline Task<> serve(FileHost& host, Clock& clock, HttpExchange& exchange) {
  std::string name = std::string(exchange.request().headers.get("Host"));
  name.resize(std::min(name.find(':'), name.size()));
  name += exchange.request().target;
  ++host.asked[name];
  if (host.delay > 0us) co_await clock.sleep_for(host.delay);
  HttpResponse response;
  const auto found = host.files.find(name);
  response.status = found == host.files.end() ? 404 : host.status;
  if (response.status == 302) response.headers.set("Location", "https://evil.example/x.pem");
  if (found != host.files.end()) response.body = found->second;
  (void)co_await exchange.respond(std::move(response));
}

class SnsHouse : public testing::Test {
 protected:
  SnsHouse() {
    for (const char* name : {"sns.eu-central-1.amazonaws.com", "crt.test.amazontrust.com", "sandbox"})
      world_.wire().add_name(name, std::string(kHost));
    for (const std::uint16_t port : {443, 80, 9000}) {
      servers_.push_back(std::make_unique<HttpServer>(
          *amazon_.network().listen("0.0.0.0", port), amazon_.clock(), amazon_.executor(),
          [this](HttpExchange& exchange) { return serve(files_, amazon_.clock(), exchange); }));
      servers_.back()->start();
    }
    put_certificate(keys_.good());
    options_.topics = {std::string(kTopic)};
    options_.ca_file = keys_.root.ca_file();
  }

  void put_certificate(const test::Certificate& certificate) {
    files_.files[std::string(kHost) + std::string(kPath)] = test::pem_of(certificate);
  }

  SnsVerifier& verifier() {
    if (!verifier_) {
      SnsVerifier::Ports ports{.network = client_.network(),
                               .clock = client_.clock(),
                               .log = null_log(),
                               .executor = client_.executor()};
      verifier_ = *SnsVerifier::create(std::move(ports), options_);
    }
    return *verifier_;
  }

  boost::json::object notification(std::string_view message = "hello") {
    return {{"Type", "Notification"},
            {"MessageId", "11111111-2222-3333-4444-555555555555"},
            {"TopicArn", kTopic},
            {"Message", message},
            {"Timestamp", iso_time(client_.clock().wall_now())},
            {"SignatureVersion", "2"},
            {"SigningCertURL", "https://" + std::string(kHost) + std::string(kPath)},
            {"UnsubscribeURL", "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe"}};
  }
  boost::json::object confirmation(std::string_view type) {
    auto out = notification("You have chosen to subscribe");
    out["Type"] = type;
    out["Token"] = "2336412f37";
    out["SubscribeURL"] = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37";
    return out;
  }

  Result<SnsVerified> verify(std::string body) { return run(verifier().verify(std::move(body))); }
  Result<SnsVerified> verify(boost::json::object message) {
    return verify(test::signed_body(std::move(message), keys_.key));
  }
  ErrorCode refusal(boost::json::object message) {
    const Result<SnsVerified> out = verify(std::move(message));
    EXPECT_FALSE(out);
    return out ? ErrorCode::internal : out.error().code;
  }

  template <class T>
  static Task<> store(Task<T> task, std::optional<T>& out) {
    out = co_await std::move(task);
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> out;
    client_.spawn(store(std::move(task), out));
    EXPECT_TRUE(world_.run_until([&] { return out.has_value(); }, 600s));
    return *std::move(out);
  }

  TestKeys& keys_ = TestKeys::get();
  simulated::World world_{7};
  FileHost files_;
  simulated::Process amazon_{world_, std::string(kHost)};
  simulated::Process client_{world_, "client"};
  std::vector<std::unique_ptr<HttpServer>> servers_;
  SnsVerifierOptions options_;
  std::unique_ptr<SnsVerifier> verifier_;
};

}  // namespace posthorn::aws
