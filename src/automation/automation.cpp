#include "automation/automation.h"

#include <utility>

#include "automation/automation_batch.h"
#include "automation/automation_rounds.h"
#include "messaging/essential_loop.h"
#include "messaging/wakeup.h"

namespace posthorn {

using automation::BatchResult;
using automation::RoundResult;

namespace {

constexpr Duration kAfterFailure = std::chrono::seconds(1);  // the store is full or busy
constexpr Duration kRetryPoll = std::chrono::seconds(5);  // how exactly the next attempts of a round are kept
constexpr Duration kIdlePoll = std::chrono::minutes(5);   // what is added to the lists wakes their loops
constexpr int kPatience = 5;                              // failures on one event before it is passed over

bool is_passing(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::resource_exhausted ||
         error.code == ErrorCode::deadline_exceeded || error.code == ErrorCode::cancelled;
}

}  // namespace

struct Automation::Impl : std::enable_shared_from_this<Impl> {
  Impl(automation::AutomationPorts p, AutomationOptions o)
      : ports(std::move(p)),
        options(std::move(o)),
        events_wake(ports.executor, ports.clock),
        signals_wake(ports.executor, ports.clock),
        media_wake(ports.executor, ports.clock),
        stop_wake(ports.executor, ports.clock),
        queued(ports.metrics.counter("posthorn_automation_messages_total", "Messages queued by automation")),
        refused(
            ports.metrics.counter("posthorn_automation_problems_total",
                                  "Effects of rules that could not be had, and signals and media given up")),
        signals(ports.metrics.counter("posthorn_automation_signals_total",
                                      "Read receipts, typing and reactions given")) {}

  automation::BatchOptions batch_options() const {
    return {options.limits, options.echo_patience, options.forward_patience, careful > 0 ? 1 : options.batch};
  }
  automation::RoundOptions round_options() const {
    automation::RoundOptions round;
    round.signal_patience = options.signal_patience;
    return round;
  }

  // Reads on; true if there may be more.
  Task<Result<bool>> read_events() {
    auto look = [](Transaction& tx) { return automation::has_news(tx); };
    PH_CO_TRY_ASSIGN(const bool news, co_await ports.database.read(std::move(look)));
    if (ended || !news) co_return false;
    const WallTime now = ports.clock.wall_now();
    auto work = [queue_reply = ports.queue_reply, how = batch_options(), now](Transaction& tx) {
      return automation::run_batch(tx, queue_reply, how, now);
    };
    Task<Result<BatchResult>> batch = ports.database.write(std::move(work));
    Result<BatchResult> result = co_await contained(std::move(batch));
    if (ended) co_return false;
    if (!result) {
      PH_CO_TRY(co_await failed(result.error()));
      co_return true;
    }
    failures = 0;
    if (careful > 0) --careful;
    follow_up(*result);
    co_return result->more;
  }

  // One bad event must not stop those behind it: it is found by going one by one, and passed over.
  Task<Result<>> failed(Error error) {
    if (is_passing(error)) co_return std::unexpected(std::move(error));
    if (careful == 0) {
      careful = options.batch;
      failures = 0;
    } else if (++failures >= kPatience) {
      auto skip = [](Transaction& tx) { return automation::skip_event(tx); };
      PH_CO_TRY_ASSIGN(const std::string skipped, co_await ports.database.write(std::move(skip)));
      failures = careful = 0;
      if (!ended) ports.log.error("automation.event_skipped", {{"event", skipped}, {"error", error.message}});
      co_return Result<>();
    }
    co_return std::unexpected(std::move(error));
  }

  void follow_up(const BatchResult& result) {
    for (const AccountId account : result.wake) ports.wake_dispatcher(account);
    if (result.signals > 0) signals_wake.notify();
    if (result.media > 0) media_wake.notify();
    queued.add(static_cast<double>(result.queued));
    refused.add(static_cast<double>(result.problems.size()));
    for (const std::string& problem : result.problems)
      ports.log.warning("automation.problem", {{"what", problem}});
  }

  void count(const RoundResult& result, Counter& done) {
    done.add(static_cast<double>(result.done));
    refused.add(static_cast<double>(result.given_up));
  }

  Task<> events_loop() {
    while (!stopping) {
      Task<Result<bool>> reading = read_events();
      const Result<bool> more = co_await contained(std::move(reading));
      if (stopping) break;
      if (more && *more) continue;
      if (!more) ports.log.warning("automation.failed", {{"error", more.error().message}});
      co_await events_wake.wait_until(ports.clock.now() + (more ? options.poll : kAfterFailure));
    }
    ended_one();
  }

  Task<> round_loop(Task<Result<RoundResult>> (*round)(automation::AutomationPorts&,
                                                       automation::RoundOptions),
                    Wakeup* wake, Counter* done) {
    while (!stopping) {
      Task<Result<RoundResult>> one_round = round(ports, round_options());
      const Result<RoundResult> result = co_await contained(std::move(one_round));
      if (stopping) break;
      if (result) count(*result, *done);
      if (result && result->more && result->done > 0) continue;
      if (!result) ports.log.warning("automation.failed", {{"error", result.error().message}});
      co_await wake->wait_until(ports.clock.now() + (result && !result->waiting ? kIdlePoll : kRetryPoll));
    }
    ended_one();
  }

  void ended_one() {
    --loops;
    if (loops == 0) stop_wake.notify();
  }

  automation::AutomationPorts ports;
  AutomationOptions options;
  Wakeup events_wake, signals_wake, media_wake, stop_wake;
  Counter &queued, &refused, &signals;
  int failures = 0, loops = 0;
  int careful = 0;  // events still to be handled one by one, since a batch failed
  bool stopping = false, ended = false;
};

namespace {

// The loops own what they work on: it outlives the object that began them.
template <class Impl>
Task<> keep([[maybe_unused]] std::shared_ptr<Impl> impl, Task<> loop) {
  co_await std::move(loop);
}

}  // namespace

Automation::Automation(automation::AutomationPorts ports, AutomationOptions options)
    : impl_(std::make_shared<Impl>(std::move(ports), std::move(options))) {}

Automation::~Automation() {
  impl_->stopping = impl_->ended = true;
  wake();
}

Task<Result<>> Automation::start() {
  const std::shared_ptr<Impl> impl = impl_;
  auto begin = [](Transaction& tx) { return automation::begin_at_end(tx); };
  PH_CO_TRY(co_await impl->ports.database.write(std::move(begin)));
  impl->loops = 3;
  const Executor& executor = impl->ports.executor;
  spawn_essential(executor, "automation", keep(impl, impl->events_loop()));
  spawn_essential(
      executor, "automation signals",
      keep(impl, impl->round_loop(automation::give_signals, &impl->signals_wake, &impl->signals)));
  spawn_essential(executor, "automation media",
                  keep(impl, impl->round_loop(automation::send_media, &impl->media_wake, &impl->queued)));
  co_return Result<>();
}

Task<> Automation::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->stopping = true;
  impl->events_wake.notify();
  impl->signals_wake.notify();
  impl->media_wake.notify();
  while (impl->loops > 0) co_await impl->stop_wake.wait();
}

void Automation::wake() {
  impl_->events_wake.notify();
  if (!impl_->stopping) return;
  impl_->signals_wake.notify();
  impl_->media_wake.notify();
}

Task<Result<>> Automation::run_once() {
  const std::shared_ptr<Impl> impl = impl_;
  bool more = true;
  while (more) {
    PH_CO_TRY_ASSIGN(more, co_await impl->read_events());
  }
  const automation::RoundOptions round = impl->round_options();
  PH_CO_TRY_ASSIGN(const RoundResult signals, co_await automation::give_signals(impl->ports, round));
  impl->count(signals, impl->signals);
  PH_CO_TRY_ASSIGN(const RoundResult media, co_await automation::send_media(impl->ports, round));
  impl->count(media, impl->queued);
  co_return Result<>();
}

}  // namespace posthorn
