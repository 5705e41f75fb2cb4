#include "api/webhook_routes.h"

#include "api/http_answers.h"

namespace posthorn {

WebhookRoutes::WebhookRoutes(WebhookOptions options, Accept accept, Log& log, Metrics& metrics)
    : options_(std::move(options)),
      verifier_(options_.app_secrets),
      accept_(std::move(accept)),
      log_(log),
      metrics_(metrics),
      received_(metrics.counter("posthorn_webhooks_total", "Webhook requests by outcome.",
                                {{"outcome", "accepted"}})),
      refused_(metrics.counter("posthorn_webhooks_total", "Webhook requests by outcome.",
                               {{"outcome", "refused"}})),
      unsaved_(metrics.counter("posthorn_webhooks_total", "Webhook requests by outcome.",
                               {{"outcome", "unsaved"}})) {}

void WebhookRoutes::add_to(Router& router) {
  router.add("GET", "/webhooks/whatsapp", [this](HttpExchange& x, RouteArgs) { return challenge(x); });
  router.add("POST", "/webhooks/whatsapp", [this](HttpExchange& x, RouteArgs) { return receive(x); });
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
  if (!verifier_.verify(*body, exchange.request().headers.get("X-Hub-Signature-256"))) {
    refused_.add();
    log_.warning("webhook.bad_signature", {{"address", exchange.peer_address()}, {"bytes", body->size()}});
    co_return 403;
  }
  const auto accepted = co_await accept_(*std::move(body), "whatsapp");
  if (!accepted) {
    unsaved_.add();
    log_.warning("webhook.not_saved", {{"reason", accepted.error().message}});
    co_return 503;
  }
  received_.add();
  co_return 200;
}

}  // namespace posthorn
