// The collector of webhooks out: event log → deliveries, in the transaction that moves the cursor.
#include <algorithm>

#include <fmt/format.h>

#include "automation/webhook_dispatcher_core.h"
#include "messaging/event_kinds.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

constexpr int kEventsAtOnce = 200;  // in one transaction: others wait for their commit behind it
constexpr Duration kLongestWait =
    std::chrono::minutes(10);  // the cursor moves at least so often: it holds up pruning
constexpr Duration kAfterTrouble = std::chrono::seconds(2);
constexpr int kPatience = 5;  // failures in a row before an event is passed over

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

bool is_of_the_store(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::resource_exhausted ||
         error.code == ErrorCode::deadline_exceeded || error.code == ErrorCode::cancelled;
}

// Whatever is wrong with the event, an exception included, is said of it.
Result<> try_to_deliver(Transaction& tx, const std::vector<Subscriber>& all, const LoggedEvent& event,
                        WebhookBodies& bodies, WallTime now, CollectedWebhooks& out) {
  try {
    return deliver_to_all(tx, all, event, bodies, now, out);
  } catch (const std::exception& error) {
    return fail(ErrorCode::internal, error.what());
  }
}

}  // namespace

Result<CollectedWebhooks> collect_webhooks(Transaction& tx, WallTime now, int limit, bool pass_over) {
  CollectedWebhooks out;
  PH_TRY_ASSIGN(out.cursor, events::begin_at_end(tx, kWebhooksOutCursor));
  PH_TRY_ASSIGN(const auto all, subscribers(tx));
  if (all.empty()) {  // there is nobody to tell
    PH_TRY_ASSIGN(const auto last, events::last_position(tx));
    if (last > out.cursor) {
      PH_TRY(events::move_cursor(tx, kWebhooksOutCursor, last));
    }
    out.cursor = std::max(out.cursor, last);
    out.nobody = true;
    return out;
  }
  const auto oldest =
      std::ranges::min_element(all, {}, [](const Subscriber& s) { return s.endpoint.after_event; });
  const EventId begin = std::max(out.cursor, oldest->endpoint.after_event);  // nobody wants what is older
  PH_TRY_ASSIGN(const auto found, events::read_after(tx, begin, limit));
  WebhookBodies bodies(tx);
  for (const auto& event : found) {
    const Result<> told = try_to_deliver(tx, all, event, bodies, now, out);
    if (!told && (!pass_over || is_of_the_store(told.error()))) return std::unexpected(told.error());
    if (!told)
      out.passed_over.push_back(
          fmt::format("event {} ({}): {}", event.id.value, event.kind, told.error().message));
  }
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
  auto write = [now = ports.clock.wall_now(), pass_over = failures >= kPatience](Transaction& tx) {
    return collect_webhooks(tx, now, kEventsAtOnce, pass_over);
  };
  const Result<CollectedWebhooks> found = co_await ports.database.write(std::move(write));
  if (ended) co_return false;
  if (!found) {
    if (!is_of_the_store(found.error())) ++failures;
    ports.log.warning("webhooks_out.not_collected", {{"error", found.error().message}});
    co_await ports.clock.sleep_for(kAfterTrouble);
    co_return false;
  }
  failures = 0;
  for (const std::string& event : found->passed_over)
    ports.log.error("webhooks_out.event_passed_over", {{"event", event}});
  cursor = found->cursor;
  nobody = found->nobody;
  collected.add(static_cast<double>(found->events));
  for (const auto id : found->endpoints) lanes[id].look_at = MonotonicTime::min();
  if (!found->endpoints.empty()) wake.notify();
  co_return found->events == kEventsAtOnce;
}

}  // namespace posthorn
