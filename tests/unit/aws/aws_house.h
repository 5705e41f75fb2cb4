// A scripted server that stands for AWS services, in a simulated world.
#pragma once
#include <gmock/gmock.h>

#include "channels/aws/aws_client.h"
#include "platform/http_server.h"
#include "platform/simulated/process.h"
#include "platform/simulated/simulated_files.h"
#include "platform/simulated/wire.h"
#include "platform/simulated/world.h"

namespace posthorn::aws {

using namespace std::chrono_literals;

// Answers in the order of the script and remembers what was asked; beyond its end: 599.
struct Script {
  std::vector<HttpResponse> answers;
  std::vector<HttpRequest> requests;
  Duration delay{};

  HttpResponse& add(int status, std::string body = {}) {
    HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    answers.push_back(std::move(response));
    return answers.back();
  }
};

inline Task<> answer(Script& script, Clock& clock, HttpExchange& exchange) {
  HttpRequest request = exchange.request();
  Result<std::string> body = co_await exchange.read_body(1 << 20);
  request.body = body.value_or("");
  script.requests.push_back(std::move(request));
  const std::size_t number = script.requests.size() - 1;
  if (script.delay > 0us) co_await clock.sleep_for(script.delay);
  HttpResponse response;
  response.status = 599;
  if (number < script.answers.size()) response = script.answers[number];
  (void)co_await exchange.respond(std::move(response));
}

class AwsHouse : public testing::Test {
 protected:
  AwsHouse() {
    for (const std::uint16_t port : {80, 443}) {
      servers_.push_back(std::make_unique<HttpServer>(
          *amazon_.network().listen("0.0.0.0", port), amazon_.clock(), amazon_.executor(),
          [this](HttpExchange& exchange) { return answer(script_, amazon_.clock(), exchange); }));
      servers_.back()->start();
    }
    variables_ = {{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"}, {"AWS_SECRET_ACCESS_KEY", "secret"}};
  }

  void reach(const std::string& host) { world_.wire().add_name(host, "aws"); }

  Credentials& credentials(CredentialOptions options = {}) {
    if (!credentials_) {
      Credentials::Ports ports{.http = http_,
                               .clock = client_.clock(),
                               .files = files_,
                               .log = null_log(),
                               .executor = client_.executor(),
                               .environment = [this](const std::string& name) -> std::optional<std::string> {
                                 const auto found = variables_.find(name);
                                 if (found == variables_.end()) return std::nullopt;
                                 return found->second;
                               },
                               .run_program = run_program_};
      credentials_ = std::make_unique<Credentials>(std::move(ports), std::move(options));
    }
    return *credentials_;
  }

  AwsClient::Ports ports() {
    return {
        .http = http_, .clock = client_.clock(), .random = client_.random(), .credentials = credentials()};
  }
  std::unique_ptr<AwsClient> client(const std::string& name) {
    return *AwsClient::create(
        ports(), AwsService{.signing_name = name, .region = "us-east-1", .base_url = "http://aws"});
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

  simulated::World world_{11};
  Script script_;
  simulated::Process amazon_{world_, "aws"};
  simulated::Process client_{world_, "client"};
  std::vector<std::unique_ptr<HttpServer>> servers_;
  HttpClient http_{client_.network(), client_.clock(), client_.executor()};
  std::map<std::string, std::string> variables_;
  simulated::SimulatedFiles files_;
  std::function<Result<std::string>(std::vector<std::string>, Duration)> run_program_ =
      [](std::vector<std::string>, Duration) -> Result<std::string> {
    return fail(ErrorCode::not_found, "tests run no programs");
  };
  std::unique_ptr<Credentials> credentials_;
};

}  // namespace posthorn::aws
