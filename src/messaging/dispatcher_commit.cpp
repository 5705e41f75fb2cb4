// Committing outcomes, many at a time.
#include <algorithm>
#include <utility>

#include "messaging/dispatcher_core.h"
#include "messaging/webhook_proof.h"

namespace posthorn {
namespace {

constexpr Duration kStoreRetry = std::chrono::seconds(1);
constexpr Duration kGather =
    std::chrono::milliseconds(2);  // more outcomes are about to come: let them share the commit

}  // namespace

Task<> Dispatcher::Impl::commit_loop() {
  while (!ended) {
    if (!has_outcomes()) {
      // While stopping, the take loop may still bring back rows it had just taken.
      if (stopping && in_flight == 0 && loops == 1) break;
      if (stopping && open == 0 && loops == 1) break;
      co_await commit_wake.wait();
      continue;
    }
    const bool busy = !stopping && static_cast<int>(outcomes.size()) * 8 < window() && in_flight > 16;
    if (busy) {
      co_await ports.clock.sleep_for(kGather);
      if (ended) break;
    }
    co_await commit_stops();
    if (ended) break;
    if (!outcomes.empty()) {
      co_await commit(next_batch());
    } else if (has_stops()) {
      co_await ports.clock.sleep_for(kStoreRetry);
    }
  }
}

// What stops sending goes ahead of the outcomes that led to it: it must come through on a full disk, where
// they have to wait.
Task<> Dispatcher::Impl::commit_stops() {
  if (!has_stops()) co_return;
  auto batch = std::make_shared<OutcomeBatch>();
  batch->account = account.id;
  batch->business_id = account.business_id;
  batch->now = wall();
  batch->pauses = std::exchange(pauses, {});
  batch->block_reason = std::exchange(block_reason, {});
  batch->block = block;
  batch->block_token = block_token;
  auto write = [batch](Transaction& tx) { return commit_outcomes(tx, *batch); };
  const Result<OutcomeResult> result = co_await ports.database.write_urgent(std::move(write));
  if (ended) co_return;
  if (result) co_return after_commit(*batch, *result);
  ports.log.error("send.stop_refused", {{"account", account.id.value}, {"error", result.error().message}});
  pauses.merge(batch->pauses);
  if (block_reason.empty() && !batch->block_reason.empty()) {
    block_reason = batch->block_reason;
    block = batch->block;
    block_token = batch->block_token;
  }
}

std::shared_ptr<OutcomeBatch> Dispatcher::Impl::next_batch() {
  auto batch = std::make_shared<OutcomeBatch>();
  batch->account = account.id;
  batch->business_id = account.business_id;
  batch->outcomes = std::exchange(outcomes, {});
  // In the order of the primary key: neighbours share pages.
  std::sort(batch->outcomes.begin(), batch->outcomes.end(),
            [](const Outcome& a, const Outcome& b) { return a.key < b.key; });
  return batch;
}

// Outcomes are facts: they wait until the database takes them.
Task<> Dispatcher::Impl::commit(std::shared_ptr<OutcomeBatch> batch) {
  const MonotonicTime began = ports.clock.now();
  while (true) {
    batch->now = wall();
    auto write = [batch](Transaction& tx) { return commit_outcomes(tx, *batch); };
    const Result<OutcomeResult> result = co_await ports.database.write(std::move(write));
    if (ended) co_return;
    if (result) {
      outcomes_refused = false;
      meters.commit_rows.observe(static_cast<double>((ports.clock.now() - began).count()) / 1e6);
      co_return after_commit(*batch, *result);
    }
    outcomes_refused = true;
    meters.store_refusals.add();
    ports.log.error("send.outcomes_refused", {{"account", account.id.value},
                                              {"rows", static_cast<std::int64_t>(batch->outcomes.size())},
                                              {"error", result.error().message}});
    stop_wake.notify();
    co_await ports.clock.sleep_for(kStoreRetry);
    if (ended) co_return;
    co_await commit_stops();
    if (ended) co_return;
  }
}

void Dispatcher::Impl::after_commit(const OutcomeBatch& batch, const OutcomeResult& result) {
  open -= static_cast<int>(batch.outcomes.size());
  meters.open.set(open);
  for (const Outcome& outcome : batch.outcomes) {
    switch (outcome.event) {
      case SendEvent::accepted:
        meters.accepted.add();
        ports.wamids.add(outcome.message_id, outcome.key);
        ports.proof.accepted(account.id, outcome.key, outcome.intent_at);
        break;
      case SendEvent::rejected:
        meters.rejected.add();
        break;
      case SendEvent::deferred:
        meters.deferred.add();
        break;
      case SendEvent::not_sent:
        meters.not_sent.add();
        break;
      default:
        meters.unknown.add();
        break;
    }
    if (outcome.event == SendEvent::deferred || outcome.event == SendEvent::not_sent)
      note_due(batch.now + outcome.delay);
  }
  take_wake.notify();
  for (const auto& [campaign, reason] : result.paused) {
    stop_broadcast(campaign);
    ports.observer.campaign_paused(campaign, reason);
  }
  for (const CampaignId campaign : result.settled) ports.observer.campaign_settled(campaign);
  if (result.blocked) ports.observer.account_changed(account.id);
}

}  // namespace posthorn
