// Reactions, edits, revokes, receipts and statuses that came before the message they are about: the channels
// guarantee no order. Each waits here until its message comes. SQL only: every function works inside the
// caller's transaction.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "storage/database.h"

namespace posthorn {

inline constexpr std::string_view kEarlyStatus = "status";

struct EarlyChange {
  std::int64_t key = 0;  // of the event's natural key
  std::string kind;      // reaction, edit, revoke, receipt, status
  std::string data;      // JSON
};

namespace early_changes {

Result<> keep(Transaction& tx, std::int64_t target_hash, const EarlyChange& change, WallTime now);
// Takes out what waits for the message, in the order of keys.
Result<std::vector<EarlyChange>> take(Transaction& tx, std::int64_t target_hash);
Result<bool> any(Transaction& tx);
// What waited longer than its message can still be expected. Returns how many were deleted.
Result<std::int64_t> prune(Transaction& tx, WallTime before, int limit);

}  // namespace early_changes
}  // namespace posthorn
