#include "messaging/intake.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <limits>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "messaging/intake_core.h"
#include "messaging/settings.h"

namespace posthorn {
namespace {

constexpr Duration kStoreRetry = std::chrono::seconds(1);
constexpr std::size_t kWaitingBytes = 64 * 1024 * 1024;  // of bodies that wait for their commit
constexpr int kApplyShare = 4;     // applying what comes in small pieces takes a quarter of the time at most
constexpr int kTriesTogether = 3;  // then bodies are applied one by one, to find the one that cannot be
constexpr int kTriesAlone = 3;     // then it is parked as a whole
constexpr std::size_t kParsedAtOnce = 32;            // bodies
constexpr std::size_t kReadBodies = 1000;            // read back from the journal at a time, …
constexpr std::size_t kReadBytes = 8 * 1024 * 1024;  // … or as soon as there are so many

std::int64_t to_number(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Result<std::int64_t> read_cursor(Transaction& tx) {
  PH_TRY_ASSIGN(const std::optional<std::string> stored, settings::get(tx, kIntakeCursor));
  return stored ? to_number(*stored) : 0;
}

Result<std::int64_t> read_last_id(Transaction& tx) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT COALESCE(MAX(id), 0) FROM journal", {}));
  PH_TRY(rows.next());
  return rows.integer(0);
}

Result<> write_bodies(Transaction& tx, const std::vector<JournalBody>& bodies, std::string_view sql) {
  std::array<SqlArg, 4> args;
  const auto bind = [&](std::size_t i) -> std::span<const SqlArg> {
    const JournalBody& one = bodies[i];
    args = {SqlArg(one.id), SqlArg(one.source), SqlArg(one.received_at), SqlArg(Blob{one.body})};
    return args;
  };
  PH_TRY(tx.execute_many(sql, bodies.size(), bind));
  return {};
}

}  // namespace

Result<std::vector<JournalBody>> read_journal(Transaction& tx, std::int64_t first, std::int64_t last,
                                              std::size_t limit) {
  std::vector<JournalBody> bodies;
  std::size_t bytes = 0;
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT id, body, source, received_at FROM journal WHERE id >= $1 AND id <= $2 "
                         "ORDER BY id LIMIT $3",
                         {first, last, static_cast<std::int64_t>(limit)}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more || bytes > kReadBytes) return bodies;
    JournalBody& body = bodies.emplace_back();
    body.id = rows.integer(0);
    body.body = rows.text(1);
    body.source = rows.text(2);
    body.received_at = rows.integer(3);
    bytes += body.body.size();
  }
}

Task<Result<>> Intake::Impl::start() {
  PH_CO_TRY(co_await move_old_journal());
  auto cursor = [](Transaction& tx) { return read_cursor(tx); };
  PH_CO_TRY_ASSIGN(applied_id, co_await ports.database.read(std::move(cursor)));
  auto last = [](Transaction& tx) { return read_last_id(tx); };
  PH_CO_TRY_ASSIGN(const std::int64_t stored, co_await ports.journal.read(std::move(last)));
  // Pruning may have emptied the journal: an id that was applied is never given out again.
  last_id = std::max(stored, applied_id);
  started = true;
  spawn(&Impl::journal_loop);
  spawn(&Impl::apply_loop);
  spawn(&Impl::keeper_loop);
  co_return Result<>();
}

// Until schema 2 the journal was a table among the others. Cut off anywhere, it goes on at the next start.
Task<Result<>> Intake::Impl::move_old_journal() {
  while (true) {
    auto read = [](Transaction& tx) {
      return read_journal(tx, 0, std::numeric_limits<std::int64_t>::max(), kReadBodies);
    };
    PH_CO_TRY_ASSIGN(auto bodies, co_await ports.database.read(std::move(read)));
    if (bodies.empty()) co_return Result<>();
    const std::int64_t last = bodies.back().id;
    auto write = [moved = std::move(bodies)](Transaction& tx) {
      return write_bodies(tx, moved,
                          "INSERT INTO journal (id, source, received_at, body) VALUES ($1, $2, $3, $4) "
                          "ON CONFLICT (id) DO NOTHING");
    };
    PH_CO_TRY(co_await ports.journal.write(std::move(write)));
    auto remove = [last](Transaction& tx) {
      return tx.execute("DELETE FROM journal WHERE id <= $1", {last});
    };
    PH_CO_TRY(co_await ports.database.write(std::move(remove)));
  }
}

Task<> Intake::Impl::stop() {
  stopping = true;
  journal_wake.notify();
  apply_wake.notify();
  keeper_wake.notify();
  while (loops > 0) co_await stop_wake.wait();
  shut();
}

Task<Result<JournalId>> Intake::Impl::accept(std::string body, std::string source) {
  if (!started || stopping)
    co_return fail(ErrorCode::unavailable, "Webhooks are not accepted at the moment; send again.");
  if (waiting >= options.max_waiting || waiting_bytes + body.size() > kWaitingBytes) {
    meters.refused.add();
    co_return fail(ErrorCode::resource_exhausted, "Too many webhooks wait for the disk; send again.");
  }
  if (!group) {
    group = std::make_shared<Group>(ports.executor);
    journal_wake.notify();
  }
  const std::shared_ptr<Group> mine = group;
  const auto index = static_cast<std::int64_t>(mine->bodies->size());
  const std::size_t bytes = body.size();
  ++waiting;
  waiting_bytes += bytes;
  JournalBody& mine_body = mine->bodies->emplace_back();
  mine_body.body = std::move(body);
  mine_body.source = std::move(source);
  co_await mine->waiting.wait();
  --waiting;
  waiting_bytes -= bytes;
  if (stopping) apply_wake.notify();
  if (mine->error) {
    meters.refused.add();
    co_return std::unexpected(*mine->error);
  }
  co_return JournalId{mine->first_id + index};
}

Task<> Intake::Impl::journal_loop() {
  while (!ended) {
    if (group) {
      co_await commit_group(std::exchange(group, nullptr));
      continue;
    }
    if (stopping) break;
    co_await journal_wake.wait();
  }
}

Task<> Intake::Impl::commit_group(std::shared_ptr<Group> g) {
  const MonotonicTime began = ports.clock.now();
  committing = g;
  g->first_id = last_id + 1;
  std::int64_t id = last_id;
  const std::int64_t received_at = wall();
  for (JournalBody& body : *g->bodies) {
    body.id = ++id;
    body.received_at = received_at;
  }
  auto insert = [bodies = g->bodies](Transaction& tx) {
    return write_bodies(tx, *bodies,
                        "INSERT INTO journal (id, source, received_at, body) VALUES ($1, $2, $3, $4)");
  };
  const Result<> done = co_await ports.journal.write(std::move(insert));
  if (ended) co_return;
  store_full = !done;
  if (done) {
    meters.commit.observe(static_cast<double>((ports.clock.now() - began).count()) / 1e6);
    meters.bodies.add(static_cast<double>(g->bodies->size()));
    hand_over(*g);
  } else {
    g->error = done.error();
    ports.log.warning("webhook.refused", {{"bodies", static_cast<std::int64_t>(g->bodies->size())},
                                          {"error", done.error().message}});
  }
  g->waiting.notify_all();
  if (stopping) apply_wake.notify();
}

// Bodies stay in memory for the apply loop while there is room; what finds none is read back from the
// journal.
void Intake::Impl::hand_over(Group& g) {
  for (JournalBody& body : *g.bodies) {
    last_id = body.id;
    const bool follows = committed.empty() ? applied_id + 1 == last_id : committed.back().id + 1 == last_id;
    if (!follows || committed_bytes + body.body.size() > options.handover_bytes) continue;
    committed_bytes += body.body.size();
    committed.push_back(std::move(body));
  }
  apply_wake.notify();
}

std::shared_ptr<EventBatch> Intake::Impl::new_batch() {
  auto batch = std::make_shared<EventBatch>();
  batch->now = wall();
  batch->stop_keywords = options.stop_keywords;
  batch->start_keywords = options.start_keywords;
  batch->unmatched_tries = options.unmatched_tries;
  batch->people = people;
  return batch;
}

// The next bodies after `applied_id`, from memory or from the journal, parsed.
Task<Result<>> Intake::Impl::fill(std::shared_ptr<EventBatch> batch) {
  while (!committed.empty() && committed.front().id <= applied_id) (void)take_front();
  const bool in_memory = !committed.empty() && committed.front().id == applied_id + 1;
  if (in_memory) {
    // Moved out for good: should the commit fail, which is rare, the journal is read instead.
    while (!ended && !committed.empty() && !is_full(*batch)) {
      add_body(*batch, take_front());
      co_await let_others(*batch);
    }
  } else {
    const std::int64_t first = applied_id + 1;
    const std::int64_t last = last_id;
    auto read = [first, last](Transaction& tx) { return read_journal(tx, first, last, kReadBodies); };
    Result<std::vector<JournalBody>> bodies = co_await ports.journal.read(std::move(read));
    if (!bodies) co_return std::unexpected(bodies.error());
    if (bodies->empty()) batch->cursor = last;  // pruned or lost: nothing is left to apply up to here
    for (JournalBody& body : *bodies) {
      if (ended || is_full(*batch)) break;
      add_body(*batch, std::move(body));
      co_await let_others(*batch);
    }
  }
  sort_facts(*batch);
  co_return Result<>();
}

bool Intake::Impl::is_full(const EventBatch& batch) const {
  if (alone()) return !batch.bodies.empty();
  return batch.facts.size() + batch.statuses.size() + batch.others.size() >= options.apply_events;
}

JournalBody Intake::Impl::take_front() {
  JournalBody body = std::move(committed.front());
  committed.pop_front();
  committed_bytes -= std::min(committed_bytes, body.body.size());
  return body;
}

void Intake::Impl::add_body(EventBatch& batch, JournalBody body) {
  batch.cursor = body.id;
  batch.bodies.push_back(std::move(body));
  add_events(batch, mint, ports.wamids);
}

// Those who wait for their acknowledgement must not wait until thousands of bodies are parsed.
Task<> Intake::Impl::let_others(const EventBatch& batch) {
  if (batch.bodies.size() % kParsedAtOnce == 0) co_await asio::post(ports.executor, asio::use_awaitable);
}

Task<Result<EventBatchResult>> Intake::Impl::apply(std::shared_ptr<EventBatch> batch) {
  auto write = [batch](Transaction& tx) { return commit_events(tx, *batch); };
  Result<EventBatchResult> result = co_await ports.database.write(std::move(write));
  if (result) people->confirm(result->people_transaction);
  if (!ended && result) report(*result);
  co_return result;
}

Task<bool> Intake::Impl::apply_next() {
  const MonotonicTime began = ports.clock.now();
  const std::shared_ptr<EventBatch> batch = new_batch();
  const Result<EventBatchResult> result = co_await fill_and_apply(batch);
  if (ended) co_return false;
  if (!result) {
    ports.log.error("webhook.apply_failed", {{"journal", batch->cursor}, {"error", result.error().message}});
    const bool parks = blames_a_body(*batch, result.error());
    if (!parks) co_return false;
    const bool parked = co_await park_next(result.error());
    co_return parked;
  }
  failures = 0;
  applied_id = std::max(applied_id, batch->cursor);
  meters.apply.observe(static_cast<double>((ports.clock.now() - began).count()) / 1e6);
  if (applied_id >= last_id) applied_wait.notify_all();
  co_return true;
}

// Whatever a body does to us, an exception included, is a failure to apply it.
Task<Result<EventBatchResult>> Intake::Impl::fill_and_apply(std::shared_ptr<EventBatch> batch) {
  Error failure;
  try {
    const Result<> filled = co_await fill(batch);
    if (!filled) co_return std::unexpected(filled.error());
    if (ended) co_return fail(ErrorCode::unavailable, "Stopping; the journal keeps it for the next start.");
    Result<EventBatchResult> result = co_await apply(batch);
    co_return result;
  } catch (const std::exception& error) {
    failure = Error{ErrorCode::internal, error.what()};
  }
  co_return std::unexpected(failure);
}

// After a few tries one body of the batch must be at fault: they are applied one by one. True when the next
// one alone has been tried often enough too.
bool Intake::Impl::blames_a_body(const EventBatch& batch, const Error& error) {
  const bool store_is_at_fault =
      error.code == ErrorCode::resource_exhausted || error.code == ErrorCode::unavailable;
  if (store_is_at_fault) return false;
  ++failures;
  if (alone()) return failures >= kTriesAlone;
  if (failures < kTriesTogether) return false;
  failures = 0;
  alone_until = std::max(batch.cursor, applied_id + 1);
  return false;
}

// I15: the next body cannot be applied at all. It is put aside, with its bytes in the journal, for people.
Task<bool> Intake::Impl::park_next(Error why) {
  const std::int64_t id = applied_id + 1;
  const std::int64_t now = wall();
  auto park = [id, now, why](Transaction& tx) -> Result<> {
    PH_TRY(
        tx.execute("INSERT INTO parked_events (journal_id, position, reason, body, parked_at) "
                   "VALUES ($1, -1, $2, '', $3)",
                   {id, "cannot be applied: " + why.message, now}));
    return settings::set(tx, kIntakeCursor, std::to_string(id));
  };
  const Result<> parked = co_await ports.database.write(std::move(park));
  if (ended || !parked) co_return false;
  failures = 0;
  applied_id = std::max(applied_id, id);
  meters.parked.add();
  ports.log.error("webhook.parked", {{"journal", id}, {"reason", why.message}});
  if (applied_id >= last_id) applied_wait.notify_all();
  co_return true;
}

Task<> Intake::Impl::apply_loop() {
  while (!ended) {
    if (applied_id >= last_id) {
      if (stopping && !group && waiting == 0) break;
      co_await apply_wake.wait();
      continue;
    }
    const bool full = static_cast<std::size_t>(last_id - applied_id) >= options.apply_events;
    if (!full && !stopping && ports.clock.now() < apply_due) {
      co_await apply_wake.wait_until(apply_due);
      continue;
    }
    const MonotonicTime began = ports.clock.now();
    const bool applied = co_await apply_next();
    const Duration pause = kApplyShare * (ports.clock.now() - began);
    apply_due = began + std::clamp(pause, options.apply_interval, options.max_apply_interval);
    if (applied || ended) continue;
    if (stopping) break;  // the journal keeps it for the next start
    co_await ports.clock.sleep_for(kStoreRetry);
  }
}

void Intake::Impl::report(const EventBatchResult& r) {
  const std::int64_t now = wall();
  for (const auto& answered : r.statuses.answered)
    ports.proof.status(answered.account, answered.key, answered.intent_at, now);
  meters.statuses.add(static_cast<double>(r.statuses.answered.size()));
  meters.parked.add(static_cast<double>(r.parked));
  meters.unmatched.add(static_cast<double>(r.unmatched));
  meters.foreign.add(static_cast<double>(r.foreign));
  meters.repeated.add(static_cast<double>(r.repeated));
  meters.messages.add(static_cast<double>(r.messages));
  meters.opt_outs.add(static_cast<double>(r.opt_outs));
  meters.settled_unknown.add(static_cast<double>(r.statuses.settled_unknown));
  meters.duplicates.add(static_cast<double>(r.statuses.duplicates));
  if (r.unmatched > 0) {
    unmatched_there = true;
    keeper_wake.notify();
  }
  if (r.parked > 0) ports.log.warning("webhook.parked", {{"events", r.parked}, {"reason", r.last_reason}});
  if (r.statuses.restored > 0) ports.log.warning("send.restored_by_echo", {{"rows", r.statuses.restored}});
  for (const auto& [what, rows] : r.statuses.failed)
    ports.observer.deliveries_failed(what.first, what.second, rows, r.statuses.judged.at(what.first));
  for (const auto& [campaign, reason] : r.paused) ports.observer.campaign_paused(campaign, reason);
  for (const CampaignId campaign : r.settled) ports.observer.campaign_settled(campaign);
  for (const AccountId account : r.accounts) ports.observer.account_changed(account);
  for (const std::string& business : r.templates) ports.observer.templates_changed(business);
  ports.observer.webhooks_applied();
}

Intake::Intake(IntakePorts ports, const Secret& token_key, IntakeOptions options)
    : impl_(std::make_shared<Impl>(ports, token_key, std::move(options))) {}

Intake::~Intake() {
  impl_->shut();
}

Task<Result<>> Intake::start() {
  const std::shared_ptr<Impl> impl = impl_;
  co_return co_await impl->start();
}

Task<> Intake::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  co_await impl->stop();
}

Task<Result<JournalId>> Intake::accept(std::string body, std::string source) {
  const std::shared_ptr<Impl> impl = impl_;
  Result<JournalId> id = co_await impl->accept(std::move(body), std::move(source));
  co_return id;
}

Task<> Intake::applied() {
  const std::shared_ptr<Impl> impl = impl_;
  const std::int64_t target = impl->last_id;
  while (!impl->ended && impl->applied_id < target) co_await impl->applied_wait.wait();
}

IntakeStats Intake::stats() const {
  return {impl_->last_id, impl_->applied_id, impl_->waiting, impl_->store_full};
}

}  // namespace posthorn
