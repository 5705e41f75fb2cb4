// Handing ready items to workers as the pacer allows, and judging answers.
#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "messaging/dispatcher_core.h"
#include "messaging/essential_loop.h"

namespace posthorn {
namespace {

constexpr Duration kNumberPause =
    std::chrono::seconds(60);  // plus up to as much again: throughput upgrades take a minute
constexpr std::size_t kBodyBytes = 1024;
constexpr std::size_t kWaitBehind =
    2;  // messages to one recipient, committed before the answer to another came
constexpr Duration kBehindOthers = std::chrono::milliseconds(250);  // how long more of them stay away
constexpr Duration kLostOnTheWay = std::chrono::minutes(1);         // what has not come back by then

double seconds(Duration d) {
  return static_cast<double>(d.count()) / 1e6;
}

}  // namespace

Task<> Dispatcher::Impl::pace_loop() {
  while (!stopping) {
    while (worker_free()) {
      std::optional<Item> item = next_item();
      if (!item) break;
      hand_over(std::move(*item));
    }
    const MonotonicTime now = ports.clock.now();
    const MonotonicTime next =
        ready.empty() || !sends() || !worker_free() ? MonotonicTime::max() : pacer.next(now);
    meters.rate.set(pacer.current_rate(now));
    if (next == MonotonicTime::max()) {
      co_await pace_wake.wait();  // whoever changes that notifies
    } else if (next > now) {
      co_await pace_wake.wait_until(next);
    }
    // Otherwise the instant came while we looked: look again, nobody else would wake us.
  }
}

bool Dispatcher::Impl::worker_free() const {
  return !idle.empty() || static_cast<int>(workers.size()) < window();
}

// The next item that may leave at this instant. A recipient who was written to too often goes back for a few
// seconds and holds up nobody.
std::optional<Dispatcher::Impl::Item> Dispatcher::Impl::next_item() {
  if (!sends()) return std::nullopt;
  while (!ready.empty()) {
    const MonotonicTime now = ports.clock.now();
    if (pacer.next(now) > now) return std::nullopt;
    std::optional<Item> item = ready.pop();
    if (must_wait(*item)) continue;
    const MonotonicTime allowed = pairs.next(item->recipient, item->lane, now);
    if (allowed > now) {
      stay_away(*item, allowed - now);
      continue;
    }
    pacer.granted(now);
    if (item->talks_to != 0) talking[item->talks_to].waits_for_answer = true;
    if (item->recipient != 0) pairs.sent(item->recipient, now);
    return item;
  }
  return std::nullopt;
}

// A text and the menu after it would else go side by side, and either could be the first. A few wait for the
// answer; more of them go back for a moment, and nothing that was queued later passes those.
bool Dispatcher::Impl::must_wait(Item& item) {
  const auto found = item.talks_to == 0 ? talking.end() : talking.find(item.talks_to);
  if (found == talking.end()) return false;
  Talk& talk = found->second;
  const MonotonicTime now = ports.clock.now();
  talk.away.erase(item.key.row_no);
  std::erase_if(talk.away, [now](const auto& one) { return one.second < now; });
  const bool passes = !talk.away.empty() && talk.away.begin()->first < item.key.row_no;
  if (!passes && !talk.waits_for_answer) return false;
  if (!passes && talk.behind.size() < kWaitBehind) {
    talk.behind.push_back(std::move(item));
    ++waiting_behind;
  } else {
    const Duration first_is_back = passes ? talk.away.begin()->second - kLostOnTheWay - now : Duration(0);
    stay_away(item, std::max(kBehindOthers, first_is_back));
  }
  return true;
}

// Goes back into the queue and keeps its place among what is queued for the same recipient.
void Dispatcher::Impl::stay_away(Item& item, Duration delay) {
  if (item.talks_to != 0)
    talking[item.talks_to].away[item.key.row_no] = ports.clock.now() + delay + kLostOnTheWay;
  give_back(item, delay);
}

// The answer is there: what waited for it is next in line.
void Dispatcher::Impl::said(std::uint64_t talks_to) {
  const auto found = talking.find(talks_to);
  if (talks_to == 0 || found == talking.end()) return;
  Talk& talk = found->second;
  talk.waits_for_answer = false;
  waiting_behind -= static_cast<int>(talk.behind.size());
  for (; !talk.behind.empty(); talk.behind.pop_back()) {
    Item& last = talk.behind.back();
    if (!sends()) {
      give_back(last, Duration(0));
    } else {
      const Lane lane = last.lane;
      ready.push_front(lane, std::move(last));
    }
  }
  if (talk.away.empty()) talking.erase(found);
}

void Dispatcher::Impl::hand_over(Item item) {
  ++in_flight;
  if (idle.empty()) {
    Worker* fresh = workers.emplace_back(std::make_unique<Worker>(ports.executor, ports.clock)).get();
    fresh->item = std::move(item);
    auto run = [](std::shared_ptr<Impl> impl, Worker* self) -> Task<> { co_await impl->worker(self); };
    spawn_essential(ports.executor, "sending", run(shared_from_this(), fresh));
    return;
  }
  Worker* worker = idle.back();  // the one that worked last: its memory and connection are still warm
  idle.pop_back();
  worker->item = std::move(item);
  worker->wake.notify();
}

Task<> Dispatcher::Impl::worker(Worker* self) {
  while (!ended) {
    if (self->item) co_await send_one(*self);
    if (ended || self->abandoned) co_return;
    self->item = next_item();
    if (self->item) {
      ++in_flight;
      continue;
    }
    idle.push_back(self);
    if (idle.size() == 1) pace_wake.notify();  // the pace loop may have been waiting for a free worker
    co_await self->wake.wait();
  }
}

bool Dispatcher::Impl::render(const Item& item, std::string& body) {
  std::string token;
  mint.append({account.id, item.key.campaign, item.key.row_no, item.attempt}, token);
  body.reserve(kBodyBytes);
  if (!item.broadcast) {
    ports.channel.append_body(body, item.payload, token);
    return true;
  }
  return item.broadcast->source->render(item.row, token, body).has_value();
}

// One message that cannot be written down must not end the process.
bool Dispatcher::Impl::render_or_tell(const Item& item, std::string& body) {
  try {
    return render(item, body);
  } catch (const std::exception& error) {
    ports.log.error("send.not_rendered", {{"account", account.id.value},
                                          {"campaign", item.key.campaign.value},
                                          {"row", item.key.row_no},
                                          {"error", std::string_view(error.what())}});
    return false;
  }
}

void Dispatcher::Impl::on_written(Worker& worker) {
  worker.written = true;
  if (ended) return;
  const MonotonicTime now = ports.clock.now();
  const bool all_slots_were_taken = pacer.next(now) == MonotonicTime::max();
  pacer.written(now);
  if (all_slots_were_taken) pace_wake.notify();
}

Task<> Dispatcher::Impl::send_one(Worker& worker) {
  Item& item = *worker.item;
  worker.written = false;
  SendAnswer answer;
  std::string body;
  const MonotonicTime began = ports.clock.now();
  const bool rendered = render_or_tell(item, body);
  if (rendered) {
    try {
      Worker* self = &worker;
      auto written = [this, self] { on_written(*self); };
      answer = co_await ports.channel.send(std::move(body), item.attempt, std::move(written));
    } catch (const std::exception& error) {
      answer.kind = worker.written ? AnswerKind::unknown : AnswerKind::not_sent;
      answer.answered = false;
      answer.detail = error.what();
    }
  } else {
    answer.kind = AnswerKind::rejected;
    answer.detail = item.broadcast ? "This recipient's values do not fit the template."
                                   : "The message cannot be written down.";
  }
  if (ended || worker.abandoned) co_return;
  if (!worker.written) {
    pacer.returned();
    pace_wake.notify();
  }
  meters.exchange.observe(seconds(ports.clock.now() - began));
  --in_flight;
  conclude(item, std::move(answer));
  said(item.talks_to);
  worker.item.reset();
  if (stopping) stop_wake.notify();
}

Duration Dispatcher::Impl::backoff(int attempt) {
  const int doublings = std::clamp(attempt - 1, 0, 20);
  const auto full =
      std::min<Duration::rep>(options.longest_backoff.count(), options.first_backoff.count() << doublings);
  return Duration(full / 2 + static_cast<Duration::rep>(ports.random.unit() * static_cast<double>(full) / 2));
}

// What an answer means for the row, for the number, and for everything else that waits.
void Dispatcher::Impl::conclude(Item& item, SendAnswer answer) {
  const MonotonicTime now = ports.clock.now();
  const bool silent = !answer.answered || answer.kind == AnswerKind::not_sent;
  if (!silent) outage.reached();
  if (item.recipient != 0 && answer.kind != AnswerKind::pair_limited) pairs.succeeded(item.recipient);
  switch (answer.kind) {
    case AnswerKind::accepted:
      count_share(item, 0);
      return push_outcome(item, SendEvent::accepted, Duration(0), &answer);
    case AnswerKind::rejected:
      return reject(item, answer);
    case AnswerKind::retry:
      return postpone(item, answer, SendEvent::deferred, backoff(item.attempt));
    case AnswerKind::pair_limited:
      return postpone(item, answer, SendEvent::deferred,
                      item.recipient == 0 ? backoff(item.attempt) : pairs.refused(item.recipient, now) - now);
    case AnswerKind::throttled:
      pacer.refused(now);
      give_back_surplus();
      return postpone(item, answer, SendEvent::deferred, backoff(1));
    case AnswerKind::number_paused: {
      const Duration pause =
          kNumberPause + Duration(static_cast<Duration::rep>(ports.random.unit() * kNumberPause.count()));
      pacer.pause_until(now + pause);
      ports.log.warning("send.number_paused",
                        {{"account", account.id.value}, {"code", answer.code}, {"seconds", seconds(pause)}});
      give_back_all(pause);
      return postpone(item, answer, SendEvent::deferred, pause);
    }
    case AnswerKind::campaign_stop:
      return stop_campaign(item, answer);
    case AnswerKind::account_stop:
      return stop_account(item, answer);
    case AnswerKind::unknown:
      ports.log.warning("send.unknown", {{"account", account.id.value},
                                         {"campaign", item.key.campaign.value},
                                         {"row", item.key.row_no},
                                         {"attempt", item.attempt},
                                         {"why", answer.detail}});
      if (silent) note_silence(now);
      return push_outcome(item, SendEvent::unknown, options.hold, &answer);
    case AnswerKind::not_sent:
      return postpone(item, answer, SendEvent::not_sent, note_silence(now) - now);
  }
}

// A channel that takes requests and never answers would make window after window unknown: it counts as
// unreachable as well.
MonotonicTime Dispatcher::Impl::note_silence(MonotonicTime now) {
  const MonotonicTime again = outage.failed(now, ports.random.unit());
  if (outage.active()) give_back_all(again - now);
  return again;
}

void Dispatcher::Impl::reject(Item& item, const SendAnswer& answer) {
  push_outcome(item, SendEvent::rejected, Duration(0), &answer);
  count_share(item, answer.code == 0 ? -1 : answer.code);
}

void Dispatcher::Impl::postpone(Item& item, const SendAnswer& answer, SendEvent event, Duration delay) {
  push_outcome(item, event, std::max(delay, answer.retry_after), &answer);
}

void Dispatcher::Impl::give_back(Item& item, Duration delay, const SendAnswer* why) {
  push_outcome(item, SendEvent::not_sent, delay, why);
}

void Dispatcher::Impl::give_back_all(Duration delay) {
  for (Item& item : ready.drain_all()) give_back(item, delay);
  for (auto& [recipient, talk] : talking) {
    for (Item& item : talk.behind) give_back(item, delay);
    talk.behind.clear();
  }
  waiting_behind = 0;
}

// The number has become slower: what would wait too long goes back.
void Dispatcher::Impl::give_back_surplus() {
  const int room = pacer.leave_within(kReadyAtMost, ports.clock.now());
  while (static_cast<int>(ready.size()) > room) {
    std::optional<Item> item = ready.pop_last();
    give_back(*item, kReadyAtMost);
  }
}

// Nothing of this account can succeed: nobody is burnt for it (I10).
void Dispatcher::Impl::stop_account(Item& item, const SendAnswer& answer) {
  give_back(item, Duration(0), &answer);
  if (!account.blocked) {
    ports.log.error("account.blocked",
                    {{"account", account.id.value}, {"code", answer.code}, {"reason", answer.reason}});
  }
  account.blocked = true;
  block_reason = answer.reason.empty() ? "Meta refuses this account." : answer.reason;
  block = answer.block;
  block_token = answer.sealed_token;
  for (const auto& [campaign, broadcast] : broadcasts) broadcast->stopped = true;
  broadcasts.clear();
  give_back_all(Duration(0));
}

void Dispatcher::Impl::stop_campaign(Item& item, const SendAnswer& answer) {
  if (!item.key.campaign) return reject(item, answer);  // a single send has no campaign to wait in
  give_back(item, Duration(0), &answer);
  pauses.try_emplace(item.key.campaign, answer.reason.empty() ? answer.detail : answer.reason);
  stop_broadcast(item.key.campaign);
}

void Dispatcher::Impl::count_share(Item& item, int failure_code) {
  if (!item.broadcast || item.broadcast->stopped) return;
  item.broadcast->share.add(counts_for_error_share(failure_code) ? failure_code : 0);
  judge_share(item.key.campaign, *item.broadcast);
}

// Accepted messages that turn out undelivered were counted as good.
void Dispatcher::Impl::deliveries_failed(CampaignId campaign, int code, int rows, int judged) {
  const auto found = broadcasts.find(campaign);
  if (found == broadcasts.end() || !counts_for_error_share(code)) return;
  const std::shared_ptr<Broadcast> broadcast = found->second;
  broadcast->share.failed_later(code == 0 ? -1 : code, rows, judged);
  judge_share(campaign, *broadcast);
  if (has_outcomes()) commit_wake.notify();
}

void Dispatcher::Impl::judge_share(CampaignId campaign, const Broadcast& broadcast) {
  const ErrorShare& share = broadcast.share;
  const double own = broadcast.source->error_share_pause();
  if (!share.above(own > 0 ? own : options.error_share_pause)) return;
  pauses.try_emplace(
      campaign,
      fmt::format("{} of the last {} messages failed, most often with code {}. Look at the report, then "
                  "resume or cancel.",
                  share.failures(), share.outcomes(), std::max(0, share.most_frequent_code())));
  stop_broadcast(campaign);
}

void Dispatcher::Impl::push_outcome(Item& item, SendEvent event, Duration delay, const SendAnswer* answer) {
  Outcome& outcome = outcomes.emplace_back();
  outcome.key = item.key;
  outcome.phone = item.phone;
  outcome.attempt = item.attempt;
  outcome.event = event;
  outcome.intent_at = item.intent_at;
  outcome.delay = delay.count();
  if (answer != nullptr) {
    outcome.code = answer->code;
    outcome.held = answer->held;
    outcome.opted_out = answer->opted_out;
    outcome.message_id = answer->message_id;
    outcome.detail = answer->detail;
  }
  commit_wake.notify();
}

}  // namespace posthorn
