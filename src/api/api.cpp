#include "api/api.h"

#include "api/http_answers.h"
#include "api/page_routes.h"

namespace posthorn {
namespace {

bool is_this_machine(std::string_view address) {
  return address == "::1" || address.starts_with("127.") || address.starts_with("::ffff:127.");
}

}  // namespace

Api::Api(ApiPorts ports, WebhookOptions webhooks)
    : ready_(std::move(ports.ready)),
      metrics_(ports.metrics),
      guard_(ports.access),
      actions_(ports.runner, ports.access, ports.version),
      broadcasts_(ports.campaigns, ports.uploads, ports.access, ports.clock),
      webhooks_(std::move(webhooks), std::move(ports.accept_webhook), ports.log, ports.metrics) {
  webhooks_.add_to(router_);  // first: the busiest
  if (ports.sns != nullptr) ports.sns->add_to(router_);
  actions_.add_to(router_);
  broadcasts_.add_to(router_);
  if (ports.feed != nullptr && ports.database != nullptr) {
    events_.emplace(*ports.database, *ports.feed, ports.access, ports.clock);
    events_->add_to(router_);
  }
  if (ports.blobs != nullptr && ports.media_links != nullptr && ports.database != nullptr) {
    media_.emplace(
        MediaRoutesPorts{*ports.database, *ports.blobs, ports.access, ports.clock, *ports.media_links});
    media_->add_to(router_);
  }
  router_.add("GET", "/healthz", [this](HttpExchange& x, RouteArgs) { return healthz(x); });
  router_.add("GET", "/readyz", [this](HttpExchange& x, RouteArgs) { return readyz(x); });
  router_.add("GET", "/metrics", [this](HttpExchange& x, RouteArgs) { return metrics(x); });
  PageRoutes::add_to(router_);
}

Task<> Api::handle(HttpExchange& exchange) {
  return router_.handle(exchange);
}

Task<> Api::healthz(HttpExchange& exchange) {
  auto response = plain_response(200, "ok\n");
  (void)co_await exchange.respond(std::move(response));
}

Task<> Api::readyz(HttpExchange& exchange) {
  const auto ready = ready_();
  auto response = ready ? plain_response(200, "ready\n") : plain_response(503, ready.error().message + "\n");
  (void)co_await exchange.respond(std::move(response));
}

// Open to this machine, where the collector usually runs; from elsewhere a key is needed.
Task<> Api::metrics(HttpExchange& exchange) {
  const bool direct =
      is_this_machine(exchange.peer_address()) && !exchange.request().headers.has("X-Forwarded-For");
  if (!direct && !co_await guard_.admit(exchange, Role::viewer)) co_return;
  auto response = plain_response(200, metrics_.prometheus_text(), "text/plain; version=0.0.4; charset=utf-8");
  (void)co_await exchange.respond(std::move(response));
}

}  // namespace posthorn
