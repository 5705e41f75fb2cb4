// One row of `sends` as a value, and what its changes mean for the counters of its campaign.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "messaging/delivery.h"
#include "messaging/send_state.h"
#include "messaging/wamid_index.h"
#include "storage/database.h"

namespace posthorn {

// Times in microseconds since the Unix epoch; 0: none.
struct StoredSend {
  bool exists = false;  // false: the recipient is still queued
  AccountId account;
  std::uint64_t phone = 0;
  SendRow row;
  std::int64_t intent_at = 0, settled_at = 0, due_at = 0;
  std::string wamid, detail;
  int code = 0;  // of the submission; once delivery failed, of that failure
  Delivery delivery;
};

Result<StoredSend> load_send(Transaction& tx, SendKey key);
Result<> save_send(Transaction& tx, SendKey key, const StoredSend& send);  // inserts if !exists

// The machine applied to a stored row: state, attempt, settled_at and due_at move. `due_at` is used where the
// step asks for a delay or a hold. True if the row changed.
bool apply_event(StoredSend& send, SendEvent event, int attempt, SendPolicy policy, std::int64_t now,
                 std::int64_t due_at, bool* duplicate = nullptr);

// Gathers what one transaction changes and writes the counters at its end, a few statements for each campaign
// (I1).
class Progress {
 public:
  explicit Progress(std::int64_t now) : minute_(now / 60'000'000) {}

  void changed(CampaignId campaign, const StoredSend& before, const StoredSend& after);
  void moved(CampaignId campaign, SendState from, SendState to, std::int64_t rows = 1);
  Result<> write(Transaction& tx);
  // After write(): campaigns of which every recipient now has a terminal state.
  const std::vector<CampaignId>& settled() const { return settled_; }

 private:
  struct Errors {
    std::int64_t submission = 0, delivery = 0;
  };
  struct Minute {
    std::int64_t accepted = 0, rejected = 0, delivered = 0, read = 0, failed = 0;
    bool empty() const {
      return accepted == 0 && rejected == 0 && delivered == 0 && read == 0 && failed == 0;
    }
  };
  struct Delta {
    std::int64_t states[kSendStates] = {};
    std::int64_t sent = 0, delivered = 0, read = 0, failed = 0, held = 0;
    std::map<int, Errors> errors;
    Minute minute;
  };
  void count_delivery(Delta& delta, const StoredSend& before, const StoredSend& after);
  static Result<> write_counters(Transaction& tx, CampaignId campaign, const Delta& delta, std::int64_t now);
  static Result<> write_errors(Transaction& tx, CampaignId campaign, const Delta& delta);
  Result<> write_minute(Transaction& tx, CampaignId campaign, const Minute& minute) const;

  std::int64_t minute_;
  std::map<CampaignId, Delta> deltas_;
  std::vector<CampaignId> settled_;
};

// total minus all states: recipients nobody has reached yet. 0 for campaign 0.
struct CampaignProgress {
  std::string state;
  std::int64_t queued = 0, intents = 0, deferred = 0, unknown = 0;
  bool settled() const { return queued <= 0 && intents == 0 && deferred == 0 && unknown == 0; }
};
Result<CampaignProgress> campaign_progress(Transaction& tx, CampaignId campaign);

// running → paused with a reason for people, and an entry in the event log. False if it was not running.
Result<bool> pause_campaign(Transaction& tx, CampaignId campaign, std::string_view reason, std::int64_t now);
// Every running campaign of the account. Returns which.
Result<std::vector<CampaignId>> pause_campaigns_of(Transaction& tx, AccountId account,
                                                   std::string_view reason, std::int64_t now);

}  // namespace posthorn
