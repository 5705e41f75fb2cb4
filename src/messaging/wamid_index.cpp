#include "messaging/wamid_index.h"

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
  if (!wamid.empty()) gathered_.emplace(wamid_hash(wamid), key);
}

std::vector<SendKey> WamidIndex::pending(std::int64_t hash) const {
  std::vector<SendKey> keys;
  for (const auto* map : {&writing_, &gathered_}) {
    const auto [begin, end] = map->equal_range(hash);
    for (auto it = begin; it != end; ++it) keys.push_back(it->second);
  }
  return keys;
}

Task<Result<>> WamidIndex::flush(bool force) {
  const MonotonicTime now = clock_.now();
  const bool due = gathered_.size() >= kBatch || now - flushed_at_ >= kInterval;
  if (gathered_.empty() || !writing_.empty() || !(force || due)) co_return Result<>();
  flushed_at_ = now;
  writing_ = std::exchange(gathered_, {});
  std::vector<std::pair<std::int64_t, SendKey>> sorted(writing_.begin(), writing_.end());
  auto insert = [sorted = std::move(sorted)](Transaction& tx) -> Result<> {
    std::array<SqlArg, 3> args;
    const auto bind = [&](std::size_t i) -> std::span<const SqlArg> {
      args = {SqlArg(sorted[i].first), SqlArg(sorted[i].second.campaign.value), SqlArg(sorted[i].second.row_no)};
      return args;
    };
    PH_TRY(tx.execute_many("INSERT INTO wamids (hash, campaign_id, row_no) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                           sorted.size(), bind));
    return {};
  };
  const Result<> written = co_await database_.write(std::move(insert));
  if (!written) gathered_.merge(writing_);  // comes along with the next batch
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
