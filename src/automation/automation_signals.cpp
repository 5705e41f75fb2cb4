#include <algorithm>
#include <map>
#include <memory>

#include <fmt/format.h>

#include "automation/automation_rounds.h"
#include "core/json_writer.h"
#include "messaging/accounts.h"
#include "messaging/essential_loop.h"
#include "messaging/people.h"
#include "messaging/wakeup.h"
#include "storage/event_log.h"

namespace posthorn::automation {
namespace {

constexpr Duration kFirstRetry = std::chrono::seconds(5), kLongestRetry = std::chrono::minutes(10);
constexpr Duration kTypingIsFresh = std::chrono::seconds(20);  // typing shows no longer than that

struct Signal {
  MessageId message;
  ConversationId conversation;
  SignalTarget target;
  bool read = false, typing = false;  // still to be done
  std::string emoji;                  // the same; empty: none or done
  int attempts = 0;
  WallTime created_at{};
  std::string reacted;  // with which emoji, in this round
  std::string problem;  // of the last failure
};
using Signals = std::vector<Signal>;

Signal signal_from(SqlRows& rows) {
  Signal s;
  s.message = MessageId{rows.integer(0)};
  s.conversation = ConversationId{rows.integer(1)};
  s.target.account = AccountId{rows.integer(2)};
  s.read = rows.integer(3) != 0;
  s.typing = rows.integer(4) != 0;
  s.emoji = std::string(rows.text(5));
  s.attempts = static_cast<int>(rows.integer(6));
  s.created_at = wall_from_micros(rows.integer(7));
  s.target.message_id = std::string(rows.text(8));
  return s;
}

// Who is to see it. Without an address there is nobody to show anything to.
Result<> add_target(Transaction& tx, PersonId person, SignalTarget& target) {
  const Result<Account> account = accounts::get(tx, target.account);
  const bool unknown = (!account && account.error().code == ErrorCode::not_found) || !person;
  if (unknown) {
    target.message_id.clear();
    return {};
  }
  if (!account) return std::unexpected(account.error());
  target.channel = channel_of(*account);
  PH_TRY_ASSIGN(auto address, people::send_address(tx, *account, person));
  target.phone = std::move(address.phone);
  target.user_id = std::move(address.user_id);
  return {};
}

Result<Signals> load_due(Transaction& tx, WallTime now, int limit) {
  Signals signals;
  std::vector<PersonId> people;
  {
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query("SELECT s.message_id, s.conversation_id, s.account_id, s.read_receipt, s.typing, s.emoji, "
                 "s.attempts, s.created_at, m.channel_id, c.person_id FROM automation_signals s "
                 "LEFT JOIN messages m ON m.id = s.message_id "
                 "LEFT JOIN conversations c ON c.id = m.conversation_id "
                 "WHERE s.next_try_at <= $1 ORDER BY s.next_try_at, s.message_id LIMIT $2",
                 {now, limit}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      signals.push_back(signal_from(rows));
      people.push_back(PersonId{rows.integer(9)});
    }
  }
  for (std::size_t i = 0; i < signals.size(); ++i) {
    PH_TRY(add_target(tx, people[i], signals[i].target));
  }
  return signals;
}

// A receipt for the newest message says the same of all before it.
void keep_newest_receipts(Signals& signals) {
  std::map<ConversationId, MessageId> newest;
  for (const Signal& s : signals) {
    if (s.read) newest[s.conversation] = std::max(newest[s.conversation], s.message);
  }
  for (Signal& s : signals) {
    if (s.read && newest[s.conversation] != s.message) s.read = false;
  }
}

bool is_passing(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::resource_exhausted ||
         error.code == ErrorCode::deadline_exceeded;
}

// True when the part is done or never will be.
bool settled(const Result<>& outcome, Signal& signal) {
  if (outcome) return true;
  signal.problem = outcome.error().message;
  return !is_passing(outcome.error());
}

Task<> give(AutomationPorts& ports, std::shared_ptr<Signals> signals, std::size_t index, WallTime now) {
  Signal& s = (*signals)[index];
  if (s.target.message_id.empty()) {
    s.read = s.typing = false;
    s.emoji.clear();
    co_return;
  }
  if (s.typing) {
    const bool fresh = s.attempts == 0 && now - s.created_at < kTypingIsFresh;
    s.typing = false;
    if (fresh) co_await ports.signals.typing(s.target);  // best effort: nobody misses it later
  }
  if (s.read) {
    const Result<> read = co_await ports.signals.mark_read(s.target);
    s.read = !settled(read, s);
  }
  if (!s.emoji.empty()) {
    const Result<> reacted = co_await ports.signals.react(s.target, s.emoji);
    if (reacted) s.reacted = s.emoji;
    if (settled(reacted, s)) s.emoji.clear();
  }
}

// What one of them throws is its own failure, and tried again like any other.
Task<> give_contained(AutomationPorts& ports, std::shared_ptr<Signals> signals, std::size_t index,
                      WallTime now) {
  Task<> giving = give(ports, signals, index, now);
  const Result<> given = co_await contained(std::move(giving));
  if (!given) (*signals)[index].problem = given.error().message;
}

Result<> store_reaction(Transaction& tx, const Signal& s, WallTime now) {
  PH_TRY(
      tx.execute("INSERT INTO reactions (message_id, actor, emoji, at) VALUES ($1, 0, $2, $3) "
                 "ON CONFLICT (message_id, actor) DO UPDATE SET emoji = excluded.emoji, at = excluded.at",
                 {s.message, s.reacted, now}));
  std::string data;
  JsonWriter(data)
      .begin_object()
      .member("message_id", s.message.value)
      .member("conversation_id", s.conversation.value)
      .member("emoji", std::string_view(s.reacted))
      .member("from", "us")
      .end_object();
  PH_TRY(events::append(tx, now, "message.reaction", fmt::format("conversation:{}", s.conversation.value),
                        data));
  return {};
}

Result<RoundResult> store_outcome(Transaction& tx, const Signals& signals, Duration patience, WallTime now) {
  RoundResult result;
  for (const Signal& s : signals) {
    if (!s.reacted.empty()) {
      PH_TRY(store_reaction(tx, s, now));
    }
    const bool open = s.read || !s.emoji.empty();
    if (open && now - s.created_at < patience) {
      PH_TRY(tx.execute(
          "UPDATE automation_signals SET read_receipt = $2, typing = 0, emoji = $3, attempts = $4, "
          "next_try_at = $5 WHERE message_id = $1",
          {s.message, s.read, s.emoji, s.attempts + 1, now + retry_delay(s.attempts)}));
      continue;
    }
    PH_TRY(tx.execute("DELETE FROM automation_signals WHERE message_id = $1", {s.message}));
    ++(open || !s.problem.empty() ? result.given_up : result.done);
  }
  return result;
}

Result<bool> any_left(Transaction& tx) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT 1 FROM automation_signals LIMIT 1"));
  return rows.next();
}

struct Join {
  Join(const Executor& executor, Clock& clock, std::size_t count) : wake(executor, clock), left(count) {}
  Wakeup wake;
  std::size_t left;
};
Task<> join(Task<> task, std::shared_ptr<Join> state) {
  co_await std::move(task);
  if (--state->left == 0) state->wake.notify();
}

}  // namespace

Task<> run_together(Executor executor, Clock& clock, std::vector<Task<>> tasks) {
  const auto state = std::make_shared<Join>(executor, clock, tasks.size());
  for (Task<>& task : tasks) spawn_essential(executor, "automation", join(std::move(task), state));
  while (state->left > 0) co_await state->wake.wait();
}

Duration retry_delay(int attempts) {
  return std::min(kLongestRetry, kFirstRetry * (1 << std::clamp(attempts, 0, 10)));
}

Task<Result<RoundResult>> give_signals(AutomationPorts& ports, RoundOptions options) {
  const WallTime now = ports.clock.wall_now();
  auto read = [now, limit = options.signals](Transaction& tx) { return load_due(tx, now, limit); };
  PH_CO_TRY_ASSIGN(Signals due, co_await ports.database.read(std::move(read)));
  if (due.empty()) {
    auto look = [](Transaction& tx) { return any_left(tx); };
    RoundResult idle;
    PH_CO_TRY_ASSIGN(idle.waiting, co_await ports.database.read(std::move(look)));
    co_return idle;
  }
  const bool full = static_cast<int>(due.size()) >= options.signals;
  keep_newest_receipts(due);
  const auto signals = std::make_shared<Signals>(std::move(due));
  std::vector<Task<>> tasks;
  for (std::size_t i = 0; i < signals->size(); ++i) tasks.push_back(give_contained(ports, signals, i, now));
  co_await run_together(ports.executor, ports.clock, std::move(tasks));
  const WallTime then = ports.clock.wall_now();
  auto write = [signals, patience = options.signal_patience, then](Transaction& tx) {
    return store_outcome(tx, *signals, patience, then);
  };
  PH_CO_TRY_ASSIGN(RoundResult result, co_await ports.database.write(std::move(write)));
  for (const Signal& s : *signals) {
    if (!s.problem.empty())
      ports.log.warning("automation.signal_failed", {{"message_id", s.message.value}, {"error", s.problem}});
  }
  result.more = full;
  result.waiting = true;  // the next round looks
  co_return result;
}

}  // namespace posthorn::automation
