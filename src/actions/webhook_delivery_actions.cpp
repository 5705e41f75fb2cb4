// Deliveries of webhooks out: what became of each, and telling again.
#include <algorithm>
#include <limits>

#include "actions/common.h"
#include "actions/views.h"
#include "actions/webhook_common.h"
#include "automation/webhook_deliveries.h"
#include "automation/webhook_dispatcher.h"
#include "core/time_text.h"
#include "messaging/event_kinds.h"
#include "platform/clock.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

constexpr int kReplayAtOnce = 100;  // events in one transaction
constexpr std::int64_t kMostReplayed = 100'000;

json::object delivery_view(const WebhookDelivery& d) {
  json::object out;
  out["id"] = d.id.value;
  out["endpoint_id"] = d.endpoint.value;
  out["event_id"] = d.event.value;
  out["webhook_id"] = d.webhook_id;
  out["type"] = d.kind;
  out["order_key"] = d.order_key;
  out["state"] = std::string(to_string(d.state));
  out["attempts"] = d.attempts;
  out["next_try_at"] = d.state == WebhookDeliveryState::waiting && d.next_try_at
                           ? json::value(iso_time(*d.next_try_at))
                           : json::value(nullptr);
  out["last_status"] = d.last_status == 0 ? json::value(nullptr) : json::value(d.last_status);
  out["last_error"] = d.last_error.empty() ? json::value(nullptr) : json::value(d.last_error);
  out["created_at"] = iso_time(d.created_at);
  out["done_at"] = time_or_null(d.done_at);
  return out;
}

std::optional<WebhookDeliveryState> state_from(std::string_view text) {
  for (const auto state :
       {WebhookDeliveryState::waiting, WebhookDeliveryState::delivered, WebhookDeliveryState::given_up}) {
    if (to_string(state) == text) return state;
  }
  return std::nullopt;
}

Task<Result<json::value>> list_deliveries(ActionContext c, Params p) {
  WebhookDeliveryFilter filter;
  filter.endpoint = WebhookEndpointId{p.integer("endpoint_id")};
  filter.state = state_from(p.text("state"));
  const auto limit = p.integer("limit");
  auto read = [filter, before = p.integer("before_id"), limit](Transaction& tx) {
    return webhook_deliveries::list(tx, filter, before, static_cast<int>(limit));
  };
  PH_CO_TRY_ASSIGN(const auto found, co_await c.services->database->read(std::move(read)));
  json::array deliveries;
  for (const auto& delivery : found) deliveries.push_back(delivery_view(delivery));
  co_return json::value(page("deliveries", std::move(deliveries), limit));
}

Task<Result<json::value>> get_delivery(ActionContext c, Params p) {
  auto read = [id = WebhookDeliveryId{p.integer("id")}](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const auto delivery, webhook_deliveries::get(tx, id));
    PH_TRY_ASSIGN(const auto attempts, webhook_deliveries::attempts(tx, id));
    auto out = delivery_view(delivery);
    auto body = parse_json(delivery.body);
    out["body"] = body ? std::move(*body) : json::value(nullptr);
    json::array log;
    for (const auto& attempt : attempts) {
      json::object one;
      one["at"] = iso_time(attempt.at);
      one["status"] = attempt.status == 0 ? json::value(nullptr) : json::value(attempt.status);
      one["milliseconds"] = attempt.milliseconds;
      one["error"] = attempt.error.empty() ? json::value(nullptr) : json::value(attempt.error);
      log.push_back(std::move(one));
    }
    out["attempt_log"] = std::move(log);
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(read));
}

Task<Result<json::value>> replay_delivery(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(WebhooksOut * running, webhooks_out(c));
  auto write = [id = WebhookDeliveryId{p.integer("id")},
                now = c.services->clock->wall_now()](Transaction& tx) -> Result<json::value> {
    PH_TRY(webhook_deliveries::replay(tx, id, now));
    PH_TRY_ASSIGN(const auto delivery, webhook_deliveries::get(tx, id));
    return json::value(delivery_view(delivery));
  };
  const auto replayed = co_await c.services->database->write(std::move(write));
  running->wake();
  co_return replayed;
}

// A range of events by id or time, both ends included.
struct ReplayRange {
  WebhookEndpointId endpoint;
  EventId position;  // looked at up to here
  std::int64_t to = 0;
  std::optional<WallTime> since, until;
  EventKinds kinds;
};

struct ReplayCounts {
  EventId position;
  bool end = false;
  std::int64_t added = 0, again = 0, waiting = 0;
};

Result<ReplayCounts> replay_piece(Transaction& tx, const ReplayRange& range, WallTime now) {
  ReplayCounts counts;
  counts.position = range.position;
  PH_TRY(webhook_endpoints::get(tx, range.endpoint));
  PH_TRY_ASSIGN(const auto found, events::read_after(tx, range.position, kReplayAtOnce));
  counts.end = static_cast<int>(found.size()) < kReplayAtOnce;
  WebhookBodies bodies(tx);
  for (const auto& event : found) {
    if (event.id.value > range.to || (range.until && event.at > *range.until)) {
      counts.end = true;
      return counts;
    }
    counts.position = event.id;
    if ((range.since && event.at < *range.since) || !range.kinds.matches(event.kind)) continue;
    PH_TRY_ASSIGN(const auto replayed,
                  webhook_deliveries::replay_event(tx, range.endpoint, event, bodies, now));
    ++(replayed == Replayed::added   ? counts.added
       : replayed == Replayed::again ? counts.again
                                     : counts.waiting);
  }
  return counts;
}

Result<ReplayRange> range_from(const Params& p) {
  ReplayRange range;
  range.endpoint = WebhookEndpointId{p.integer("endpoint_id")};
  range.since = p.time("since");
  range.until = p.time("until");
  if (!p.has("from_event") && !range.since)
    return fail(ErrorCode::invalid_argument,
                "name the first event (from_event) or the time it begins at (since)", "from_event");
  range.position = EventId{std::max<std::int64_t>(p.integer("from_event") - 1, 0)};
  range.to = p.has("to_event") ? p.integer("to_event") : std::numeric_limits<std::int64_t>::max();
  PH_TRY_ASSIGN(auto kinds, event_kinds_from(p, "kinds"));
  PH_TRY_ASSIGN(range.kinds, EventKinds::parse(kinds));
  return range;
}

Task<Result<json::value>> replay_events(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(WebhooksOut * running, webhooks_out(c));
  PH_CO_TRY_ASSIGN(auto range, range_from(p));
  auto last = [](Transaction& tx) { return events::last_position(tx); };
  PH_CO_TRY_ASSIGN(const auto newest, co_await c.services->database->read(std::move(last)));
  range.to = std::min(range.to, newest.value);  // what happens meanwhile goes by itself
  ReplayCounts total;
  while (!total.end && total.added + total.again < kMostReplayed) {
    auto write = [range, now = c.services->clock->wall_now()](Transaction& tx) {
      return replay_piece(tx, range, now);
    };
    PH_CO_TRY_ASSIGN(const auto piece, co_await c.services->database->write(std::move(write)));
    range.position = total.position = piece.position;
    total.end = piece.end;
    total.added += piece.added;
    total.again += piece.again;
    total.waiting += piece.waiting;
    running->wake();
  }
  json::object out;
  out["queued"] = total.added + total.again;
  out["sent_before"] = total.again;
  out["waiting_already"] = total.waiting;
  out["last_event"] = total.position.value;
  out["complete"] = total.end;
  co_return json::value(std::move(out));
}

}  // namespace

std::vector<Action> webhook_delivery_actions() {
  const Parameter endpoint = {.name = "endpoint_id",
                              .type = ParameterType::integer,
                              .help = "only of this endpoint",
                              .fallback = 0,
                              .min = 0};
  Parameter one_endpoint = endpoint;
  one_endpoint.need = Need::required;
  one_endpoint.fallback = nullptr;
  one_endpoint.help = "who is told again";
  one_endpoint.min = 1;
  const Parameter state = {.name = "state",
                           .help = "waiting, delivered or given_up; all when left out",
                           .fallback = "",
                           .choices = {"", "waiting", "delivered", "given_up"}};
  const Parameter from = {
      .name = "from_event", .type = ParameterType::integer, .help = "first event", .min = 1};
  const Parameter to = {.name = "to_event", .type = ParameterType::integer, .help = "last event", .min = 1};
  const Parameter since = {.name = "since", .type = ParameterType::time, .help = "events from this time on"};
  const Parameter until = {.name = "until", .type = ParameterType::time, .help = "events up to this time"};
  return {
      {.name = "list_webhook_deliveries",
       .category = "webhooks",
       .role = Role::admin,
       .summary = "What was sent, is waiting or was given up, newest first.",
       .parameters = {endpoint, state, before_parameter(), limit_parameter(50, 500)},
       .handler = list_deliveries},
      {.name = "get_webhook_delivery",
       .category = "webhooks",
       .role = Role::admin,
       .summary = "One delivery with its body and every attempt.",
       .parameters = {id_parameter("delivery")},
       .handler = get_delivery,
       .example = {{"id", 1}}},
      {.name = "replay_webhook_delivery",
       .category = "webhooks",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Sends one delivery again, under the same webhook-id.",
       .parameters = {id_parameter("delivery")},
       .handler = replay_delivery,
       .example = {{"id", 1}}},
      {.name = "replay_webhook_events",
       .category = "webhooks",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Sends a range of events to an endpoint, whether it got them before or not.",
       .parameters = {one_endpoint, from, to, since, until, event_kinds_parameter(json::array{"*"})},
       .handler = replay_events,
       .example = {{"endpoint_id", 1}, {"since", "2026-03-29T09:00:00Z"}}},
  };
}

}  // namespace posthorn
