// Is the way by which statuses come in alive? An unknown outcome may be given up only if it is (invariant
// I8). Pure. Every send counts once, however many statuses it gets. What a restart forgets is read back from
// the newest sends (recent_sends.h).
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "core/ids.h"
#include "messaging/wamid_index.h"

namespace posthorn {

class WebhookProof {
 public:
  static constexpr std::size_t kStatuses = 20;
  // All times in microseconds of wall time.
  void accepted(AccountId account, SendKey send, std::int64_t intent_at);
  void status(AccountId account, SendKey send, std::int64_t intent_at, std::int64_t received_at);

  // Enough to give up a send of `intent_at` at the end of its hold: 20 later sends of the same number have
  // got a status; or there are fewer and each of them has; or there is none and statuses for 20 other sends
  // came since.
  bool proves(AccountId account, std::int64_t intent_at) const;
  // Too few later sends for that, but statuses do come: enough after a longer hold. `since`: when the hold
  // began, about.
  bool suggests(AccountId account, std::int64_t intent_at, std::int64_t since) const;

  void forget() {
    evidence_.clear();
  }  // the wall clock stepped: times of before and after cannot be compared

 private:
  // The newest kStatuses different sends.
  class Newest {
   public:
    void add(SendKey send, std::int64_t at);
    std::size_t above(std::int64_t bound) const;

   private:
    std::map<SendKey, std::int64_t> at_;
    std::set<std::pair<std::int64_t, SendKey>> order_;
  };
  struct Evidence {
    Newest accepted, answered;  // by intent time
    Newest received;            // by arrival of the last status
  };
  std::map<AccountId, Evidence> evidence_;
};

}  // namespace posthorn
