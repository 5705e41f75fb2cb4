// Is the way by which statuses come in alive? An unknown outcome may be given up only if it is (invariant
// I8): at least 20 statuses for later sends of the same number must have arrived, or, when fewer later sends
// exist, one for each of them and 20 in all since. Pure; kept in memory, so a restart asks for new proof.
#pragma once
#include <cstdint>
#include <map>
#include <set>

#include "core/ids.h"

namespace posthorn {

class WebhookProof {
 public:
  static constexpr std::size_t kStatuses = 20;
  // All times in microseconds of wall time.
  void accepted(AccountId account, std::int64_t intent_at);
  void status(AccountId account, std::int64_t intent_at, std::int64_t received_at);
  bool proves(AccountId account, std::int64_t intent_at) const;
  void forget() { evidence_.clear(); }  // the wall clock stepped: times of before and after cannot be compared

 private:
  struct Evidence {
    std::multiset<std::int64_t>
        latest_accepted;  // intent times of the newest accepted sends, at most kStatuses
    std::multiset<std::int64_t>
        latest_answered;  // intent times of the newest sends with a status, at most kStatuses
    std::multiset<std::int64_t> latest_received;  // when the last statuses came, at most kStatuses
  };
  std::map<AccountId, Evidence> evidence_;
};

}  // namespace posthorn
