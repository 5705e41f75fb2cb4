// Webhook bodies turned into what one transaction has to do, and that transaction. The first half is pure and
// runs on the core; the second runs on the database's thread.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "channels/webhook_event.h"
#include "core/ids.h"
#include "core/result.h"
#include "messaging/people_cache.h"
#include "messaging/send_token.h"
#include "messaging/status_applier.h"
#include "messaging/wamid_index.h"
#include "storage/database.h"

namespace posthorn {

struct JournalBody {
  std::int64_t id = 0;
  std::string body;
  std::string source;            // how it came: channels/parse_webhook.h
  std::int64_t received_at = 0;  // microseconds
};

inline constexpr std::string_view kUnmatched =
    "unmatched";  // parked: a status for a message we do not know (yet)

// One event on its way into the database. Views stay valid as long as the batch.
struct PendingEvent {
  std::int64_t journal_id = 0;
  int position = 0;            // in its body; -1: the body as a whole
  std::int64_t parked_id = 0;  // replayed from there; 0: not parked
  channels::WebhookEvent event;
  std::int64_t received_at = 0;     // when its body came, microseconds
  std::int64_t hash = 0;            // messages: of the channel's id; others: of the natural key
  std::optional<SendToken> token;   // echoes that bring our own back
  std::vector<SendKey> candidates;  // echoes: as in PendingStatus
};
struct PendingStatus {
  std::int64_t journal_id = 0;
  int position = 0;
  std::int64_t parked_id = 0;
  StatusFact fact;                  // key and account are not known yet
  std::vector<SendKey> candidates;  // from the part of the wamid index that is not written yet
  std::string_view raw;
};

struct EventBatch {
  std::int64_t now = 0;
  std::int64_t cursor = 0;                   // journal id up to which all is applied after this; 0: leave it
  std::deque<JournalBody> bodies;            // never move: events hold views into them
  std::deque<std::string> unwrapped;         // what came inside envelopes; never move either
  std::vector<StatusFact> facts;             // with a token, sorted
  std::vector<std::int64_t> matched_parked;  // parked ids of `facts`
  std::vector<PendingStatus> statuses;       // without
  std::vector<PendingEvent> others;
  std::vector<std::string> stop_keywords, start_keywords;  // as in IntakeOptions
  int unmatched_tries = 3;
  std::shared_ptr<PeopleCache> people =
      std::make_shared<PeopleCache>();  // lives longer than the batch, if given
};

// Adds the events of batch.bodies.back(); only that at `only_position` if not negative.
void add_events(EventBatch& batch, TokenMint& mint, const WamidIndex& index, std::int64_t parked_id = 0,
                int only_position = -1);
void sort_facts(EventBatch& batch);

struct EventBatchResult {
  AppliedStatuses statuses;
  std::vector<CampaignId> settled;
  std::vector<std::pair<CampaignId, std::string>> paused;
  std::vector<AccountId> accounts;     // changed
  std::vector<std::string> templates;  // business ids whose templates changed
  std::int64_t parked = 0, unmatched = 0, foreign = 0, repeated = 0, messages = 0, opt_outs = 0;
  std::uint64_t people_transaction = 0;     // for PeopleCache::confirm(), once committed
  std::string last_reason;                  // of the last event that was parked
  std::vector<std::string> orphaned_blobs;  // of messages that were unsent: nothing refers to them any more
};

// Adds one event that is no status; the half of add_events() that needs no body.
void add_event(EventBatch& batch, TokenMint& mint, const WamidIndex& index, PendingEvent pending);

Result<EventBatchResult> commit_events(Transaction& tx, const EventBatch& batch);

inline constexpr std::string_view kIntakeCursor = "intake.applied_journal";  // name in settings

}  // namespace posthorn
