#include "messaging/reconciler.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/json.h"
#include "core/json_writer.h"
#include "messaging/essential_loop.h"
#include "messaging/recent_sends.h"
#include "messaging/send_rows.h"
#include "messaging/wakeup.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

constexpr Duration kLongestWait =
    std::chrono::hours(2);  // of a deferred row: no backoff takes longer than an hour
constexpr Duration kLongestRecheck = std::chrono::minutes(10);
constexpr Duration kJump =
    std::chrono::minutes(1);  // smaller steps of the wall clock change no deadline by much
constexpr Duration kEarlier =
    std::chrono::minutes(2);  // longer than a request waits for its answer before it counts as unknown
constexpr Duration kUnindexed = std::chrono::minutes(1);  // longer than the wamid index stays behind
constexpr std::int64_t kDueAtOnce = 2000;                 // unknown rows looked at in one round

// What a clock that ran ahead has written would wait for that future: its deadlines come back to what they
// can be at most.
Result<> bring_back_to_now(Transaction& tx, std::int64_t now, std::int64_t hold_end) {
  PH_TRY(tx.execute("UPDATE sends SET due_at = $1 WHERE state = 4 AND due_at > $2",
                    {now, now + kLongestWait.count()}));
  PH_TRY(tx.execute("UPDATE sends SET due_at = $1 WHERE state = 5 AND due_at > $2",
                    {hold_end, hold_end + kLongestRecheck.count()}));
  PH_TRY(tx.execute("UPDATE sends SET intent_at = $1 WHERE state = 5 AND intent_at > $1", {now}));
  return {};
}

Result<std::int64_t> make_unknown(Transaction& tx, std::int64_t now, std::int64_t hold_end) {
  Progress progress(now);
  {
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query("SELECT campaign_id, COUNT(*) FROM sends WHERE state = 1 GROUP BY campaign_id", {}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      progress.moved(CampaignId{rows.integer(0)}, SendState::intent, SendState::unknown, rows.integer(1));
    }
  }
  PH_TRY_ASSIGN(const std::int64_t changed,
                tx.execute("UPDATE sends SET state = 5, settled_at = $1, due_at = $2 WHERE state = 1",
                           {now, hold_end}));
  PH_TRY(progress.write(tx));
  PH_TRY(bring_back_to_now(tx, now, hold_end));
  return changed;
}

// Applies one event to every row of a campaign in `from`.
Result<std::int64_t> apply_to_all(Transaction& tx, CampaignId campaign, SendState from, SendEvent event,
                                  std::int64_t now) {
  std::vector<SendKey> keys;
  {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("SELECT row_no FROM sends WHERE campaign_id = $1 AND state = $2 ORDER BY row_no",
                           {campaign.value, static_cast<int>(from)}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      keys.push_back({campaign, rows.integer(0)});
    }
  }
  Progress progress(now);
  for (const SendKey key : keys) {
    PH_TRY_ASSIGN(const StoredSend before, load_send(tx, key));
    StoredSend after = before;
    if (!apply_event(after, event, 0, SendPolicy::at_most_once, now, now)) continue;
    progress.changed(campaign, before, after);
    PH_TRY(save_send(tx, key, after));
  }
  PH_TRY(progress.write(tx));
  return static_cast<std::int64_t>(keys.size());
}

// Open rows of before a step back seem to come from the future: nothing sent since would ever count as later,
// and their hold would never end (I8). They move to `now`, before everything that is still to come.
Result<> bring_back(Transaction& tx, std::int64_t now) {
  PH_TRY(tx.execute("UPDATE sends SET intent_at = $1 WHERE state IN (1, 5) AND intent_at > $1", {now}));
  PH_TRY(tx.execute("UPDATE sends SET settled_at = $1 WHERE state = 5 AND settled_at > $1", {now}));
  return {};
}

// The wall clock stepped by `jump` at about `now` (its present time): deadlines set by the old time move
// along, so that they stay as far away as they were (I27). Those set since the step are told by their
// distance. Returns whose rows are deferred.
Result<std::vector<AccountId>> move_deadlines(Transaction& tx, std::int64_t now, std::int64_t jump) {
  if (jump > 0) {
    PH_TRY(tx.execute("UPDATE sends SET due_at = due_at + $2 WHERE state IN (4, 5) AND due_at < $1",
                      {now - jump / 2, jump}));
    PH_TRY(tx.execute("UPDATE sends SET settled_at = settled_at + $2 WHERE state = 5 AND settled_at < $1",
                      {now - jump / 2, jump}));
  } else {
    PH_TRY(tx.execute("UPDATE sends SET due_at = due_at + $2 WHERE state IN (4, 5) AND due_at > $1",
                      {now - jump / 2, jump}));
    PH_TRY(bring_back(tx, now));
  }
  std::vector<AccountId> accounts;
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT DISTINCT account_id FROM sends WHERE state = 4 ORDER BY account_id", {}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return accounts;
    accounts.push_back(AccountId{rows.integer(0)});
  }
}

struct HeldRow {
  SendKey key;
  AccountId account;
  std::int64_t intent_at = 0, settled_at = 0;
};

Result<std::vector<HeldRow>> find_expired_holds(Transaction& tx, std::int64_t now) {
  std::vector<HeldRow> held;
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT campaign_id, row_no, account_id, intent_at, settled_at FROM sends "
                         "WHERE state = 5 AND due_at <= $1 ORDER BY account_id, campaign_id, row_no LIMIT $2",
                         {now, kDueAtOnce}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return held;
    held.push_back({{CampaignId{rows.integer(0)}, rows.integer(1)},
                    AccountId{rows.integer(2)},
                    rows.integer(3),
                    rows.integer(4)});
  }
}

struct Settlement {
  std::int64_t given_up = 0, sent_again = 0;
  std::vector<AccountId> accounts;  // with rows to send again
  std::vector<CampaignId> settled;
};

// The policy of a row, read where it was decided. A campaign that will not be sent any more sends nothing
// again.
Result<SendPolicy> policy_of(Transaction& tx, SendKey key) {
  if (!key.campaign) {
    PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT policy FROM single_sends WHERE row_no = $1", {key.row_no}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    return found && rows.integer(0) == 1 ? SendPolicy::at_least_once : SendPolicy::at_most_once;
  }
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT options, state FROM campaigns WHERE id = $1", {key.campaign.value}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found || (rows.text(1) != "running" && rows.text(1) != "paused")) return SendPolicy::at_most_once;
  const Result<json::value> options = parse_json(rows.text(0));
  const bool again = options && JsonView(*options)["at_least_once"].boolean_or(false);
  return again ? SendPolicy::at_least_once : SendPolicy::at_most_once;
}

class HoldCommit {
 public:
  HoldCommit(Transaction& tx, std::int64_t now) : tx_(tx), now_(now), progress_(now) {}

  Result<Settlement> run(const std::vector<HeldRow>& expired, const std::vector<SendKey>& held_on,
                         std::int64_t look_again) {
    for (const HeldRow& row : expired) {
      PH_TRY(expire(row));
    }
    for (const SendKey key : held_on) {
      PH_TRY(tx_.execute("UPDATE sends SET due_at = $3 WHERE campaign_id = $1 AND row_no = $2 AND state = 5",
                         {key.campaign.value, key.row_no, look_again}));
    }
    PH_TRY(progress_.write(tx_));
    settlement_.settled = progress_.settled();
    PH_TRY(tell());
    return std::move(settlement_);
  }

 private:
  Result<> expire(const HeldRow& row) {
    PH_TRY_ASSIGN(const SendPolicy policy, policy_of(tx_, row.key));
    PH_TRY_ASSIGN(const StoredSend before, load_send(tx_, row.key));
    StoredSend after = before;
    if (!apply_event(after, SendEvent::hold_expired, 0, policy, now_, now_)) return {};
    progress_.changed(row.key.campaign, before, after);
    if (after.row.state == SendState::unknown_final) {
      ++settlement_.given_up;
      ++given_up_[row.key.campaign];
    } else {
      ++settlement_.sent_again;
      settlement_.accounts.push_back(row.account);
    }
    return save_send(tx_, row.key, after);
  }

  Result<> tell() {
    for (const auto& [campaign, rows] : given_up_) {
      std::string data;
      JsonWriter(data).begin_object().member("rows", rows).end_object();
      PH_TRY(events::append(tx_, wall_from_micros(now_), "send.unknown_final",
                            fmt::format("campaign:{}", campaign.value), data));
    }
    return {};
  }

  Transaction& tx_;
  std::int64_t now_;
  Progress progress_;
  Settlement settlement_;
  std::map<CampaignId, std::int64_t> given_up_;
};

}  // namespace

Task<Result<std::int64_t>> recover_sends(Database& database, WallTime now, Duration hold) {
  const std::int64_t at = to_micros(now);
  const std::int64_t hold_end = at + hold.count();
  auto write = [at, hold_end](Transaction& tx) { return make_unknown(tx, at, hold_end); };
  co_return co_await database.write(std::move(write));
}

Result<std::int64_t> requeue_unknown_final(Transaction& tx, CampaignId campaign, WallTime now) {
  return apply_to_all(tx, campaign, SendState::unknown_final, SendEvent::resend_requested, to_micros(now));
}

Result<std::int64_t> cancel_deferred(Transaction& tx, CampaignId campaign, WallTime now) {
  return apply_to_all(tx, campaign, SendState::deferred, SendEvent::cancelled, to_micros(now));
}

struct Reconciler::Impl : std::enable_shared_from_this<Impl> {
  Impl(ReconcilerPorts p, ReconcilerOptions o)
      : ports(std::move(p)),
        options(o),
        offset(clock_offset()),
        wake(ports.executor, ports.clock),
        stop_wake(ports.executor, ports.clock),
        given_up(ports.metrics.counter("posthorn_unknown_final_total",
                                       "Unknown outcomes given up after the hold")),
        sent_again(ports.metrics.counter("posthorn_unknown_resent_total",
                                         "Unknown outcomes sent again (at_least_once)")) {}

  Task<> loop() {
    co_await remember();
    while (!stopping) {
      const Result<> round = co_await run_once();
      if (stopping) break;
      if (!round) ports.log.warning("reconcile.failed", {{"error", round.error().message}});
      co_await wake.wait_until(ports.clock.now() + options.interval);
    }
    running = false;
    stop_wake.notify();
  }

  Task<Result<>> run_once() {
    const Result<> flushed = co_await ports.wamids.flush(false);
    if (!flushed) co_return flushed;
    PH_CO_TRY(co_await follow_clock());
    const std::int64_t now = to_micros(ports.clock.wall_now());
    auto read = [now](Transaction& tx) { return find_expired_holds(tx, now); };
    const Result<std::vector<HeldRow>> held = co_await ports.database.read(std::move(read));
    if (!held) co_return std::unexpected(held.error());
    if (ended || held->empty()) co_return Result<>();
    std::vector<HeldRow> expired;
    std::vector<SendKey> held_on;
    for (const HeldRow& row : *held) {
      if (give_up(row, now)) {
        expired.push_back(row);
      } else {
        held_on.push_back(row.key);
      }
    }
    const std::int64_t look_again = now + options.recheck.count();
    auto write = [=](Transaction& tx) { return HoldCommit(tx, now).run(expired, held_on, look_again); };
    const Result<Settlement> settlement = co_await ports.database.write(std::move(write));
    if (!settlement) co_return std::unexpected(settlement.error());
    if (!ended) report(*settlement);
    co_return Result<>();
  }

  // I8: the path of the statuses must be proven alive. Where little is sent there is little to prove it with:
  // then any status since will do, after a longer hold.
  bool give_up(const HeldRow& row, std::int64_t now) const {
    if (now - row.intent_at >= options.ceiling.count()) return true;
    if (ports.proof.proves(row.account, row.intent_at)) return true;
    const std::int64_t since = std::max(row.intent_at, row.settled_at - kEarlier.count());
    return now - row.settled_at >= options.hold.count() * kQuietHolds &&
           ports.proof.suggests(row.account, row.intent_at, since);
  }

  // What the process before this one knew of the newest sends: proof, and wamids it had not written yet.
  Task<> remember() {
    const std::int64_t started = to_micros(ports.clock.wall_now());
    auto settle = [started](Transaction& tx) { return bring_back(tx, started); };
    const Result<> brought = co_await ports.database.write(std::move(settle));
    if (ended) co_return;
    if (!brought) ports.log.warning("reconcile.not_brought_back", {{"error", brought.error().message}});
    auto read = [](Transaction& tx) { return load_recent_sends(tx, 0); };
    const Result<std::vector<RecentSend>> sends = co_await ports.database.read(std::move(read));
    if (ended) co_return;
    if (!sends) {
      ports.log.warning("reconcile.not_remembered", {{"error", sends.error().message}});
      co_return;
    }
    const std::int64_t now = to_micros(ports.clock.wall_now());
    std::int64_t newest = 0;
    for (const RecentSend& send : *sends) newest = std::max(newest, send.settled_at);
    for (const RecentSend& send : *sends) {
      if (send.settled_at >= newest - kUnindexed.count()) ports.wamids.add(send.wamid, send.key);
      if (send.state != SendState::accepted || send.intent_at > now) continue;
      ports.proof.accepted(send.account, send.key, send.intent_at);
      if (send.answered_at == 0) continue;
      ports.proof.status(send.account, send.key, send.intent_at, std::min(send.answered_at, now));
    }
  }

  Duration clock_offset() const {
    return ports.clock.wall_now().time_since_epoch() - ports.clock.now().time_since_epoch();
  }

  Task<Result<>> follow_clock() {
    const std::int64_t jump = (clock_offset() - offset).count();
    if (jump < kJump.count() && -jump < kJump.count()) co_return Result<>();
    const std::int64_t now = to_micros(ports.clock.wall_now());
    auto write = [now, jump](Transaction& tx) { return move_deadlines(tx, now, jump); };
    const Result<std::vector<AccountId>> moved = co_await ports.database.write(std::move(write));
    if (!moved) co_return std::unexpected(moved.error());
    offset += Duration(jump);
    if (ended) co_return Result<>();
    ports.log.warning("clock.jumped", {{"seconds", static_cast<double>(jump) / 1e6}});
    ports.proof.forget();
    for (const AccountId account : *moved) {
      if (ports.wake_dispatcher) ports.wake_dispatcher(account);
    }
    co_return Result<>();
  }

  void report(const Settlement& s) {
    given_up.add(static_cast<double>(s.given_up));
    sent_again.add(static_cast<double>(s.sent_again));
    if (s.given_up > 0) ports.log.warning("send.unknown_final", {{"rows", s.given_up}});
    for (const AccountId account : s.accounts) {
      if (ports.wake_dispatcher) ports.wake_dispatcher(account);
    }
    for (const CampaignId campaign : s.settled) ports.observer.campaign_settled(campaign);
  }

  ReconcilerPorts ports;
  ReconcilerOptions options;
  Duration offset;  // of the wall clock from the monotonic one, as the deadlines in the database know it
  Wakeup wake, stop_wake;
  Counter &given_up, &sent_again;
  bool running = false, stopping = false, ended = false;
};

Reconciler::Reconciler(ReconcilerPorts ports, ReconcilerOptions options)
    : impl_(std::make_shared<Impl>(std::move(ports), options)) {}

Reconciler::~Reconciler() {
  impl_->stopping = impl_->ended = true;
  impl_->wake.notify();
}

void Reconciler::start() {
  impl_->running = true;
  auto run = [](std::shared_ptr<Impl> impl) -> Task<> { co_await impl->loop(); };
  spawn_essential(impl_->ports.executor, "settling unknown sends", run(impl_));
}

Task<> Reconciler::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->stopping = true;
  impl->wake.notify();
  while (impl->running) co_await impl->stop_wake.wait();
  const Result<> flushed = co_await impl->ports.wamids.flush(true);
  if (!flushed) impl->ports.log.warning("reconcile.flush_failed", {{"error", flushed.error().message}});
}

Task<Result<>> Reconciler::run_once() {
  const std::shared_ptr<Impl> impl = impl_;
  Result<> done = co_await impl->run_once();
  co_return done;
}

}  // namespace posthorn
