#include "messaging/profiles.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "channels/conversation_events.h"
#include "core/json.h"
#include "messaging/essential_loop.h"
#include "messaging/event_patience.h"
#include "messaging/held_blobs.h"
#include "messaging/media_rows.h"
#include "messaging/people_rows.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

constexpr const char* kConsumer = "profiles";
constexpr Duration kAfterStoreTrouble = std::chrono::seconds(10);

struct Wanted {
  PersonId person;
  AccountId account;
  std::string scoped_id;
};

struct Look {
  EventId begin, end;  // of the events that were read or passed by
  std::int64_t events = 0;
  std::vector<Wanted> wanted;
  std::vector<std::string> passed_over;
};

struct Outcome {
  FetchedProfile profile;
  std::string picture;  // blob key; empty: none
  std::string error;
  bool fetched = false;
  Duration keep{};
};

bool has_profiles(std::string_view channel) {
  return channel == "instagram" || channel == "messenger";
}

// Who wrote, if their profile is not known well enough.
Result<std::optional<Wanted>> wanted_by(Transaction& tx, const LoggedEvent& event, WallTime now) {
  const Result<json::value> parsed = parse_json(event.data);
  if (!parsed) return std::nullopt;
  const JsonView data(*parsed);
  if (!has_profiles(data["channel"].string_or(""))) return std::nullopt;
  Wanted wanted;
  wanted.account = AccountId{data["account_id"].integer_or(0)};
  const auto person = people_rows::follow_merges(tx, PersonId{data["person_id"].integer_or(0)});
  if (!person && person.error().code == ErrorCode::not_found) return std::nullopt;
  if (!person) return std::unexpected(person.error());
  wanted.person = *person;
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT a.value FROM people p JOIN person_addresses a ON a.person_id = p.id "
                         "JOIN accounts c ON c.sender_id = a.scope WHERE p.id = $1 AND p.profile_until <= $2 "
                         "AND c.id = $3 AND a.kind IN (4, 5) LIMIT 1",
                         {wanted.person, now, wanted.account}));
  PH_TRY_ASSIGN(const bool due, rows.next());
  if (!due) return std::nullopt;
  wanted.scoped_id = rows.text(0);
  return wanted;
}

Result<> note_wanted(Transaction& tx, const LoggedEvent& event, WallTime now, Look& result) {
  if (event.kind != "message.received") return {};
  PH_TRY_ASSIGN(auto wanted, wanted_by(tx, event, now));
  if (!wanted || std::ranges::find(result.wanted, wanted->person, &Wanted::person) != result.wanted.end())
    return {};
  result.wanted.push_back(*std::move(wanted));
  return {};
}

Result<bool> any_account_with_profiles(Transaction& tx) {
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT 1 FROM accounts WHERE channel IN ('instagram', 'messenger') LIMIT 1"));
  return rows.next();
}

Result<Look> look(Transaction& tx, WallTime now, int batch, bool pass_over) {
  Look result;
  EventTries tries(pass_over);
  PH_TRY_ASSIGN(result.begin, events::cursor(tx, kConsumer));
  result.end = result.begin;
  PH_TRY_ASSIGN(const bool any, any_account_with_profiles(tx));
  if (!any) {  // a flood of WhatsApp messages is not read for nothing
    PH_TRY_ASSIGN(const EventId last, events::last_position(tx));
    result.end = std::max(result.end, last);
    return result;
  }
  PH_TRY_ASSIGN(const auto list, events::read_after(tx, result.end, batch));
  for (const LoggedEvent& event : list) {
    result.end = event.id;
    ++result.events;
    PH_TRY(tries.run(event, [&] { return note_wanted(tx, event, now, result); }));
  }
  result.passed_over = tries.take_passed_over();
  return result;
}

bool will_stay(ErrorCode code) {
  return code == ErrorCode::permission_denied || code == ErrorCode::not_found ||
         code == ErrorCode::invalid_argument;
}

Result<> let_old_picture_go(Transaction& tx, PersonId person, std::string_view picture) {
  if (picture.empty()) return {};
  PH_TRY_ASSIGN(auto rows, tx.query("SELECT profile_picture FROM people WHERE id = $1 AND profile_picture <> "
                                    "'' AND profile_picture <> $2",
                                    {person, picture}));
  PH_TRY_ASSIGN(const bool replaced, rows.next());
  if (!replaced) return {};
  const std::string old(rows.text(0));
  return attachments::let_go(tx, old);
}

// A failure leaves what is known as it is.
Result<> store(Transaction& tx, PersonId person, const Outcome& outcome, WallTime now) {
  PH_TRY_ASSIGN(const PersonId own, people_rows::follow_merges(tx, person));
  PH_TRY(tx.execute("UPDATE people SET profile_at = $2, profile_until = $3, profile_error = $4 WHERE id = $1",
                    {own, now, now + outcome.keep, outcome.error}));
  if (!outcome.fetched) return {};
  PH_TRY(let_old_picture_go(tx, own, outcome.picture));
  PH_TRY_ASSIGN(
      const auto changed,
      tx.execute(
          "UPDATE people SET profile = $2, profile_picture = CASE WHEN $3 = '' THEN profile_picture ELSE $3 "
          "END, updated_at = $4 WHERE id = $1 AND (profile <> $2 OR ($3 <> '' AND profile_picture <> $3))",
          {own, outcome.profile.json, outcome.picture, now}));
  PH_TRY_ASSIGN(const people_rows::Known known, people_rows::known(tx, own));
  channels::Party told;
  told.name = outcome.profile.name;
  told.username = outcome.profile.username;
  PH_TRY_ASSIGN(const bool renamed, people_rows::update_names(tx, known, told, now));
  if (changed == 0 && !renamed) return {};
  return people_rows::append_event(tx, now, "person.updated", own);
}

}  // namespace

struct ProfileFetcher::Impl : std::enable_shared_from_this<ProfileFetcher::Impl> {
  Impl(ProfilePorts given, ProfileOptions chosen)
      : ports(std::move(given)),
        options(chosen),
        looks(ports.executor, ports.clock),
        done(ports.executor, ports.clock),
        ended(ports.executor),
        patience(kConsumer, ports.log, ports.metrics) {}

  Task<Result<>> begin() {
    auto start = [](Transaction& tx) { return events::begin_at_end(tx, kConsumer); };
    auto begun = co_await ports.database.write(std::move(start));
    if (!begun) co_return std::unexpected(begun.error());
    co_return Result<>();
  }

  static Task<> loop(std::shared_ptr<Impl> self) {
    while (!self->stopping) {
      const auto passed = co_await self->run_once();
      if (!passed) self->ports.log.warning("profiles.look_failed", {{"error", passed.error().message}});
      if (passed && *passed >= self->options.batch) continue;
      const Duration pause = passed ? self->options.interval : kAfterStoreTrouble;
      if (!self->stopping) co_await self->looks.wait_until(self->ports.clock.now() + pause);
    }
    self->running = false;
    self->ended.notify_all();
  }

  // Results are committed one by one, the position after all of them: after a crash some are asked for again,
  // which the time they are kept for prevents where the answer was stored.
  Task<Result<std::int64_t>> run_once() {
    const WallTime now = ports.clock.wall_now();
    auto read = [now, batch = options.batch, pass_over = patience.exhausted()](Transaction& tx) {
      return look(tx, now, batch, pass_over);
    };
    auto looked = co_await ports.database.read(std::move(read));
    if (!looked) {
      patience.failed(looked.error());
      co_return std::unexpected(looked.error());
    }
    Look found = *std::move(looked);
    patience.succeeded(found.passed_over);
    if (found.end == found.begin) co_return 0;
    co_await fetch_all(std::move(found.wanted));
    if (stopping) co_return found.events;  // those not asked for are at the next start
    auto move = [end = found.end](Transaction& tx) { return events::move_cursor(tx, kConsumer, end); };
    PH_CO_TRY(co_await ports.database.write(std::move(move)));
    co_return found.events;
  }

  Task<> fetch_all(std::vector<Wanted> list) {
    waiting = std::move(list);
    std::ranges::reverse(waiting);
    const auto lanes = std::min<std::size_t>(
        waiting.size(), static_cast<std::size_t>(std::clamp(options.concurrency, 1, 64)));
    lanes_left = lanes;
    for (std::size_t i = 0; i < lanes; ++i)
      spawn_essential(ports.executor, "profiles", lane(shared_from_this()));
    while (lanes_left > 0) co_await done.wait();
  }

  static Task<> lane(std::shared_ptr<Impl> self) {
    while (!self->waiting.empty() && !self->stopping) {
      Wanted next = std::move(self->waiting.back());
      self->waiting.pop_back();
      co_await self->fetch_one(std::move(next));
    }
    --self->lanes_left;
    self->done.notify();
  }

  Task<> fetch_one(Wanted wanted) {
    auto asked = co_await contained_value(ask(wanted));
    Outcome outcome;
    if (asked) {
      outcome = *std::move(asked);
    } else {
      ports.log.warning("profiles.job_failed",
                        {{"person", std::to_string(wanted.person.value)}, {"error", asked.error().message}});
      outcome.error = std::move(asked.error().message);
      outcome.keep = options.retry;
    }
    const WallTime now = ports.clock.wall_now();
    auto write = [person = wanted.person, outcome = std::move(outcome), now](Transaction& tx) {
      return store(tx, person, outcome, now);
    };
    const auto stored = co_await ports.database.write(std::move(write));
    if (!stored) {
      ports.log.warning("profiles.store_failed",
                        {{"person", std::to_string(wanted.person.value)}, {"error", stored.error().message}});
    }
  }

  Task<Outcome> ask(Wanted wanted) {
    Outcome outcome;
    auto answer = co_await ports.source.fetch(wanted.account, wanted.scoped_id);
    if (!answer) {
      outcome.error = answer.error().message.empty() ? "there is no profile" : answer.error().message;
      outcome.keep = will_stay(answer.error().code) ? options.refused : options.retry;
      co_return outcome;
    }
    outcome.profile = *std::move(answer);
    outcome.fetched = true;
    outcome.keep = options.fresh;
    if (outcome.profile.picture_url.empty() || !ports.download) co_return outcome;
    auto picture = co_await copy_picture(wanted.account, outcome.profile.picture_url);
    if (picture) {
      outcome.picture = *std::move(picture);
    } else {
      outcome.error = fmt::format("the picture could not be fetched: {}", picture.error().message);
      outcome.keep = will_stay(picture.error().code) ? options.fresh : options.retry;
    }
    co_return outcome;
  }

  Task<Result<std::string>> copy_picture(AccountId account, std::string url) {
    PH_CO_TRY_ASSIGN(std::string bytes, co_await ports.download(account, std::move(url)));
    PH_CO_TRY_ASSIGN(const StoredBlob blob,
                     co_await put_held(ports.database, ports.clock, ports.blobs, std::move(bytes)));
    co_return blob.key;
  }

  ProfilePorts ports;
  ProfileOptions options;
  Wakeup looks, done;
  WaitList ended;
  EventPatience patience;
  bool running = false, stopping = false;
  std::vector<Wanted> waiting;  // the next one last
  std::size_t lanes_left = 0;
};

ProfileFetcher::ProfileFetcher(ProfilePorts ports, ProfileOptions options)
    : impl_(std::make_shared<Impl>(std::move(ports), options)) {}

ProfileFetcher::~ProfileFetcher() = default;

Task<Result<>> ProfileFetcher::start() {
  const auto impl = impl_;
  PH_CO_TRY(co_await impl->begin());
  impl->running = true;
  spawn_essential(impl->ports.executor, "profiles", Impl::loop(impl));
  co_return Result<>();
}

Task<> ProfileFetcher::stop() {
  const auto impl = impl_;
  impl->stopping = true;
  impl->looks.notify();
  while (impl->running) co_await impl->ended.wait();
}

void ProfileFetcher::wake() {
  impl_->looks.notify();
}

Task<Result<std::int64_t>> ProfileFetcher::run_once() {
  const auto impl = impl_;
  co_return co_await impl->run_once();
}

}  // namespace posthorn
