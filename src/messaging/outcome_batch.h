// Writing down what became of requests: the one transaction for a batch of outcomes, with the counters they
// move and the stops they cause.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "messaging/accounts.h"
#include "messaging/send_state.h"
#include "messaging/wamid_index.h"
#include "storage/database.h"

namespace posthorn {

struct Outcome {
  SendKey key;
  std::uint64_t phone = 0;
  int attempt = 1;
  SendEvent event = SendEvent::unknown;  // accepted, rejected, deferred, unknown or not_sent
  std::int64_t intent_at = 0;
  // Microseconds from the commit on, whenever that succeeds (the wall clock may step before): deferred,
  // not_sent: to the next attempt; unknown: to the end of the hold.
  std::int64_t delay = 0;
  int code = 0;
  bool held = false;
  bool opted_out = false;
  std::string message_id, detail;
};

struct OutcomeBatch {
  AccountId account;
  std::string business_id;
  std::int64_t now = 0;  // set anew for each try to commit
  std::vector<Outcome> outcomes;
  std::map<CampaignId, std::string> pauses;  // campaign → reason
  std::string block_reason;                  // not empty: the account is blocked and all its campaigns pause
  BlockKind block = BlockKind::other;
  std::string block_token;  // SendAnswer::sealed_token: with another token now, the campaigns pause only
};

struct OutcomeResult {
  std::vector<std::pair<CampaignId, std::string>> paused;  // those that were running
  std::vector<CampaignId> settled;
  bool blocked = false;
};

Result<OutcomeResult> commit_outcomes(Transaction& tx, const OutcomeBatch& batch);

}  // namespace posthorn
