// A running broadcast as the dispatcher sees it: rows out of the compiled recipient list, rendered into
// requests.
#pragma once
#include <memory>
#include <vector>

#include "broadcasts/recipient_list.h"
#include "channels/whatsapp/template_message.h"
#include "messaging/broadcast_source.h"

namespace posthorn {

class CampaignSource final : public BroadcastSource {
 public:
  CampaignSource(CampaignId campaign, SendPolicy policy, double error_share_pause,
                 std::unique_ptr<RecipientListReader> list, whatsapp::CompiledTemplateMessage message);

  CampaignId campaign() const override { return campaign_; }
  SendPolicy policy() const override { return policy_; }
  double error_share_pause() const override { return error_share_pause_; }
  Task<Result<std::vector<BroadcastRow>>> fetch(std::vector<std::int64_t> row_nos) override;
  Result<> render(const BroadcastRow& row, std::string_view token, std::string& body) const override;

 private:
  CampaignId campaign_;
  SendPolicy policy_;
  double error_share_pause_;
  std::unique_ptr<RecipientListReader> list_;
  std::vector<bool> constant_;  // by list slot
  whatsapp::CompiledTemplateMessage message_;
  mutable std::vector<std::string_view> values_;  // scratch of render(): the core is single-threaded
};

}  // namespace posthorn
