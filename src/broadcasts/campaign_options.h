// The choices of a draft that are stored together (campaigns.options), checked once.
#pragma once
#include <string>
#include <string_view>

#include "broadcasts/campaign_service.h"
#include "core/phone_number.h"
#include "core/result.h"
#include "core/time_zones.h"

namespace posthorn {

struct CampaignOptions {
  std::string phone_column;  // empty: found automatically
  Region default_region;     // empty: numbers must carry their country code
  bool at_least_once = false;
  double error_share_pause = 0;  // 0: the configured default
  bool local_time = false;
  QuietHours quiet;  // meaningful with local_time
};

// invalid_argument names the field of the draft.
Result<CampaignOptions> check_options(const CampaignDraft& draft, Region configured_region);
std::string to_json_text(const CampaignOptions& options);
// Reads back what to_json_text() wrote; data_loss otherwise.
Result<CampaignOptions> options_from_json(std::string_view text);

}  // namespace posthorn
