// What doctor says of a Meta that hangs, refuses or works, and how long it takes to say it.
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "actions/account_runtime.h"
#include "platform/http_client.h"
#include "platform/http_server.h"
#include "unit/api/api_house.h"

namespace posthorn::api_testing {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// Answers after `delay`; some paths may be told to take longer.
struct Meta {
  explicit Meta(simulated::World& world) : process(world, "graph") {
    server = std::make_unique<HttpServer>(*process.network().listen("0.0.0.0", 80), process.clock(),
                                          process.executor(), [this](HttpExchange& x) { return answer(x); });
    server->start();
  }
  Task<> answer(HttpExchange& x) {
    const auto path = std::string(x.request().path());
    const bool slow = path.find(slow_path) != std::string::npos;
    co_await process.clock().sleep_for(slow ? delay : Duration{});
    HttpResponse response;
    response.headers.set("Content-Type", "application/json");
    if (path.ends_with("/debug_token") || path.ends_with("/permissions")) {
      response.body =
          R"({"data":{"is_valid":true,"scopes":["whatsapp_business_messaging","whatsapp_business_management"]}})";
    } else if (path.ends_with("/subscribed_apps")) {
      response.body = R"({"data":[{"whatsapp_business_api_data":{"id":"1","name":"app"}}]})";
    } else {
      response.body =
          R"({"id":"1shop","display_phone_number":"+49 170","verified_name":"Shop","status":"CONNECTED",)"
          R"("quality_rating":"GREEN","throughput":{"level":"STANDARD"}})";
    }
    (void)co_await x.respond(std::move(response));
  }
  simulated::Process process;
  std::unique_ptr<HttpServer> server;
  std::string slow_path = "nothing";
  Duration delay = 0s;
};

class GraphRuntime final : public AccountRuntime {
 public:
  GraphRuntime(HttpClient& http, Clock& clock) {
    whatsapp::GraphConfig config;
    config.base_url = "http://graph";
    client_ = *whatsapp::GraphClient::create(http, clock, config, Secret("TOKEN"));
  }
  Result<whatsapp::GraphClient*> graph(const Account&) override { return client_.get(); }
  Result<meta_messaging::MetaClient*> meta(const Account&) override { return none(); }
  Result<std::unique_ptr<meta_messaging::MetaClient>> meta_with(const Account&, Secret) override {
    return none();
  }
  Result<std::unique_ptr<whatsapp::GraphClient>> graph_with(Secret) override { return none(); }
  Task<Result<>> refresh(AccountId) override { co_return Result<>(); }
  void wake(AccountId) override {}
  std::optional<RateView> rate(AccountId) const override { return std::nullopt; }

 private:
  static std::unexpected<Error> none() { return fail(ErrorCode::unavailable, "nobody is there"); }
  std::unique_ptr<whatsapp::GraphClient> client_;
};

class Doctor : public ApiHouse {
 protected:
  Doctor() {
    auto fill = [now = process.clock().wall_now()](Transaction& tx) -> Result<> {
      for (const char* name : {"shop", "desk", "help"}) {
        NewAccount account;
        account.name = name;
        account.business_id = name;
        account.sender_id = std::string("1") + name;
        account.sealed_token = "sealed";
        PH_TRY(accounts::add(tx, account, now));
      }
      return {};
    };
    EXPECT_TRUE(run(database->write(fill)));
    services.accounts = &runtime;
    services.check_database = [this] { return read_through(); };
    services.facts.graph_url = "http://graph";
    services.facts.data_folder = "blobs";
    services.facts.app_secret_configured = true;
    services.facts.public_url = "https://shop.example";
    admin = new_key(Role::admin);
  }
  Task<Result<>> read_through() {
    co_await process.clock().sleep_for(reading);
    co_return Result<>();
  }
  json::value ask(const std::string& action, const std::string& body) {
    const auto before = process.clock().now();
    const auto answer = call(admin, action, body).answer();
    took = process.clock().now() - before;
    return answer;
  }
  static std::map<std::string, std::string> told(const json::value& answer, std::string_view member) {
    std::map<std::string, std::string> out;
    const auto checks = JsonView(answer)["checks"];
    for (std::size_t i = 0; i < checks.size(); ++i)
      out[std::string(checks[i]["name"].string_or(""))] = checks[i][member].string_or("");
    return out;
  }

  Meta meta{world};
  HttpClient http{process.network(), process.clock(), process.executor()};
  GraphRuntime runtime{http, process.clock()};
  std::string admin;
  Duration reading = 0s, took{};
};

TEST_F(Doctor, SaysThatAllIsWell) {
  const auto answer = ask("doctor", "{}");
  EXPECT_TRUE(JsonView(answer)["ok"].boolean_or(false)) << json::serialize(answer);
  EXPECT_EQ(told(answer, "health")["shop: token"], "ok");
  EXPECT_EQ(told(answer, "health")["help: webhooks"], "ok");
}

TEST_F(Doctor, WaitsFiveSecondsForAGraphThatHangs) {
  meta.slow_path = "/";
  meta.delay = 1h;
  const auto answer = ask("doctor", "{}");
  EXPECT_LE(took, 6s) << "three numbers with three questions each";
  EXPECT_FALSE(JsonView(answer)["ok"].boolean_or(true));
  for (const char* name : {"shop: connection", "desk: connection", "help: connection"}) {
    EXPECT_EQ(told(answer, "health")[name], "failure") << name;
    EXPECT_THAT(told(answer, "finding")[name], HasSubstr("no answer within 5 s")) << name;
  }
  EXPECT_EQ(told(answer, "health")["database"], "ok") << "the other checks are told all the same";
}

TEST_F(Doctor, OneCheckThatHangsSpoilsNoOther) {
  meta.slow_path = "/subscribed_apps";
  meta.delay = 1h;
  const auto answer = ask("check_channel", R"({"account":"shop"})");
  EXPECT_LE(took, 6s);
  EXPECT_EQ(told(answer, "health")["shop: token"], "ok");
  EXPECT_EQ(told(answer, "health")["shop: webhooks"], "failure");
  EXPECT_EQ(told(answer, "finding")["shop: webhooks"], "no answer within 5 s");
  EXPECT_EQ(JsonView(answer)["quality"].string_or(""), "GREEN") << "what Meta did say is kept";
}

TEST_F(Doctor, ALargeDatabaseIsAWarning) {
  reading = 1h;
  const auto answer = ask("doctor", "{}");
  EXPECT_LE(took, 21s);
  EXPECT_TRUE(JsonView(answer)["ok"].boolean_or(false)) << json::serialize(answer);
  EXPECT_EQ(told(answer, "health")["database"], "warning");
  EXPECT_EQ(told(answer, "finding")["database"], "no answer within 20 s");
}

}  // namespace
}  // namespace posthorn::api_testing
