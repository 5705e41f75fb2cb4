#include "api/webhook_routes.h"

#include <array>

#include "api/http_answers.h"
#include "channels/parse_webhook.h"

namespace posthorn {

namespace {

constexpr std::array<std::string_view, 4> kPaths = {"/webhooks/meta", "/webhooks/whatsapp",
                                                    "/webhooks/instagram", "/webhooks/messenger"};
constexpr std::string_view kMetric = "posthorn_webhooks_total";
constexpr std::string_view kMetricHelp =
    "Webhook requests by outcome, and by the app secret that signed them.";

std::vector<Secret> secrets_of(const WebhookOptions& options) {
  std::vector<Secret> secrets;
  for (const auto& one : options.app_secrets) secrets.push_back(one.secret);
  return secrets;
}

WebhookOptions without_empty(WebhookOptions options) {
  std::erase_if(options.app_secrets, [](const auto& one) { return one.secret.empty(); });
  return options;
}

}  // namespace

WebhookRoutes::WebhookRoutes(WebhookOptions options, Accept accept, Log& log, Metrics& metrics)
    : options_(without_empty(std::move(options))),
      verifier_(secrets_of(options_)),
      accept_(std::move(accept)),
      log_(log),
      metrics_(metrics),
      refused_(metrics.counter(std::string(kMetric), std::string(kMetricHelp),
                               {{"outcome", "refused"}, {"secret", ""}})),
      unsaved_(metrics.counter(std::string(kMetric), std::string(kMetricHelp),
                               {{"outcome", "unsaved"}, {"secret", ""}})) {
  for (const auto& one : options_.app_secrets)
    received_.push_back(&metrics.counter(std::string(kMetric), std::string(kMetricHelp),
                                         {{"outcome", "accepted"}, {"secret", one.name}}));
}

void WebhookRoutes::add_to(Router& router) {
  for (const std::string_view path : kPaths) {
    router.add("GET", std::string(path), [this](HttpExchange& x, RouteArgs) { return challenge(x); });
    router.add("POST", std::string(path), [this](HttpExchange& x, RouteArgs) { return receive(x); });
  }
}

Task<> WebhookRoutes::challenge(HttpExchange& exchange) {
  auto answer = whatsapp::answer_challenge(exchange.request(), options_.verify_token);
  HttpResponse response;
  if (answer) {
    response = plain_response(200, *std::move(answer));
  } else {
    log_.warning("webhook.challenge_refused", {{"address", exchange.peer_address()}});
    response = error_response(answer.error());
  }
  (void)co_await exchange.respond(std::move(response));
}

Task<> WebhookRoutes::receive(HttpExchange& exchange) {
  const int status = co_await take_in(exchange);
  auto response = plain_response(status, "");
  if (status == 503) response.headers.set("Retry-After", "5");
  (void)co_await exchange.respond(std::move(response));
}

// The body is looked at by nobody before its signature is proved, and 200 is given by nobody before it is on
// disk.
Task<int> WebhookRoutes::take_in(HttpExchange& exchange) {
  auto body = co_await exchange.read_body(whatsapp::kMaxWebhookBody);
  if (!body) {
    refused_.add();
    co_return http_status(body.error()) == 413 ? 413 : 400;
  }
  const auto signed_with = verifier_.match(*body, exchange.request().headers.get("X-Hub-Signature-256"));
  if (!signed_with) {
    refused_.add();
    log_.warning("webhook.bad_signature", {{"address", exchange.peer_address()}, {"bytes", body->size()}});
    co_return 403;
  }
  const auto accepted = co_await accept_(*std::move(body), std::string(channels::kFromMeta));
  if (!accepted) {
    unsaved_.add();
    log_.warning("webhook.not_saved", {{"reason", accepted.error().message}});
    co_return 503;
  }
  received_[*signed_with]->add();
  co_return 200;
}

}  // namespace posthorn
