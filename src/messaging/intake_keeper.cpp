// What intake does besides: statuses whose message is not known yet, pruning, and replays on request.
#include "messaging/intake_core.h"

namespace posthorn {
namespace {

constexpr Duration kPruneEvery = std::chrono::minutes(1);
constexpr std::size_t kReplayBodies = 256;
constexpr int kPruneRows = 5000;

Result<std::vector<ParkedEvent>> read_parked(Transaction& tx, std::string_view sql,
                                             std::initializer_list<SqlArg> args) {
  std::vector<ParkedEvent> parked;
  PH_TRY_ASSIGN(SqlRows rows, tx.query(sql, args));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return parked;
    parked.push_back(
        {rows.integer(0), static_cast<int>(rows.integer(1)), {rows.integer(2), std::string(rows.text(3))}});
  }
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

Task<> Intake::Impl::retry_unmatched() {
  const std::int64_t parked_before = wall() - options.unmatched_retry.count();
  const std::int64_t pause = options.unmatched_retry.count();
  auto read = [parked_before, pause](Transaction& tx) {
    return read_parked(
        tx,
        "SELECT p.id, p.position, j.id, j.body FROM parked_events p JOIN journal j ON j.id = p.journal_id "
        "WHERE p.reason = $1 AND p.parked_at + p.attempts * $3 <= $2 ORDER BY p.id LIMIT 500",
        {kUnmatched, parked_before, pause});
  };
  auto count = [](Transaction& tx) -> Result<bool> {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("SELECT 1 FROM parked_events WHERE reason = $1 LIMIT 1", {kUnmatched}));
    return rows.next();
  };
  Result<std::vector<ParkedEvent>> parked = co_await ports.database.read(std::move(read));
  if (ended || !parked) co_return;
  if (!parked->empty()) {
    co_await apply_parked(std::move(*parked));
    if (ended) co_return;
  }
  const Result<bool> left = co_await ports.database.read(std::move(count));
  if (left) unmatched_there = *left;
}

Task<Result<EventBatchResult>> Intake::Impl::apply_parked(std::vector<ParkedEvent> parked) {
  const std::shared_ptr<EventBatch> batch = new_batch();
  for (ParkedEvent& one : parked) {
    batch->bodies.push_back(std::move(one.body));
    add_events(*batch, mint, ports.wamids, one.id, one.position);
  }
  sort_facts(*batch);
  Result<EventBatchResult> result = co_await apply(batch);
  co_return result;
}

Task<> Intake::Impl::prune() {
  const std::int64_t now = wall();
  const std::int64_t journal_before = now - options.keep_journal.count();
  const std::int64_t applied_before = now - options.keep_applied.count();
  const std::int64_t cursor = applied_id;
  auto remove = [=](Transaction& tx) -> Result<> {
    PH_TRY(
        tx.execute("DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE received_at < $1 AND id <= "
                   "$2 AND id NOT IN "
                   "(SELECT journal_id FROM parked_events) ORDER BY id LIMIT $3)",
                   {journal_before, cursor, kPruneRows}));
    PH_TRY(
        tx.execute("DELETE FROM applied_events WHERE key IN (SELECT key FROM applied_events WHERE applied_at "
                   "< $1 LIMIT $2)",
                   {applied_before, kPruneRows}));
    return {};
  };
  const Result<> removed = co_await ports.database.write(std::move(remove));
  if (!removed) ports.log.warning("journal.prune_failed", {{"error", removed.error().message}});
}

Task<Result<>> Intake::replay_parked(std::int64_t parked_id) {
  const std::shared_ptr<Impl> impl = impl_;
  auto read = [parked_id](Transaction& tx) {
    return read_parked(
        tx,
        "SELECT p.id, p.position, j.id, j.body FROM parked_events p JOIN journal j ON j.id = p.journal_id "
        "WHERE p.id = $1",
        {parked_id});
  };
  Result<std::vector<ParkedEvent>> parked = co_await impl->ports.database.read(std::move(read));
  if (!parked) co_return std::unexpected(parked.error());
  if (parked->empty()) co_return fail(ErrorCode::not_found, "No parked event has this id.", "id");
  const Result<EventBatchResult> result = co_await impl->apply_parked(std::move(*parked));
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
    Result<std::vector<JournalBody>> page = co_await impl->ports.database.read(std::move(read));
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
