// Webhooks out: what happened is told to other programs, signed, in order, and as often as it takes.
//
// Two loops. The collector reads the event log behind the cursor 'webhooks_out' and writes one delivery for
// each endpoint that wants the event, in the transaction that moves the cursor. The dispatcher sends what is
// due: one at a time of a conversation, several conversations and all endpoints side by side.
//
// Receivers see an event once if they remember webhook-id: every attempt carries the same, and after a
// committed answer 2xx there is no other. If the process dies between the answer and its commit, the delivery
// is sent again under that id.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "automation/webhook_endpoints.h"
#include "automation/webhook_sender.h"
#include "core/result.h"
#include "messaging/event_feed.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/crypto.h"
#include "platform/log.h"
#include "platform/metrics.h"
#include "platform/random.h"
#include "storage/database.h"

namespace posthorn {

inline constexpr std::string_view kWebhooksOutCursor = "webhooks_out";

struct WebhooksOutOptions {
  int concurrency = 8;                          // requests to one endpoint under way at once
  Duration keep = std::chrono::hours(24 * 14);  // deliveries that are done
};

struct WebhooksOutPorts {
  Database& database;
  Clock& clock;
  Random& random;
  Log& log;
  Metrics& metrics;
  SecretBox& secrets;
  WebhookSender& sender;
  EventFeed& feed;
  Executor executor;
};

class WebhooksOut {
 public:
  explicit WebhooksOut(WebhooksOutPorts ports, WebhooksOutOptions options = {});
  ~WebhooksOut();

  // Reads the cursor (a new one begins at the log's end), then begins.
  Task<Result<>> start();
  Task<> stop();  // answers on their way are awaited for a few seconds

  void wake();  // endpoints or deliveries were changed from outside

  // One signed request of kind 'webhook_endpoint.test', now and without queue or retries. not_found.
  Task<Result<WebhookAnswer>> test(WebhookEndpointId id);
  Result<> check_url(const std::string& url) const;  // invalid_argument: no possible target

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn
