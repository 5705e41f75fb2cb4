#include "messaging/pair_limiter.h"

#include <algorithm>

namespace posthorn {

MonotonicTime PairLimiter::next(std::uint64_t phone, MonotonicTime now) const {
  const auto found = blocked_until_.find(phone);
  return found == blocked_until_.end() ? now : found->second;
}

void PairLimiter::block(std::uint64_t phone, MonotonicTime until) {
  MonotonicTime& blocked = blocked_until_.try_emplace(phone, until).first->second;
  blocked = std::max(blocked, until);
}

void PairLimiter::sent(std::uint64_t phone, MonotonicTime now) {
  block(phone, now + kSpacing);
  expiry_.emplace_back(now + kSpacing, phone);
  forget_before(now);
}

MonotonicTime PairLimiter::refused(std::uint64_t phone, MonotonicTime now) {
  int& exponent = penalties_[phone];
  const MonotonicTime until = now + std::chrono::seconds(1LL << (2 * exponent));
  exponent = std::min(exponent + 1, kMaxPenaltyExponent);
  block(phone, until);
  long_expiry_.emplace(until, phone);
  return next(phone, now);
}

void PairLimiter::forget_before(MonotonicTime now) {
  const auto forget = [&](std::uint64_t phone) {
    const auto found = blocked_until_.find(phone);
    if (found != blocked_until_.end() && found->second <= now) blocked_until_.erase(found);
  };
  for (; !expiry_.empty() && expiry_.front().first <= now; expiry_.pop_front())
    forget(expiry_.front().second);
  while (!long_expiry_.empty() && long_expiry_.begin()->first <= now) {
    forget(long_expiry_.begin()->second);
    long_expiry_.erase(long_expiry_.begin());
  }
}

}  // namespace posthorn
