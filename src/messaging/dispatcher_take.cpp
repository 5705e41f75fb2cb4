// Choosing what leaves next and committing its intents.
#include <algorithm>
#include <utility>

#include "messaging/dispatcher_core.h"
#include "messaging/recent_sends.h"
#include "messaging/single_sends.h"

namespace posthorn {
namespace {

constexpr std::size_t kFetchRows = 512;                      // read ahead from a recipient list, at least
constexpr Duration kStoreRetry = std::chrono::seconds(1);    // after the database refused a write
constexpr Duration kLongestLook = std::chrono::seconds(30);  // a wall clock that jumped is noticed after this

// What limits how soon somebody may be written to again. In the order of time.
struct PastSend {
  std::int64_t at = 0;
  std::uint64_t recipient = 0;
  friend auto operator<=>(const PastSend&, const PastSend&) = default;
};

Result<std::uint64_t> recipient_of(Transaction& tx, const RecentSend& send) {
  if (send.phone != 0 || send.key.campaign) return send.phone;
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT payload FROM single_sends WHERE row_no = $1", {send.key.row_no}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  const RecipientKey to = found ? recipient_key(rows.text(0)) : RecipientKey{};
  return to.whatsapp ? to.key : 0;
}

Result<std::vector<PastSend>> load_past_sends(Transaction& tx, AccountId account, std::int64_t now) {
  std::vector<PastSend> past;
  PH_TRY_ASSIGN(const std::vector<RecentSend> sends,
                load_recent_sends(tx, now - PairLimiter::kMemory.count()));
  for (const RecentSend& send : sends) {
    const bool left = send.state == SendState::intent || send.state == SendState::accepted ||
                      send.state == SendState::rejected || send.state == SendState::unknown;
    const std::int64_t at = std::max(send.intent_at, send.settled_at);
    const Duration matters = send.key.campaign ? PairLimiter::kSpacing : PairLimiter::kMemory;
    if (!left || send.account != account || now - at > matters.count()) continue;
    PH_TRY_ASSIGN(const std::uint64_t recipient, recipient_of(tx, send));
    if (recipient != 0) past.push_back({at, recipient});
  }
  return past;
}

}  // namespace

Task<> Dispatcher::Impl::take_loop() {
  co_await remember_pairs();
  while (!stopping) {
    const bool took = co_await take_batch();
    if (stopping) break;
    if (took) continue;
    const MonotonicTime look_again = next_look();
    co_await take_wake.wait_until(look_again);
  }
}

// Whom the process before this one wrote to in its last minutes.
Task<> Dispatcher::Impl::remember_pairs() {
  const std::int64_t wall_now = wall();
  auto read = [wall_now, id = account.id](Transaction& tx) { return load_past_sends(tx, id, wall_now); };
  Result<std::vector<PastSend>> sends = co_await ports.database.read(std::move(read));
  if (ended || !sends) co_return;
  std::sort(sends->begin(), sends->end());
  const MonotonicTime now = ports.clock.now();
  for (const PastSend& send : *sends)
    pairs.sent(send.recipient, now - Duration(std::max<std::int64_t>(0, wall_now - send.at)));
}

// Few large commits instead of many small ones, but never at the cost of a reply that has nothing before it.
int Dispatcher::Impl::worth_a_commit() const {
  if (look_for_singles && ready.singles() == 0) return 1;
  const int quarter = window() / 4;
  const int rate = pacer.current_rate(ports.clock.now());
  if (rate == 0) return std::max(1, quarter);
  const auto half_of_what_leaves = static_cast<int>(rate * (ahead() / 2).count() / 1'000'000);
  return std::clamp(half_of_what_leaves, 1, std::max(1, quarter));
}

// How many intents may be taken now. A probe is all that may go out while the channel cannot be reached.
int Dispatcher::Impl::capacity() const {
  if (!sends() || outcomes_refused) return 0;
  const MonotonicTime now = ports.clock.now();
  if (outage.active()) return open == 0 && now >= outage.until() ? 1 : 0;
  const int room =
      std::min(window() - open, pacer.leave_within(ahead(), now) - static_cast<int>(ready.size()));
  return room >= worth_a_commit() ? room : 0;
}

MonotonicTime Dispatcher::Impl::next_look() {
  const MonotonicTime now = ports.clock.now();
  MonotonicTime look = now + kLongestLook;
  if (intents_refused) return now + kStoreRetry;
  if (outage.active() && open == 0 && outage.until() > now) return std::min(look, outage.until());
  const std::int64_t wall_now = wall();
  const auto at = [&](std::int64_t due_at) {
    look = std::min(look, now + Duration(std::max<std::int64_t>(due_at - wall_now, 0)));
  };
  if (capacity() == 0) {
    // Whoever frees the window wakes us; nobody tells that the pacer opens soon.
    if (!sends() || outcomes_refused || window() - open < worth_a_commit()) return look;
    const MonotonicTime opens = pacer.opens(static_cast<int>(ready.size()) + worth_a_commit(), now);
    const MonotonicTime near = opens == MonotonicTime::max() ? now + kReadyAhead : opens - ahead();
    return std::clamp(near, now + std::chrono::milliseconds(1), look);
  }
  if (next_due != 0) at(next_due);
  for (const auto& [campaign, broadcast] : broadcasts) {
    for (const SegmentCursor& segment : broadcast->segments) {
      if (segment.next_row <= segment.last_row && segment.not_before > wall_now) at(segment.not_before);
    }
  }
  return std::max(look, now + std::chrono::milliseconds(1));
}

void Dispatcher::Impl::note_due(std::int64_t due_at) {
  if (due_at != 0 && (next_due == 0 || due_at < next_due)) next_due = due_at;
}

// The segment that may be sent from now: the first that has rows left and whose time has come.
SegmentCursor* Dispatcher::Impl::open_segment(Broadcast& broadcast) {
  const std::int64_t now = wall();
  for (SegmentCursor& segment : broadcast.segments) {
    if (segment.next_row <= segment.last_row && segment.not_before <= now) return &segment;
  }
  return nullptr;
}

Task<bool> Dispatcher::Impl::load(std::shared_ptr<Broadcast> broadcast) {
  const CampaignId campaign = broadcast->source->campaign();
  auto read = [campaign](Transaction& tx) { return load_segments(tx, campaign); };
  Result<std::vector<SegmentCursor>> segments = co_await ports.database.read(std::move(read));
  if (stopping || !segments) co_return false;
  broadcast->segments = std::move(*segments);
  broadcast->fetched.clear();
  broadcast->loaded = true;
  co_return true;
}

void Dispatcher::Impl::damaged(const std::shared_ptr<Broadcast>& broadcast, const Error& error) {
  const CampaignId campaign = broadcast->source->campaign();
  ports.log.error("broadcast.list_unreadable", {{"campaign", campaign.value}, {"error", error.message}});
  pauses[campaign] = "The recipient list cannot be read: " + error.message;
  stop_broadcast(campaign);
  commit_wake.notify();
}

Task<> Dispatcher::Impl::prefetch(std::shared_ptr<Broadcast> broadcast, std::size_t rows) {
  const SegmentCursor* segment = open_segment(*broadcast);
  if (segment == nullptr) co_return;
  if (broadcast->fetched_segment != segment->segment) broadcast->fetched.clear();
  broadcast->fetched_segment = segment->segment;
  if (broadcast->fetched.size() >= rows) co_return;
  std::vector<std::int64_t> row_nos;
  std::int64_t row = segment->next_row + static_cast<std::int64_t>(broadcast->fetched.size());
  for (const std::size_t want = std::max(rows, kFetchRows); row <= segment->last_row && row_nos.size() < want;
       ++row) {
    row_nos.push_back(row);
  }
  if (row_nos.empty()) co_return;
  Result<std::vector<BroadcastRow>> fetched = co_await broadcast->source->fetch(std::move(row_nos));
  if (stopping || broadcast->stopped) co_return;
  if (!fetched) {
    damaged(broadcast, fetched.error());
    co_return;
  }
  for (BroadcastRow& one : *fetched) broadcast->fetched.push_back(std::move(one));
}

// Positions and rows of every running broadcast are in memory after this.
Task<> Dispatcher::Impl::prepare_broadcasts() {
  std::vector<std::shared_ptr<Broadcast>> all;
  for (const auto& [campaign, broadcast] : broadcasts) all.push_back(broadcast);
  const auto rows = static_cast<std::size_t>(window());
  for (const auto& broadcast : all) {
    if (!broadcast->loaded) {
      const bool loaded = co_await load(broadcast);
      if (!loaded) continue;
    }
    co_await prefetch(broadcast, rows);
    if (stopping) co_return;
  }
}

// `runs` gets the broadcast behind each run of the request.
std::shared_ptr<IntentRequest> Dispatcher::Impl::plan(std::vector<std::shared_ptr<Broadcast>>& runs) {
  auto request = std::make_shared<IntentRequest>();
  request->account = account.id;
  request->business_id = account.business_id;
  request->now = wall();
  request->capacity = capacity();
  const int kept = request->capacity > 8 ? window() / 8 : 0;  // of the window, for single sends and retries
  request->fresh_capacity = std::max(1, std::min(request->capacity, window() - open - kept));
  request->look_for_singles = look_for_singles;
  request->look_for_deferred = look_for_deferred || (next_due != 0 && next_due <= request->now);
  std::vector<std::shared_ptr<Broadcast>>
      order;  // turn by turn: who comes after the one served last goes first
  for (auto it = broadcasts.upper_bound(last_served); it != broadcasts.end(); ++it)
    order.push_back(it->second);
  for (auto it = broadcasts.begin(); it != broadcasts.upper_bound(last_served); ++it)
    order.push_back(it->second);
  for (const auto& [campaign, broadcast] : broadcasts) {
    request->campaigns.push_back(campaign);
    if (broadcast->source->honours_suppressions()) request->honouring.push_back(campaign);
  }
  std::erase_if(
      order, [&](const auto& b) { return !b->loaded || b->fetched.empty() || open_segment(*b) == nullptr; });
  for (const auto& broadcast : order) {
    const SegmentCursor* segment = open_segment(*broadcast);
    if (segment->segment != broadcast->fetched_segment) continue;
    FreshRun run{broadcast->source->campaign(),
                 segment->segment,
                 broadcast->source->honours_suppressions(),
                 segment->next_row,
                 {}};
    const std::size_t share =
        (static_cast<std::size_t>(request->fresh_capacity) + order.size() - 1) / order.size();
    const std::size_t rows = std::min(share, broadcast->fetched.size());
    for (std::size_t i = 0; i < rows; ++i) run.phones.push_back(broadcast->fetched[i].phone.digits());
    request->fresh.push_back(std::move(run));
    runs.push_back(broadcast);
  }
  if (!runs.empty()) last_served = runs.front()->source->campaign();
  return request;
}

// True if there may be more to take at once.
Task<bool> Dispatcher::Impl::take_batch() {
  if (capacity() == 0) co_return false;
  co_await prepare_broadcasts();
  if (capacity() == 0) co_return false;
  std::vector<std::shared_ptr<Broadcast>> runs;
  const std::shared_ptr<IntentRequest> request = plan(runs);
  if (request->fresh.empty() && !request->look_for_singles && !request->look_for_deferred) co_return false;
  if (request->look_for_singles) look_for_singles = false;
  if (request->look_for_deferred) {
    look_for_deferred = false;
    next_due = 0;
  }
  auto commit_request = [request](Transaction& tx) { return commit_intents(tx, *request); };
  const MonotonicTime began = ports.clock.now();
  Result<IntentResult> result = co_await ports.database.write(std::move(commit_request));
  if (ended) co_return false;
  const Duration took = std::min(kSlowCommit, ports.clock.now() - began);
  intent_commit = std::max(took, intent_commit - intent_commit / 8);
  if (!result) {
    ports.log.warning("send.intents_refused",
                      {{"account", account.id.value}, {"error", result.error().message}});
    meters.store_refusals.add();
    look_for_singles = look_for_singles || request->look_for_singles;
    look_for_deferred = look_for_deferred || request->look_for_deferred;
    intents_refused = true;
    co_return false;
  }
  intents_refused = false;
  open += result->intents;
  meters.open.set(open);
  if (result->account_blocked) account.blocked = true;
  look_for_singles = look_for_singles || result->more_singles;
  note_due(result->next_due);
  accept_singles(*request, result->singles);
  accept_fresh(*request, *result, runs);
  for (const CampaignId campaign : result->stopped) stop_broadcast(campaign);
  co_await accept_deferred(request->now, std::move(result->deferred));
  for (const CampaignId campaign : result->settled) ports.observer.campaign_settled(campaign);
  pace_wake.notify();
  co_return result->intents > 0 || !request->fresh.empty();
}

// What was taken while somebody stopped it goes straight back.
void Dispatcher::Impl::push_ready(Item item) {
  const bool unwanted = !sends() || (item.broadcast && item.broadcast->stopped);
  if (unwanted) return give_back(item, Duration(0));
  const Lane lane = item.lane;
  const CampaignId campaign = item.key.campaign;
  ready.push(lane, campaign, std::move(item));
}

// Retries do not fall behind what was queued after them.
void Dispatcher::Impl::accept_singles(const IntentRequest& request, std::vector<TakenSingle>& singles) {
  std::sort(singles.begin(), singles.end(),
            [](const TakenSingle& a, const TakenSingle& b) { return a.row_no < b.row_no; });
  for (TakenSingle& single : singles) {
    Item item;
    item.key = {CampaignId{}, single.row_no};
    item.phone = single.phone;
    const RecipientKey to =
        single.phone != 0 ? RecipientKey{single.phone, true} : recipient_key(single.payload);
    item.talks_to = to.key;
    if (to.whatsapp) item.recipient = to.key;
    item.attempt = single.attempt;
    item.lane = single.lane;
    item.intent_at = request.now;
    item.payload = std::move(single.payload);
    push_ready(std::move(item));
  }
}

void Dispatcher::Impl::accept_fresh(const IntentRequest& request, const IntentResult& result,
                                    const std::vector<std::shared_ptr<Broadcast>>& runs) {
  for (std::size_t r = 0; r < result.fresh.size(); ++r) {
    Broadcast& broadcast = *runs[r];
    const FreshRun& run = request.fresh[r];
    SegmentCursor* segment = nullptr;
    for (SegmentCursor& one : broadcast.segments) {
      if (one.segment == run.segment) segment = &one;
    }
    for (const FreshVerdict verdict : result.fresh[r]) {
      if (verdict == FreshVerdict::left) break;
      BroadcastRow row = std::move(broadcast.fetched.front());
      broadcast.fetched.pop_front();
      ++segment->next_row;
      if (verdict != FreshVerdict::intent) continue;
      Item item;
      item.key = {run.campaign, row.row_no};
      item.phone = item.recipient = row.phone.digits();
      item.intent_at = request.now;
      item.broadcast = runs[r];
      item.row = std::move(row);
      push_ready(std::move(item));
    }
  }
  for (const CampaignId campaign : result.moved_on) {
    const auto found = broadcasts.find(campaign);
    if (found != broadcasts.end()) found->second->loaded = false;
  }
}

Task<> Dispatcher::Impl::accept_deferred(std::int64_t intent_at, std::vector<TakenDeferred> rows) {
  std::map<CampaignId, std::vector<TakenDeferred>> by_campaign;
  for (const TakenDeferred& row : rows) by_campaign[row.key.campaign].push_back(row);
  for (auto& [campaign, taken] : by_campaign) {
    std::sort(taken.begin(), taken.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    co_await accept_deferred_of(campaign, intent_at, std::move(taken));
  }
}

Task<> Dispatcher::Impl::accept_deferred_of(CampaignId campaign, std::int64_t intent_at,
                                            std::vector<TakenDeferred> rows) {
  const auto found = broadcasts.find(campaign);
  const std::shared_ptr<Broadcast> broadcast = found == broadcasts.end() ? nullptr : found->second;
  Result<std::vector<BroadcastRow>> fetched;
  if (broadcast) {
    std::vector<std::int64_t> row_nos;
    for (const TakenDeferred& row : rows) row_nos.push_back(row.key.row_no);
    fetched = co_await broadcast->source->fetch(std::move(row_nos));
    if (ended) co_return;
    if (!fetched) damaged(broadcast, fetched.error());
  }
  const bool usable = broadcast && fetched && fetched->size() == rows.size();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Item item;
    item.key = rows[i].key;
    item.phone = item.recipient = rows[i].phone;
    item.attempt = rows[i].attempt;
    item.intent_at = intent_at;
    item.broadcast = broadcast;
    if (usable) item.row = std::move((*fetched)[i]);
    if (usable) {
      push_ready(std::move(item));
    } else {
      give_back(item, Duration(0));
    }
  }
}

}  // namespace posthorn
