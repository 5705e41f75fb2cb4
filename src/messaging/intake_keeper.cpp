// What intake does besides: statuses whose message is not known yet, pruning, and replays on request.
#include <algorithm>
#include <array>
#include <memory>

#include "messaging/early_changes.h"
#include "messaging/intake_core.h"

namespace posthorn {
namespace {

constexpr Duration kPruneEvery = std::chrono::minutes(1);
constexpr std::size_t kReplayBodies = 256;
constexpr int kPruneRows = 5000;  // in one transaction
constexpr std::size_t kRetryRows = 500;

// Parked events without their bodies, which are in the journal.
Result<std::vector<ParkedEvent>> read_parked(Transaction& tx, std::string_view sql,
                                             std::initializer_list<SqlArg> args) {
  std::vector<ParkedEvent> parked;
  PH_TRY_ASSIGN(SqlRows rows, tx.query(sql, args));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return parked;
    ParkedEvent& one = parked.emplace_back();
    one.id = rows.integer(0);
    one.position = static_cast<int>(rows.integer(1));
    one.body.id = rows.integer(2);
  }
}

// Parked so long ago that nobody will replay them: ids grow with time. Returns how many went.
Result<std::int64_t> delete_parked(Transaction& tx, WallTime before) {
  return tx.execute(
      "DELETE FROM parked_events WHERE id IN (SELECT id FROM (SELECT id, parked_at FROM parked_events "
      "ORDER BY id LIMIT $2) AS oldest WHERE parked_at < $1)",
      {before, kPruneRows});
}

// Their bodies leave the journal with the next look at it.
Task<> expire_parked(IntakePorts ports, Duration keep, const bool& stopping) {
  if (keep == Duration(0)) co_return;
  Counter& expired = ports.metrics.counter("posthorn_parked_expired_total",
                                           "Parked events deleted because nobody replayed them in time");
  const WallTime before = ports.clock.wall_now() - keep;
  for (bool more = true; more && !stopping;) {
    auto work = [before](Transaction& tx) { return delete_parked(tx, before); };
    const Result<std::int64_t> gone = co_await ports.database.write(std::move(work));
    if (!gone) ports.log.warning("journal.parked_not_expired", {{"error", gone.error().message}});
    if (gone && *gone > 0) {
      expired.add(static_cast<double>(*gone));
      ports.log.warning("journal.parked_expired", {{"count", *gone}});
    }
    more = gone && *gone >= kPruneRows;
  }
}

// Those whose body is not in the journal any more are left out.
Result<std::vector<ParkedEvent>> with_bodies(Transaction& tx, std::vector<ParkedEvent> parked) {
  std::vector<ParkedEvent> found;
  for (ParkedEvent& one : parked) {
    PH_TRY_ASSIGN(std::vector<JournalBody> body, read_journal(tx, one.body.id, one.body.id, 1));
    if (body.empty()) continue;
    one.body = std::move(body.front());
    found.push_back(std::move(one));
  }
  return found;
}

Result<std::vector<std::int64_t>> journal_ids_of_parked(Transaction& tx) {
  std::vector<std::int64_t> ids;
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT DISTINCT journal_id FROM parked_events ORDER BY journal_id", {}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return ids;
    ids.push_back(rows.integer(0));
  }
}

// The oldest bodies that may go, at most kPruneRows; those that stay are no obstacle. Returns how many went.
Result<std::size_t> prune_journal(Transaction& tx, std::int64_t before, std::int64_t cursor,
                                  const std::vector<std::int64_t>& keep) {
  std::vector<std::int64_t> old;
  {
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query("SELECT id FROM journal WHERE received_at < $1 AND id <= $2 ORDER BY received_at LIMIT $3",
                 {before, cursor, kPruneRows + static_cast<std::int64_t>(keep.size())}));
    while (old.size() < kPruneRows) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      if (!std::ranges::binary_search(keep, rows.integer(0))) old.push_back(rows.integer(0));
    }
  }
  std::array<SqlArg, 1> args;
  const auto bind = [&](std::size_t i) -> std::span<const SqlArg> {
    args = {SqlArg(old[i])};
    return args;
  };
  PH_TRY(tx.execute_many("DELETE FROM journal WHERE id = $1", old.size(), bind));
  return old.size();
}

}  // namespace

Task<> Intake::Impl::keeper_loop() {
  MonotonicTime pruned = ports.clock.now();
  while (!stopping) {
    const MonotonicTime now = ports.clock.now();
    if (unmatched_there) co_await retry_unmatched();
    if (!stopping && now - pruned >= kPruneEvery) {
      pruned = now;
      co_await prune();
    }
    if (stopping) break;
    const Duration pause = unmatched_there ? options.unmatched_retry : kPruneEvery;
    co_await keeper_wake.wait_until(ports.clock.now() + pause);
  }
}

// As many as are due: other senders of a number can have far more statuses than fit one transaction.
Task<> Intake::Impl::retry_unmatched() {
  bool more = true;
  while (more && !stopping) more = co_await retry_some();
  if (ended) co_return;
  auto count = [](Transaction& tx) -> Result<bool> {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("SELECT 1 FROM parked_events WHERE reason = $1 LIMIT 1", {kUnmatched}));
    return rows.next();
  };
  const Result<bool> left = co_await ports.database.read(std::move(count));
  if (left) unmatched_there = *left;
}

// True if there may be more that are due.
Task<bool> Intake::Impl::retry_some() {
  const std::int64_t parked_before = wall() - options.unmatched_retry.count();
  const std::int64_t pause = options.unmatched_retry.count();
  auto read = [parked_before, pause](Transaction& tx) {
    return read_parked(tx,
                       "SELECT id, position, journal_id FROM parked_events "
                       "WHERE reason = $1 AND parked_at + attempts * $3 <= $2 ORDER BY id LIMIT $4",
                       {kUnmatched, parked_before, pause, kRetryRows});
  };
  Result<std::vector<ParkedEvent>> parked = co_await ports.database.read(std::move(read));
  if (ended || !parked) co_return false;
  const bool full = parked->size() == kRetryRows;
  parked = co_await read_bodies(*std::move(parked));
  if (ended || !parked || parked->empty()) co_return false;
  const Result<EventBatchResult> applied = co_await apply_parked(*std::move(parked));
  co_return full&& applied && !ended;
}

Task<Result<std::vector<ParkedEvent>>> Intake::Impl::read_bodies(std::vector<ParkedEvent> parked) {
  if (parked.empty()) co_return parked;
  auto read = [parked = std::move(parked)](Transaction& tx) mutable {
    return with_bodies(tx, std::move(parked));
  };
  co_return co_await ports.journal.read(std::move(read));
}

Task<Result<EventBatchResult>> Intake::Impl::apply_parked(std::vector<ParkedEvent> parked) {
  const std::shared_ptr<EventBatch> batch = new_batch();
  for (ParkedEvent& one : parked) {
    // The events of a body that was parked as a whole fare one by one: what fails again gets a row of its
    // own.
    const bool whole = one.position < 0;
    if (whole) batch->matched_parked.push_back(one.id);
    batch->bodies.push_back(std::move(one.body));
    add_events(*batch, mint, ports.wamids, whole ? 0 : one.id, one.position);
  }
  sort_facts(*batch);
  Result<EventBatchResult> result = co_await apply(batch);
  co_return result;
}

// Everything that may go, a little at a time: a fixed number a minute would fall behind a busy day for good.
Task<> Intake::Impl::prune() {
  co_await expire_parked(ports, options.keep_parked, stopping);
  if (ended || stopping) co_return;
  auto parked = [](Transaction& tx) { return journal_ids_of_parked(tx); };
  Result<std::vector<std::int64_t>> keep = co_await ports.database.read(std::move(parked));
  if (ended || !keep) co_return;
  const auto kept = std::make_shared<const std::vector<std::int64_t>>(*std::move(keep));
  bool more = true;
  while (more && !stopping) {
    const Result<bool> pruned = co_await prune_some(kept);
    if (ended) co_return;
    if (!pruned) ports.log.warning("journal.prune_failed", {{"error", pruned.error().message}});
    more = pruned && *pruned;
  }
}

// True if there may be more.
Task<Result<bool>> Intake::Impl::prune_some(std::shared_ptr<const std::vector<std::int64_t>> keep) {
  const std::int64_t journal_before = wall() - options.keep_journal.count();
  // What is still in the journal can be applied again, and must be known then.
  const std::int64_t applied_before = wall() - std::max(options.keep_applied, options.keep_journal).count();
  const std::int64_t cursor = applied_id;
  auto forget = [=](Transaction& tx) -> Result<bool> {
    PH_TRY_ASSIGN(
        const std::int64_t keys,
        tx.execute("DELETE FROM applied_events WHERE key IN (SELECT key FROM applied_events WHERE applied_at "
                   "< $1 LIMIT $2)",
                   {applied_before, kPruneRows}));
    PH_TRY_ASSIGN(const std::int64_t changes,
                  early_changes::prune(tx, wall_from_micros(applied_before), kPruneRows));
    return keys >= kPruneRows || changes >= kPruneRows;
  };
  PH_CO_TRY_ASSIGN(const bool more_keys, co_await ports.database.write(std::move(forget)));
  if (ended) co_return false;
  auto remove = [=](Transaction& tx) { return prune_journal(tx, journal_before, cursor, *keep); };
  PH_CO_TRY_ASSIGN(const std::size_t bodies, co_await ports.journal.write(std::move(remove)));
  co_return more_keys || bodies >= kPruneRows;
}

Task<Result<>> Intake::replay_parked(std::int64_t parked_id) {
  const std::shared_ptr<Impl> impl = impl_;
  auto read = [parked_id](Transaction& tx) {
    return read_parked(tx, "SELECT id, position, journal_id FROM parked_events WHERE id = $1", {parked_id});
  };
  PH_CO_TRY_ASSIGN(auto parked, co_await impl->ports.database.read(std::move(read)));
  if (parked.empty()) co_return fail(ErrorCode::not_found, "No parked event has this id.", "id");
  PH_CO_TRY_ASSIGN(auto whole, co_await impl->read_bodies(std::move(parked)));
  if (whole.empty())
    co_return fail(ErrorCode::not_found, "The body of this event is not in the journal any more.", "id");
  const Result<EventBatchResult> result = co_await impl->apply_parked(std::move(whole));
  if (!result) co_return std::unexpected(result.error());
  if (!result->last_reason.empty()) {
    co_return fail(ErrorCode::conflict, "The event still cannot be applied: " + result->last_reason);
  }
  co_return Result<>();
}

Task<Result<std::int64_t>> Intake::replay_journal(JournalId first, JournalId last) {
  const std::shared_ptr<Impl> impl = impl_;
  std::int64_t bodies = 0;
  std::int64_t next = first.value;
  while (true) {
    const std::int64_t end = std::min(last.value, impl->applied_id);  // the rest is still on its way
    auto read = [next, end](Transaction& tx) { return read_journal(tx, next, end, kReplayBodies); };
    Result<std::vector<JournalBody>> page = co_await impl->ports.journal.read(std::move(read));
    if (!page) co_return std::unexpected(page.error());
    if (page->empty()) co_return bodies;
    next = page->back().id + 1;
    const std::shared_ptr<EventBatch> batch = impl->new_batch();
    for (JournalBody& body : *page) {
      batch->bodies.push_back(std::move(body));
      add_events(*batch, impl->mint, impl->ports.wamids);
      ++bodies;
    }
    sort_facts(*batch);
    const Result<EventBatchResult> result = co_await impl->apply(batch);
    if (!result) co_return std::unexpected(result.error());
  }
}

}  // namespace posthorn
