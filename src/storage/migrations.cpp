#include "storage/migrations.h"

#include <map>
#include <string>

#include <fmt/format.h>
#include <sqlite3.h>

#include "platform/crypto.h"
#include "storage/sqlite_connection.h"

namespace posthorn {

namespace {

// "PHRN" in the header of the file tells our databases from others (PRAGMA application_id).
constexpr int kApplicationId = 0x5048524E;

constexpr const char* kCreateTable =
    "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT "
    "NULL)";

Result<> run(sqlite3* db, const std::string& sql, std::string_view doing) {
  if (const int rc = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr); rc != SQLITE_OK) {
    return std::unexpected(sqlite_error(db, rc, doing));
  }
  return {};
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using StatementPtr = std::unique_ptr<sqlite3_stmt, Finalize>;

Result<StatementPtr> prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* raw = nullptr;
  if (const int rc = sqlite3_prepare_v2(db, sql, -1, &raw, nullptr); rc != SQLITE_OK) {
    return std::unexpected(sqlite_error(db, rc, sql));
  }
  return StatementPtr(raw);
}

Result<std::int64_t> read_integer(sqlite3* db, const char* sql) {
  PH_TRY_ASSIGN(auto statement, prepare(db, sql));
  const int rc = sqlite3_step(statement.get());
  if (rc != SQLITE_ROW) return std::unexpected(sqlite_error(db, rc, sql));
  return sqlite3_column_int64(statement.get(), 0);
}

Result<bool> has_table(sqlite3* db) {
  PH_TRY_ASSIGN(const auto n,
                read_integer(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'"));
  return n > 0;
}

Result<std::map<int, std::string>> applied_checksums(sqlite3* db) {
  std::map<int, std::string> result;
  PH_TRY_ASSIGN(auto statement,
                prepare(db, "SELECT version, checksum FROM schema_migrations ORDER BY version"));
  int rc = SQLITE_OK;
  while ((rc = sqlite3_step(statement.get())) == SQLITE_ROW) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 1));
    result[sqlite3_column_int(statement.get(), 0)] = text != nullptr ? text : "";
  }
  if (rc != SQLITE_DONE) return std::unexpected(sqlite_error(db, rc, "reading schema_migrations"));
  return result;
}

Result<> refuse_foreign(sqlite3* db) {
  PH_TRY_ASSIGN(const auto id, read_integer(db, "PRAGMA application_id"));
  PH_TRY_ASSIGN(const auto tables, read_integer(db, "SELECT count(*) FROM sqlite_schema"));
  if (id == kApplicationId || (id == 0 && tables == 0)) return {};
  return fail(ErrorCode::data_loss,
              "This file is an SQLite database of another program. Give Posthorn a folder of its own.");
}

Result<> check_applied(const std::map<int, std::string>& applied, std::span<const Migration> migrations) {
  if (!applied.empty() && applied.rbegin()->first > static_cast<int>(migrations.size())) {
    return fail(
        ErrorCode::conflict,
        fmt::format(
            "The database has schema version {}, this program knows only up to {}. It was used by a newer "
            "Posthorn: install that version again, or restore a backup made before the upgrade.",
            applied.rbegin()->first, migrations.size()));
  }
  for (const auto& [version, checksum] : applied) {
    const Migration& ours = migrations[static_cast<std::size_t>(version - 1)];
    if (to_hex(sha256(ours.sql)) != checksum) {
      return fail(ErrorCode::conflict,
                  fmt::format("Migration {} was applied with another text than this program's. The "
                              "database belongs to a different build; use that one.",
                              ours.name));
    }
  }
  return {};
}

Result<> record(sqlite3* db, const Migration& m) {
  PH_TRY_ASSIGN(auto statement,
                prepare(db, "INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)"));
  const std::string checksum = to_hex(sha256(m.sql));
  sqlite3_bind_int(statement.get(), 1, m.version);
  sqlite3_bind_text(statement.get(), 2, m.name.data(), static_cast<int>(m.name.size()), SQLITE_STATIC);
  sqlite3_bind_text(statement.get(), 3, checksum.data(), static_cast<int>(checksum.size()), SQLITE_STATIC);
  if (const int rc = sqlite3_step(statement.get()); rc != SQLITE_DONE) {
    return std::unexpected(sqlite_error(db, rc, fmt::format("recording migration {}", m.name)));
  }
  return {};
}

Result<> apply_statements(sqlite3* db, const Migration& m, bool first) {
  PH_TRY(run(db, "BEGIN IMMEDIATE", m.name));
  if (first) {
    PH_TRY(run(db, fmt::format("PRAGMA application_id = {}", kApplicationId), m.name));
    PH_TRY(run(db, kCreateTable, m.name));
  }
  PH_TRY(run(db, std::string(m.sql), m.name));
  PH_TRY(record(db, m));
  return run(db, "COMMIT", m.name);
}

Result<> apply(sqlite3* db, const Migration& m, bool first) {
  Result<> applied = apply_statements(db, m, first);
  if (applied) return {};
  // Nothing to add when the rollback fails too: the next open rolls back what the log holds.
  if (sqlite3_get_autocommit(db) == 0) sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
  return applied;
}

}  // namespace

Result<int> schema_version(sqlite3* db) {
  PH_TRY_ASSIGN(const bool exists, has_table(db));
  if (!exists) return 0;
  PH_TRY_ASSIGN(const auto version,
                read_integer(db, "SELECT coalesce(max(version), 0) FROM schema_migrations"));
  return static_cast<int>(version);
}

Result<> migrate(sqlite3* db, std::span<const Migration> migrations) {
  PH_TRY(refuse_foreign(db));
  std::map<int, std::string> applied;
  PH_TRY_ASSIGN(const bool exists, has_table(db));
  if (exists) {
    PH_TRY_ASSIGN(applied, applied_checksums(db));
  }
  PH_TRY(check_applied(applied, migrations));
  for (const Migration& m : migrations) {
    if (applied.contains(m.version)) continue;
    PH_TRY(apply(db, m, !exists && m.version == 1));
  }
  return {};
}

}  // namespace posthorn
