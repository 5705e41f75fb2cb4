// The inside of WebhooksOut, shared by its .cpp files only.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "automation/webhook_deliveries.h"
#include "automation/webhook_dispatcher.h"
#include "messaging/event_patience.h"
#include "messaging/wakeup.h"

namespace posthorn {

// What the collector found in one transaction.
struct CollectedWebhooks {
  EventId cursor;
  std::int64_t events = 0;
  bool nobody = false;                    // no endpoint wants anything
  std::set<WebhookEndpointId> endpoints;  // that got deliveries
  std::vector<std::string> passed_over;   // events that cannot be told of, and why
};
// A cursor that is not there yet begins at the log's end. With `pass_over` an event that cannot be told of
// stops nobody.
Result<CollectedWebhooks> collect_webhooks(Transaction& tx, WallTime now, int limit, bool pass_over = false);

// What is due at one endpoint.
struct DueWebhooks {
  WebhookEndpoint endpoint;
  bool looked = false;
  std::vector<WebhookDelivery> deliveries;
  std::optional<WallTime> next;
};

struct WebhooksOut::Impl : std::enable_shared_from_this<Impl> {
  // One endpoint's requests.
  struct Lane {
    std::set<WebhookDeliveryId> in_flight;
    std::set<std::string> keys;  // order keys in flight
    int failures = 0;            // in a row
    MonotonicTime hold_until = MonotonicTime::min();
    MonotonicTime look_at = MonotonicTime::min();
    // Ended since the last look at the rows began: that look may still show them as due.
    std::set<WebhookDeliveryId> ended;
  };

  Impl(WebhooksOutPorts p, WebhooksOutOptions o);

  Task<> collector_loop();
  Task<bool> collect();  // true if there may be more
  Task<> dispatcher_loop();
  Task<> dispatch();
  void dispatch_lane(DueWebhooks due, MonotonicTime now);
  int room(const Lane& lane) const;
  MonotonicTime next_look() const;
  static Task<> deliver(std::shared_ptr<Impl> self, WebhookEndpoint endpoint, WebhookDelivery delivery);
  Task<WebhookAnswer> send(const WebhookEndpoint& endpoint, std::string webhook_id, std::string body);
  Task<> settle(WebhookEndpointId endpoint, WebhookOutcome outcome);
  void learn(WebhookEndpointId endpoint, const WebhookOutcome& outcome, const WebhookAnswer& answer);
  Task<> keep_house();
  Result<HttpHeaders> headers(const WebhookEndpoint& endpoint, const std::string& webhook_id,
                              std::string_view body);

  WebhooksOutPorts ports;
  WebhooksOutOptions options;
  Wakeup wake, collector_wake, stopped;
  std::map<WebhookEndpointId, Lane> lanes;
  EventPatience patience;  // of the collector
  EventId cursor;
  bool nobody = true;  // there is no endpoint: the log's end need not be watched
  int running = 0;
  std::size_t in_flight = 0;
  bool stopping = false, ended = false;
  MonotonicTime next_keeping = MonotonicTime::min();
  Counter &delivered, &failed, &given_up, &disabled, &collected;
  Gauge& busy;
};

}  // namespace posthorn
