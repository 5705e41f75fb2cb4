#include "messaging/early_changes.h"

namespace posthorn::early_changes {

Result<> keep(Transaction& tx, std::int64_t target_hash, const EarlyChange& change, WallTime now) {
  PH_TRY(
      tx.execute("INSERT INTO early_changes (hash, key, kind, data, at) VALUES ($1, $2, $3, $4, $5) "
                 "ON CONFLICT (hash, key) DO NOTHING",
                 {target_hash, change.key, change.kind, change.data, now}));
  return {};
}

Result<std::vector<EarlyChange>> take(Transaction& tx, std::int64_t target_hash) {
  std::vector<EarlyChange> changes;
  {
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query("SELECT key, kind, data FROM early_changes WHERE hash = $1 ORDER BY key", {target_hash}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      changes.push_back({rows.integer(0), std::string(rows.text(1)), std::string(rows.text(2))});
    }
  }
  if (!changes.empty()) {
    PH_TRY(tx.execute("DELETE FROM early_changes WHERE hash = $1", {target_hash}));
  }
  return changes;
}

Result<bool> any(Transaction& tx) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT 1 FROM early_changes LIMIT 1"));
  return rows.next();
}

Result<std::int64_t> prune(Transaction& tx, WallTime before, int limit) {
  return tx.execute(
      "DELETE FROM early_changes WHERE (hash, key) IN "
      "(SELECT hash, key FROM early_changes WHERE at < $1 ORDER BY at LIMIT $2)",
      {before, limit});
}

}  // namespace posthorn::early_changes
