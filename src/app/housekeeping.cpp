#include "app/housekeeping.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "api/access.h"
#include "messaging/idempotency.h"
#include "messaging/media_uploads.h"
#include "storage/database.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

constexpr Duration kPause = std::chrono::minutes(1);
constexpr Duration kKeepEvents = std::chrono::days(30);
constexpr int kPrunedEvents = 5000;  // in one transaction

}  // namespace

void Housekeeping::start() {
  asio::co_spawn(ports_.executor, run(), asio::detached);
}

Task<> Housekeeping::run() {
  int minutes = 0;
  while (!stopping_) {
    co_await ports_.clock.sleep_for(kPause);
    const auto saved = co_await ports_.access.save_last_used();
    if (!saved)
      ports_.log.warning("housekeeping.failed",
                         {{"what", "key and session use"}, {"reason", saved.error().message}});
    if (minutes++ % 60 == 0) co_await prune();
  }
}

Task<> Housekeeping::prune() {
  const auto now = ports_.clock.wall_now();
  auto work = [now](Transaction& tx) -> Result<std::int64_t> {
    PH_TRY(idempotency::prune(tx, now));
    PH_TRY(media_uploads::prune(tx, now));
    return events::prune(tx, now - kKeepEvents, kPrunedEvents);
  };
  // A little at a time, until nothing old is left: a busy day has more events than one step takes.
  for (bool more = true; more && !stopping_;) {
    auto step = work;
    const auto done = co_await ports_.database.write(std::move(step));
    if (!done)
      ports_.log.warning("housekeeping.failed", {{"what", "old rows"}, {"reason", done.error().message}});
    more = done && *done >= kPrunedEvents;
  }
}

}  // namespace posthorn
