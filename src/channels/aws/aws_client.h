// Calls to one AWS service: signed, with the retries that Amazon's rules allow, errors translated.
#pragma once
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "channels/aws/aws_error.h"
#include "channels/aws/credentials.h"
#include "core/result.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/http_client.h"
#include "platform/random.h"

namespace posthorn::aws {

struct AwsService {
  std::string signing_name;  // "sqs", "social-messaging", …
  std::string region;
  std::string base_url;  // without trailing slash
};

// "https://sqs.eu-central-1.amazonaws.com", or `endpoint` if one is configured.
std::string service_url(std::string_view host_name, std::string_view region, std::string_view endpoint);

struct CallOptions {
  Duration timeout = std::chrono::seconds(10);
  int attempts = 4;
  bool repeatable =
      true;  // false: never again once the whole request may have been read (no idempotency key exists)
};

class AwsClient {
 public:
  struct Ports {
    HttpClient& http;
    Clock& clock;
    Random& random;
    Credentials& credentials;
  };
  // invalid_argument: the URL is none.
  static Result<std::unique_ptr<AwsClient>> create(Ports ports, AwsService service);
  ~AwsClient();

  // `request` has method, target (path and query, percent-encoded), headers and body. 2xx answers only;
  // everything else is an error: unauthenticated, permission_denied, not_found, invalid_argument,
  // resource_exhausted (throttled), unavailable, cancelled. `refusal`, if given, gets what the service said
  // at last.
  Task<Result<HttpResponse>> call(HttpRequest request, CallOptions options, AwsError* refusal = nullptr);

  // One signed attempt and nothing more, for what must not be done twice: the answer as it came, whatever its
  // status. `on_last_byte` as in HttpClient::send. Without credentials nothing leaves: not_connected.
  Task<std::expected<HttpResponse, HttpFailure>> exchange(HttpRequest request, Duration timeout,
                                                          std::function<void()> on_last_byte = {});

  const AwsService& service() const;
  void close();  // no attempt begins any more: `cancelled`. Then the HttpClient may go.

 private:
  struct Impl;
  explicit AwsClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// {"QueueUrl":…} to the json 1.0 protocol of SQS and others: POST / with X-Amz-Target.
HttpRequest json_request(std::string_view target, std::string body);

}  // namespace posthorn::aws
