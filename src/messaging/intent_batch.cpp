#include "messaging/intent_batch.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/phone_number.h"
#include "messaging/send_rows.h"
#include "messaging/suppressions.h"

namespace posthorn {
namespace {

constexpr std::int64_t kMicrosPerHour = 3'600'000'000;

class IntentCommit {
 public:
  IntentCommit(Transaction& tx, const IntentRequest& request)
      : tx_(tx), request_(request), progress_(request.now), room_(request.capacity) {}

  Result<IntentResult> run() {
    PH_TRY(check_account());
    if (result_.account_blocked) return std::move(result_);
    if (request_.look_for_singles) {
      PH_TRY(take_singles());
    }
    if (request_.look_for_deferred) {
      PH_TRY(take_deferred());
    }
    PH_TRY(take_fresh());
    PH_TRY(progress_.write(tx_));
    result_.settled = progress_.settled();
    PH_TRY(count_usage());
    return std::move(result_);
  }

 private:
  Result<> check_account() {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx_.query("SELECT blocked_reason FROM accounts WHERE id = $1", {request_.account.value}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    result_.account_blocked = !found || !rows.text(0).empty();
    return {};
  }

  Result<> take_singles() {
    {
      PH_TRY_ASSIGN(SqlRows rows,
                    tx_.query("SELECT row_no, phone, lane, payload FROM single_sends "
                              "WHERE account_id = $1 AND done = 0 ORDER BY lane, row_no LIMIT $2",
                              {request_.account.value, room_ + 1}));
      while (true) {
        PH_TRY_ASSIGN(const bool more, rows.next());
        if (!more) break;
        if (room_ == 0) {
          result_.more_singles = true;
          break;
        }
        result_.singles.push_back({rows.integer(0), static_cast<std::uint64_t>(rows.integer(1)), 1,
                                   static_cast<Lane>(rows.integer(2)), std::string(rows.text(3))});
        --room_;
      }
    }
    for (const TakenSingle& single : result_.singles) {
      PH_TRY(
          tx_.execute("INSERT INTO sends (campaign_id, row_no, account_id, phone, state, attempt, intent_at) "
                      "VALUES (0, $1, $2, $3, 1, 1, $4)",
                      {single.row_no, request_.account.value, single.phone, request_.now}));
      PH_TRY(tx_.execute("UPDATE single_sends SET done = 1 WHERE row_no = $1", {single.row_no}));
    }
    result_.intents += static_cast<int>(result_.singles.size());
    return {};
  }

  bool may_take(CampaignId campaign) const {
    return !campaign || std::binary_search(request_.campaigns.begin(), request_.campaigns.end(), campaign);
  }

  // Rows that are due, of the campaigns we send for; notes when the next one will be.
  Result<std::vector<TakenDeferred>> find_deferred() {
    std::vector<TakenDeferred> due;
    PH_TRY_ASSIGN(SqlRows rows, tx_.query("SELECT campaign_id, row_no, phone, attempt, due_at FROM sends "
                                          "WHERE account_id = $1 AND state = 4 ORDER BY due_at",
                                          {request_.account.value}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) return due;
      const CampaignId campaign{rows.integer(0)};
      if (!may_take(campaign)) continue;
      const std::int64_t due_at = rows.integer(4);
      if (due_at > request_.now || static_cast<int>(due.size()) >= room_) {
        result_.next_due = std::max<std::int64_t>(due_at, 1);
        return due;
      }
      due.push_back({{campaign, rows.integer(1)},
                     static_cast<std::uint64_t>(rows.integer(2)),
                     static_cast<int>(rows.integer(3))});
    }
  }

  Result<bool> runs(CampaignId campaign) {
    if (!campaign) return true;
    const auto known = running_.find(campaign);
    if (known != running_.end()) return known->second;
    PH_TRY_ASSIGN(const CampaignProgress progress, campaign_progress(tx_, campaign));
    const bool running = progress.state == "running";
    if (!running) result_.stopped.push_back(campaign);
    running_.emplace(campaign, running);
    return running;
  }

  // What has changed since the first attempt: the recipient opted out, or his quiet hours have begun.
  Result<bool> leave_for_now(const TakenDeferred& row) {
    if (!row.key.campaign) return false;
    PH_TRY_ASSIGN(const bool suppressed, is_suppressed(row));
    if (suppressed) {
      PH_TRY(
          tx_.execute("UPDATE sends SET state = 7, settled_at = $3, due_at = NULL WHERE campaign_id = $1 "
                      "AND row_no = $2",
                      {row.key.campaign.value, row.key.row_no, request_.now}));
      progress_.moved(row.key.campaign, SendState::deferred, SendState::suppressed);
      return true;
    }
    PH_TRY_ASSIGN(const std::int64_t opens, segment_opens(row.key));
    if (opens <= request_.now) return false;
    PH_TRY(tx_.execute("UPDATE sends SET due_at = $3 WHERE campaign_id = $1 AND row_no = $2",
                       {row.key.campaign.value, row.key.row_no, opens}));
    result_.next_due = result_.next_due == 0 ? opens : std::min(result_.next_due, opens);
    return true;
  }

  Result<bool> is_suppressed(const TakenDeferred& row) {
    if (!std::binary_search(request_.honouring.begin(), request_.honouring.end(), row.key.campaign))
      return false;
    return suppressions::contains(tx_, PhoneNumber::from_digits(row.phone), request_.business_id);
  }

  Result<std::int64_t> segment_opens(SendKey key) {
    PH_TRY_ASSIGN(SqlRows rows, tx_.query("SELECT not_before FROM campaign_segments WHERE campaign_id = $1 "
                                          "AND first_row <= $2 AND last_row >= $2",
                                          {key.campaign.value, key.row_no}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    return found ? rows.integer(0) : 0;
  }

  Result<> take_deferred() {
    PH_TRY_ASSIGN(const std::vector<TakenDeferred> due, find_deferred());
    for (const TakenDeferred& row : due) {
      PH_TRY_ASSIGN(const bool running, runs(row.key.campaign));
      if (!running) continue;
      PH_TRY_ASSIGN(const bool stays, leave_for_now(row));
      if (stays) continue;
      PH_TRY(tx_.execute(
          "UPDATE sends SET state = 1, intent_at = $3, due_at = NULL WHERE campaign_id = $1 AND row_no = $2",
          {row.key.campaign.value, row.key.row_no, request_.now}));
      progress_.moved(row.key.campaign, SendState::deferred, SendState::intent);
      --room_;
      ++result_.intents;
      if (row.key.campaign) {
        result_.deferred.push_back(row);
      } else {
        PH_TRY(take_again(row));
      }
    }
    return {};
  }

  Result<> take_again(const TakenDeferred& row) {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx_.query("SELECT lane, payload FROM single_sends WHERE row_no = $1", {row.key.row_no}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    if (!found) return fail(ErrorCode::data_loss, "a single send lost its payload");
    result_.singles.push_back({row.key.row_no, row.phone, row.attempt, static_cast<Lane>(rows.integer(0)),
                               std::string(rows.text(1))});
    return {};
  }

  Result<> take_fresh() {
    PH_TRY_ASSIGN(anybody_suppressed_, any_suppression());
    int fresh_room = std::min(room_, request_.fresh_capacity);
    for (const FreshRun& run : request_.fresh) {
      auto& verdicts = result_.fresh.emplace_back(run.phones.size(), FreshVerdict::left);
      PH_TRY_ASSIGN(const bool running, runs(run.campaign));
      if (!running || fresh_room <= 0) continue;
      PH_TRY(take_run(run, verdicts, fresh_room));
    }
    return {};
  }

  Result<bool> any_suppression() {
    PH_TRY_ASSIGN(SqlRows rows, tx_.query("SELECT 1 FROM suppressions LIMIT 1", {}));
    return rows.next();
  }

  Result<std::int64_t> segment_position(const FreshRun& run) {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx_.query("SELECT next_row FROM campaign_segments WHERE campaign_id = $1 AND segment = $2",
                            {run.campaign.value, static_cast<int>(run.segment)}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    return found ? rows.integer(0) : -1;
  }

  // Rows past the segment's position have a state only if an echo settled them after the database was put
  // back in time.
  Result<std::set<std::int64_t>> rows_with_state(const FreshRun& run) {
    std::set<std::int64_t> rows_found;
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx_.query("SELECT row_no FROM sends WHERE campaign_id = $1 AND row_no >= $2 AND row_no < $3",
                  {run.campaign.value, run.first_row,
                   run.first_row + static_cast<std::int64_t>(run.phones.size())}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) return rows_found;
      rows_found.insert(rows.integer(0));
    }
  }

  // Who of the run is on the list, ascending: asked for all at once.
  Result<std::vector<std::uint64_t>> suppressed_of(const FreshRun& run) {
    if (!anybody_suppressed_ || !run.honours_suppressions) return std::vector<std::uint64_t>();
    return suppressions::among(tx_, run.phones, request_.business_id);
  }

  Result<> take_run(const FreshRun& run, std::vector<FreshVerdict>& verdicts, int& fresh_room) {
    PH_TRY_ASSIGN(const std::int64_t position, segment_position(run));
    if (position != run.first_row) {
      result_.moved_on.push_back(run.campaign);
      return {};
    }
    PH_TRY_ASSIGN(const std::set<std::int64_t> existing, rows_with_state(run));
    PH_TRY_ASSIGN(const std::vector<std::uint64_t> suppressed, suppressed_of(run));
    std::size_t taken = 0;
    int intents = 0;
    for (; taken < run.phones.size() && intents < fresh_room; ++taken) {
      const bool exists = existing.contains(run.first_row + static_cast<std::int64_t>(taken));
      if (exists) {
        verdicts[taken] = FreshVerdict::exists;
        continue;
      }
      const bool refuses = std::ranges::binary_search(suppressed, run.phones[taken]);
      verdicts[taken] = refuses ? FreshVerdict::suppressed : FreshVerdict::intent;
      if (verdicts[taken] == FreshVerdict::intent) ++intents;
    }
    fresh_room -= intents;
    room_ -= intents;
    result_.intents += intents;
    return insert_run(run, verdicts, taken, intents);
  }

  Result<> insert_run(const FreshRun& run, const std::vector<FreshVerdict>& verdicts, std::size_t taken,
                      int intents) {
    std::vector<std::size_t> inserted;
    inserted.reserve(taken);
    for (std::size_t i = 0; i < taken; ++i) {
      if (verdicts[i] != FreshVerdict::exists) inserted.push_back(i);
    }
    std::array<SqlArg, 7> args;
    const auto bind = [&](std::size_t n) -> std::span<const SqlArg> {
      const std::size_t i = inserted[n];
      const bool suppressed = verdicts[i] == FreshVerdict::suppressed;
      args = {SqlArg(run.campaign.value),
              SqlArg(run.first_row + static_cast<std::int64_t>(i)),
              SqlArg(request_.account.value),
              SqlArg(run.phones[i]),
              SqlArg(static_cast<int>(suppressed ? SendState::suppressed : SendState::intent)),
              SqlArg(request_.now),
              suppressed ? SqlArg(request_.now) : SqlArg()};
      return args;
    };
    PH_TRY(tx_.execute_many(
        "INSERT INTO sends (campaign_id, row_no, account_id, phone, state, attempt, intent_at, settled_at) "
        "VALUES ($1, $2, $3, $4, $5, 1, $6, $7)",
        inserted.size(), bind));
    PH_TRY(tx_.execute("UPDATE campaign_segments SET next_row = $3 WHERE campaign_id = $1 AND segment = $2",
                       {run.campaign.value, static_cast<int>(run.segment),
                        run.first_row + static_cast<std::int64_t>(taken)}));
    progress_.moved(run.campaign, SendState::queued, SendState::intent, intents);
    progress_.moved(run.campaign, SendState::queued, SendState::suppressed,
                    static_cast<std::int64_t>(inserted.size()) - intents);
    recipients_ += intents;
    return {};
  }

  Result<> count_usage() {
    if (recipients_ == 0) return {};
    PH_TRY(
        tx_.execute("INSERT INTO portfolio_usage (business_id, hour, recipients) VALUES ($1, $2, $3) "
                    "ON CONFLICT (business_id, hour) DO UPDATE SET recipients = portfolio_usage.recipients + "
                    "excluded.recipients",
                    {request_.business_id, request_.now / kMicrosPerHour, recipients_}));
    return {};
  }

  Transaction& tx_;
  const IntentRequest& request_;
  IntentResult result_;
  Progress progress_;
  std::map<CampaignId, bool> running_;
  bool anybody_suppressed_ = false;
  std::int64_t recipients_ = 0;
  int room_ = 0;
};

}  // namespace

Result<IntentResult> commit_intents(Transaction& tx, const IntentRequest& request) {
  return IntentCommit(tx, request).run();
}

Result<std::vector<SegmentCursor>> load_segments(Transaction& tx, CampaignId campaign) {
  std::vector<SegmentCursor> segments;
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT segment, next_row, last_row, not_before FROM campaign_segments "
                         "WHERE campaign_id = $1 ORDER BY segment",
                         {campaign.value}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return segments;
    segments.push_back(
        {static_cast<std::int32_t>(rows.integer(0)), rows.integer(1), rows.integer(2), rows.integer(3)});
  }
}

}  // namespace posthorn
