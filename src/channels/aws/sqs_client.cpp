#include "channels/aws/sqs_client.h"

#include <charconv>

#include "core/json.h"
#include "core/json_writer.h"

namespace posthorn::aws {
namespace {

// Ten messages of a megabyte, with escapes.
constexpr std::size_t kMaxAnswer = 32 * 1024 * 1024;
constexpr Duration kBeyondWait = std::chrono::seconds(10);

int whole_number(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

long seconds_of(Duration d) {
  return static_cast<long>(std::chrono::ceil<std::chrono::seconds>(d).count());
}

// Entries are named by their place in the list.
std::string batch_body(std::string_view queue_url, const std::vector<std::string>& receipts,
                       std::optional<Duration> visibility) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().member("QueueUrl", queue_url).key("Entries").begin_array();
  for (std::size_t i = 0; i < receipts.size(); ++i) {
    json.begin_object().member("Id", std::string_view(std::to_string(i)));
    json.member("ReceiptHandle", std::string_view(receipts[i]));
    if (visibility) json.member("VisibilityTimeout", static_cast<std::int64_t>(seconds_of(*visibility)));
    json.end_object();
  }
  json.end_array().end_object();
  return body;
}

Result<std::vector<std::string>> failed_entries(std::string_view answer,
                                                const std::vector<std::string>& receipts) {
  PH_TRY_ASSIGN(const json::value root, parse_json(answer));
  const JsonView failed = JsonView(root)["Failed"];
  std::vector<std::string> out;
  for (std::size_t i = 0; i < failed.size(); ++i) {
    const auto place = static_cast<std::size_t>(whole_number(failed[i]["Id"].string_or("0")));
    if (place < receipts.size()) out.push_back(receipts[place]);
  }
  return out;
}

}  // namespace

std::string region_of_queue(std::string_view queue_url) {
  const std::size_t begin = queue_url.find("://sqs.");
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = queue_url.substr(begin + 7);
  const std::size_t dot = rest.find('.');
  if (dot == std::string_view::npos || !rest.substr(dot).starts_with(".amazonaws.com")) return {};
  return std::string(rest.substr(0, dot));
}

Result<std::vector<QueueMessage>> read_messages(std::string_view answer) {
  PH_TRY_ASSIGN(const json::value root, parse_json(answer));
  const JsonView list = JsonView(root)["Messages"];  // absent when there is none
  std::vector<QueueMessage> out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const JsonView one = list[i];
    QueueMessage message;
    message.id = one["MessageId"].string_or("");
    message.receipt = one["ReceiptHandle"].string_or("");
    message.body = one["Body"].string_or("");
    message.receive_count = whole_number(one["Attributes"]["ApproximateReceiveCount"].string_or(""));
    if (!message.receipt.empty() && one["Body"].exists()) out.push_back(std::move(message));
  }
  return out;
}

struct SqsQueue::Impl {
  std::unique_ptr<HttpClient> http;
  std::unique_ptr<AwsClient> client;
  std::string queue_url;

  Task<Result<std::string>> call(std::string_view operation, std::string body, CallOptions options) {
    HttpRequest request = json_request(operation, std::move(body));
    PH_CO_TRY_ASSIGN(HttpResponse answer, co_await client->call(std::move(request), options));
    co_return std::move(answer.body);
  }
};

SqsQueue::SqsQueue(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqsQueue::~SqsQueue() = default;

Result<std::unique_ptr<SqsQueue>> SqsQueue::create(Ports ports, std::string queue_url, std::string region,
                                                   std::string endpoint) {
  if (std::string own = region_of_queue(queue_url); !own.empty()) region = std::move(own);
  if (region.empty())
    return fail(ErrorCode::invalid_argument, "set aws.region: the queue's URL does not tell it",
                "aws.region");
  const std::size_t path = queue_url.find('/', queue_url.find("://") + 3);
  if (path == std::string::npos)
    return fail(ErrorCode::invalid_argument, "aws.sqs_queue_url must end in the account and the queue's name",
                "aws.sqs_queue_url");
  if (endpoint.empty()) endpoint = queue_url.substr(0, path);
  auto impl = std::make_unique<Impl>();
  HttpClientLimits limits;
  limits.max_response_body = kMaxAnswer;
  impl->http = std::make_unique<HttpClient>(ports.network, ports.clock, ports.executor, limits);
  AwsClient::Ports client_ports{
      .http = *impl->http, .clock = ports.clock, .random = ports.random, .credentials = ports.credentials};
  AwsService service{.signing_name = "sqs", .region = std::move(region), .base_url = std::move(endpoint)};
  PH_TRY_ASSIGN(impl->client, AwsClient::create(client_ports, std::move(service)));
  impl->queue_url = std::move(queue_url);
  return std::unique_ptr<SqsQueue>(new SqsQueue(std::move(impl)));
}

Task<Result<std::vector<QueueMessage>>> SqsQueue::receive(Duration wait, Duration visibility) {
  std::string body;
  JsonWriter(body)
      .begin_object()
      .member("QueueUrl", std::string_view(impl_->queue_url))
      .member("MaxNumberOfMessages", static_cast<std::int64_t>(kQueueBatch))
      .member("WaitTimeSeconds", static_cast<std::int64_t>(seconds_of(wait)))
      .member("VisibilityTimeout", static_cast<std::int64_t>(seconds_of(visibility)))
      .key("MessageSystemAttributeNames")
      .begin_array()
      .value("ApproximateReceiveCount")
      .end_array()
      .end_object();
  CallOptions options;
  options.timeout = wait + kBeyondWait;
  options.attempts = 1;  // the loop that asks comes back anyway
  PH_CO_TRY_ASSIGN(const std::string answer,
                   co_await impl_->call("AmazonSQS.ReceiveMessage", std::move(body), options));
  co_return read_messages(answer);
}

Task<Result<std::vector<std::string>>> SqsQueue::remove(std::vector<std::string> receipts) {
  std::string body = batch_body(impl_->queue_url, receipts, std::nullopt);
  PH_CO_TRY_ASSIGN(const std::string answer,
                   co_await impl_->call("AmazonSQS.DeleteMessageBatch", std::move(body), CallOptions()));
  co_return failed_entries(answer, receipts);
}

Task<Result<std::vector<std::string>>> SqsQueue::hide(std::vector<std::string> receipts,
                                                      Duration visibility) {
  std::string body = batch_body(impl_->queue_url, receipts, visibility);
  PH_CO_TRY_ASSIGN(const std::string answer, co_await impl_->call("AmazonSQS.ChangeMessageVisibilityBatch",
                                                                  std::move(body), CallOptions()));
  co_return failed_entries(answer, receipts);
}

void SqsQueue::close() {
  impl_->client->close();
  impl_->http.reset();
}

}  // namespace posthorn::aws
