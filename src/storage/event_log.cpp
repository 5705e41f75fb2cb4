#include "storage/event_log.h"

#include <fmt/format.h>

namespace posthorn::events {

namespace {

constexpr std::string_view kAfter =
    "SELECT id, at, kind, subject, data FROM events WHERE id > $1 ORDER BY id LIMIT $2";
constexpr std::string_view kAfterOfKind =
    "SELECT id, at, kind, subject, data FROM events WHERE id > $1 AND substr(kind, 1, $3) = $4 ORDER BY id "
    "LIMIT $2";
// Looks at the oldest only: a log without anything old is not read from end to end.
constexpr std::string_view kPrune =
    "DELETE FROM events WHERE id IN (SELECT id FROM (SELECT id, at FROM events WHERE id <= (SELECT "
    "coalesce(min(position), 0) FROM cursors) AND id < (SELECT max(id) FROM events) ORDER BY id LIMIT $2) "
    "AS oldest WHERE at < $1)";

Result<std::int64_t> one_integer(Result<SqlRows> found, std::int64_t when_absent) {
  PH_TRY_ASSIGN(auto rows, std::move(found));
  PH_TRY_ASSIGN(const bool any, rows.next());
  return any ? rows.integer(0) : when_absent;
}

}  // namespace

Result<EventId> append(Transaction& tx, WallTime at, std::string_view kind, std::string_view subject,
                       std::string_view data_json) {
  PH_TRY_ASSIGN(auto rows,
                tx.query("INSERT INTO events (at, kind, subject, data) VALUES ($1, $2, $3, $4) RETURNING id",
                         {at, kind, subject, data_json}));
  PH_TRY(rows.next());
  return EventId{rows.integer(0)};
}

Result<> note(Transaction& tx, WallTime at, std::string_view kind, std::string_view subject,
              std::string_view data_json) {
  PH_TRY(tx.execute("INSERT INTO events (at, kind, subject, data) VALUES ($1, $2, $3, $4)",
                    {at, kind, subject, data_json}));
  return {};
}

Result<std::vector<LoggedEvent>> read_after(Transaction& tx, EventId position, int limit,
                                            std::string_view kinds_prefix) {
  auto found = kinds_prefix.empty()
                   ? tx.query(kAfter, {position, limit})
                   : tx.query(kAfterOfKind, {position, limit, kinds_prefix.size(), kinds_prefix});
  PH_TRY_ASSIGN(auto rows, std::move(found));
  std::vector<LoggedEvent> result;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return result;
    result.push_back({EventId{rows.integer(0)}, wall_from_micros(rows.integer(1)), std::string(rows.text(2)),
                      std::string(rows.text(3)), std::string(rows.text(4))});
  }
}

Result<EventId> last_position(Transaction& tx) {
  PH_TRY_ASSIGN(const auto id, one_integer(tx.query("SELECT coalesce(max(id), 0) FROM events"), 0));
  return EventId{id};
}

Result<EventId> cursor(Transaction& tx, std::string_view consumer) {
  PH_TRY_ASSIGN(const auto id,
                one_integer(tx.query("SELECT position FROM cursors WHERE consumer = $1", {consumer}), 0));
  return EventId{id};
}

Result<EventId> begin_at_end(Transaction& tx, std::string_view consumer) {
  {
    PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT position FROM cursors WHERE consumer = $1", {consumer}));
    PH_TRY_ASSIGN(const bool known, rows.next());
    if (known) return EventId{rows.integer(0)};
  }
  PH_TRY_ASSIGN(const EventId end, last_position(tx));
  PH_TRY(move_cursor(tx, consumer, end));
  return end;
}

Result<> move_cursor(Transaction& tx, std::string_view consumer, EventId position) {
  PH_TRY_ASSIGN(
      const auto changed,
      tx.execute(
          "INSERT INTO cursors (consumer, position) VALUES ($1, $2) ON CONFLICT (consumer) DO UPDATE SET "
          "position = excluded.position WHERE excluded.position >= cursors.position",
          {consumer, position}));
  if (changed == 1) return {};
  return fail(ErrorCode::conflict,
              fmt::format("The cursor '{}' cannot go back to {}: events would be applied twice.", consumer,
                          position.value));
}

Result<std::int64_t> prune(Transaction& tx, WallTime before, int limit) {
  return tx.execute(kPrune, {before, limit});
}

}  // namespace posthorn::events
