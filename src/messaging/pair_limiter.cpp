#include "messaging/pair_limiter.h"

#include <algorithm>

namespace posthorn {

MonotonicTime PairLimiter::next(std::uint64_t recipient, Lane lane, MonotonicTime now) const {
  MonotonicTime allowed = now;
  const auto paid = paid_until_.find(recipient);
  if (paid != paid_until_.end())
    allowed = std::max(allowed, paid->second - kSpacing * (pair_burst(lane) - 1));
  if (refused_.empty()) return allowed;
  const auto refused = refused_.find(recipient);
  if (refused == refused_.end()) return allowed;
  const Refused& state = refused->second;
  if (now < state.careful_until) allowed = std::max(allowed, state.last_sent + kSpacing);
  return std::max(allowed, state.until);
}

void PairLimiter::sent(std::uint64_t recipient, MonotonicTime now) {
  const auto [paid, is_new] = paid_until_.try_emplace(recipient, now);
  paid->second = std::max(paid->second, now) + kSpacing;
  if (is_new) look_again_.emplace_back(now + kSpacing, recipient);
  if (!refused_.empty()) {
    const auto refused = refused_.find(recipient);
    if (refused != refused_.end()) refused->second.last_sent = now;
  }
  forget_before(now);
}

MonotonicTime PairLimiter::refused(std::uint64_t recipient, MonotonicTime now) {
  Refused& state = refused_[recipient];
  if (now < state.until) return state.until;  // it left before we knew, and tells nothing new
  state.until = now + std::chrono::seconds(1LL << (2 * state.exponent));
  state.careful_until = state.until + kMemory;
  state.exponent = std::min(state.exponent + 1, kMaxPenaltyExponent);
  return state.until;
}

void PairLimiter::succeeded(std::uint64_t recipient) {
  if (refused_.empty()) return;
  const auto refused = refused_.find(recipient);
  if (refused != refused_.end()) refused->second.exponent = 0;
}

void PairLimiter::forget_before(MonotonicTime now) {
  for (; !look_again_.empty() && look_again_.front().first <= now; look_again_.pop_front()) {
    const std::uint64_t recipient = look_again_.front().second;
    const auto paid = paid_until_.find(recipient);
    if (paid->second > now) {
      look_again_.emplace_back(now + kSpacing, recipient);
    } else {
      paid_until_.erase(paid);
    }
  }
  if (refused_.empty() || now < sweep_at_) return;
  std::erase_if(refused_, [now](const auto& pair) { return pair.second.careful_until <= now; });
  sweep_at_ = now + kSpacing;
}

}  // namespace posthorn
