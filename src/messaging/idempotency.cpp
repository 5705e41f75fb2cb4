#include "messaging/idempotency.h"

#include <fmt/format.h>

#include "platform/crypto.h"

namespace posthorn::idempotency {

std::string scoped_key(std::string_view caller, std::string_view action, std::string_view key) {
  // Lengths in front: no two triples can be written the same way.
  return fmt::format("{}:{}{}:{}{}", caller.size(), caller, action.size(), action, key);
}

std::string body_hash(std::string_view body) {
  return to_hex(sha256(body));
}

Result<std::optional<RememberedAnswer>> find(Transaction& tx, std::string_view scoped_key,
                                             std::string_view body_hash) {
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT body_hash, status, answer FROM idempotency WHERE key = $1", {scoped_key}));
  PH_TRY_ASSIGN(const bool any, rows.next());
  if (!any) return std::nullopt;
  if (rows.text(0) != body_hash) {
    return fail(ErrorCode::conflict,
                "This Idempotency-Key was used before with another body. Use a new key for a new request.",
                "Idempotency-Key");
  }
  return RememberedAnswer{static_cast<int>(rows.integer(1)), std::string(rows.text(2))};
}

Result<> reserve(Transaction& tx, std::string_view scoped_key, std::string_view body_hash, WallTime now) {
  PH_TRY_ASSIGN(const auto added,
                tx.execute("INSERT INTO idempotency (key, body_hash, status, answer, created_at) "
                           "VALUES ($1, $2, 0, '', $3) ON CONFLICT (key) DO NOTHING",
                           {scoped_key, body_hash, now}));
  if (added == 1) return {};
  return fail(ErrorCode::conflict, "A request with this Idempotency-Key came before.", "Idempotency-Key");
}

Result<> release(Transaction& tx, std::string_view scoped_key) {
  PH_TRY(tx.execute("DELETE FROM idempotency WHERE key = $1 AND status = 0", {scoped_key}));
  return {};
}

Result<> remember(Transaction& tx, std::string_view scoped_key, std::string_view body_hash,
                  const RememberedAnswer& answer, WallTime now) {
  PH_TRY_ASSIGN(
      const auto added,
      tx.execute("INSERT INTO idempotency (key, body_hash, status, answer, created_at) "
                 "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key) DO UPDATE "
                 "SET status = excluded.status, answer = excluded.answer WHERE idempotency.status = 0",
                 {scoped_key, body_hash, answer.status, answer.answer, now}));
  if (added == 1) return {};
  return fail(ErrorCode::conflict, "A request with this Idempotency-Key has been answered already.",
              "Idempotency-Key");
}

Result<std::int64_t> prune(Transaction& tx, WallTime now) {
  return tx.execute("DELETE FROM idempotency WHERE created_at < $1", {now - kKeep});
}

}  // namespace posthorn::idempotency
