#include "automation/webhook_sender.h"

#include <algorithm>

#include <fmt/format.h>

#include "platform/guarded_network.h"

namespace posthorn {
namespace {

constexpr std::size_t kMaxAnswer = 64 * 1024;
constexpr std::size_t kMaxUrl = 2048;
constexpr Duration kConnectTimeout = std::chrono::seconds(10);

AddressPolicy webhook_policy() {
  AddressPolicy policy;
  policy.any_port = true;
  return policy;
}

HttpClientLimits webhook_limits() {
  HttpClientLimits limits;
  limits.max_connections_per_endpoint = 256;
  limits.max_response_body = kMaxAnswer;
  limits.connect_timeout = kConnectTimeout;
  return limits;
}

std::string explain(const WebhookAnswer& answer) {
  if (answer.status >= 200 && answer.status < 300) return {};
  if (answer.status >= 300 && answer.status < 400)
    return fmt::format("redirected (status {}); redirects are not followed, name the final address",
                       answer.status);
  return fmt::format("answered with status {}", answer.status);
}

}  // namespace

WebhookNetwork::WebhookNetwork(Network& inner, Clock& clock)
    : inner_(inner),
      policy_(webhook_policy()),
      guarded_(std::make_unique<GuardedNetwork>(inner, clock, policy_)) {}

Result<std::unique_ptr<WebhookNetwork>> WebhookNetwork::make(
    Network& inner, Clock& clock, const std::vector<std::string>& allowed_targets) {
  std::unique_ptr<WebhookNetwork> network(new WebhookNetwork(inner, clock));
  for (const auto& target : allowed_targets) {
    if (target.find('/') == std::string::npos && !canonical_address(target)) {
      network->names_.push_back(target);
      continue;
    }
    auto range = AddressRange::parse(target);
    if (!range)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("webhooks_out.allowed_targets: '{}' is no host name, address or range", target),
                  "webhooks_out.allowed_targets");
    network->ranges_.push_back(*std::move(range));
  }
  return network;
}

bool WebhookNetwork::in_ranges(const std::string& address) const {
  return std::ranges::any_of(ranges_, [&](const AddressRange& range) { return range.contains(address); });
}

bool WebhookNetwork::allows(const std::string& host) const {
  return std::ranges::find(names_, host) != names_.end() || in_ranges(host);
}

// A name that leads into an allowed range is connected to at the address that was looked at, so that a second
// look-up cannot lead elsewhere.
Task<Result<std::unique_ptr<Stream>>> WebhookNetwork::connect(Endpoint endpoint, Duration timeout) {
  if (allows(endpoint.host)) co_return co_await inner_.connect(std::move(endpoint), timeout);
  if (!ranges_.empty() && !canonical_address(endpoint.host)) {
    PH_CO_TRY_ASSIGN(const auto addresses, co_await inner_.resolve(endpoint.host, timeout));
    const auto allowed =
        std::ranges::find_if(addresses, [this](const std::string& a) { return in_ranges(a); });
    if (allowed != addresses.end()) {
      std::string address = *allowed;
      co_return co_await inner_.connect_to(std::move(address), std::move(endpoint), timeout);
    }
  }
  co_return co_await guarded_->connect(std::move(endpoint), timeout);
}

Task<Result<std::vector<std::string>>> WebhookNetwork::resolve(std::string host, Duration timeout) {
  return inner_.resolve(std::move(host), timeout);
}

Task<Result<std::unique_ptr<Stream>>> WebhookNetwork::connect_to(std::string address, Endpoint endpoint,
                                                                 Duration timeout) {
  if (in_ranges(address)) return inner_.connect_to(std::move(address), std::move(endpoint), timeout);
  return guarded_->connect_to(std::move(address), std::move(endpoint), timeout);
}

Result<std::unique_ptr<Listener>> WebhookNetwork::listen(const std::string& address, std::uint16_t port) {
  return inner_.listen(address, port);
}

HttpWebhookSender::HttpWebhookSender(WebhookNetwork& network, Clock& clock, Executor executor,
                                     Duration timeout)
    : network_(network),
      clock_(clock),
      timeout_(timeout),
      http_(network, clock, std::move(executor), webhook_limits()) {}

Result<> HttpWebhookSender::check(const std::string& url) const {
  if (url.size() > kMaxUrl)
    return fail(ErrorCode::invalid_argument, fmt::format("url may have {} characters at most", kMaxUrl),
                "url");
  PH_TRY_ASSIGN(const auto parsed, parse_url(url));
  if (network_.allows(parsed.endpoint.host)) return {};
  const auto checked = check_endpoint(network_.policy(), parsed.endpoint);
  // A name may lead into an allowed range, where plain HTTP is fine: the attempt will show.
  if (checked || (network_.has_ranges() && !canonical_address(parsed.endpoint.host) &&
                  !is_disguised_address(parsed.endpoint.host)))
    return {};
  return fail(ErrorCode::invalid_argument,
              checked.error().message + "; the operator may allow it in webhooks_out.allowed_targets", "url");
}

Task<WebhookAnswer> HttpWebhookSender::post(std::string url, HttpHeaders headers, std::string body) {
  WebhookAnswer out;
  const auto checked = check(url);
  const auto parsed = parse_url(url);
  if (!checked || !parsed) {
    out.error = checked ? parsed.error().message : checked.error().message;
    co_return out;
  }
  HttpRequest request;
  request.method = "POST";
  request.target = parsed->target;
  request.headers = std::move(headers);
  request.body = std::move(body);
  const auto started = clock_.now();
  const auto answer = co_await http_.send(parsed->endpoint, std::move(request), timeout_);
  out.took = clock_.now() - started;
  if (!answer) {
    out.error = answer.error().error.message;
    co_return out;
  }
  out.status = answer->status;
  out.retry_after = std::string(answer->headers.get("Retry-After"));
  out.error = explain(out);
  co_return out;
}

}  // namespace posthorn
