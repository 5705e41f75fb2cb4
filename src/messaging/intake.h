// Webhooks: verbatim body → journal (durable) → acknowledged → parsed → applied exactly once.
//
// accept() shares commits among callers; the answer 200 may be given when it returns. A loop of its own
// applies the journal in order: statuses to sends in batches sorted by key, everything else to the directory
// tables, in one transaction with the cursor. Whoever redelivers changes nothing (I14). What cannot be
// understood is parked with its bytes and never blocks (I15).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/secret.h"
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

struct IntakeOptions {
  std::size_t max_waiting = 20'000;  // bodies that wait for their commit; beyond: refused (503)
  std::size_t handover_bytes =
      32 * 1024 * 1024;  // committed bodies kept in memory for applying; beyond: read back
  std::size_t apply_events =
      4000;  // events applied in one transaction, about: sends wait for their commit behind it
  // Between the beginnings of two transactions that are not full: each costs the disk a flush and whole
  // pages, which those who wait for their acknowledgement would have to wait for as well. What comes alone is
  // applied at once; the longer applying takes, the more is gathered for the next time.
  Duration apply_interval = std::chrono::milliseconds(10);
  Duration max_apply_interval = std::chrono::milliseconds(200);
  std::vector<std::string> stop_keywords = {"STOP", "STOPP", "UNSUBSCRIBE", "BAJA", "ARRET", "SAIR"};
  std::vector<std::string> start_keywords = {"START", "SUBSCRIBE"};
  Duration keep_journal = std::chrono::hours(24 * 8);
  Duration keep_parked = std::chrono::hours(24 * 90);  // parked events and their bodies; 0: for ever
  Duration keep_applied = std::chrono::hours(24 * 8);
  Duration unmatched_retry = std::chrono::seconds(5);  // a status for a message we do not know (yet)
  int unmatched_tries = 3;
};

struct IntakePorts {
  Database& database;
  Database& journal;  // of its own: see storage/migrations/journal
  Clock& clock;
  Log& log;
  Metrics& metrics;
  WamidIndex& wamids;
  WebhookProof& proof;
  MessagingObserver& observer;
  Executor executor;
};

struct IntakeStats {
  std::int64_t last_journal_id = 0;  // committed
  std::int64_t applied_journal_id = 0;
  std::size_t waiting = 0;
  bool store_full = false;
};

class Intake {
 public:
  Intake(IntakePorts ports, const Secret& token_key, IntakeOptions options = {});
  ~Intake();

  // Reads the cursor, then begins. accept() before that has returned fails with `unavailable`.
  Task<Result<>> start();
  Task<> stop();  // applies what is committed, then nothing runs any more

  // Returns after the commit. Any error (resource_exhausted, unavailable): answer 503, the sender will come
  // again.
  Task<Result<JournalId>> accept(std::string body, std::string source);

  // Waits until everything accepted before the call is applied; for tests, `stop` and reports.
  Task<> applied();

  // Applies a parked event again; not_found, or the reason why it still cannot be applied.
  Task<Result<>> replay_parked(std::int64_t parked_id);
  // Applies journal bodies again, first and last included. Changes nothing that was applied. Returns how many
  // bodies.
  Task<Result<std::int64_t>> replay_journal(JournalId first, JournalId last);
  // The first body of the journal that was received at `time` or later; one beyond the last if there is none.
  Task<Result<JournalId>> journal_at(WallTime time);

  IntakeStats stats() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn
