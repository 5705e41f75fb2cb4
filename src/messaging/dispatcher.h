// Sends what one account has to send: single sends, retries that are due, and the rows of its running
// broadcasts.
//
//   lanes → one write transaction commits intents for a batch → ready queue → pacer → request → answer judged
//   → one write transaction commits outcomes for a batch
//
// At most `window` rows are in state `intent` at any commit: that is what a crash can leave unknown. Whatever
// is returned unsent (pause, stop, unreachable channel) goes back as deferred and costs nobody an attempt.
// When the database refuses writes (disk full) nothing new is taken, outcomes wait in memory, and both go on
// by themselves (I21).
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "core/ids.h"
#include "core/result.h"
#include "core/secret.h"
#include "core/time.h"
#include "messaging/broadcast_source.h"
#include "messaging/messaging_observer.h"
#include "messaging/pacer.h"
#include "messaging/send_channel.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/log.h"
#include "platform/metrics.h"
#include "platform/random.h"
#include "storage/database.h"

namespace posthorn {

class WamidIndex;
class WebhookProof;

struct DispatcherOptions {
  int window = 0;                            // rows in flight; 0: chosen from the rate (see auto_window)
  double rate_headroom = 0.985;              // share of the granted rate to use
  Duration hold = std::chrono::minutes(15);  // of unknown rows, at least
  double error_share_pause =
      0.30;  // failures among the last outcomes above which a broadcast pauses; 0: never
  int error_share_outcomes = 200;                    // how many outcomes are looked at
  Duration first_backoff = std::chrono::seconds(2);  // doubles with each attempt, with jitter
  Duration longest_backoff = std::chrono::minutes(10);
};

// What of the accounts row matters for sending.
struct DispatcherAccount {
  AccountId id;
  std::string business_id;
  int rate = 80;         // granted messages per second; 0: no limit
  bool blocked = false;  // nothing may be sent
};

// min(64, ceil(rate × 0.8)) up to 80/s, growing to 1,024 at 1,000/s; 1,024 without limit.
int auto_window(int rate);

struct DispatcherStats {
  int window = 0;
  int open = 0;              // rows in state intent, or on their way into or out of it
  int ready = 0;             // intents that wait for the pacer, or for the answer to another of the recipient
  int in_flight = 0;         // requests that wait for an answer
  double rate = 0;           // the pacer's present limit; 0: none
  bool unreachable = false;  // the channel cannot be reached; one probe at a time
  bool store_full = false;   // the database refuses writes
};

// What must outlive the dispatcher. All but `metrics` is used on the executor only.
struct DispatcherPorts {
  Database& database;
  Clock& clock;
  Random& random;
  Log& log;
  Metrics& metrics;
  SendChannel& channel;
  WamidIndex& wamids;
  WebhookProof& proof;
  MessagingObserver& observer;
  Executor executor;
};

class Dispatcher {
 public:
  Dispatcher(DispatcherPorts ports, DispatcherAccount account, const Secret& token_key,
             DispatcherOptions options = {});
  ~Dispatcher();  // stops without waiting; to leave nothing in `intent`, await stop() first

  // Call after recover_sends() of the account. Begins to send.
  void start();
  // Takes nothing new, returns what is ready, waits up to `timeout` for the answers on their way, commits.
  // Then nothing runs any more. Requests that have no answer by then become unknown.
  Task<> stop(Duration timeout);

  // A broadcast whose campaigns row says running. Replaces an earlier source of the same campaign. Progress
  // is read from campaign_segments. When the row is not running at a commit, the broadcast is dropped here as
  // by remove_broadcast().
  void add_broadcast(std::shared_ptr<BroadcastSource> source);
  // Paused or cancelled: nothing more of it leaves from now on, except requests already on their way. Ready
  // rows go back.
  void remove_broadcast(CampaignId campaign);
  void update_account(DispatcherAccount account);  // new rate, block lifted, …
  void wake();                                     // single sends were queued, a retry was put in by hand
  // As MessagingObserver tells it: counts towards the error share of the broadcast, if it is running here.
  void deliveries_failed(CampaignId campaign, int code, int rows, int judged);
  DispatcherStats stats() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn
