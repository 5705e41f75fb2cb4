// Taking work: the one transaction that decides what leaves next and commits an intent for each of it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "messaging/lanes.h"
#include "messaging/send_state.h"
#include "messaging/wamid_index.h"
#include "storage/database.h"

namespace posthorn {

// A run of rows of one segment that nobody has taken yet.
struct FreshRun {
  CampaignId campaign;
  std::int32_t segment = 0;
  bool honours_suppressions = true;
  std::int64_t first_row = 0;
  std::vector<std::uint64_t> phones;  // of first_row, first_row + 1, …
};

struct IntentRequest {
  AccountId account;
  std::string business_id;
  std::int64_t now = 0;
  int capacity = 0;        // at most so many intents …
  int fresh_capacity = 0;  // … of which so many for fresh rows; the rest is kept for single sends and retries
  bool look_for_singles = false;
  bool look_for_deferred = false;
  std::vector<CampaignId> campaigns;  // whose deferred rows may be taken, ascending; single sends always
  std::vector<CampaignId> honouring;  // those of them whose retries respect suppressions, ascending
  std::vector<FreshRun> fresh;
};

enum class FreshVerdict : std::uint8_t {
  left,  // not taken: no room, or the campaign does not run
  intent,
  suppressed,
  exists,  // has a state already: settled by an echo after its row was lost
};

struct TakenSingle {
  std::int64_t row_no = 0;
  std::uint64_t phone = 0;
  int attempt = 1;
  Lane lane = Lane::api;
  std::string payload;
};
struct TakenDeferred {
  SendKey key;
  std::uint64_t phone = 0;
  int attempt = 1;
};

struct IntentResult {
  bool account_blocked = false;                  // nothing was taken
  std::vector<TakenSingle> singles;              // also retries of single sends
  std::vector<TakenDeferred> deferred;           // of broadcasts
  std::vector<std::vector<FreshVerdict>> fresh;  // for each run and row of the request
  std::vector<CampaignId> stopped;               // not running any more
  std::vector<CampaignId> moved_on;  // the segment is not where the request thought; read it again
  std::vector<CampaignId> settled;
  std::int64_t next_due = 0;  // earliest due_at of deferred rows still waiting; 0: none or not looked at
  bool more_singles = false;
  int intents = 0;
};

Result<IntentResult> commit_intents(Transaction& tx, const IntentRequest& request);

// Where the segments of a campaign stand.
struct SegmentCursor {
  std::int32_t segment = 0;
  std::int64_t next_row = 0, last_row = 0, not_before = 0;
};
Result<std::vector<SegmentCursor>> load_segments(Transaction& tx, CampaignId campaign);

}  // namespace posthorn
