#include "automation/webhook_endpoints.h"

#include <limits>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "core/json.h"
#include "core/json_writer.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

constexpr std::string_view kById =
    "SELECT id, url, description, kinds, business_id, sealed_secret, sealed_previous, previous_until, "
    "enabled, "
    "disabled_reason, failing_since, failures, after_event, created_at, updated_at FROM webhook_endpoints "
    "WHERE "
    "id = $1";
constexpr std::string_view kAll =
    "SELECT id, url, description, kinds, business_id, sealed_secret, sealed_previous, previous_until, "
    "enabled, "
    "disabled_reason, failing_since, failures, after_event, created_at, updated_at FROM webhook_endpoints "
    "ORDER BY id";

std::string secret_context(WebhookEndpointId id) {
  return fmt::format("webhook_endpoints.secret.{}", id.value);
}

std::string kinds_text(const std::vector<std::string>& kinds) {
  json::array array;
  for (const auto& kind : kinds) array.emplace_back(kind);
  return json::serialize(array);
}

std::vector<std::string> read_kinds(std::string_view text) {
  std::vector<std::string> kinds;
  const auto parsed = parse_json(text);
  if (!parsed) return kinds;
  const JsonView view(*parsed);
  for (std::size_t i = 0; i < view.size(); ++i) kinds.emplace_back(view[i].string_or(""));
  return kinds;
}

WebhookEndpoint read_endpoint(SqlRows& rows) {
  WebhookEndpoint e;
  e.id = WebhookEndpointId{rows.integer(0)};
  e.url = std::string(rows.text(1));
  e.description = std::string(rows.text(2));
  e.kinds = read_kinds(rows.text(3));
  e.business_id = std::string(rows.text(4));
  e.sealed_secret = std::string(rows.text(5));
  e.sealed_previous = std::string(rows.text(6));
  e.previous_until = wall_from_micros(rows.integer(7));
  e.enabled = rows.integer(8) != 0;
  e.disabled_reason = std::string(rows.text(9));
  e.failing_since = wall_from_micros(rows.integer(10));
  e.failures = static_cast<int>(rows.integer(11));
  e.after_event = EventId{rows.integer(12)};
  e.created_at = wall_from_micros(rows.integer(13));
  e.updated_at = wall_from_micros(rows.integer(14));
  return e;
}

std::string subject(WebhookEndpointId id) {
  return fmt::format("webhook_endpoint:{}", id.value);
}

}  // namespace

std::string seal_webhook_secret(SecretBox& box, WebhookEndpointId id, const Secret& secret) {
  return box.seal(secret, secret_context(id));
}

Result<Secret> open_webhook_secret(const SecretBox& box, WebhookEndpointId id, const std::string& sealed) {
  return box.open(sealed, secret_context(id));
}

namespace webhook_endpoints {

Result<WebhookEndpointId> next_id(Transaction& tx) {
  PH_TRY_ASSIGN(auto rows, tx.query("SELECT coalesce((SELECT max(id) FROM webhook_endpoints), 0), "
                                    "coalesce((SELECT max(endpoint_id) FROM webhook_deliveries), 0)"));
  PH_TRY(rows.next());
  return WebhookEndpointId{std::max(rows.integer(0), rows.integer(1)) + 1};
}

Result<WebhookEndpoint> add(Transaction& tx, WebhookEndpoint endpoint, WallTime now) {
  PH_TRY_ASSIGN(endpoint.after_event, events::last_position(tx));
  endpoint.created_at = endpoint.updated_at = now;
  const auto kinds = kinds_text(endpoint.kinds);
  PH_TRY_ASSIGN(
      const auto added,
      tx.execute("INSERT INTO webhook_endpoints (id, url, description, kinds, business_id, sealed_secret, "
                 "after_event, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) "
                 "ON CONFLICT (id) DO NOTHING",
                 {endpoint.id, endpoint.url, endpoint.description, kinds, endpoint.business_id,
                  endpoint.sealed_secret, endpoint.after_event, now}));
  if (added == 0)
    return fail(ErrorCode::conflict, "another endpoint was added at the same moment; try again");
  return endpoint;
}

Result<WebhookEndpoint> get(Transaction& tx, WebhookEndpointId id) {
  PH_TRY_ASSIGN(auto rows, tx.query(kById, {id}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (found) return read_endpoint(rows);
  return fail(ErrorCode::not_found,
              fmt::format("there is no webhook endpoint {}; list_webhook_endpoints shows them", id.value),
              "id");
}

Result<std::vector<WebhookEndpoint>> list(Transaction& tx) {
  std::vector<WebhookEndpoint> all;
  PH_TRY_ASSIGN(auto rows, tx.query(kAll));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    all.push_back(read_endpoint(rows));
  }
}

Result<> update(Transaction& tx, WebhookEndpointId id, const WebhookEndpointUpdate& update, WallTime now) {
  PH_TRY_ASSIGN(auto endpoint, get(tx, id));
  if (update.url) endpoint.url = *update.url;
  if (update.description) endpoint.description = *update.description;
  if (update.business_id) endpoint.business_id = *update.business_id;
  if (update.kinds) endpoint.kinds = *update.kinds;
  const auto kinds = kinds_text(endpoint.kinds);
  PH_TRY(
      tx.execute("UPDATE webhook_endpoints SET url = $2, description = $3, business_id = $4, kinds = $5, "
                 "updated_at = $6 WHERE id = $1",
                 {id, endpoint.url, endpoint.description, endpoint.business_id, kinds, now}));
  return {};
}

Result<> remove(Transaction& tx, WebhookEndpointId id) {
  PH_TRY(get(tx, id));
  PH_TRY(tx.execute("DELETE FROM webhook_endpoints WHERE id = $1", {id}));
  return {};
}

Result<bool> enable(Transaction& tx, WebhookEndpointId id, WallTime now) {
  PH_TRY_ASSIGN(const auto endpoint, get(tx, id));
  if (endpoint.enabled) return false;
  PH_TRY_ASSIGN(const auto last, events::last_position(tx));
  PH_TRY(tx.execute(
      "UPDATE webhook_endpoints SET enabled = 1, disabled_reason = '', failing_since = 0, failures = 0, "
      "after_event = $2, updated_at = $3 WHERE id = $1",
      {id, last, now}));
  constexpr auto kNever = std::numeric_limits<std::int64_t>::max();
  PH_TRY(tx.execute(
      "UPDATE webhook_deliveries SET first_try_at = 0, next_try_at = $2 WHERE endpoint_id = $1 AND "
      "state = 0 AND next_try_at < $3",
      {id, now, kNever}));
  std::string data;
  JsonWriter(data).begin_object().member("endpoint_id", id.value).member("url", endpoint.url).end_object();
  PH_TRY(events::append(tx, now, "webhook_endpoint.enabled", subject(id), data));
  return true;
}

Result<bool> disable(Transaction& tx, WebhookEndpointId id, std::string_view reason, WallTime now) {
  PH_TRY_ASSIGN(const auto endpoint, get(tx, id));
  if (!endpoint.enabled) return false;
  PH_TRY(tx.execute(
      "UPDATE webhook_endpoints SET enabled = 0, disabled_reason = $2, updated_at = $3 WHERE id = $1",
      {id, reason, now}));
  std::string data;
  JsonWriter(data)
      .begin_object()
      .member("endpoint_id", id.value)
      .member("url", endpoint.url)
      .member("reason", reason)
      .end_object();
  PH_TRY(events::append(tx, now, "webhook_endpoint.disabled", subject(id), data));
  return true;
}

Result<> replace_secret(Transaction& tx, WebhookEndpointId id, std::string_view sealed,
                        WallTime previous_until, WallTime now) {
  PH_TRY(get(tx, id));
  PH_TRY(tx.execute(
      "UPDATE webhook_endpoints SET sealed_previous = sealed_secret, previous_until = $3, sealed_secret "
      "= $2, updated_at = $4 WHERE id = $1",
      {id, sealed, previous_until, now}));
  return {};
}

Result<> count_success(Transaction& tx, WebhookEndpointId id) {
  PH_TRY(tx.execute(
      "UPDATE webhook_endpoints SET failing_since = 0, failures = 0 WHERE id = $1 AND failures > 0", {id}));
  return {};
}

Result<> count_failure(Transaction& tx, WebhookEndpointId id, WallTime at) {
  PH_TRY(tx.execute(
      "UPDATE webhook_endpoints SET failing_since = CASE WHEN failures = 0 THEN $2 ELSE failing_since "
      "END, failures = failures + 1 WHERE id = $1",
      {id, at}));
  return {};
}

}  // namespace webhook_endpoints
}  // namespace posthorn
