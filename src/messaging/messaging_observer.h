// What messaging tells the floors above after a commit. Called on the core's executor; implementations only
// record and wake.
#pragma once
#include <string>

#include "core/ids.h"

namespace posthorn {

class MessagingObserver {
 public:
  virtual ~MessagingObserver() = default;
  // The campaign's row went from running to paused in the transaction that committed the cause (token lost,
  // template paused, account restricted, error share). The dispatcher has already stopped taking its rows.
  virtual void campaign_paused(CampaignId, const std::string& /*reason*/) {}
  // Every recipient has a terminal submission state: time to complete it. May come more than once.
  virtual void campaign_settled(CampaignId) {}
  // The accounts row changed (granted rate, quality, block): hand it to the dispatcher again
  // (Dispatcher::update_account).
  virtual void account_changed(AccountId) {}
  // Accepted messages of the campaign turn out undelivered, with this code (told once for each row). `judged`
  // is how many were heard of for the first time then, these included.
  virtual void deliveries_failed(CampaignId, int /*code*/, int /*rows*/, int /*judged*/) {}
  // Webhooks were applied: messages, attachments and events may have been committed.
  virtual void webhooks_applied() {}
  // A template of this business account changed by webhook; caches over the templates table are stale.
  virtual void templates_changed(const std::string& /*business_id*/) {}
};

}  // namespace posthorn
