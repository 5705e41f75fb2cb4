#include "app/observer.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "app/followers.h"

namespace posthorn {
namespace {

Task<> refresh(AccountRuntimes& accounts, AccountId id, Log& log) {
  const auto refreshed = co_await accounts.refresh(id);
  if (!refreshed)
    log.warning("account.not_refreshed", {{"account", id.value}, {"reason", refreshed.error().message}});
}

}  // namespace

void Observer::connect(MessagingObserver& broadcasts, AccountRuntimes& accounts) {
  broadcasts_ = &broadcasts;
  accounts_ = &accounts;
}

void Observer::campaign_paused(CampaignId id, const std::string& reason) {
  if (broadcasts_ != nullptr) broadcasts_->campaign_paused(id, reason);
}

void Observer::campaign_settled(CampaignId id) {
  if (broadcasts_ != nullptr) broadcasts_->campaign_settled(id);
}

void Observer::deliveries_failed(CampaignId id, int code, int rows, int judged) {
  if (broadcasts_ != nullptr) broadcasts_->deliveries_failed(id, code, rows, judged);
}

void Observer::account_changed(AccountId id) {
  if (accounts_ != nullptr) asio::co_spawn(executor_, refresh(*accounts_, id, log_), asio::detached);
  if (broadcasts_ != nullptr) broadcasts_->account_changed(id);
}

void Observer::templates_changed(const std::string& business_id) {
  if (broadcasts_ != nullptr) broadcasts_->templates_changed(business_id);
}

void Observer::webhooks_applied() {
  if (followers_ != nullptr) followers_->something_happened();
}

}  // namespace posthorn
