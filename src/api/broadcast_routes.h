// What streams: uploads in, reports out, and a broadcast's progress as server-sent events.
#pragma once
#include "api/guard.h"
#include "api/uploads.h"
#include "broadcasts/campaign_service.h"
#include "platform/clock.h"

namespace posthorn {

class BroadcastRoutes {
 public:
  BroadcastRoutes(CampaignService& campaigns, Uploads& uploads, Access& access, Clock& clock)
      : campaigns_(campaigns), uploads_(uploads), guard_(access), clock_(clock) {}
  void add_to(Router& router);

 private:
  Task<> upload(HttpExchange& exchange);
  Task<> report_csv(HttpExchange& exchange, RouteArgs args);
  Task<> problems_csv(HttpExchange& exchange, RouteArgs args);
  Task<> events(HttpExchange& exchange, RouteArgs args);
  Task<> follow(HttpExchange& exchange, CampaignId id);

  CampaignService& campaigns_;
  Uploads& uploads_;
  Guard guard_;
  Clock& clock_;
};

}  // namespace posthorn
