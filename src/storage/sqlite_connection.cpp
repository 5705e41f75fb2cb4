#include "storage/sqlite_connection.h"

#include <fmt/format.h>
#include <sqlite3.h>

namespace posthorn {

namespace {

constexpr int kBusyTimeoutMs = 5000;

ErrorCode code_of(int rc) {
  if (is_disk_full(rc)) return ErrorCode::resource_exhausted;
  switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
      return ErrorCode::conflict;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::data_loss;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return ErrorCode::unavailable;
    case SQLITE_NOMEM:
      return ErrorCode::resource_exhausted;
    case SQLITE_TOOBIG:
      return ErrorCode::too_large;
    case SQLITE_INTERRUPT:
      return ErrorCode::cancelled;
    default:
      return ErrorCode::internal;
  }
}

// Memory statistics cost a global lock for each allocation, and nobody reads them. Only possible before
// SQLite's first use in the process; later calls change nothing.
void configure_library() {
  static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)once;
}

}  // namespace

bool is_disk_full(int rc) {
  // On a full disk the shared-memory index cannot grow either; SQLite calls that an I/O error.
  return (rc & 0xff) == SQLITE_FULL || rc == SQLITE_IOERR_SHMSIZE;
}

bool is_fatal(int rc) {
  if (is_disk_full(rc) || rc == SQLITE_IOERR_NOMEM) return false;
  const int primary = rc & 0xff;
  return primary == SQLITE_IOERR || primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

Error sqlite_error(sqlite3* db, int rc, std::string_view doing) {
  if (is_disk_full(rc)) {
    return {ErrorCode::resource_exhausted,
            fmt::format(
                "The disk is full: nothing was written ({}). Free some space; work then goes on by itself.",
                doing)};
  }
  const char* detail = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
  if ((rc & 0xff) == SQLITE_NOTADB)
    return {
        code_of(rc),
        "The database file is no SQLite database, or its first page is damaged. Put a backup in its place "
        "(posthorn restore), or use another data folder."};
  return {code_of(rc), fmt::format("Database: {} (SQLite {}) during {}", detail, rc, doing)};
}

void SqliteConnection::Close::operator()(sqlite3* db) const {
  sqlite3_close_v2(db);
}

Result<SqliteConnection> SqliteConnection::open(const std::string& path, const ConnectionOptions& options) {
  configure_library();
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  sqlite3* raw = nullptr;
  const int rc =
      sqlite3_open_v2(path.c_str(), &raw, flags, options.vfs.empty() ? nullptr : options.vfs.c_str());
  SqliteConnection connection(raw);
  if (rc != SQLITE_OK) return std::unexpected(sqlite_error(raw, rc, "opening " + path));
  PH_TRY(connection.configure(options));
  return connection;
}

Result<> SqliteConnection::configure(const ConnectionOptions& options) {
  sqlite3* db = db_.get();
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
  sqlite3_wal_autocheckpoint(db, 0);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  // A simulated process ends by being killed: closing its connection must leave the disk as it is.
  sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, options.read_only || options.single_process ? 1 : 0,
                    nullptr);
  // The locking mode comes first: some of the others read the file already, which in WAL mode needs it or
  // shared memory.
  std::string pragmas = options.single_process ? "PRAGMA locking_mode=EXCLUSIVE;" : "";
  pragmas += fmt::format("PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON; PRAGMA cache_size=-{};",
                         options.cache_kib);
  if (options.read_only) {
    pragmas += "PRAGMA query_only=ON;";
  } else {
    pragmas += fmt::format(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous={}; PRAGMA foreign_keys=ON; PRAGMA "
        "journal_size_limit=67108864;",
        options.durable ? "FULL" : "NORMAL");
    if (options.max_pages > 0) pragmas += fmt::format("PRAGMA max_page_count={};", options.max_pages);
  }
  return run(pragmas);
}

Result<> SqliteConnection::run(const std::string& sql) {
  const int rc = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return std::unexpected(sqlite_error(db_.get(), rc, sql.substr(0, 80)));
  return {};
}

}  // namespace posthorn
