// wamid → send, for statuses that come without our token. Filled behind the sends in large sorted batches, so
// that the hot path has no random index to update. What is not written yet is found in memory; what a crash
// takes from there is missed only by statuses without token.
#pragma once
#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "storage/database.h"

namespace posthorn {

struct SendKey {
  CampaignId campaign;
  std::int64_t row_no = 0;
  friend auto operator<=>(const SendKey&, const SendKey&) = default;
};

std::int64_t wamid_hash(std::string_view wamid);  // first 8 bytes of SHA-256

class WamidIndex {
 public:
  static constexpr std::size_t kBatch =
      2000;  // rows in one transaction: short enough for webhooks to pass between
  static constexpr Duration kInterval = std::chrono::seconds(3);

  WamidIndex(Database& database, Clock& clock) : database_(database), clock_(clock) {}
  void add(std::string_view wamid, SendKey key);
  // Writes what has gathered, batch by batch, if the last time is long enough ago (`force`: in any case).
  // Called by the loop of the reconciler, one call at a time.
  Task<Result<>> flush(bool force);
  // Not yet written entries with this hash. Looks at all of them: meant for the rare status without token.
  std::vector<SendKey> pending(std::int64_t hash) const;
  std::size_t pending_size() const { return gathered_.size() + writing_.size(); }

  // Candidates from the table; hashes may collide, the caller compares sends.wamid.
  static Result<std::vector<SendKey>> find(Transaction& tx, std::int64_t hash);

 private:
  Database& database_;
  Clock& clock_;
  using Entry = std::pair<std::int64_t, SendKey>;
  Task<Result<>> write_batch();

  std::deque<Entry> gathered_;
  std::vector<Entry> writing_;
  MonotonicTime flushed_at_{};
};

}  // namespace posthorn
