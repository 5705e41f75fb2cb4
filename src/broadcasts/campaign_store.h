// Campaigns as rows. SQL only: every function works inside the caller's transaction.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broadcasts/campaign_service.h"
#include "broadcasts/campaign_state.h"
#include "broadcasts/recipient_list.h"
#include "core/ids.h"
#include "core/time.h"
#include "storage/database.h"

namespace posthorn {

// A campaigns row with everything that the service needs.
struct StoredCampaign {
  CampaignId id;
  AccountId account;
  std::string name;
  CampaignState state = CampaignState::draft;
  std::string state_reason;
  UploadId upload;
  std::string template_name, template_language;
  std::string template_json;  // the template object as it was at pre-flight; empty before
  std::string mapping_json = "{}";
  std::string options_json = "{}";
  std::string preflight_json;  // empty before
  std::string list_blob, problems_blob;
  CampaignCounters counters;
  std::string created_by;
  WallTime created_at, updated_at;
  std::optional<WallTime> start_at, started_at, finished_at;
};

struct UploadRow {
  UploadId id;
  std::string file_name, blob;
  std::int64_t size = 0;
};

struct SegmentRow {
  int segment = 0;
  std::int64_t first_row = 0, last_row = 0, next_row = 0;
  int utc_offset_minutes = 0;
  WallTime not_before;
};

namespace campaigns {

Result<CampaignId> insert(Transaction& tx, const StoredCampaign& campaign, WallTime now);
Result<StoredCampaign> get(Transaction& tx, CampaignId id);  // not_found
Result<std::vector<StoredCampaign>> list(Transaction& tx, std::int64_t before_id, int limit);
Result<std::vector<StoredCampaign>> in_states(Transaction& tx, std::initializer_list<CampaignState> states);
// What a person decided: name, account, upload, template, mapping, options. Clears the results of an earlier
// pre-flight.
Result<> save_draft(Transaction& tx, const StoredCampaign& campaign, WallTime now);
// What pre-flight found: template, preflight, blobs, total; and the list's segments, none of them sent yet.
Result<> save_preflight(Transaction& tx, const StoredCampaign& campaign,
                        const std::vector<ListSegment>& segments, WallTime now);

// Applies `event` by the state machine and appends 'campaign.<state>' to the event log. conflict if the state
// forbids it. `reason` is stored in every state; started_at, finished_at and start_at move as the state says.
Result<CampaignState> apply(Transaction& tx, CampaignId id, CampaignEvent event, std::string_view reason,
                            WallTime now, std::optional<WallTime> start_at = {});

Result<std::vector<SegmentRow>> segments(Transaction& tx, CampaignId id);
Result<> set_not_before(Transaction& tx, CampaignId id, int segment, WallTime not_before);

Result<UploadRow> upload(Transaction& tx, UploadId id);  // not_found

}  // namespace campaigns
}  // namespace posthorn
