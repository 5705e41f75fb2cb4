// Whom the latest events came from, and in which conversation they wrote: who writes again costs no look-up.
//
// A memory of what the tables said, never a source. It holds only what people::resolve() would answer without
// changing anything: an address belongs to its person until somebody takes it away, and every way to do so
// (claims, merges and their undo, another portfolio) moves the tables' `identity_generation`. Whoever finds
// another generation than the last time forgets everything.
//
// It is used inside the transactions that apply events, one after another on the database's thread. What a
// transaction remembered counts only once its commit is confirmed: else the next one begins with nothing.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "channels/conversation_events.h"
#include "core/ids.h"
#include "core/recent_map.h"
#include "core/result.h"
#include "storage/database.h"

namespace posthorn {

class PeopleCache {
 public:
  explicit PeopleCache(std::size_t capacity = 1 << 16)
      : people_(capacity), told_(capacity), conversations_(capacity) {}

  // Around everything else in a transaction. end() → the number to confirm when the commit has succeeded.
  Result<> begin(Transaction& tx);
  Result<std::uint64_t> end(Transaction& tx);
  void confirm(std::uint64_t transaction) { confirmed_.store(transaction); }  // from any thread

  // Who has exactly these addresses and goes by these names, as far as the event tells any.
  std::optional<PersonId> person(AccountId account, const channels::Party& party);
  // Only for one who holds all addresses of `party` now.
  void remember(AccountId account, const channels::Party& party, PersonId person);

  std::optional<ConversationId> conversation(AccountId account, PersonId person);
  void remember(AccountId account, PersonId person, ConversationId conversation);

  void forget();

 private:
  struct Names {
    std::string name, username, identity_hash;
  };
  struct Pair {
    std::int64_t account, person;
    friend bool operator==(const Pair&, const Pair&) = default;
  };
  struct HashOfPair {
    std::size_t operator()(const Pair& p) const noexcept {
      return std::hash<std::int64_t>{}(p.person * 1'000'003 + p.account);
    }
  };

  void make_key(AccountId account, const channels::Party& party);

  RecentMap<std::string, PersonId> people_;  // by account and addresses
  RecentMap<PersonId, Names> told_;          // as told last
  RecentMap<Pair, ConversationId, HashOfPair> conversations_;
  std::string key_;
  std::int64_t generation_ = -1;
  std::uint64_t transaction_ = 0;
  std::atomic<std::uint64_t> confirmed_ = 0;
};

}  // namespace posthorn
