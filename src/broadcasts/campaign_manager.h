// The broadcast room put together: CampaignService over checker, runner and reporter.
#pragma once
#include <memory>

#include "broadcasts/campaign_ports.h"
#include "broadcasts/campaign_runner.h"
#include "broadcasts/campaign_service.h"

namespace posthorn {

// `runner` must outlive the service; it is also the observer that messaging reports to.
std::unique_ptr<CampaignService> make_campaign_service(CampaignPorts ports, CampaignDefaults defaults,
                                                       CampaignRunner& runner);

}  // namespace posthorn
