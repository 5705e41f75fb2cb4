// Idempotency-Key → the answer that was given (invariant I11): same key and body give the same answer and one
// effect.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/time.h"
#include "storage/database.h"

namespace posthorn {

struct RememberedAnswer {
  int status = 0;      // HTTP status; 0: the first call has not ended, or the process ended during it
  std::string answer;  // body
};

namespace idempotency {

inline constexpr Duration kKeep = std::chrono::hours(72);
inline constexpr std::size_t kMaxKey = 255;

// The scope (API key id and action) belongs into the key, so that two callers cannot see each other's
// answers.
std::string scoped_key(std::string_view caller, std::string_view action, std::string_view key);
std::string body_hash(std::string_view body);  // SHA-256, hex

// The answer given before; nullopt for a key never seen. conflict when the key came with another body: answer
// 422 then.
Result<std::optional<RememberedAnswer>> find(Transaction& tx, std::string_view scoped_key,
                                             std::string_view body_hash);
// Before an effect that cannot be in the same transaction as its answer: after a crash in between, find()
// tells that there may have been an effect. conflict if the key is taken.
Result<> reserve(Transaction& tx, std::string_view scoped_key, std::string_view body_hash, WallTime now);
Result<> release(Transaction& tx,
                 std::string_view scoped_key);  // a reservation whose call failed; answers stay
// In the same transaction as the effect, or over a reservation. conflict if there is an answer already.
Result<> remember(Transaction& tx, std::string_view scoped_key, std::string_view body_hash,
                  const RememberedAnswer& answer, WallTime now);
Result<std::int64_t> prune(Transaction& tx, WallTime now);  // drops those older than kKeep

}  // namespace idempotency
}  // namespace posthorn
