// The inside of the Dispatcher. Three loops and a set of workers on one executor; each loop looks at the
// whole state, does one bounded step and waits. Events only record facts and wake.
//   take_loop    (dispatcher_take.cpp)    chooses work and commits intents
//   pace_loop    (dispatcher_send.cpp)    hands ready items to workers when the pacer allows
//   worker       (dispatcher_send.cpp)    one request at a time
//   commit_loop  (dispatcher_commit.cpp)  commits outcomes
#pragma once
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messaging/dispatcher.h"
#include "messaging/intent_batch.h"
#include "messaging/lanes.h"
#include "messaging/outcome_batch.h"
#include "messaging/pair_limiter.h"
#include "messaging/send_guards.h"
#include "messaging/send_token.h"
#include "messaging/wakeup.h"

namespace posthorn {

// An intent is a promise to send at once, and a crash makes it unknown. So intents are committed only for
// what the pacer lets go within this time; or within twice that of a commit, so that it never runs dry.
inline constexpr Duration kReadyAhead = std::chrono::milliseconds(100);
inline constexpr Duration kSlowCommit = std::chrono::milliseconds(150);  // slower ones count as this

// What became slower after the intent was committed waits no longer than this; the rest goes back.
inline constexpr Duration kReadyAtMost = std::chrono::seconds(1);

struct Dispatcher::Impl : std::enable_shared_from_this<Impl> {
  struct Broadcast {
    std::shared_ptr<BroadcastSource> source;
    std::vector<SegmentCursor> segments;
    bool loaded = false;
    bool stopped = false;              // paused, cancelled or replaced: nothing more of it leaves
    std::deque<BroadcastRow> fetched;  // the rows from the position of `fetched_segment` on
    std::int32_t fetched_segment = -1;
    ErrorShare share;
  };

  // One committed intent on its way out.
  struct Item {
    SendKey key;
    std::uint64_t phone = 0;
    std::uint64_t recipient = 0;  // for the pair limit: the phone, or a key of whom the payload names
    std::uint64_t talks_to = 0;   // single sends, whatever the channel: one after another to each of these
    int attempt = 1;
    Lane lane = Lane::broadcast;
    std::int64_t intent_at = 0;
    std::shared_ptr<Broadcast> broadcast;  // none for single sends
    BroadcastRow row;
    std::string payload;
  };

  // Single sends to one recipient go one after another.
  struct Talk {
    bool waits_for_answer = false;
    std::deque<Item> behind;                     // wait for the answer as well
    std::map<std::int64_t, MonotonicTime> away;  // row → when it is not waited for any more
  };

  struct Worker {
    Worker(const Executor& executor, Clock& clock) : wake(executor, clock) {}
    Wakeup wake;  // an item was put in
    std::optional<Item> item;
    bool written = false;    // the last byte of the present request was handed over
    bool abandoned = false;  // stopped while waiting for an answer
  };

  Impl(DispatcherPorts ports, DispatcherAccount account, const Secret& token_key, DispatcherOptions options);

  // dispatcher.cpp
  void start();
  Task<> stop(Duration timeout);
  void shut();
  void stop_broadcast(CampaignId campaign);
  int window() const;
  std::int64_t wall() { return to_micros(ports.clock.wall_now()); }
  bool sends() const { return !stopping && !account.blocked; }

  // dispatcher_take.cpp
  Task<> take_loop();
  Task<> remember_pairs();
  Task<bool> take_batch();
  Task<> prepare_broadcasts();
  Task<bool> load(std::shared_ptr<Broadcast> broadcast);
  Task<> prefetch(std::shared_ptr<Broadcast> broadcast, std::size_t rows);
  void damaged(const std::shared_ptr<Broadcast>& broadcast, const Error& error);
  SegmentCursor* open_segment(Broadcast& broadcast);
  int capacity() const;
  int worth_a_commit() const;
  Duration ahead() const { return std::max(kReadyAhead, 2 * intent_commit); }
  std::shared_ptr<IntentRequest> plan(std::vector<std::shared_ptr<Broadcast>>& runs);
  void accept_fresh(const IntentRequest& request, const IntentResult& result,
                    const std::vector<std::shared_ptr<Broadcast>>& runs);
  void accept_singles(const IntentRequest& request, std::vector<TakenSingle>& singles);
  Task<> accept_deferred(std::int64_t intent_at, std::vector<TakenDeferred> rows);
  Task<> accept_deferred_of(CampaignId campaign, std::int64_t intent_at, std::vector<TakenDeferred> rows);
  void push_ready(Item item);
  MonotonicTime next_look();
  void note_due(std::int64_t due_at);

  // dispatcher_send.cpp
  Task<> pace_loop();
  bool worker_free() const;
  MonotonicTime note_silence(MonotonicTime now);  // when to try again
  Task<> worker(Worker* self);
  Task<> send_one(Worker& worker);
  std::optional<Item> next_item();
  bool must_wait(Item& item);
  void stay_away(Item& item, Duration delay);
  void said(std::uint64_t talks_to);
  void hand_over(Item item);
  bool render(const Item& item, std::string& body);
  bool render_or_tell(const Item& item, std::string& body);
  void on_written(Worker& worker);
  void conclude(Item& item, SendAnswer answer);
  void reject(Item& item, const SendAnswer& answer);
  void postpone(Item& item, const SendAnswer& answer, SendEvent event, Duration delay);
  void give_back(Item& item, Duration delay, const SendAnswer* why = nullptr);
  void give_back_all(Duration delay);
  void give_back_surplus();
  void stop_account(Item& item, const SendAnswer& answer);
  void stop_campaign(Item& item, const SendAnswer& answer);
  void count_share(Item& item, int failure_code);
  void judge_share(CampaignId campaign, const Broadcast& broadcast);
  void deliveries_failed(CampaignId campaign, int code, int rows, int judged);
  Duration backoff(int attempt);
  void push_outcome(Item& item, SendEvent event, Duration delay, const SendAnswer* answer);

  // dispatcher_commit.cpp
  Task<> commit_loop();
  Task<> commit(std::shared_ptr<OutcomeBatch> batch);
  void after_commit(const OutcomeBatch& batch, const OutcomeResult& result);
  std::shared_ptr<OutcomeBatch> next_batch();
  Task<> commit_stops();
  bool has_stops() const { return !pauses.empty() || !block_reason.empty(); }
  bool has_outcomes() const { return !outcomes.empty() || has_stops(); }

  DispatcherPorts ports;
  DispatcherAccount account;
  DispatcherOptions options;
  TokenMint mint;
  Pacer pacer;
  PairLimiter pairs;
  Outage outage;
  Wakeup take_wake, pace_wake, commit_wake, stop_wake;

  std::map<CampaignId, std::shared_ptr<Broadcast>> broadcasts;
  CampaignId last_served;
  Lanes<Item> ready;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<Worker*> idle;
  int in_flight = 0;
  int open = 0;  // rows whose intent is committed and whose outcome is not
  std::map<std::uint64_t, Talk> talking;
  int waiting_behind = 0;  // in all of them
  bool look_for_singles = true;
  bool look_for_deferred = true;
  std::int64_t next_due = 0;  // of deferred rows, wall time; 0: none known
  Duration intent_commit{};   // how long one takes

  std::vector<Outcome> outcomes;
  std::map<CampaignId, std::string> pauses;
  std::string block_reason;  // of the last answer that stopped the account
  BlockKind block = BlockKind::other;
  std::string block_token;

  bool stopping = false;         // takes and sends nothing new
  bool ended = false;            // touches no port any more
  bool intents_refused = false;  // by the database, at the last try
  bool outcomes_refused = false;
  int loops = 0;

  struct Meters {
    Counter& accepted;
    Counter& rejected;
    Counter& deferred;
    Counter& unknown;
    Counter& not_sent;
    Counter& store_refusals;
    Gauge& open;
    Gauge& rate;
    Histogram& exchange;
    Histogram& commit_rows;
  };
  Meters meters;
};

}  // namespace posthorn
