// What became of everybody: totals, errors, minutes, each recipient.
#pragma once
#include <string>
#include <vector>

#include "broadcasts/campaign_ports.h"
#include "broadcasts/campaign_service.h"
#include "broadcasts/campaign_store.h"

namespace posthorn {

class CampaignReporter {
 public:
  explicit CampaignReporter(CampaignPorts ports) : ports_(std::move(ports)) {}

  Task<Result<json::object>> report(CampaignId id);
  Task<Result<std::vector<RecipientRow>>> recipients(CampaignId id, std::int64_t after_row, int limit,
                                                     std::string state);
  Task<Result<>> export_csv(CampaignId id, CampaignService::ChunkSink write);
  Task<Result<>> export_problems_csv(CampaignId id, CampaignService::ChunkSink write);

 private:
  CampaignPorts ports_;
};

// Words of the report's columns "submission" and "delivery" that `state` may be; the error lists them.
Result<> check_recipient_filter(const std::string& state);

}  // namespace posthorn
