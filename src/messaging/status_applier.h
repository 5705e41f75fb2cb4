// Statuses to sends: every fact a status tells is joined into its row, and settles the submission (an echo).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "messaging/delivery.h"
#include "messaging/send_rows.h"
#include "messaging/wamid_index.h"
#include "storage/database.h"

namespace posthorn {

struct StatusFact {
  SendKey key;
  AccountId account;  // from the token; 0: not known
  int attempt = 0;    // from the token; 0: not known
  std::uint64_t phone = 0;
  DeliveryKind kind = DeliveryKind::sent;
  std::int64_t at = 0;  // microseconds, as the channel says
  int code = 0;         // failed only
  std::string detail, wamid;
};

struct AppliedStatuses {
  struct Answered {
    AccountId account;
    SendKey key;
    std::int64_t intent_at = 0;
  };
  std::vector<Answered> answered;                    // one for each row that got a status
  std::map<std::pair<CampaignId, int>, int> failed;  // rows that now count as failed, by campaign and code
  std::map<CampaignId, int> judged;                  // rows heard of for the first time, or failed
  std::int64_t settled_unknown = 0;                  // rows that were unknown or given up
  std::int64_t restored = 0;                         // rows that had been lost
  std::int64_t duplicates = 0;                       // a recipient got the message twice
  std::int64_t opt_outs = 0;                         // recipients who turned out to refuse marketing
  std::int64_t foreign = 0;  // the token is ours, but the campaign is not in this database
};

// `facts` sorted by key. Counters go to `progress`, which the caller writes.
Result<> apply_statuses(Transaction& tx, const std::vector<StatusFact>& facts, std::int64_t now,
                        Progress& progress, AppliedStatuses& applied);

}  // namespace posthorn
