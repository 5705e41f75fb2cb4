#include "api/auth_limiter.h"

#include <algorithm>

namespace posthorn {

double AuthLimiter::remaining(const Failures& failures, MonotonicTime now) {
  const double forgiven =
      std::chrono::duration<double>(now - failures.at) / std::chrono::duration<double>(kForget);
  return std::max(0.0, failures.count - forgiven);
}

bool AuthLimiter::allows(const std::string& address, MonotonicTime now) const {
  const auto found = addresses_.find(address);
  return found == addresses_.end() || remaining(found->second, now) <= kFailures - 1;
}

void AuthLimiter::failed(const std::string& address, MonotonicTime now) {
  if (!addresses_.contains(address)) make_room();
  auto& entry = addresses_[address];
  entry.count = remaining(entry, now) + 1;
  entry.at = now;
}

void AuthLimiter::make_room() {
  if (addresses_.size() < kMaxAddresses) return;
  const auto oldest =
      std::ranges::min_element(addresses_, {}, [](const auto& entry) { return entry.second.at; });
  addresses_.erase(oldest);
}

}  // namespace posthorn
