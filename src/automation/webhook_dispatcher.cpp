#include "automation/webhook_dispatcher.h"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "automation/webhook_dispatcher_core.h"
#include "automation/webhook_schedule.h"
#include "automation/webhook_signature.h"
#include "core/json_writer.h"
#include "core/time_text.h"
#include "messaging/essential_loop.h"

namespace posthorn {
namespace {

constexpr Duration kLongestPause = std::chrono::minutes(10);  // between looks, whatever was expected
constexpr Duration kKeepHouseEvery = std::chrono::minutes(30);
constexpr Duration kAfterTrouble = std::chrono::seconds(5);
constexpr Duration kFarewell = std::chrono::seconds(5);  // for answers on their way when we stop
constexpr int kPruneRows = 2000;

struct Ask {
  WebhookEndpointId endpoint;
  int limit = 0;
};

// Everything that may be sent now. `asks` knows endpoints that want another limit than `usual`; 0: do not
// look.
Result<std::vector<DueWebhooks>> read_due(Transaction& tx, const std::vector<Ask>& asks, int usual,
                                          WallTime now) {
  std::vector<DueWebhooks> all;
  PH_TRY_ASSIGN(auto endpoints, webhook_endpoints::list(tx));
  for (auto& endpoint : endpoints) {
    if (!endpoint.enabled) continue;
    DueWebhooks due;
    due.endpoint = std::move(endpoint);
    const auto ask = std::ranges::find(asks, due.endpoint.id, &Ask::endpoint);
    const int limit = ask == asks.end() ? usual : ask->limit;
    if (limit > 0) {
      due.looked = true;
      PH_TRY_ASSIGN(due.deliveries, webhook_deliveries::due(tx, due.endpoint.id, now, limit));
      PH_TRY_ASSIGN(due.next, webhook_deliveries::next_due(tx, due.endpoint.id, now));
    }
    all.push_back(std::move(due));
  }
  return all;
}

std::int64_t milliseconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

}  // namespace

WebhooksOut::Impl::Impl(WebhooksOutPorts p, WebhooksOutOptions o)
    : ports(std::move(p)),
      options(o),
      wake(ports.executor, ports.clock),
      collector_wake(ports.executor, ports.clock),
      stopped(ports.executor, ports.clock),
      patience(kWebhooksOutCursor, ports.log, ports.metrics),
      delivered(ports.metrics.counter("posthorn_webhooks_out_delivered_total",
                                      "Webhooks that were answered with 2xx")),
      failed(ports.metrics.counter("posthorn_webhooks_out_failed_total", "Attempts of webhooks that failed")),
      given_up(ports.metrics.counter("posthorn_webhooks_out_given_up_total",
                                     "Webhooks given up after three days")),
      disabled(
          ports.metrics.counter("posthorn_webhooks_out_disabled_total", "Endpoints disabled by themselves")),
      collected(ports.metrics.counter("posthorn_webhooks_out_events_total", "Events looked at for webhooks")),
      busy(ports.metrics.gauge("posthorn_webhooks_out_in_flight", "Requests of webhooks under way")) {}

Task<> WebhooksOut::Impl::dispatcher_loop() {
  while (!stopping) {
    if (ports.clock.now() >= next_keeping) co_await keep_house();
    if (!stopping) co_await dispatch();
    if (stopping) break;
    co_await wake.wait_until(next_look());
  }
  --running;
  stopped.notify();
}

// While an endpoint is down, one request at a time looks whether it is back.
int WebhooksOut::Impl::room(const Lane& lane) const {
  const int most = lane.failures >= kFailuresUntilDown ? 1 : options.concurrency;
  return std::max(0, most - static_cast<int>(lane.in_flight.size()));
}

MonotonicTime WebhooksOut::Impl::next_look() const {
  MonotonicTime next = ports.clock.now() + kLongestPause;
  for (const auto& [id, lane] : lanes) {
    if (room(lane) > 0) next = std::min(next, std::max(lane.look_at, lane.hold_until));
  }
  return std::max(next, ports.clock.now() + std::chrono::milliseconds(1));
}

Task<> WebhooksOut::Impl::dispatch() {
  const MonotonicTime now = ports.clock.now();
  std::vector<Ask> asks;
  for (auto& [id, lane] : lanes) {
    lane.ended.clear();
    const bool look = room(lane) > 0 && lane.hold_until <= now && lane.look_at <= now;
    asks.push_back({id, look ? room(lane) + static_cast<int>(lane.in_flight.size()) : 0});
  }
  auto read = [asks = std::move(asks), usual = options.concurrency,
               wall = ports.clock.wall_now()](Transaction& tx) { return read_due(tx, asks, usual, wall); };
  Result<std::vector<DueWebhooks>> found = co_await ports.database.read(std::move(read));
  if (ended || stopping) co_return;
  if (!found) {
    ports.log.warning("webhooks_out.not_read", {{"error", found.error().message}});
    co_await ports.clock.sleep_for(kAfterTrouble);
    co_return;
  }
  std::set<WebhookEndpointId> enabled;
  for (auto& due : *found) {
    enabled.insert(due.endpoint.id);
    dispatch_lane(std::move(due), now);
  }
  std::erase_if(lanes, [&](const auto& entry) {
    return !enabled.contains(entry.first) && entry.second.in_flight.empty();
  });
}

void WebhooksOut::Impl::dispatch_lane(DueWebhooks due, MonotonicTime now) {
  const bool is_new = !lanes.contains(due.endpoint.id);
  Lane& lane = lanes[due.endpoint.id];
  if (is_new) lane.failures = due.endpoint.failures;
  if (!due.looked) return;
  lane.look_at = MonotonicTime::max();
  if (due.next) lane.look_at = now + std::max<Duration>(*due.next - ports.clock.wall_now(), Duration(0));
  for (auto& delivery : due.deliveries) {
    if (lane.in_flight.contains(delivery.id) || lane.keys.contains(delivery.order_key)) continue;
    if (lane.ended.contains(delivery.id)) {
      lane.look_at = MonotonicTime::min();
      continue;
    }
    if (room(lane) == 0) {  // the rest when there is room again
      lane.look_at = MonotonicTime::min();
      break;
    }
    lane.in_flight.insert(delivery.id);
    lane.keys.insert(delivery.order_key);
    busy.set(static_cast<double>(++in_flight));
    asio::co_spawn(ports.executor, deliver(shared_from_this(), due.endpoint, std::move(delivery)),
                   asio::detached);
  }
}

Result<HttpHeaders> WebhooksOut::Impl::headers(const WebhookEndpoint& endpoint, const std::string& webhook_id,
                                               std::string_view body) {
  const WallTime now = ports.clock.wall_now();
  const std::int64_t timestamp = to_micros(now) / 1'000'000;
  PH_TRY_ASSIGN(const auto secret, open_webhook_secret(ports.secrets, endpoint.id, endpoint.sealed_secret));
  auto signature = sign_webhook(secret, webhook_id, timestamp, body);
  if (!endpoint.sealed_previous.empty() && now < endpoint.previous_until) {
    PH_TRY_ASSIGN(const auto previous,
                  open_webhook_secret(ports.secrets, endpoint.id, endpoint.sealed_previous));
    signature += " " + sign_webhook(previous, webhook_id, timestamp, body);
  }
  HttpHeaders out;
  out.set("Content-Type", "application/json");
  out.set("User-Agent", "Posthorn");
  out.set("webhook-id", webhook_id);
  out.set("webhook-timestamp", std::to_string(timestamp));
  out.set("webhook-signature", std::move(signature));
  return out;
}

Task<WebhookAnswer> WebhooksOut::Impl::send(const WebhookEndpoint& endpoint, std::string webhook_id,
                                            std::string body) {
  auto signed_headers = headers(endpoint, webhook_id, body);
  if (!signed_headers) {
    WebhookAnswer answer;
    answer.error = "the endpoint's secret cannot be read: " + signed_headers.error().message +
                   "; rotate it with rotate_webhook_secret";
    co_return answer;
  }
  co_return co_await ports.sender.post(endpoint.url, *std::move(signed_headers), std::move(body));
}

Task<> WebhooksOut::Impl::deliver(std::shared_ptr<Impl> self, WebhookEndpoint endpoint,
                                  WebhookDelivery delivery) {
  auto sent = co_await contained_value(self->send(endpoint, delivery.webhook_id, std::move(delivery.body)));
  if (self->ended) co_return;
  WebhookAnswer answer;  // an exception is a failure of this delivery
  if (sent) {
    answer = *std::move(sent);
  } else {
    answer.error = std::move(sent.error().message);
  }
  WebhookOutcome outcome;
  outcome.delivery = delivery.id;
  outcome.at = self->ports.clock.wall_now();
  outcome.status = answer.status;
  outcome.milliseconds = milliseconds(answer.took);
  outcome.error = answer.error;
  outcome.pause = webhook_pause(delivery.attempts + 1, self->ports.random.unit());
  if (answer.status == 429 || answer.status == 503) {
    const auto asked = parse_retry_after(answer.retry_after, outcome.at);
    outcome.pause = std::max(outcome.pause, asked.value_or(Duration(0)));
  }
  self->learn(endpoint.id, outcome, answer);
  co_await self->settle(endpoint.id, outcome);
  if (self->ended) co_return;
  Lane& lane = self->lanes[endpoint.id];
  lane.in_flight.erase(delivery.id);
  lane.ended.insert(delivery.id);
  lane.keys.erase(delivery.order_key);
  lane.look_at = MonotonicTime::min();
  self->busy.set(static_cast<double>(--self->in_flight));
  self->wake.notify();
  if (self->stopping) self->stopped.notify();
}

// An endpoint that asks for a pause, or is down, gets none of the other conversations' requests either.
void WebhooksOut::Impl::learn(WebhookEndpointId endpoint, const WebhookOutcome& outcome,
                              const WebhookAnswer& answer) {
  Lane& lane = lanes[endpoint];
  if (outcome.succeeded()) {
    lane.failures = 0;
    lane.hold_until = MonotonicTime::min();
    return;
  }
  ++lane.failures;
  Duration hold = webhook_probe_pause(lane.failures);
  if (answer.status == 429 || answer.status == 503)
    hold = std::max(hold, parse_retry_after(answer.retry_after, outcome.at).value_or(Duration(0)));
  lane.hold_until = std::max(lane.hold_until, ports.clock.now() + hold);
}

// What was answered is known only here until it is committed: the commit is tried until it succeeds, the
// request is not repeated meanwhile.
Task<> WebhooksOut::Impl::settle(WebhookEndpointId endpoint, WebhookOutcome outcome) {
  while (!ended) {
    auto write = [outcome](Transaction& tx) { return webhook_deliveries::settle(tx, outcome); };
    const Result<WebhookSettled> settled = co_await ports.database.write_urgent(std::move(write));
    if (ended) co_return;
    if (settled) {
      if (settled->delivered) delivered.add();
      if (!outcome.succeeded()) failed.add();
      if (settled->given_up) given_up.add();
      if (settled->disabled) {
        disabled.add();
        ports.log.warning("webhook_endpoint.disabled",
                          {{"endpoint", endpoint.value}, {"error", outcome.error}});
      }
      if (settled->disabled || settled->given_up) ports.feed.notify();
      co_return;
    }
    ports.log.warning("webhooks_out.not_settled", {{"error", settled.error().message}});
    co_await ports.clock.sleep_for(kAfterTrouble);
  }
}

Task<> WebhooksOut::Impl::keep_house() {
  next_keeping = ports.clock.now() + kKeepHouseEvery;
  auto write = [now = ports.clock.wall_now(), keep = options.keep](Transaction& tx) -> Result<std::int64_t> {
    PH_TRY(webhook_deliveries::bring_back(tx, now));
    return webhook_deliveries::prune(tx, now - keep, kPruneRows);
  };
  const Result<std::int64_t> pruned = co_await ports.database.write(std::move(write));
  if (ended) co_return;
  if (!pruned) ports.log.warning("webhooks_out.not_pruned", {{"error", pruned.error().message}});
  if (pruned && *pruned >= kPruneRows) next_keeping = ports.clock.now() + std::chrono::seconds(1);
  for (auto& [id, lane] : lanes) lane.look_at = MonotonicTime::min();
}

WebhooksOut::WebhooksOut(WebhooksOutPorts ports, WebhooksOutOptions options)
    : impl_(std::make_shared<Impl>(std::move(ports), options)) {}
WebhooksOut::~WebhooksOut() {
  impl_->ended = true;
}

Task<Result<>> WebhooksOut::start() {
  const std::shared_ptr<Impl> impl = impl_;
  auto begin = [now = impl->ports.clock.wall_now()](Transaction& tx) { return collect_webhooks(tx, now, 0); };
  PH_CO_TRY_ASSIGN(const auto begun, co_await impl->ports.database.write(std::move(begin)));
  impl->cursor = begun.cursor;
  impl->nobody = begun.nobody;
  impl->running = 2;
  auto collector = [](std::shared_ptr<Impl> self) -> Task<> { co_await self->collector_loop(); };
  auto dispatcher = [](std::shared_ptr<Impl> self) -> Task<> { co_await self->dispatcher_loop(); };
  spawn_essential(impl->ports.executor, "the collector of webhooks", collector(impl));
  spawn_essential(impl->ports.executor, "the dispatcher of webhooks", dispatcher(impl));
  co_return Result<>();
}

Task<> WebhooksOut::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->stopping = true;
  impl->wake.notify();
  impl->collector_wake.notify();
  impl->ports.feed.release();
  const MonotonicTime deadline = impl->ports.clock.now() + kFarewell;
  while ((impl->running > 0 || impl->in_flight > 0) && impl->ports.clock.now() < deadline)
    co_await impl->stopped.wait_until(deadline);
  impl->ended = true;
}

void WebhooksOut::wake() {
  for (auto& [id, lane] : impl_->lanes) {
    lane.look_at = MonotonicTime::min();
    lane.hold_until = MonotonicTime::min();
  }
  impl_->wake.notify();
  impl_->collector_wake.notify();
}

Task<Result<WebhookAnswer>> WebhooksOut::test(WebhookEndpointId id) {
  const std::shared_ptr<Impl> impl = impl_;
  auto read = [id](Transaction& tx) { return webhook_endpoints::get(tx, id); };
  PH_CO_TRY_ASSIGN(const auto endpoint, co_await impl->ports.database.read(std::move(read)));
  const WallTime now = impl->ports.clock.wall_now();
  std::string body;
  JsonWriter(body)
      .begin_object()
      .member("type", "webhook_endpoint.test")
      .member("timestamp", iso_time(now))
      .key("data")
      .begin_object()
      .member("endpoint_id", id.value)
      .member("text", "A test of this endpoint, asked for by its operator.")
      .end_object()
      .end_object();
  auto webhook_id = fmt::format("msg_test_{:x}", to_micros(now));
  co_return co_await impl->send(endpoint, std::move(webhook_id), std::move(body));
}

Result<> WebhooksOut::check_url(const std::string& url) const {
  return impl_->ports.sender.check(url);
}

}  // namespace posthorn
