#include "messaging/audit.h"

#include <fmt/format.h>

#include "platform/crypto.h"

namespace posthorn::audit {

namespace {

constexpr int kMaxPage = 1000;

// Each part with its length: a text moved from one field to the next changes the hash.
std::string hash_of(std::string_view previous, WallTime at, std::string_view actor, std::string_view action,
                    std::string_view subject, std::string_view detail) {
  std::string text = fmt::format("{}|{}", previous, to_micros(at));
  for (const std::string_view part : {actor, action, subject, detail})
    text += fmt::format("|{}:{}", part.size(), part);
  return to_hex(sha256(text));
}

AuditEntry row(SqlRows& r) {
  return {r.integer(0),           wall_from_micros(r.integer(1)), std::string(r.text(2)),
          std::string(r.text(3)), std::string(r.text(4)),         std::string(r.text(5)),
          std::string(r.text(6))};
}

}  // namespace

Result<std::string> last_hash(Transaction& tx) {
  PH_TRY_ASSIGN(auto rows, tx.query("SELECT hash FROM audit ORDER BY id DESC LIMIT 1"));
  PH_TRY_ASSIGN(const bool any, rows.next());
  return any ? std::string(rows.text(0)) : std::string();
}

Result<> record(Transaction& tx, WallTime at, std::string_view actor, std::string_view action,
                std::string_view subject, std::string_view detail) {
  PH_TRY_ASSIGN(const std::string previous, last_hash(tx));
  const std::string hash = hash_of(previous, at, actor, action, subject, detail);
  PH_TRY(
      tx.execute("INSERT INTO audit (at, actor, action, subject, detail, previous_hash, hash) VALUES ($1, "
                 "$2, $3, $4, $5, $6, $7)",
                 {at, actor, action, subject, detail, previous, hash}));
  return {};
}

Result<std::vector<AuditEntry>> list(Transaction& tx, std::int64_t before_id, int limit) {
  if (limit < 1 || limit > kMaxPage) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'limit' is {}, but must be between 1 and {}.", limit, kMaxPage), "limit");
  }
  PH_TRY_ASSIGN(
      auto rows,
      tx.query("SELECT id, at, actor, action, subject, detail, hash FROM audit WHERE $1 = 0 OR id < $1 "
               "ORDER BY id DESC LIMIT $2",
               {before_id, limit}));
  std::vector<AuditEntry> result;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return result;
    result.push_back(row(rows));
  }
}

Result<std::int64_t> verify(Transaction& tx) {
  PH_TRY_ASSIGN(
      auto rows,
      tx.query("SELECT id, at, actor, action, subject, detail, hash, previous_hash FROM audit ORDER BY id"));
  std::string previous;
  std::int64_t checked = 0;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return checked;
    const AuditEntry e = row(rows);
    if (rows.text(7) != previous ||
        hash_of(previous, e.at, e.actor, e.action, e.subject, e.detail) != e.hash) {
      return fail(
          ErrorCode::data_loss,
          fmt::format("Audit entry {} does not fit the one before it: an entry was changed or removed.",
                      e.id));
    }
    previous = e.hash;
    ++checked;
  }
}

}  // namespace posthorn::audit
