// wamid → send, for statuses that come without our token. Filled behind the sends in large sorted batches, so that the hot
// path has no random index to update. What is not written yet is found in memory.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
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
  static constexpr std::size_t kBatch = 2000;
  static constexpr Duration kInterval = std::chrono::seconds(3);

  WamidIndex(Database& database, Clock& clock) : database_(database), clock_(clock) {}
  void add(std::string_view wamid, SendKey key);
  // Writes what has gathered, if it is enough or old enough (`force`: in any case). Called by the loop of the reconciler.
  Task<Result<>> flush(bool force);
  // Not yet written entries with this hash, oldest first.
  std::vector<SendKey> pending(std::int64_t hash) const;
  std::size_t pending_size() const { return gathered_.size() + writing_.size(); }

  // Candidates from the table; hashes may collide, the caller compares sends.wamid.
  static Result<std::vector<SendKey>> find(Transaction& tx, std::int64_t hash);

 private:
  Database& database_;
  Clock& clock_;
  std::multimap<std::int64_t, SendKey> gathered_, writing_;
  MonotonicTime flushed_at_{};
};

}  // namespace posthorn
