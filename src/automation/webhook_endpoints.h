// Endpoints of webhooks out as rows. SQL only: every function works inside the caller's transaction.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/secret.h"
#include "core/time.h"
#include "platform/crypto.h"
#include "storage/database.h"

namespace posthorn {

using WebhookEndpointId = Id<struct WebhookEndpointTag>;
using WebhookDeliveryId = Id<struct WebhookDeliveryTag>;

struct WebhookEndpoint {
  WebhookEndpointId id;
  std::string url, description;
  std::vector<std::string> kinds;  // messaging/event_kinds.h; empty: every kind
  std::string business_id;         // only events of this business account; empty: of all
  std::string sealed_secret, sealed_previous;
  WallTime previous_until{};  // until then the previous secret signs as well
  bool enabled = true;
  std::string disabled_reason;
  WallTime failing_since{};  // epoch: the last attempt succeeded, or there was none
  int failures = 0;          // attempts since then
  EventId after_event;       // events up to this one are only sent when replayed
  WallTime created_at{}, updated_at{};
};

// Absent fields stay as they are.
struct WebhookEndpointUpdate {
  std::optional<std::string> url = {}, description = {}, business_id = {};
  std::optional<std::vector<std::string>> kinds = {};
};

// Secrets are bound to their endpoint. Seal on the core's thread, before the transaction (the box draws
// randomness).
std::string seal_webhook_secret(SecretBox& box, WebhookEndpointId id, const Secret& secret);
Result<Secret> open_webhook_secret(const SecretBox& box, WebhookEndpointId id, const std::string& sealed);

namespace webhook_endpoints {

// The id that the next endpoint is to have: secrets are sealed for it before it is added. Never one whose
// deliveries are still there.
Result<WebhookEndpointId> next_id(Transaction& tx);
// Nothing older than the log's present end will be sent to it. conflict: the id was taken meanwhile.
Result<WebhookEndpoint> add(Transaction& tx, WebhookEndpoint endpoint, WallTime now);
Result<WebhookEndpoint> get(Transaction& tx, WebhookEndpointId id);  // not_found
Result<std::vector<WebhookEndpoint>> list(Transaction& tx);          // by id
Result<> update(Transaction& tx, WebhookEndpointId id, const WebhookEndpointUpdate& update, WallTime now);
// Its deliveries go later, a piece at a time (webhook_deliveries::prune).
Result<> remove(Transaction& tx, WebhookEndpointId id);

// What is waiting is tried at once, with the full time before it. Events since it was disabled are not sent:
// replay them. Appends 'webhook_endpoint.enabled'; false if it was enabled already.
Result<bool> enable(Transaction& tx, WebhookEndpointId id, WallTime now);
// Keeps what is waiting. Appends 'webhook_endpoint.disabled'; false if it was disabled already.
Result<bool> disable(Transaction& tx, WebhookEndpointId id, std::string_view reason, WallTime now);

// The present secret goes on signing beside the new one until `previous_until`.
Result<> replace_secret(Transaction& tx, WebhookEndpointId id, std::string_view sealed,
                        WallTime previous_until, WallTime now);

// What an attempt says about the endpoint itself. A success ends the count of failures.
Result<> count_success(Transaction& tx, WebhookEndpointId id);
Result<> count_failure(Transaction& tx, WebhookEndpointId id, WallTime at);

}  // namespace webhook_endpoints
}  // namespace posthorn
