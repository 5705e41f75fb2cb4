// The product's AWS code for other programs to judge: aws_driver sign | sns | poll QUEUE_URL COUNT ENDPOINT |
// keys REGION STS. JSON on standard input and output; aws_clients.mjs and aws_keys.py drive it.
#include <iostream>
#include <iterator>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json.hpp>

#include "channels/aws/services.h"
#include "core/time_text.h"
#include "messaging/sqs_intake.h"
#include "platform/environment.h"
#include "platform/real_clock.h"
#include "platform/real_files.h"
#include "platform/real_network.h"
#include "platform/real_random.h"
#include "platform/runtime.h"
#include "unit/aws/sns_signer.h"

namespace posthorn {
namespace {

std::string text(const boost::json::object& object, const char* name) {
  return std::string(std::string_view(object.at(name).as_string()));
}

// [{service, region, host, time, method, target, body, headers, token}] → the Authorization header of each.
int sign() {
  const std::string input(std::istreambuf_iterator<char>(std::cin), {});
  boost::json::array out;
  for (const boost::json::value& value : boost::json::parse(input).as_array()) {
    const boost::json::object& one = value.as_object();
    HttpRequest request;
    request.method = text(one, "method");
    request.target = text(one, "target");
    request.body = text(one, "body");
    for (const auto& [name, header] : one.at("headers").as_object())
      request.headers.add(std::string_view(name), std::string(std::string_view(header.as_string())));
    AwsCredentials keys{.access_key_id = "AKIDEXAMPLE", .secret_access_key = Secret("wJalr/+secret")};
    keys.session_token = Secret(text(one, "token"));
    AwsSigner signer(text(one, "region"), text(one, "service"));
    signer.sign(request, text(one, "host"), keys, *parse_iso_time(text(one, "time")));
    out.emplace_back(std::string_view(request.headers.get("Authorization")));
  }
  std::cout << boost::json::serialize(out) << "\n";
  return 0;
}

// Signed messages of the unit tests' signer with the certificate that goes with them: is that signer right?
int sns() {
  const WallTime now = *parse_iso_time("2026-01-01T00:00:00Z");
  const test::Authority root("Test root", now);
  const test::Key key = test::new_key();
  const test::Certificate certificate =
      root.issue(key, {.from = now, .until = now + std::chrono::hours(24 * 3650)});
  boost::json::array messages;
  for (const char* version : {"1", "2"}) {
    boost::json::object message{{"Type", "Notification"},
                                {"MessageId", "1"},
                                {"TopicArn", "arn:aws:sns:us-east-1:1:t"},
                                {"Subject", "s"},
                                {"Message", "{\"a\":\"\u00fc\\n\"}\n"},
                                {"Timestamp", "2026-01-01T00:00:00.000Z"},
                                {"SignatureVersion", version},
                                {"SigningCertURL", "https://sns.us-east-1.amazonaws.com/a.pem"},
                                {"UnsubscribeURL", "https://sns.us-east-1.amazonaws.com/"}};
    messages.emplace_back(test::signed_body(message, key));
    message.erase("Subject");
    message.erase("UnsubscribeURL");
    message["Type"] = "SubscriptionConfirmation";
    message["Token"] = "t";
    message["SubscribeURL"] = "https://sns.us-east-1.amazonaws.com/?x";
    messages.emplace_back(test::signed_body(message, key));
  }
  std::cout << boost::json::serialize(
                   boost::json::object{{"certificate", test::pem_of(certificate)}, {"messages", messages}})
            << "\n";
  return 0;
}

struct Poll {
  Runtime& runtime;
  std::unique_ptr<SqsIntake> intake;
  std::vector<std::string> bodies;
  int failures = 3;  // the first bodies are not stored, so they must come again
};

Task<Result<JournalId>> accept(Poll& poll, std::string body) {
  if (poll.failures-- > 0) co_return fail(ErrorCode::resource_exhausted, "failing on purpose");
  poll.bodies.push_back(std::move(body));
  co_return JournalId{1};
}

Task<> until_deleted(Poll& poll, Clock& clock, std::uint64_t count) {
  while (poll.intake->stats().deleted < count) co_await clock.sleep_for(std::chrono::milliseconds(20));
  co_await poll.intake->stop();
  poll.runtime.stop();
}

int poll(const std::string& queue_url, std::uint64_t count, const std::string& endpoint) {
  RealRandom random;
  RealFiles files;
  Runtime runtime;
  RealClock clock(runtime.executor());
  RealNetwork network(runtime.executor());
  Config::Aws config;
  config.region = "us-east-1";
  config.sqs_endpoint_url = endpoint;
  config.sqs_queue_url = queue_url;
  config.access_key_id = "AKIDEXAMPLE";
  config.secret_access_key = Secret("secret");
  aws::Services::Ports ports{.network = network,
                             .certificate_network = network,
                             .clock = clock,
                             .random = random,
                             .files = files,
                             .log = null_log(),
                             .executor = runtime.executor(),
                             .environment = [](const std::string&) { return std::optional<std::string>(); }};
  auto services = aws::Services::create(std::move(ports), config);
  if (!services) return std::cerr << services.error().message << "\n", 1;
  const auto metrics = make_metrics();
  Poll state{.runtime = runtime, .intake = nullptr, .bodies = {}};
  SqsIntakeOptions options;
  options.visibility = std::chrono::seconds(1);
  options.topics = {"arn:aws:sns:us-east-1:000000000000:whatsapp"};
  SqsIntake::Ports intake_ports{
      .queue = *(*services)->queue(),
      .accept = [&state](std::string body, std::string) { return accept(state, std::move(body)); },
      .clock = clock,
      .random = random,
      .log = null_log(),
      .metrics = *metrics,
      .executor = runtime.executor()};
  state.intake = std::make_unique<SqsIntake>(std::move(intake_ports), options);
  state.intake->start();
  asio::co_spawn(runtime.executor(), until_deleted(state, clock, count), asio::detached);
  runtime.run();
  boost::json::array bodies;
  for (const std::string& body : state.bodies) bodies.emplace_back(body);
  std::cout << boost::json::serialize(bodies) << "\n";
  return 0;
}

Task<> find_keys(aws::Credentials& credentials, Runtime& runtime, boost::json::object& out) {
  const Result<AwsCredentials> keys = co_await credentials.get();
  out["source"] = credentials.source();
  if (keys) {
    out["access_key_id"] = keys->access_key_id;
    out["secret_access_key"] = keys->secret_access_key.reveal();
    out["session_token"] = keys->session_token.reveal();
  } else {
    out["error"] = keys.error().message;
  }
  runtime.stop();
}

// The keys that this process's environment and files lead to: {source, access_key_id, …} or {error}.
int keys(const std::string& region, const std::string& sts) {
  RealFiles files;
  Runtime runtime;
  RealClock clock(runtime.executor());
  RealNetwork network(runtime.executor());
  HttpClient http(network, clock, runtime.executor());
  aws::Credentials::Ports ports{.http = http,
                                .clock = clock,
                                .files = files,
                                .log = null_log(),
                                .executor = runtime.executor(),
                                .environment = environment_variable};
  aws::CredentialOptions options;
  options.region = region;
  options.sts_endpoint = sts;
  aws::Credentials credentials(std::move(ports), std::move(options));
  boost::json::object out;
  asio::co_spawn(runtime.executor(), find_keys(credentials, runtime, out), asio::detached);
  runtime.run();
  std::cout << boost::json::serialize(out) << "\n";
  return 0;
}

}  // namespace
}  // namespace posthorn

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && arguments[0] == "sign") return posthorn::sign();
  if (arguments.size() == 1 && arguments[0] == "sns") return posthorn::sns();
  if (arguments.size() == 4 && arguments[0] == "poll")
    return posthorn::poll(arguments[1], std::stoull(arguments[2]), arguments[3]);
  if (arguments.size() == 3 && arguments[0] == "keys") return posthorn::keys(arguments[1], arguments[2]);
  std::cerr << "usage: aws_driver sign | sns | poll QUEUE_URL COUNT ENDPOINT | keys REGION STS\n";
  return 2;
}
