#include "api/parked_desk.h"

#include <algorithm>

namespace posthorn {
namespace {

constexpr int kMostAtOnce = 1000;

}  // namespace

Task<Result<std::vector<ParkedEventView>>> ParkedDesk::list_parked(std::int64_t before_id, int limit) {
  auto read = [before_id, limit](Transaction& tx) -> Result<std::vector<ParkedEventView>> {
    PH_TRY_ASSIGN(auto rows,
                  tx.query("SELECT id, journal_id, reason, body, parked_at, attempts FROM parked_events "
                           "WHERE $1 = 0 OR id < $1 ORDER BY id DESC LIMIT $2",
                           {before_id, limit}));
    std::vector<ParkedEventView> out;
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) return out;
      ParkedEventView event;
      event.id = rows.integer(0);
      event.journal_id = rows.integer(1);
      event.reason = std::string(rows.text(2));
      event.body = std::string(rows.text(3));
      event.parked_at = wall_from_micros(rows.integer(4));
      event.attempts = static_cast<int>(rows.integer(5));
      out.push_back(std::move(event));
    }
  };
  co_return co_await database_.read(std::move(read));
}

// Oldest first, so that events about one message keep their order.
Task<Result<ReplayOutcome>> ParkedDesk::replay_parked(std::vector<std::int64_t> ids) {
  if (ids.empty()) {
    PH_CO_TRY_ASSIGN(const auto all, co_await list_parked(0, kMostAtOnce));
    for (const auto& event : all) ids.push_back(event.id);
  }
  std::ranges::sort(ids);
  ReplayOutcome outcome;
  for (const auto id : ids) {
    const auto applied = co_await intake_.replay_parked(id);
    if (!applied && applied.error().code == ErrorCode::not_found) co_return std::unexpected(applied.error());
    ++(applied ? outcome.applied : outcome.parked_again);
  }
  co_return outcome;
}

}  // namespace posthorn
