#include "messaging/webhook_proof.h"

#include <algorithm>
#include <iterator>

namespace posthorn {
namespace {

void keep_largest(std::multiset<std::int64_t>& values, std::int64_t value, std::size_t limit) {
  values.insert(value);
  if (values.size() > limit) values.erase(values.begin());
}

std::size_t above(const std::multiset<std::int64_t>& values, std::int64_t bound) {
  return static_cast<std::size_t>(std::distance(values.upper_bound(bound), values.end()));
}

}  // namespace

void WebhookProof::accepted(AccountId account, std::int64_t intent_at) {
  keep_largest(evidence_[account].latest_accepted, intent_at, kStatuses);
}

void WebhookProof::status(AccountId account, std::int64_t intent_at, std::int64_t received_at) {
  Evidence& e = evidence_[account];
  keep_largest(e.latest_answered, intent_at, kStatuses);
  keep_largest(e.latest_received, received_at, kStatuses);
}

bool WebhookProof::proves(AccountId account, std::int64_t intent_at) const {
  const auto found = evidence_.find(account);
  if (found == evidence_.end()) return false;
  const Evidence& e = found->second;
  const std::size_t later = above(e.latest_answered, intent_at);
  if (later >= kStatuses) return true;
  return later >= above(e.latest_accepted, intent_at) && above(e.latest_received, intent_at) >= kStatuses;
}

}  // namespace posthorn
