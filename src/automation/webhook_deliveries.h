// Deliveries of webhooks as rows: one for each endpoint and event. SQL only: every function works inside the
// caller's transaction.
//
// Deliveries of one order key go one after another: of those that wait, one has a time (the head), the others
// none until it is done.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "automation/webhook_body.h"
#include "automation/webhook_endpoints.h"
#include "core/result.h"
#include "core/time.h"
#include "storage/database.h"
#include "storage/event_log.h"

namespace posthorn {

enum class WebhookDeliveryState : std::uint8_t {
  waiting = 0,
  delivered = 1,
  given_up = 2
};  // values are stored
std::string_view to_string(WebhookDeliveryState state);

struct WebhookDelivery {
  WebhookDeliveryId id;
  WebhookEndpointId endpoint;
  EventId event;
  std::string webhook_id, order_key, kind, body;
  WebhookDeliveryState state = WebhookDeliveryState::waiting;
  int attempts = 0;
  WallTime first_try_at{};                // epoch: not tried yet
  std::optional<WallTime> next_try_at{};  // absent: another of its key goes first
  WallTime created_at{}, done_at{};
  int last_status = 0;
  std::string last_error;
};

struct WebhookAttempt {
  WallTime at;
  int status = 0;  // HTTP; 0: no answer
  std::int64_t milliseconds = 0;
  std::string error;
};

// What one attempt came to.
struct WebhookOutcome {
  WebhookDeliveryId delivery;
  WallTime at;  // when the answer was there
  int status = 0;
  std::int64_t milliseconds = 0;
  std::string error;
  Duration pause{};  // before the next attempt, if it failed
  bool succeeded() const { return status >= 200 && status < 300; }
  bool gone() const { return status == 410; }  // the receiver wants no more
};

struct WebhookSettled {
  bool delivered = false, given_up = false, disabled = false;
  bool recovered = false;  // the endpoint was down and is not any more
  int failures = 0;        // of the endpoint, in a row
};

struct WebhookDeliveryFilter {
  WebhookEndpointId endpoint;                 // 0: every endpoint
  std::optional<WebhookDeliveryState> state;  // absent: all
};

enum class Replayed { added, again, waiting };  // waiting: it goes by itself

namespace webhook_deliveries {

// False if the endpoint has this event already.
Result<bool> add(Transaction& tx, WebhookEndpointId endpoint, const LoggedEvent& event, std::string_view body,
                 WallTime now);
// A message was unsent: what it said goes from every body that shows it, sent already or not. The members
// stay, empty as those of a message that was unsent before it was told of. Returns how many bodies.
Result<std::int64_t> redact(Transaction& tx, MessageId message, WallTime unsent_at);
Result<bool> told_anything(Transaction& tx);                         // whether there are deliveries at all
Result<WebhookDelivery> get(Transaction& tx, WebhookDeliveryId id);  // not_found
// Heads whose time has come, the longest due first.
Result<std::vector<WebhookDelivery>> due(Transaction& tx, WebhookEndpointId endpoint, WallTime now,
                                         int limit);
// When the next head after `now` is due.
Result<std::optional<WallTime>> next_due(Transaction& tx, WebhookEndpointId endpoint, WallTime now);

// Commits what an attempt came to: the attempt log, the delivery, the next of its key, and what it says about
// the endpoint (disabled after kWebhookPatience of nothing but failures, or at once when it is gone). Nothing
// if the delivery is not waiting any more.
Result<WebhookSettled> settle(Transaction& tx, const WebhookOutcome& outcome);

// Sends it (again), with the same webhook-id. conflict: it waits behind another of its key.
Result<> replay(Transaction& tx, WebhookDeliveryId id, WallTime now);
// The same for an event, whether it was meant for this endpoint then or not.
Result<Replayed> replay_event(Transaction& tx, WebhookEndpointId endpoint, const LoggedEvent& event,
                              WebhookBodies& bodies, WallTime now);

Result<std::vector<WebhookDelivery>> list(Transaction& tx, const WebhookDeliveryFilter& filter,
                                          std::int64_t before,
                                          int limit);  // newest first; bodies left out
Result<std::vector<WebhookAttempt>> attempts(Transaction& tx, WebhookDeliveryId id);  // oldest first
Result<std::int64_t> waiting(Transaction& tx, WebhookEndpointId endpoint,
                             std::int64_t most);  // counts up to `most`

// Deletes deliveries done before `before`, and those of endpoints that are gone, with their attempts. Returns
// how many.
Result<std::int64_t> prune(Transaction& tx, WallTime before, int limit);
// A wall clock that ran ahead has written times too far away: they come back to what they can be at most.
Result<> bring_back(Transaction& tx, WallTime now);

}  // namespace webhook_deliveries
}  // namespace posthorn
