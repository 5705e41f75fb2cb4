// Passes on what messaging tells: to the broadcasts, and changed accounts to what runs for them.
#pragma once
#include "app/account_runtimes.h"
#include "messaging/messaging_observer.h"

namespace posthorn {

class Followers;

class Observer final : public MessagingObserver {
 public:
  Observer(Executor executor, Log& log) : executor_(std::move(executor)), log_(log) {}
  // Both are made after those that report; before that nothing is reported.
  void connect(MessagingObserver& broadcasts, AccountRuntimes& accounts);

  void campaign_paused(CampaignId id, const std::string& reason) override;
  void campaign_settled(CampaignId id) override;
  void deliveries_failed(CampaignId id, int code, int rows, int judged) override;
  void account_changed(AccountId id) override;
  void templates_changed(const std::string& business_id) override;
  void webhooks_applied() override;
  void follow(Followers* followers) { followers_ = followers; }  // null: nobody any more

 private:
  Executor executor_;
  Log& log_;
  MessagingObserver* broadcasts_ = nullptr;
  AccountRuntimes* accounts_ = nullptr;
  Followers* followers_ = nullptr;
};

}  // namespace posthorn
