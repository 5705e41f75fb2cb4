#include "messaging/media_fetcher.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "messaging/essential_loop.h"
#include "messaging/media_fetch_job.h"
#include "messaging/media_rows.h"
#include "messaging/wakeup.h"

namespace posthorn {
namespace {

constexpr Duration kGather = std::chrono::milliseconds(20);  // wake-ups within it share one look at the rows
constexpr Duration kFarthest = std::chrono::hours(2);  // no pause is longer: the wall clock has stepped back
constexpr Duration kStoreTrouble =
    std::chrono::seconds(10);                            // before the rows are touched again after an error
constexpr Duration kFarewell = std::chrono::seconds(5);  // that stop() waits for fetches on their way
constexpr int kReleasedAtOnce = 100;
constexpr Duration kStoriesEvery = std::chrono::minutes(1);
constexpr int kStoriesAtOnce = 200;
constexpr std::size_t kLongestError = 500;

// A blob that a job is about to name, for as long as the job works on it.
class Coming {
 public:
  Coming(std::multiset<std::string>& all, const std::string& blob) : all_(all), place_(all.insert(blob)) {}
  ~Coming() { all_.erase(place_); }
  Coming(const Coming&) = delete;
  Coming& operator=(const Coming&) = delete;

 private:
  std::multiset<std::string>& all_;
  std::multiset<std::string>::iterator place_;
};

}  // namespace

struct MediaFetcher::Impl : std::enable_shared_from_this<Impl> {
  Impl(MediaFetcherPorts p, MediaFetcherOptions o)
      : ports(std::move(p)),
        options(std::move(o)),
        changed(ports.executor, ports.clock),
        ended(ports.executor, ports.clock),
        stored(counter("stored")),
        lost(counter("lost")),
        refused(counter("refused")),
        failed(counter("failed")),
        story_over(counter("story_over")) {}

  Counter& counter(const char* outcome) {
    return ports.metrics.counter("posthorn_media_total", "Attempts to fetch attachments by outcome",
                                 {{"outcome", outcome}});
  }

  Task<> loop();
  Task<Result<Duration>> round();
  Task<> job(DueAttachment due);
  Task<Result<>> try_once(const DueAttachment& due);
  Task<> release(const DueAttachment& due);
  Task<Result<>> settle(const DueAttachment& due, MediaAttempt attempt);
  Task<Result<>> store(const DueAttachment& due, MediaAttempt attempt);
  Task<Result<>> finish(AttachmentId id, std::string blob);
  Task<Result<bool>> is_there(StoredAttachment row);
  Task<Result<>> postpone(const DueAttachment& due, const MediaAttempt& attempt, bool doubt);
  Task<Result<>> give_up(const DueAttachment& due, AttachmentState state, std::string error);
  Task<Result<>> delete_unused();
  Task<Result<>> delete_stories();
  Duration pause(int failures);

  MediaFetcherPorts ports;
  MediaFetcherOptions options;
  Wakeup changed, ended;
  Counter &stored, &lost, &refused, &failed, &story_over;
  std::vector<std::pair<AccountId, AttachmentId>> busy;  // sorted
  std::multiset<std::string> coming;                     // blobs that jobs are about to name
  std::string going;                                     // the blob that is being deleted
  AccountId last_turn;
  MonotonicTime stories_at = MonotonicTime::min();
  std::weak_ptr<void> files_kept;  // while somebody needs the files that are not used any more
  bool running = false, stopping = false;
};

Task<> MediaFetcher::Impl::loop() {
  const auto self = shared_from_this();
  while (!stopping) {
    const auto wait = co_await round();
    if (stopping) break;
    if (!wait) ports.log.warning("media.store_failed", {{"error", wait.error().message}});
    co_await changed.wait_until(ports.clock.now() + wait.value_or(kStoreTrouble));
    if (!stopping) co_await ports.clock.sleep_for(kGather);
  }
  running = false;
  ended.notify();
}

// Starts what is due and fits; returns how long nothing will be due.
Task<Result<Duration>> MediaFetcher::Impl::round() {
  // What cannot be deleted must not keep others from coming.
  if (const Result<> deleted = co_await delete_stories(); !deleted)
    ports.log.warning("media.stories_not_deleted", {{"error", deleted.error().message}});
  if (const Result<> deleted = co_await delete_unused(); !deleted)
    ports.log.warning("media.not_deleted", {{"error", deleted.error().message}});
  if (stopping) co_return options.look_every;
  const int free = options.parallel - static_cast<int>(busy.size());
  if (free <= 0) co_return options.look_every;
  const WallTime now = ports.clock.wall_now();
  const int per_account = std::max(options.parallel * 3 / 4, 1);
  auto look = [=, after = last_turn, at_work = busy](Transaction& tx) {
    return attachments::due(tx, now, free, per_account, after, at_work);
  };
  PH_CO_TRY_ASSIGN(DueList list, co_await ports.database.read(std::move(look)));
  if (stopping) co_return options.look_every;
  for (DueAttachment& due : list.ready) {
    last_turn = due.row.account;
    busy.emplace_back(due.row.account, due.row.id);
    auto run = [](std::shared_ptr<Impl> impl, DueAttachment one) -> Task<> {
      co_await impl->job(std::move(one));
    };
    spawn_essential(ports.executor, "fetching media", run(shared_from_this(), std::move(due)));
  }
  std::ranges::sort(busy);
  if (!list.next) co_return options.look_every;
  if (*list.next - now > kFarthest) {
    auto bring_back = [now](Transaction& tx) { return attachments::bring_back(tx, now, now + kFarthest); };
    PH_CO_TRY(co_await ports.database.write(std::move(bring_back)));
    co_return Duration(0);
  }
  co_return std::min<Duration>(*list.next - now, options.look_every);
}

// Whatever goes wrong in one job, an exception included, is a failure of that job.
Task<> MediaFetcher::Impl::job(DueAttachment due) {
  const Result<> settled = co_await contained(try_once(due));
  if (!settled && !stopping) {
    ports.log.warning("media.job_failed",
                      {{"attachment", due.row.id.value}, {"error", settled.error().message}});
    MediaAttempt attempt;
    attempt.error = settled.error().message;
    const Result<> postponed = co_await contained(postpone(due, attempt, false));
    if (!postponed && !stopping) co_await ports.clock.sleep_for(kStoreTrouble);
  }
  const auto place = std::ranges::find(busy, due.row.id, &std::pair<AccountId, AttachmentId>::second);
  if (place != busy.end()) busy.erase(place);
  changed.notify();
  ended.notify();
}

Task<Result<>> MediaFetcher::Impl::try_once(const DueAttachment& due) {
  PH_CO_TRY_ASSIGN(const bool there, co_await is_there(due.row));
  if (there) co_return co_await finish(due.row.id, due.row.blob);
  auto attempt = co_await attempt_media(ports, options, stopping, due);
  if (stopping) co_return Result<>();
  co_return co_await settle(due, std::move(attempt));
}

// A job that was cut off may have left nothing to do.
Task<Result<bool>> MediaFetcher::Impl::is_there(StoredAttachment row) {
  if (row.blob.empty()) co_return false;
  const auto file = co_await ports.blobs.open(row.blob);
  if (!file && file.error().code != ErrorCode::not_found) co_return std::unexpected(file.error());
  co_return file && (*file)->size() == row.size;
}

Task<Result<>> MediaFetcher::Impl::settle(const DueAttachment& due, MediaAttempt attempt) {
  const WallTime now = ports.clock.wall_now();
  const bool too_old = now - due.received_at >= options.give_up_after;
  switch (attempt.end) {
    case MediaAttempt::End::had:
      co_return co_await store(due, std::move(attempt));
    case MediaAttempt::End::given_up:
      co_return co_await give_up(due, attempt.state, std::move(attempt.error));
    case MediaAttempt::End::doubt:
      if (due.doubts + 1 >= options.believe_after || too_old)
        co_return co_await give_up(due, attempt.state, std::move(attempt.error));
      co_return co_await postpone(due, attempt, true);
    case MediaAttempt::End::again:
      break;
  }
  if (too_old) co_return co_await give_up(due, AttachmentState::lost, "given up: " + attempt.error);
  co_return co_await postpone(due, attempt, false);
}

Task<Result<>> MediaFetcher::Impl::store(const DueAttachment& due, MediaAttempt attempt) {
  const AttachmentId id = due.row.id;
  const std::string blob = attempt.facts.blob;
  while (going == blob) co_await ports.clock.sleep_for(kGather);
  const Coming named_here(coming, blob);
  auto name = [id, facts = attempt.facts](Transaction& tx) { return attachments::expect(tx, id, facts); };
  Result<> outcome;
  const auto named = co_await ports.database.write(std::move(name));
  if (!named) {
    outcome = std::unexpected(named.error());
  } else if (*named) {
    auto committed = co_await attempt.writer->commit();
    if (committed) {
      outcome = co_await finish(id, blob);
    } else {
      attempt.error = std::move(committed.error().message);
      outcome = co_await postpone(due, attempt, false);
    }
  }
  if (outcome && named && *named) co_await release(due);
  co_return outcome;
}

// The blob is there. If the message was unsent in the meantime it goes again.
Task<Result<>> MediaFetcher::Impl::finish(AttachmentId id, std::string blob) {
  auto work = [id, blob, now = ports.clock.wall_now()](Transaction& tx) -> Result<bool> {
    PH_TRY_ASSIGN(const bool kept, attachments::stored(tx, id, now));
    if (kept) return true;
    PH_TRY(attachments::let_go(tx, blob));
    return false;
  };
  PH_CO_TRY_ASSIGN(const bool kept, co_await ports.database.write(std::move(work)));
  if (kept) stored.add();
  co_return Result<>();
}

Task<> MediaFetcher::Impl::release(const DueAttachment& due) {
  MediaSource* source = ports.source(due.account);
  if (source != nullptr) co_await source->release(due.row, due.account);
}

// Doubles with every failure; up to a fifth longer, so that what failed together does not come back together.
Duration MediaFetcher::Impl::pause(int failures) {
  Duration wait = options.first_retry;
  for (int i = 0; i < failures && wait < options.longest_retry; ++i) wait *= 2;
  wait = std::min(wait, options.longest_retry);
  return wait + Duration(static_cast<Duration::rep>(
                    ports.random.below(static_cast<std::uint64_t>(wait.count() / 5 + 1))));
}

Task<Result<>> MediaFetcher::Impl::postpone(const DueAttachment& due, const MediaAttempt& attempt,
                                            bool doubt) {
  const Duration wait = std::max(pause(due.row.attempts), attempt.not_before);
  auto work = [id = due.row.id, doubt, error = attempt.error.substr(0, kLongestError),
               next = ports.clock.wall_now() + wait](Transaction& tx) {
    return attachments::failed(tx, id, error, doubt, next);
  };
  failed.add();
  co_return co_await ports.database.write(std::move(work));
}

Task<Result<>> MediaFetcher::Impl::give_up(const DueAttachment& due, AttachmentState state,
                                           std::string error) {
  ports.log.warning("media.given_up", {{"attachment", due.row.id.value},
                                       {"kind", due.row.kind},
                                       {"state", state == AttachmentState::lost ? "lost" : "refused"},
                                       {"error", error}});
  auto work = [id = due.row.id, state, reason = error.substr(0, kLongestError), now = ports.clock.wall_now()](
                  Transaction& tx) { return attachments::gave_up(tx, id, state, reason, now); };
  PH_CO_TRY_ASSIGN(const bool changed_it, co_await ports.database.write(std::move(work)));
  if (changed_it) (state == AttachmentState::lost ? lost : refused).add();
  co_await release(due);
  co_return Result<>();
}

// Rows first, then files: a blob that a job is about to name, or any row refers to, stays.
Task<Result<>> MediaFetcher::Impl::delete_unused() {
  if (!files_kept.expired()) co_return Result<>();
  const WallTime now = ports.clock.wall_now();
  auto look = [now](Transaction& tx) { return attachments::unused_blobs(tx, now, kReleasedAtOnce); };
  PH_CO_TRY_ASSIGN(const auto blobs, co_await ports.database.read(std::move(look)));
  Result<> outcome;
  for (const std::string& blob : blobs) {
    if (stopping || !files_kept.expired()) break;
    if (coming.contains(blob)) continue;
    going = blob;
    auto claim = [blob, now](Transaction& tx) { return attachments::claim_unused(tx, blob, now); };
    const Result<bool> claimed = co_await ports.database.write(std::move(claim));
    Result<> removed;
    if (claimed && *claimed) {
      removed = co_await ports.blobs.remove(blob);
      auto forget = [blob](Transaction& tx) { return attachments::blob_gone(tx, blob); };
      if (removed) removed = co_await ports.database.write(std::move(forget));
    }
    going.clear();
    if (!claimed) co_return std::unexpected(claimed.error());
    if (!removed) outcome = removed;
  }
  co_return outcome;
}

Task<Result<>> MediaFetcher::Impl::delete_stories() {
  const MonotonicTime now = ports.clock.now();
  if (options.keep_stories == Duration(0) || now < stories_at) co_return Result<>();
  const WallTime wall = ports.clock.wall_now();
  auto work = [wall, before = wall - options.keep_stories](Transaction& tx) {
    return attachments::expire_stories(tx, before, wall, kStoriesAtOnce);
  };
  PH_CO_TRY_ASSIGN(const std::int64_t gone, co_await ports.database.write(std::move(work)));
  story_over.add(static_cast<double>(gone));
  if (gone < kStoriesAtOnce) stories_at = now + kStoriesEvery;
  co_return Result<>();
}

MediaFetcher::MediaFetcher(MediaFetcherPorts ports, MediaFetcherOptions options)
    : impl_(std::make_shared<Impl>(std::move(ports), std::move(options))) {}

MediaFetcher::~MediaFetcher() {
  impl_->stopping = true;
  impl_->changed.notify();
}

void MediaFetcher::start() {
  impl_->running = true;
  auto run = [](std::shared_ptr<Impl> impl) -> Task<> { co_await impl->loop(); };
  spawn_essential(impl_->ports.executor, "the media fetcher", run(impl_));
}

Task<> MediaFetcher::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->stopping = true;
  impl->changed.notify();
  const MonotonicTime latest = impl->ports.clock.now() + kFarewell;
  while ((impl->running || !impl->busy.empty()) && impl->ports.clock.now() < latest)
    co_await impl->ended.wait_until(latest);
}

void MediaFetcher::wake() {
  impl_->changed.notify();
}

Task<Result<>> MediaFetcher::retry(AttachmentId id) {
  const std::shared_ptr<Impl> impl = impl_;
  auto work = [id, now = impl->ports.clock.wall_now()](Transaction& tx) {
    return attachments::retry(tx, id, now);
  };
  PH_CO_TRY(co_await impl->ports.database.write(std::move(work)));
  impl->changed.notify();
  co_return Result<>();
}

std::shared_ptr<void> MediaFetcher::keep_files() {
  auto keep = impl_->files_kept.lock();
  if (keep == nullptr) {
    keep = std::make_shared<char>();
    impl_->files_kept = keep;
  }
  return keep;
}

std::size_t MediaFetcher::running() const {
  return impl_->busy.size();
}

}  // namespace posthorn
