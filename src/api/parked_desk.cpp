#include "api/parked_desk.h"

#include <algorithm>
#include <limits>

#include "core/json.h"
#include "core/json_writer.h"

namespace posthorn {
namespace {

constexpr std::size_t kMostAtOnce = 1000;

// What was parked may be any bytes; what is shown is text, with U+FFFD for what is none.
std::string readable(std::string_view bytes) {
  std::string quoted;
  append_json_string(quoted, bytes);
  const auto parsed = parse_json(quoted);
  return parsed && parsed->is_string() ? std::string(parsed->get_string()) : std::string();
}

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
      event.reason = readable(rows.text(2));
      event.body = readable(rows.text(3));
      event.parked_at = wall_from_micros(rows.integer(4));
      event.attempts = static_cast<int>(rows.integer(5));
      out.push_back(std::move(event));
    }
  };
  co_return co_await database_.read(std::move(read));
}

// Oldest first, so that events about one message keep their order.
Task<Result<ReplayOutcome>> ParkedDesk::replay_parked(std::vector<std::int64_t> ids) {
  const bool all = ids.empty();
  std::int64_t before = 0;
  while (all) {
    PH_CO_TRY_ASSIGN(const auto found, co_await list_parked(before, static_cast<int>(kMostAtOnce)));
    for (const auto& event : found) ids.push_back(event.id);
    if (found.size() < kMostAtOnce) break;
    before = found.back().id;
  }
  std::ranges::sort(ids);
  ReplayOutcome outcome;
  for (const auto id : ids) {
    const auto applied = co_await intake_.replay_parked(id);
    const bool vanished = !applied && applied.error().code == ErrorCode::not_found;
    if (vanished && all) continue;  // applied by itself meanwhile
    if (vanished) co_return std::unexpected(applied.error());
    ++(applied ? outcome.applied : outcome.parked_again);
  }
  co_return outcome;
}

Task<Result<JournalReplay>> ParkedDesk::replay_journal(JournalRange range) {
  JournalReplay out;
  out.first_id = std::max<std::int64_t>(range.from_id.value_or(1), 1);
  out.last_id = range.to_id.value_or(std::numeric_limits<std::int64_t>::max());
  if (range.since) {
    PH_CO_TRY_ASSIGN(const JournalId first, co_await intake_.journal_at(*range.since));
    out.first_id = std::max(out.first_id, first.value);
  }
  if (range.until) {
    const WallTime after = *range.until + Duration(1);
    PH_CO_TRY_ASSIGN(const JournalId beyond, co_await intake_.journal_at(after));
    out.last_id = std::min(out.last_id, beyond.value - 1);
  }
  out.last_id = std::min(out.last_id, intake_.stats().last_journal_id);
  if (out.first_id > out.last_id) co_return out;
  const JournalId first{out.first_id}, last{out.last_id};
  PH_CO_TRY_ASSIGN(out.bodies, co_await intake_.replay_journal(first, last));
  co_return out;
}

}  // namespace posthorn
