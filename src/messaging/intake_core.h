// The inside of the Intake. Three loops on one executor; callers of accept() wait for the first.
//   journal_loop  (intake.cpp)         commits bodies in groups
//   apply_loop    (intake.cpp)         applies the journal in order
//   keeper_loop   (intake_keeper.cpp)  tries parked statuses again, prunes; replays are there too
#pragma once
#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messaging/essential_loop.h"
#include "messaging/event_batch.h"
#include "messaging/intake.h"
#include "messaging/wakeup.h"

namespace posthorn {

struct ParkedEvent {
  std::int64_t id = 0;
  int position = 0;
  JournalBody body;
};

// Bodies first … last of the journal, at most `limit` and a few megabytes, in order. Fewer than there are is
// no sign of the end.
Result<std::vector<JournalBody>> read_journal(Transaction& tx, std::int64_t first, std::int64_t last,
                                              std::size_t limit);

struct Intake::Impl : std::enable_shared_from_this<Impl> {
  // Bodies that share one commit, and the callers that wait for it.
  struct Group {
    explicit Group(Executor executor) : waiting(std::move(executor)) {}
    // All that the database's thread sees of it: who waits belongs to the core.
    std::shared_ptr<std::vector<JournalBody>> bodies = std::make_shared<std::vector<JournalBody>>();
    std::int64_t first_id = 0;
    std::optional<Error> error;
    WaitList waiting;
  };

  struct Meters {
    Counter &bodies, &refused, &statuses, &parked, &unmatched, &foreign, &repeated, &messages, &opt_outs,
        &settled_unknown, &duplicates;
    Histogram &commit, &apply;
  };

  Impl(IntakePorts p, const Secret& token_key, IntakeOptions o)
      : ports(p),
        options(std::move(o)),
        mint(token_key),
        journal_wake(p.executor, p.clock),
        apply_wake(p.executor, p.clock),
        keeper_wake(p.executor, p.clock),
        stop_wake(p.executor, p.clock),
        applied_wait(p.executor),
        meters(make_meters(p.metrics)) {}

  // Metric names are documented in docs/metrics.md.
  static Meters make_meters(Metrics& m) {
    return {m.counter("posthorn_webhook_bodies_total", "Webhook bodies committed to the journal"),
            m.counter("posthorn_webhook_refused_total",
                      "Webhook bodies refused because the store was full or behind"),
            m.counter("posthorn_statuses_applied_total", "Sends that got a status"),
            m.counter("posthorn_events_parked_total", "Webhook events that could not be understood"),
            m.counter("posthorn_statuses_unmatched_total", "Statuses whose message was not known at first"),
            m.counter("posthorn_statuses_foreign_total", "Statuses of messages that are not ours"),
            m.counter("posthorn_events_repeated_total", "Webhook events that had been applied before"),
            m.counter("posthorn_messages_received_total", "Messages from people"),
            m.counter("posthorn_opt_outs_total", "People who stopped marketing messages"),
            m.counter("posthorn_unknown_settled_total", "Unknown outcomes settled by an echo"),
            m.counter("posthorn_duplicates_total", "Messages that a recipient got twice"),
            m.histogram("posthorn_journal_commit_seconds", "One commit of webhook bodies"),
            m.histogram("posthorn_events_apply_seconds", "One transaction that applies webhook events")};
  }

  std::int64_t wall() { return to_micros(ports.clock.wall_now()); }

  void spawn(Task<> (Impl::*loop)()) {
    ++loops;
    auto run = [](std::shared_ptr<Impl> impl, Task<> (Impl::*body)()) -> Task<> {
      co_await (impl.get()->*body)();
      --impl->loops;
      impl->stop_wake.notify();
    };
    spawn_essential(ports.executor, "receiving webhooks", run(shared_from_this(), loop));
  }

  void shut() {
    stopping = ended = true;
    journal_wake.notify();
    apply_wake.notify();
    keeper_wake.notify();
    applied_wait.notify_all();
    // Callers that wait for a commit hold their group: let them go, or neither is ever freed.
    for (const auto& one : {group, committing.lock()}) {
      if (!one) continue;
      if (!one->error) one->error = Error{ErrorCode::unavailable, "Stopping; send again."};
      one->waiting.notify_all();
    }
  }

  Task<Result<>> start();
  Task<Result<>> move_old_journal();
  Task<> stop();
  Task<Result<JournalId>> accept(std::string body, std::string source);
  Task<> journal_loop();
  Task<> commit_group(std::shared_ptr<Group> group);
  void hand_over(Group& group);
  Task<> apply_loop();
  Task<bool> apply_next();
  Task<Result<EventBatchResult>> fill_and_apply(std::shared_ptr<EventBatch> batch);
  Task<bool> park_next(Error why);
  bool blames_a_body(const EventBatch& batch, const Error& error);
  bool alone() const { return applied_id < alone_until; }
  Task<Result<>> fill(std::shared_ptr<EventBatch> batch);
  bool is_full(const EventBatch& batch) const;
  JournalBody take_front();
  void add_body(EventBatch& batch, JournalBody body);
  Task<> let_others(const EventBatch& batch);
  std::shared_ptr<EventBatch> new_batch();
  Task<Result<EventBatchResult>> apply(std::shared_ptr<EventBatch> batch);
  void report(const EventBatchResult& result);
  Task<> keeper_loop();
  Task<> retry_unmatched();
  Task<bool> retry_some();
  Task<Result<std::vector<ParkedEvent>>> read_bodies(std::vector<ParkedEvent> parked);
  Task<Result<EventBatchResult>> apply_parked(std::vector<ParkedEvent> parked);
  Task<> prune();
  Task<Result<bool>> prune_some(std::shared_ptr<const std::vector<std::int64_t>> keep);

  IntakePorts ports;
  IntakeOptions options;
  TokenMint mint;
  Wakeup journal_wake, apply_wake, keeper_wake, stop_wake;
  WaitList applied_wait;
  Meters meters;
  const std::shared_ptr<PeopleCache> people = std::make_shared<PeopleCache>();

  std::shared_ptr<Group> group;  // gathers the next commit
  std::weak_ptr<Group> committing;
  std::size_t waiting = 0, waiting_bytes = 0;
  std::deque<JournalBody> committed;  // handed over in memory, in order of id
  std::size_t committed_bytes = 0;
  std::int64_t last_id = 0;  // committed
  std::int64_t applied_id = 0;
  MonotonicTime apply_due{};     // not before, unless there is enough for a whole transaction
  int failures = 0;              // to apply what comes next, one after another
  std::int64_t alone_until = 0;  // up to this body they are applied one by one
  bool unmatched_there = true;   // perhaps: parked statuses wait for their message
  bool started = false, stopping = false, ended = false, store_full = false;
  int loops = 0;
};

}  // namespace posthorn
