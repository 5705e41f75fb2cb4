// Running broadcasts: hands them to the dispatchers, starts scheduled ones, keeps quiet hours, completes what
// is settled, and measures how fast they go.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "broadcasts/campaign_ports.h"
#include "broadcasts/campaign_store.h"
#include "messaging/messaging_observer.h"

namespace posthorn {

class CampaignRunner final : public MessagingObserver {
 public:
  explicit CampaignRunner(CampaignPorts ports);
  ~CampaignRunner() override;

  // Start-up: puts interrupted pre-flights back to draft, hands running campaigns to their dispatchers,
  // begins the ticking.
  Task<Result<>> start();
  void stop();

  // A campaign that has just become `running`: opens its list and gives it to the dispatcher. A list that
  // cannot be read fails the campaign.
  Task<Result<>> run(CampaignId id);
  // Has just stopped running (paused, cancelled).
  void halt(CampaignId id, AccountId account);

  // Recipients settled per second over the last seconds; 0 when not running.
  double rate(CampaignId id) const;

  void campaign_paused(CampaignId id, const std::string& reason) override;
  void campaign_settled(CampaignId id) override;
  void deliveries_failed(CampaignId id, int code, int rows, int judged) override;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn
