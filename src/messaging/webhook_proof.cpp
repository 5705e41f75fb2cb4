#include "messaging/webhook_proof.h"

#include <iterator>
#include <limits>

namespace posthorn {

void WebhookProof::Newest::add(SendKey send, std::int64_t at) {
  if (order_.size() >= kStatuses && at < order_.begin()->first) return;
  const auto [known, fresh] = at_.try_emplace(send, at);
  if (!fresh) {
    if (at <= known->second) return;
    order_.erase({known->second, send});
    known->second = at;
  }
  order_.emplace(at, send);
  if (order_.size() <= kStatuses) return;
  at_.erase(order_.begin()->second);
  order_.erase(order_.begin());
}

std::size_t WebhookProof::Newest::above(std::int64_t bound) const {
  const std::pair last(bound, SendKey{CampaignId{std::numeric_limits<std::int64_t>::max()},
                                      std::numeric_limits<std::int64_t>::max()});
  return static_cast<std::size_t>(std::distance(order_.upper_bound(last), order_.end()));
}

void WebhookProof::accepted(AccountId account, SendKey send, std::int64_t intent_at) {
  evidence_[account].accepted.add(send, intent_at);
}

void WebhookProof::status(AccountId account, SendKey send, std::int64_t intent_at, std::int64_t received_at) {
  Evidence& e = evidence_[account];
  e.answered.add(send, intent_at);
  e.received.add(send, received_at);
}

bool WebhookProof::proves(AccountId account, std::int64_t intent_at) const {
  const auto found = evidence_.find(account);
  if (found == evidence_.end()) return false;
  const Evidence& e = found->second;
  const std::size_t answered = e.answered.above(intent_at);
  if (answered >= kStatuses) return true;
  if (answered < e.accepted.above(intent_at)) return false;
  return answered > 0 || e.received.above(intent_at) >= kStatuses;
}

bool WebhookProof::suggests(AccountId account, std::int64_t intent_at, std::int64_t since) const {
  const auto found = evidence_.find(account);
  if (found == evidence_.end()) return false;
  const Evidence& e = found->second;
  return e.accepted.above(intent_at) < kStatuses && e.received.above(since) > 0;
}

}  // namespace posthorn
