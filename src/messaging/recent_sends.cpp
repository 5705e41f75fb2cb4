#include "messaging/recent_sends.h"

#include <algorithm>
#include <map>

namespace posthorn {
namespace {

constexpr int kBroadcasts = 8;
constexpr std::int64_t kRows = 5000;
constexpr std::int64_t kLeastOfSegment = 200;
constexpr std::int64_t kSingles = 1000;

struct Stretch {
  std::int64_t campaign = 0, first = 0, end = 0;
};

// The last rows each segment has taken.
Result<std::vector<Stretch>> find_stretches(Transaction& tx) {
  std::vector<Stretch> stretches;
  std::map<std::int64_t, std::int64_t> segments;
  {
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query("SELECT campaign_id, first_row, next_row FROM campaign_segments WHERE next_row > first_row "
                 "AND campaign_id IN (SELECT id FROM campaigns WHERE started_at IS NOT NULL "
                 "ORDER BY updated_at DESC, id DESC LIMIT $1) ORDER BY campaign_id, segment",
                 {kBroadcasts}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      stretches.push_back({rows.integer(0), rows.integer(1), rows.integer(2)});
      ++segments[rows.integer(0)];
    }
  }
  for (Stretch& s : stretches) {
    s.first = std::max(s.first, s.end - std::max(kLeastOfSegment, kRows / segments[s.campaign]));
  }
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT COALESCE(MAX(row_no), 0) FROM single_sends", {}));
  PH_TRY(rows.next());
  stretches.push_back({0, rows.integer(0) - kSingles + 1, rows.integer(0) + 1});
  return stretches;
}

Result<> read_into(SqlRows rows, std::vector<RecentSend>& sends) {
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return {};
    RecentSend& send = sends.emplace_back();
    send.key = {CampaignId{rows.integer(0)}, rows.integer(1)};
    send.account = AccountId{rows.integer(2)};
    send.phone = static_cast<std::uint64_t>(rows.integer(3));
    send.state = static_cast<SendState>(rows.integer(4));
    send.intent_at = rows.integer(5);
    send.settled_at = rows.integer(6);
    for (const int column : {7, 8, 9, 10})
      send.answered_at = std::max(send.answered_at, rows.integer(column));
    send.wamid = rows.text(11);
  }
}

}  // namespace

Result<std::vector<RecentSend>> load_recent_sends(Transaction& tx, std::int64_t since) {
  std::vector<RecentSend> sends;
  PH_TRY_ASSIGN(const std::vector<Stretch> stretches, find_stretches(tx));
  for (const Stretch& s : stretches) {
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query("SELECT campaign_id, row_no, account_id, phone, state, intent_at, settled_at, "
                 "sent_at, delivered_at, read_at, failed_at, wamid FROM sends WHERE campaign_id = $1 "
                 "AND row_no >= $2 AND row_no < $3 AND (intent_at >= $4 OR settled_at >= $4)",
                 {s.campaign, s.first, s.end, since}));
    PH_TRY(read_into(std::move(rows), sends));
  }
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("SELECT campaign_id, row_no, account_id, phone, state, intent_at, settled_at, sent_at, "
               "delivered_at, read_at, failed_at, wamid FROM sends WHERE state = 5 "
               "AND settled_at >= $1 LIMIT $2",
               {since, kRows}));
  PH_TRY(read_into(std::move(rows), sends));
  return sends;
}

}  // namespace posthorn
