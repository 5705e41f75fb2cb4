// The collector of webhooks out: event log → deliveries, in the transaction that moves the cursor.
#include <algorithm>

#include "automation/webhook_dispatcher_core.h"
#include "core/json.h"
#include "messaging/event_kinds.h"
#include "messaging/event_patience.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

constexpr int kEventsAtOnce = 200;  // in one transaction: others wait for their commit behind it
constexpr Duration kLongestWait =
    std::chrono::minutes(10);  // the cursor moves at least so often: it holds up pruning
constexpr Duration kAfterTrouble = std::chrono::seconds(2);

struct Subscriber {
  WebhookEndpoint endpoint;
  EventKinds kinds;
  bool wants(const LoggedEvent& event) const {
    return event.id > endpoint.after_event && kinds.matches(event.kind);
  }
};

Result<std::vector<Subscriber>> subscribers(Transaction& tx) {
  std::vector<Subscriber> all;
  PH_TRY_ASSIGN(auto endpoints, webhook_endpoints::list(tx));
  for (auto& endpoint : endpoints) {
    if (!endpoint.enabled) continue;
    PH_TRY_ASSIGN(auto kinds, EventKinds::parse(endpoint.kinds));
    all.push_back({std::move(endpoint), std::move(kinds)});
  }
  return all;
}

Result<> deliver_to_all(Transaction& tx, const std::vector<Subscriber>& all, const LoggedEvent& event,
                        WebhookBodies& bodies, WallTime now, CollectedWebhooks& out) {
  std::optional<WebhookBody> body;
  for (const auto& subscriber : all) {
    if (!subscriber.wants(event)) continue;
    if (!body) {
      PH_TRY_ASSIGN(body, bodies.of(event));
    }
    const auto& only = subscriber.endpoint.business_id;
    if (!only.empty() && only != body->business_id) continue;
    PH_TRY(webhook_deliveries::add(tx, subscriber.endpoint.id, event, body->json, now));
    out.endpoints.insert(subscriber.endpoint.id);
  }
  return {};
}

// What was unsent is unsent everywhere: also in what endpoints were told already.
Result<> handle(Transaction& tx, const std::vector<Subscriber>& all, const LoggedEvent& event,
                WebhookBodies& bodies, WallTime now, CollectedWebhooks& out) {
  if (event.kind == "message.deleted") {
    PH_TRY_ASSIGN(const auto data, parse_json(event.data));
    const MessageId message{JsonView(data)["message_id"].integer_or(0)};
    PH_TRY(webhook_deliveries::redact(tx, message, event.at));
  }
  return deliver_to_all(tx, all, event, bodies, now, out);
}

}  // namespace

Result<CollectedWebhooks> collect_webhooks(Transaction& tx, WallTime now, int limit, bool pass_over) {
  CollectedWebhooks out;
  PH_TRY_ASSIGN(out.cursor, events::begin_at_end(tx, kWebhooksOutCursor));
  PH_TRY_ASSIGN(const auto all, subscribers(tx));
  PH_TRY_ASSIGN(const bool told_before, webhook_deliveries::told_anything(tx));
  out.nobody = all.empty();
  if (all.empty() && !told_before) {  // there is nobody to tell
    PH_TRY_ASSIGN(const auto last, events::last_position(tx));
    if (last > out.cursor) {
      PH_TRY(events::move_cursor(tx, kWebhooksOutCursor, last));
    }
    out.cursor = std::max(out.cursor, last);
    return out;
  }
  EventId begin = out.cursor;
  if (!told_before) {  // nobody wants what is older
    const auto oldest =
        std::ranges::min_element(all, {}, [](const Subscriber& s) { return s.endpoint.after_event; });
    begin = std::max(begin, oldest->endpoint.after_event);
  }
  PH_TRY_ASSIGN(const auto found, events::read_after(tx, begin, limit));
  WebhookBodies bodies(tx);
  EventTries tries(pass_over);
  for (const auto& event : found) {
    PH_TRY(tries.run(event, [&] { return handle(tx, all, event, bodies, now, out); }));
  }
  out.passed_over = tries.take_passed_over();
  if (found.empty()) return out;
  out.events = static_cast<std::int64_t>(found.size());
  out.cursor = found.back().id;
  PH_TRY(events::move_cursor(tx, kWebhooksOutCursor, out.cursor));
  return out;
}

Task<> WebhooksOut::Impl::collector_loop() {
  while (!stopping) {
    const MonotonicTime until = ports.clock.now() + kLongestWait;
    if (nobody) {
      co_await collector_wake.wait_until(until);
    } else if (co_await ports.feed.wait_beyond(cursor, until) <= cursor && !ports.feed.stopping()) {
      continue;
    }
    if (stopping || ports.feed.stopping()) break;
    bool more = true;
    while (more && !stopping) more = co_await collect();
  }
  --running;
  stopped.notify();
}

Task<bool> WebhooksOut::Impl::collect() {
  auto write = [now = ports.clock.wall_now(), pass_over = patience.exhausted()](Transaction& tx) {
    return collect_webhooks(tx, now, kEventsAtOnce, pass_over);
  };
  const Result<CollectedWebhooks> found = co_await ports.database.write(std::move(write));
  if (ended) co_return false;
  if (!found) {
    patience.failed(found.error());
    ports.log.warning("webhooks_out.not_collected", {{"error", found.error().message}});
    co_await ports.clock.sleep_for(kAfterTrouble);
    co_return false;
  }
  patience.succeeded(found->passed_over);
  cursor = found->cursor;
  nobody = found->nobody;
  collected.add(static_cast<double>(found->events));
  for (const auto id : found->endpoints) lanes[id].look_at = MonotonicTime::min();
  if (!found->endpoints.empty()) wake.notify();
  co_return found->events == kEventsAtOnce;
}

}  // namespace posthorn
