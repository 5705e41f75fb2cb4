#include "channels/aws/aws_client.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthorn::aws {
namespace {

constexpr Duration kFirstPause = std::chrono::milliseconds(100);
constexpr Duration kLongestPause = std::chrono::seconds(20);

// What one attempt came to.
struct Attempt {
  Result<HttpResponse> answer;
  AwsTrouble trouble = AwsTrouble::refused;
  bool read = false;  // the service may have acted on it
  AwsError said = {};
};

}  // namespace

struct AwsClient::Impl {
  Ports ports;
  AwsService service;
  ParsedUrl url;
  AwsSigner signer;
  Duration clock_offset{};  // the service's clock minus ours, once it complained
  bool closed = false;

  Task<std::expected<HttpResponse, HttpFailure>> exchange(HttpRequest request, Duration timeout,
                                                          std::function<void()> on_last_byte) {
    Result<AwsCredentials> keys = co_await ports.credentials.get();
    if (closed) keys = fail(ErrorCode::cancelled, service.signing_name + ": shut down");
    if (!keys) {
      HttpFailure failure{.stage = HttpStage::not_connected, .error = keys.error()};
      co_return std::unexpected(std::move(failure));
    }
    signer.sign(request, aws_host(url.endpoint), *keys, ports.clock.wall_now() + clock_offset);
    auto answer =
        co_await ports.http.send(url.endpoint, std::move(request), timeout, std::move(on_last_byte));
    if (answer) mend(*answer);
    co_return answer;
  }

  // What a refusal tells about our clock and keys, for the next attempt.
  void mend(const HttpResponse& response) {
    if (response.status / 100 == 2) return;
    const AwsTrouble trouble = judge(response.status, read_error(response));
    if (trouble == AwsTrouble::credentials) ports.credentials.expired();
    if (trouble != AwsTrouble::clock) return;
    const std::optional<WallTime> theirs = parse_date_header(response.headers.get("Date"));
    if (theirs) clock_offset = *theirs - ports.clock.wall_now();
  }

  Task<Attempt> attempt(HttpRequest request, Duration timeout) {
    std::function<void()> nobody;
    auto answer = co_await exchange(std::move(request), timeout, std::move(nobody));
    if (answer) co_return read_answer(*std::move(answer));
    Error error = answer.error().error;
    const bool final = error.code == ErrorCode::cancelled || error.code == ErrorCode::unauthenticated;
    if (!final) error.code = ErrorCode::unavailable;
    if (error.code != ErrorCode::unauthenticated)
      error.message = fmt::format("{}: {}", service.signing_name, error.message);
    co_return Attempt{.answer = std::unexpected(std::move(error)),
                      .trouble = final ? AwsTrouble::refused : AwsTrouble::again,
                      .read = answer.error().stage == HttpStage::sent};
  }

  Attempt read_answer(HttpResponse response) {
    if (response.status / 100 == 2) return Attempt{.answer = std::move(response)};
    AwsError error = read_error(response);
    const AwsTrouble trouble = judge(response.status, error);
    // Refusals for throttling came before anything was done; failures inside need not have.
    const bool read = response.status >= 500;
    Error told = to_error(service.signing_name, response.status, error);
    return Attempt{.answer = std::unexpected(std::move(told)),
                   .trouble = trouble,
                   .read = read,
                   .said = std::move(error)};
  }

  Duration pause_before(int number) {
    const Duration most = std::min(kLongestPause, kFirstPause * (1 << std::min(number, 10)));
    return Duration(
        static_cast<Duration::rep>(ports.random.below(static_cast<std::uint64_t>(most.count()) + 1)));
  }
};

AwsClient::AwsClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AwsClient::~AwsClient() = default;

Result<std::unique_ptr<AwsClient>> AwsClient::create(Ports ports, AwsService service) {
  PH_TRY_ASSIGN(ParsedUrl url, parse_url(service.base_url));
  AwsSigner signer(service.region, service.signing_name);
  auto impl = std::make_unique<Impl>(Impl{
      .ports = ports, .service = std::move(service), .url = std::move(url), .signer = std::move(signer)});
  return std::unique_ptr<AwsClient>(new AwsClient(std::move(impl)));
}

const AwsService& AwsClient::service() const {
  return impl_->service;
}

void AwsClient::close() {
  impl_->closed = true;
}

Task<std::expected<HttpResponse, HttpFailure>> AwsClient::exchange(HttpRequest request, Duration timeout,
                                                                   std::function<void()> on_last_byte) {
  return impl_->exchange(std::move(request), timeout, std::move(on_last_byte));
}

Task<Result<HttpResponse>> AwsClient::call(HttpRequest request, CallOptions options, AwsError* refusal) {
  bool mended_clock = false, mended_keys = false;
  for (int number = 1;; ++number) {
    Attempt attempt = co_await impl_->attempt(request, options.timeout);
    if (refusal != nullptr) *refusal = attempt.said;
    if (attempt.answer || (attempt.read && !options.repeatable)) co_return std::move(attempt.answer);
    bool again = attempt.trouble == AwsTrouble::again && number < options.attempts;
    if (attempt.trouble == AwsTrouble::clock) again = !std::exchange(mended_clock, true);
    if (attempt.trouble == AwsTrouble::credentials) again = !std::exchange(mended_keys, true);
    if (!again) co_return std::move(attempt.answer);
    if (attempt.trouble == AwsTrouble::again)
      co_await impl_->ports.clock.sleep_for(impl_->pause_before(number));
  }
}

std::string service_url(std::string_view host_name, std::string_view region, std::string_view endpoint) {
  if (!endpoint.empty())
    return std::string(endpoint.ends_with('/') ? endpoint.substr(0, endpoint.size() - 1) : endpoint);
  return fmt::format("https://{}.{}.amazonaws.com{}", host_name, region,
                     region.starts_with("cn-") ? ".cn" : "");
}

HttpRequest json_request(std::string_view target, std::string body) {
  HttpRequest request;
  request.method = "POST";
  request.headers.set("Content-Type", "application/x-amz-json-1.0");
  request.headers.set("X-Amz-Target", std::string(target));
  request.body = std::move(body);
  return request;
}

}  // namespace posthorn::aws
