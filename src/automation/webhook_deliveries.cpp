#include "automation/webhook_deliveries.h"

#include <array>
#include <limits>

#include <fmt/format.h>

#include "automation/webhook_schedule.h"

namespace posthorn {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();  // behind another of its key
constexpr int kFewestFailures = 10;  // before an endpoint is disabled: one wrong clock must not be enough
constexpr std::size_t kLongestError = 500;

constexpr std::string_view kGet =
    "SELECT id, endpoint_id, event_id, webhook_id, order_key, kind, state, attempts, first_try_at, "
    "next_try_at, "
    "created_at, done_at, last_status, last_error, body FROM webhook_deliveries WHERE id = $1";
constexpr std::string_view kDue =
    "SELECT id, endpoint_id, event_id, webhook_id, order_key, kind, state, attempts, first_try_at, "
    "next_try_at, "
    "created_at, done_at, last_status, last_error, body FROM webhook_deliveries WHERE endpoint_id = $1 AND "
    "state = 0 "
    "AND next_try_at <= $2 ORDER BY next_try_at, id LIMIT $3";
constexpr std::string_view kListAll =
    "SELECT id, endpoint_id, event_id, webhook_id, order_key, kind, state, attempts, first_try_at, "
    "next_try_at, "
    "created_at, done_at, last_status, last_error, '' FROM webhook_deliveries WHERE ($1 = 0 OR id < $1) AND "
    "($2 = 0 "
    "OR endpoint_id = $2) AND ($3 < 0 OR state = $3) ORDER BY id DESC LIMIT $4";

WebhookDelivery read_delivery(SqlRows& rows) {
  WebhookDelivery d;
  d.id = WebhookDeliveryId{rows.integer(0)};
  d.endpoint = WebhookEndpointId{rows.integer(1)};
  d.event = EventId{rows.integer(2)};
  d.webhook_id = std::string(rows.text(3));
  d.order_key = std::string(rows.text(4));
  d.kind = std::string(rows.text(5));
  d.state = static_cast<WebhookDeliveryState>(rows.integer(6));
  d.attempts = static_cast<int>(rows.integer(7));
  d.first_try_at = wall_from_micros(rows.integer(8));
  if (rows.integer(9) != kNever) d.next_try_at = wall_from_micros(rows.integer(9));
  d.created_at = wall_from_micros(rows.integer(10));
  d.done_at = wall_from_micros(rows.integer(11));
  d.last_status = static_cast<int>(rows.integer(12));
  d.last_error = std::string(rows.text(13));
  d.body = std::string(rows.text(14));
  return d;
}

Result<std::vector<WebhookDelivery>> read_all(Result<SqlRows> found) {
  PH_TRY_ASSIGN(auto rows, std::move(found));
  std::vector<WebhookDelivery> all;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    all.push_back(read_delivery(rows));
  }
}

Result<bool> any(Result<SqlRows> found) {
  PH_TRY_ASSIGN(auto rows, std::move(found));
  return rows.next();
}

// Events about nothing in particular need no order.
std::string order_key_of(const LoggedEvent& event) {
  return event.subject.empty() ? fmt::format("event:{}", event.id.value) : event.subject;
}

// The message that an event is about, or 0.
std::int64_t message_of(const LoggedEvent& event) {
  const auto data = parse_json(event.data);
  return data ? JsonView(*data)["message_id"].integer_or(0) : 0;
}

// Unique for good, even if the event log was restored from a backup and counts anew.
std::string webhook_id_of(const LoggedEvent& event) {
  return fmt::format("msg_{}_{:x}", event.id.value, to_micros(event.at));
}

Result<> collect_ids(Result<SqlRows> found, std::vector<std::int64_t>& ids) {
  PH_TRY_ASSIGN(auto rows, std::move(found));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return {};
    ids.push_back(rows.integer(0));
  }
}

// Endpoints that have deliveries but are gone: found by one step of the index for each endpoint, however many
// deliveries there are.
Result<std::vector<std::int64_t>> orphaned_endpoints(Transaction& tx) {
  std::vector<std::int64_t> orphaned;
  std::int64_t last = 0;
  while (true) {
    PH_TRY_ASSIGN(auto rows,
                  tx.query("SELECT d.next_id, e.id FROM (SELECT min(endpoint_id) AS next_id FROM "
                           "webhook_deliveries WHERE endpoint_id > $1) AS d LEFT JOIN webhook_endpoints e "
                           "ON e.id = d.next_id",
                           {last}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    if (!found || rows.is_null(0)) return orphaned;
    last = rows.integer(0);
    if (rows.is_null(1)) orphaned.push_back(last);
  }
}

Result<> wake_next(Transaction& tx, const WebhookDelivery& done, WallTime now) {
  PH_TRY(tx.execute(
      "UPDATE webhook_deliveries SET next_try_at = $3 WHERE id = (SELECT min(id) FROM webhook_deliveries "
      "WHERE endpoint_id = $1 AND order_key = $2 AND state = 0) AND next_try_at = $4",
      {done.endpoint, done.order_key, now, kNever}));
  return {};
}

class Settling {
 public:
  Settling(Transaction& tx, const WebhookOutcome& outcome, WebhookDelivery delivery, WebhookEndpoint endpoint)
      : tx_(tx), outcome_(outcome), delivery_(std::move(delivery)), endpoint_(std::move(endpoint)) {}

  Result<WebhookSettled> run() {
    const auto error = std::string_view(outcome_.error).substr(0, kLongestError);
    if (delivery_.attempts == 0 || delivery_.first_try_at == WallTime{}) delivery_.first_try_at = outcome_.at;
    PH_TRY(tx_.execute(
        "INSERT INTO webhook_attempts (delivery_id, at, status, milliseconds, error) VALUES ($1, $2, $3, "
        "$4, $5)",
        {delivery_.id, outcome_.at, outcome_.status, outcome_.milliseconds, error}));
    PH_TRY(tx_.execute(
        "UPDATE webhook_deliveries SET attempts = attempts + 1, first_try_at = $2, last_status = $3, "
        "last_error = $4 WHERE id = $1",
        {delivery_.id, delivery_.first_try_at, outcome_.status, error}));
    if (outcome_.succeeded()) {
      PH_TRY(success());
    } else {
      PH_TRY(failure());
    }
    return settled_;
  }

 private:
  Result<> finish(WebhookDeliveryState state) {
    PH_TRY(tx_.execute("UPDATE webhook_deliveries SET state = $2, done_at = $3 WHERE id = $1",
                       {delivery_.id, static_cast<int>(state), outcome_.at}));
    return wake_next(tx_, delivery_, outcome_.at);
  }

  // What waited because the endpoint was down need not wait any longer.
  Result<> success() {
    settled_.delivered = true;
    PH_TRY(finish(WebhookDeliveryState::delivered));
    settled_.recovered = endpoint_.failures >= kFailuresUntilDown;
    if (settled_.recovered) {
      PH_TRY(tx_.execute(
          "UPDATE webhook_deliveries SET next_try_at = $2 WHERE endpoint_id = $1 AND state = 0 AND "
          "next_try_at > $2 AND next_try_at < $3",
          {endpoint_.id, outcome_.at, kNever}));
    }
    return webhook_endpoints::count_success(tx_, endpoint_.id);
  }

  Result<> failure() {
    PH_TRY(webhook_endpoints::count_failure(tx_, endpoint_.id, outcome_.at));
    settled_.failures = endpoint_.failures + 1;
    PH_TRY_ASSIGN(settled_.disabled, disable_if_hopeless());
    const bool too_old = outcome_.at - delivery_.first_try_at >= kWebhookPatience;
    if (too_old && !settled_.disabled && endpoint_.enabled) {
      settled_.given_up = true;
      return finish(WebhookDeliveryState::given_up);
    }
    PH_TRY(tx_.execute("UPDATE webhook_deliveries SET next_try_at = $2 WHERE id = $1",
                       {delivery_.id, outcome_.at + outcome_.pause}));
    return {};
  }

  Result<bool> disable_if_hopeless() {
    if (outcome_.gone())
      return webhook_endpoints::disable(tx_, endpoint_.id, "the receiver answered 410 Gone: it wants no more",
                                        outcome_.at);
    const bool long_enough =
        endpoint_.failures > 0 && outcome_.at - endpoint_.failing_since >= kWebhookPatience;
    if (!long_enough || settled_.failures < kFewestFailures) return false;
    return webhook_endpoints::disable(
        tx_, endpoint_.id, fmt::format("every attempt failed for 3 days; the last: {}", outcome_.error),
        outcome_.at);
  }

  Transaction& tx_;
  const WebhookOutcome& outcome_;
  WebhookDelivery delivery_;
  WebhookEndpoint endpoint_;
  WebhookSettled settled_;
};

}  // namespace

std::string_view to_string(WebhookDeliveryState state) {
  constexpr std::array<std::string_view, 3> kNames = {"waiting", "delivered", "given_up"};
  return kNames[static_cast<std::size_t>(state)];
}

namespace webhook_deliveries {

Result<bool> add(Transaction& tx, WebhookEndpointId endpoint, const LoggedEvent& event, std::string_view body,
                 WallTime now) {
  const auto key = order_key_of(event);
  PH_TRY_ASSIGN(
      const bool behind,
      any(tx.query("SELECT 1 FROM webhook_deliveries WHERE endpoint_id = $1 AND order_key = $2 AND state = 0 "
                   "LIMIT 1",
                   {endpoint, key})));
  const std::int64_t first_try = behind ? kNever : to_micros(now);
  const auto webhook_id = webhook_id_of(event);
  PH_TRY_ASSIGN(
      const auto added,
      tx.execute("INSERT INTO webhook_deliveries (endpoint_id, event_id, webhook_id, order_key, kind, "
                 "message_id, body, next_try_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON "
                 "CONFLICT (endpoint_id, event_id) DO NOTHING",
                 {endpoint, event.id, webhook_id, key, event.kind, message_of(event), body, first_try, now}));
  return added == 1;
}

Result<std::int64_t> redact(Transaction& tx, MessageId message, WallTime unsent_at) {
  std::vector<std::pair<std::int64_t, std::string>> bodies;
  {
    PH_TRY_ASSIGN(
        auto rows,
        tx.query("SELECT id, body FROM webhook_deliveries WHERE message_id = $1 AND message_id <> 0 "
                 "ORDER BY id",
                 {message}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      bodies.emplace_back(rows.integer(0), std::string(rows.text(1)));
    }
  }
  for (const auto& [id, body] : bodies) {
    PH_TRY_ASSIGN(const auto redacted, without_content(body, unsent_at));
    PH_TRY(tx.execute("UPDATE webhook_deliveries SET body = $2 WHERE id = $1", {id, redacted}));
  }
  return static_cast<std::int64_t>(bodies.size());
}

Result<bool> told_anything(Transaction& tx) {
  return any(tx.query("SELECT 1 FROM webhook_deliveries LIMIT 1"));
}

Result<WebhookDelivery> get(Transaction& tx, WebhookDeliveryId id) {
  PH_TRY_ASSIGN(const auto found, read_all(tx.query(kGet, {id})));
  if (!found.empty()) return found.front();
  return fail(ErrorCode::not_found,
              fmt::format("there is no delivery {}; list_webhook_deliveries shows them", id.value), "id");
}

Result<std::vector<WebhookDelivery>> due(Transaction& tx, WebhookEndpointId endpoint, WallTime now,
                                         int limit) {
  return read_all(tx.query(kDue, {endpoint, now, limit}));
}

Result<std::optional<WallTime>> next_due(Transaction& tx, WebhookEndpointId endpoint, WallTime now) {
  PH_TRY_ASSIGN(
      auto rows,
      tx.query("SELECT next_try_at FROM webhook_deliveries WHERE endpoint_id = $1 AND state = 0 AND "
               "next_try_at > $2 AND next_try_at < $3 ORDER BY next_try_at LIMIT 1",
               {endpoint, now, kNever}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return std::optional<WallTime>();
  return std::optional<WallTime>(wall_from_micros(rows.integer(0)));
}

Result<WebhookSettled> settle(Transaction& tx, const WebhookOutcome& outcome) {
  PH_TRY_ASSIGN(auto found, read_all(tx.query(kGet, {outcome.delivery})));
  if (found.empty() || found.front().state != WebhookDeliveryState::waiting) return WebhookSettled();
  auto endpoint = webhook_endpoints::get(tx, found.front().endpoint);
  if (!endpoint && endpoint.error().code == ErrorCode::not_found) return WebhookSettled();
  if (!endpoint) return std::unexpected(endpoint.error());
  return Settling(tx, outcome, std::move(found.front()), *std::move(endpoint)).run();
}

Result<> replay(Transaction& tx, WebhookDeliveryId id, WallTime now) {
  PH_TRY_ASSIGN(const auto delivery, get(tx, id));
  const bool is_waiting = delivery.state == WebhookDeliveryState::waiting;
  if (is_waiting && !delivery.next_try_at)
    return fail(
        ErrorCode::conflict,
        fmt::format("delivery {} goes by itself after those of {} before it", id.value, delivery.order_key),
        "id");
  std::int64_t next = to_micros(now);
  if (!is_waiting) {
    PH_TRY_ASSIGN(
        const bool behind,
        any(tx.query(
            "SELECT 1 FROM webhook_deliveries WHERE endpoint_id = $1 AND order_key = $2 AND state = 0 "
            "LIMIT 1",
            {delivery.endpoint, delivery.order_key})));
    if (behind) next = kNever;
  }
  PH_TRY(
      tx.execute("UPDATE webhook_deliveries SET state = 0, first_try_at = 0, done_at = 0, next_try_at = $2 "
                 "WHERE id = $1",
                 {id, next}));
  return {};
}

Result<Replayed> replay_event(Transaction& tx, WebhookEndpointId endpoint, const LoggedEvent& event,
                              WebhookBodies& bodies, WallTime now) {
  std::int64_t id = 0, state = 0;
  {
    PH_TRY_ASSIGN(
        auto rows,
        tx.query("SELECT id, state FROM webhook_deliveries WHERE endpoint_id = $1 AND event_id = $2",
                 {endpoint, event.id}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    if (found) {
      id = rows.integer(0);
      state = rows.integer(1);
    }
  }
  if (id == 0) {
    PH_TRY_ASSIGN(const auto body, bodies.of(event));
    PH_TRY(add(tx, endpoint, event, body.json, now));
    return Replayed::added;
  }
  if (state == 0) return Replayed::waiting;
  PH_TRY(replay(tx, WebhookDeliveryId{id}, now));
  return Replayed::again;
}

Result<std::vector<WebhookDelivery>> list(Transaction& tx, const WebhookDeliveryFilter& filter,
                                          std::int64_t before, int limit) {
  const std::int64_t state = filter.state ? static_cast<std::int64_t>(*filter.state) : -1;
  return read_all(tx.query(kListAll, {before, filter.endpoint, state, limit}));
}

Result<std::vector<WebhookAttempt>> attempts(Transaction& tx, WebhookDeliveryId id) {
  PH_TRY_ASSIGN(
      auto rows,
      tx.query("SELECT at, status, milliseconds, error FROM webhook_attempts WHERE delivery_id = $1 "
               "ORDER BY id",
               {id}));
  std::vector<WebhookAttempt> all;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    all.push_back({wall_from_micros(rows.integer(0)), static_cast<int>(rows.integer(1)), rows.integer(2),
                   std::string(rows.text(3))});
  }
}

Result<std::int64_t> waiting(Transaction& tx, WebhookEndpointId endpoint, std::int64_t most) {
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries WHERE endpoint_id = $1 AND "
                         "state = 0 LIMIT $2) AS some",
                         {endpoint, most}));
  PH_TRY(rows.next());
  return rows.integer(0);
}

Result<std::int64_t> prune(Transaction& tx, WallTime before, int limit) {
  std::vector<std::int64_t> ids;
  PH_TRY(collect_ids(
      tx.query("SELECT id FROM webhook_deliveries WHERE state <> 0 AND done_at < $1 ORDER BY done_at "
               "LIMIT $2",
               {before, limit}),
      ids));
  PH_TRY_ASSIGN(const auto orphaned, orphaned_endpoints(tx));
  for (const auto endpoint : orphaned) {
    PH_TRY(collect_ids(
        tx.query("SELECT id FROM webhook_deliveries WHERE endpoint_id = $1 LIMIT $2", {endpoint, limit}),
        ids));
  }
  for (const auto id : ids) {
    PH_TRY(tx.execute("DELETE FROM webhook_attempts WHERE delivery_id = $1", {id}));
    PH_TRY(tx.execute("DELETE FROM webhook_deliveries WHERE id = $1", {id}));
  }
  return static_cast<std::int64_t>(ids.size());
}

Result<> bring_back(Transaction& tx, WallTime now) {
  const WallTime most = now + kLongestWebhookPause + kLongestWebhookPause / 4;
  PH_TRY_ASSIGN(const auto endpoints, webhook_endpoints::list(tx));
  for (const auto& endpoint : endpoints) {
    PH_TRY(
        tx.execute("UPDATE webhook_deliveries SET next_try_at = $2 WHERE endpoint_id = $1 AND state = 0 AND "
                   "next_try_at > $3 AND next_try_at < $4",
                   {endpoint.id, now, most, kNever}));
  }
  return {};
}

}  // namespace webhook_deliveries
}  // namespace posthorn
