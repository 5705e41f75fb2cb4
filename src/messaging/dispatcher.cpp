#include "messaging/dispatcher.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "messaging/dispatcher_core.h"
#include "messaging/essential_loop.h"

namespace posthorn {
namespace {

// Metric and label names are documented in docs/metrics.md.
Counter& outcome_counter(Metrics& metrics, const std::string& account, const char* outcome) {
  return metrics.counter("posthorn_send_outcomes_total", "Outcomes of send requests",
                         {{"account", account}, {"outcome", outcome}});
}

}  // namespace

int auto_window(int rate) {
  if (rate <= 0) return 1024;
  const auto rows = static_cast<int>(std::ceil(rate * 0.8));
  return rate <= 80 ? std::min(64, std::max(rows, 2)) : std::min(1024, rows * 5 / 4);
}

Dispatcher::Impl::Impl(DispatcherPorts p, DispatcherAccount a, const Secret& token_key, DispatcherOptions o)
    : ports(p),
      account(std::move(a)),
      options(o),
      mint(token_key),
      pacer({account.rate, o.rate_headroom}, p.clock.now()),
      take_wake(p.executor, p.clock),
      pace_wake(p.executor, p.clock),
      commit_wake(p.executor, p.clock),
      stop_wake(p.executor, p.clock),
      meters([&]() -> Meters {
        const std::string id = std::to_string(account.id.value);
        Metrics& m = p.metrics;
        return {outcome_counter(m, id, "accepted"),
                outcome_counter(m, id, "rejected"),
                outcome_counter(m, id, "deferred"),
                outcome_counter(m, id, "unknown"),
                outcome_counter(m, id, "not_sent"),
                m.counter("posthorn_store_refusals_total", "Commits the database refused (disk full)",
                          {{"account", id}}),
                m.gauge("posthorn_sends_open", "Rows whose intent is committed and whose outcome is not",
                        {{"account", id}}),
                m.gauge("posthorn_pacer_rate", "Messages per second the pacer allows at present",
                        {{"account", id}}),
                m.histogram("posthorn_send_seconds", "From handing over a request to its answer",
                            {{"account", id}}),
                m.histogram("posthorn_outcome_commit_seconds", "One commit of outcomes", {{"account", id}})};
      }()) {}

int Dispatcher::Impl::window() const {
  return options.window > 0 ? options.window : auto_window(account.rate);
}

void Dispatcher::Impl::start() {
  const auto self = shared_from_this();
  const auto run = [&](Task<> (Impl::*loop)()) {
    ++loops;
    // The loop keeps the object alive until it ends.
    auto wrapped = [](std::shared_ptr<Impl> impl, Task<> (Impl::*body)()) -> Task<> {
      co_await (impl.get()->*body)();
      --impl->loops;
      impl->commit_wake.notify();
      impl->stop_wake.notify();
    };
    spawn_essential(ports.executor, "sending", wrapped(self, loop));
  };
  run(&Impl::take_loop);
  run(&Impl::pace_loop);
  run(&Impl::commit_loop);
}

// Nobody waits for anything any more; every loop sees `ended` or `stopping` and leaves.
void Dispatcher::Impl::shut() {
  stopping = ended = true;
  take_wake.notify();
  pace_wake.notify();
  commit_wake.notify();
  for (const auto& worker : workers) worker->wake.notify();
}

Task<> Dispatcher::Impl::stop(Duration timeout) {
  if (stopping) co_return;
  stopping = true;
  give_back_all(Duration(0));
  take_wake.notify();
  pace_wake.notify();
  const MonotonicTime deadline = ports.clock.now() + timeout;
  while (in_flight > 0 && ports.clock.now() < deadline) co_await stop_wake.wait_until(deadline);
  for (const auto& worker : workers) {
    if (!worker->item || worker->abandoned) continue;
    worker->abandoned = true;  // its answer comes too late to be heard
    push_outcome(*worker->item, SendEvent::unknown, options.hold, nullptr);
  }
  commit_wake.notify();
  // Outcomes are never dropped while the store may take them: only a store that refuses ends the wait.
  while (loops > 0 && !outcomes_refused) co_await stop_wake.wait();
  shut();
}

void Dispatcher::Impl::stop_broadcast(CampaignId campaign) {
  const auto found = broadcasts.find(campaign);
  if (found != broadcasts.end()) {
    found->second->stopped = true;
    broadcasts.erase(found);
  }
  for (Item& item : ready.drain(campaign)) give_back(item, Duration(0));
}

Dispatcher::Dispatcher(DispatcherPorts ports, DispatcherAccount account, const Secret& token_key,
                       DispatcherOptions options)
    : impl_(std::make_shared<Impl>(ports, std::move(account), token_key, options)) {}

Dispatcher::~Dispatcher() {
  impl_->shut();
}

void Dispatcher::start() {
  impl_->start();
}

Task<> Dispatcher::stop(Duration timeout) {
  const std::shared_ptr<Impl> impl = impl_;
  co_await impl->stop(timeout);
}

void Dispatcher::add_broadcast(std::shared_ptr<BroadcastSource> source) {
  const CampaignId campaign = source->campaign();
  impl_->stop_broadcast(campaign);
  auto broadcast = std::make_shared<Impl::Broadcast>(
      Impl::Broadcast{.share = ErrorShare(impl_->options.error_share_outcomes)});
  broadcast->source = std::move(source);
  impl_->broadcasts.emplace(campaign, std::move(broadcast));
  impl_->look_for_deferred = true;
  impl_->take_wake.notify();
}

void Dispatcher::remove_broadcast(CampaignId campaign) {
  impl_->stop_broadcast(campaign);
}

void Dispatcher::update_account(DispatcherAccount account) {
  Impl& impl = *impl_;
  impl.pacer.set_rate(account.rate, impl.ports.clock.now());
  impl.account = std::move(account);
  if (impl.account.blocked) impl.give_back_all(Duration(0));
  impl.give_back_surplus();
  wake();
  impl.pace_wake.notify();
}

void Dispatcher::deliveries_failed(CampaignId campaign, int code, int rows, int judged) {
  impl_->deliveries_failed(campaign, code, rows, judged);
}

void Dispatcher::wake() {
  impl_->look_for_singles = impl_->look_for_deferred = true;
  impl_->take_wake.notify();
}

DispatcherStats Dispatcher::stats() const {
  const Impl& impl = *impl_;
  return {impl.window(),
          impl.open,
          static_cast<int>(impl.ready.size()) + impl.waiting_behind,
          impl.in_flight,
          static_cast<double>(impl.pacer.current_rate(impl.ports.clock.now())),
          impl.outage.active(),
          impl.intents_refused || impl.outcomes_refused};
}

}  // namespace posthorn
