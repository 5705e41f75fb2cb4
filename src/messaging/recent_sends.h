// The newest sends, read back at start-up: what the process before this one knew in memory. Looks at the ends
// of the lists that were being sent, not at the whole table: a retry of a row far behind may be missing.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "messaging/send_state.h"
#include "messaging/wamid_index.h"
#include "storage/database.h"

namespace posthorn {

// Times in microseconds since the Unix epoch; 0: none.
struct RecentSend {
  AccountId account;
  SendKey key;
  std::uint64_t phone = 0;
  SendState state = SendState::accepted;
  std::int64_t intent_at = 0, settled_at = 0;
  std::int64_t answered_at = 0;  // of its latest status, by the channel's clock
  std::string wamid;
};

// At most 5,000 rows of each of the 8 broadcasts that moved last, 1,000 single sends and 5,000 unknown rows
// (these may be among the others too); only such as were taken or settled at `since` or later.
Result<std::vector<RecentSend>> load_recent_sends(Transaction& tx, std::int64_t since);

}  // namespace posthorn
