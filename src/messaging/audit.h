// Who did what: a chain of hashes, so that a removed or changed line shows.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "storage/database.h"

namespace posthorn {

struct AuditEntry {
  std::int64_t id = 0;
  WallTime at;
  std::string actor;    // key or user name
  std::string action;   // 'broadcast.start'
  std::string subject;  // 'campaign:7'
  std::string detail;   // JSON or words; never a secret
  std::string hash;
};

namespace audit {

// In the same transaction as the change it tells of.
Result<> record(Transaction& tx, WallTime at, std::string_view actor, std::string_view action,
                std::string_view subject, std::string_view detail = {});
// Newest first; before_id 0 starts at the newest. limit 1 to 1,000.
Result<std::vector<AuditEntry>> list(Transaction& tx, std::int64_t before_id, int limit);
// Walks the whole chain. data_loss names the first entry that does not fit. Returns how many were checked.
// What was cut off at the end cannot show by itself: compare the last hash with a copy kept elsewhere.
Result<std::int64_t> verify(Transaction& tx);
Result<std::string> last_hash(Transaction& tx);  // empty when there is no entry

}  // namespace audit
}  // namespace posthorn
