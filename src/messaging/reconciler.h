// What happens to sends whose outcome nobody knows: made `unknown` at start-up, held, and finally settled by
// an echo (intake) or by the end of the hold (here).
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "messaging/messaging_observer.h"
#include "messaging/wamid_index.h"
#include "messaging/webhook_proof.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/log.h"
#include "platform/metrics.h"
#include "storage/database.h"

namespace posthorn {

// Start-up: every row in `intent` of every account becomes `unknown` with a hold until now + hold; counters
// move along. Must have returned before any dispatcher starts. Returns how many there were.
Task<Result<std::int64_t>> recover_sends(Database& database, WallTime now, Duration hold);

// Puts unknown_final rows of a campaign back into the queue, in the caller's transaction (the caller audits
// it and has the operator's word that duplicates are acceptable). Returns how many. Then Dispatcher::wake().
Result<std::int64_t> requeue_unknown_final(Transaction& tx, CampaignId campaign, WallTime now);

// Takes what has not left out of the queue: deferred rows become cancelled. Part of the transaction that
// cancels a campaign.
Result<std::int64_t> cancel_deferred(Transaction& tx, CampaignId campaign, WallTime now);

struct ReconcilerOptions {
  Duration interval = std::chrono::seconds(5);
  Duration hold = std::chrono::minutes(15);       // as in DispatcherOptions
  Duration recheck = std::chrono::minutes(1);     // a hold is over but webhooks are not proven alive
  Duration ceiling = std::chrono::hours(24 * 8);  // after this an unknown outcome is given up in any case
};

struct ReconcilerPorts {
  Database& database;
  Clock& clock;
  Log& log;
  Metrics& metrics;
  WamidIndex& wamids;
  WebhookProof& proof;
  MessagingObserver& observer;
  Executor executor;
  // Rows went back into the queue (at_least_once): wake the account's dispatcher.
  std::function<void(AccountId)> wake_dispatcher;
};

// Where too little is sent after an unknown row to prove the webhooks alive, one status since is enough after
// so many holds.
inline constexpr int kQuietHolds = 4;

class Reconciler {
 public:
  Reconciler(ReconcilerPorts ports, ReconcilerOptions options = {});
  ~Reconciler();
  void start();
  Task<> stop();              // writes the wamid index to its end
  Task<Result<>> run_once();  // one round; for tests and for `stop`

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn
