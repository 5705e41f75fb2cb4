#include "messaging/wamid_index.h"

#include <algorithm>
#include <array>
#include <utility>

#include "platform/crypto.h"

namespace posthorn {

std::int64_t wamid_hash(std::string_view wamid) {
  const Sha256Digest digest = sha256(wamid);
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < 8; ++i) hash = hash << 8 | digest[i];
  return static_cast<std::int64_t>(hash);
}

void WamidIndex::add(std::string_view wamid, SendKey key) {
  if (!wamid.empty()) gathered_.emplace_back(wamid_hash(wamid), key);
}

std::vector<SendKey> WamidIndex::pending(std::int64_t hash) const {
  std::vector<SendKey> keys;
  const auto look = [&](const Entry& entry) {
    if (entry.first == hash) keys.push_back(entry.second);
  };
  for (const Entry& entry : writing_) look(entry);
  for (const Entry& entry : gathered_) look(entry);
  return keys;
}

Task<Result<>> WamidIndex::flush(bool force) {
  const MonotonicTime now = clock_.now();
  if (!force && now - flushed_at_ < kInterval) co_return Result<>();
  flushed_at_ = now;
  while (!gathered_.empty() && writing_.empty()) {
    const Result<> written = co_await write_batch();
    if (!written) co_return written;
  }
  co_return Result<>();
}

Task<Result<>> WamidIndex::write_batch() {
  const auto count = static_cast<std::ptrdiff_t>(std::min(gathered_.size(), kBatch));
  writing_.assign(gathered_.begin(), gathered_.begin() + count);
  gathered_.erase(gathered_.begin(), gathered_.begin() + count);
  std::sort(writing_.begin(), writing_.end());
  auto insert = [sorted = writing_](Transaction& tx) -> Result<> {
    std::array<SqlArg, 3> args;
    const auto bind = [&](std::size_t i) -> std::span<const SqlArg> {
      args = {SqlArg(sorted[i].first), SqlArg(sorted[i].second.campaign.value),
              SqlArg(sorted[i].second.row_no)};
      return args;
    };
    PH_TRY(tx.execute_many(
        "INSERT INTO wamids (hash, campaign_id, row_no) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        sorted.size(), bind));
    return {};
  };
  const Result<> written = co_await database_.write(std::move(insert));
  if (!written)
    gathered_.insert(gathered_.end(), writing_.begin(), writing_.end());  // comes along with a later batch
  writing_.clear();
  co_return written;
}

Result<std::vector<SendKey>> WamidIndex::find(Transaction& tx, std::int64_t hash) {
  std::vector<SendKey> keys;
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT campaign_id, row_no FROM wamids WHERE hash = $1", {hash}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return keys;
    keys.push_back({CampaignId{rows.integer(0)}, rows.integer(1)});
  }
}

}  // namespace posthorn
