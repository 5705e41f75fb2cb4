// The real side of the database port: SQLite in WAL mode with synchronous=FULL.
//
// Exactly one connection writes and checkpoints (it belongs to the committer thread); readers are query_only
// and never checkpoint. That access pattern is outside SQLite's WAL-reset bug, which needs two connections
// that write or checkpoint at once (sqlite.org/wal.html#walresetbug, versions 3.7.0 to 3.51.2).
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/result.h"
#include "platform/log.h"
#include "storage/database.h"
#include "storage/migrations.h"

namespace posthorn {

struct SqliteOptions {
  std::span<const Migration> migrations = embedded_migrations();  // which of our databases it is
  int readers = 2;                                                // reader threads, at least 1
  std::int64_t checkpoint_pages = 2000;       // WAL pages (4 KiB each) after which the committer checkpoints
  std::uint64_t reserve_bytes = 64ULL << 20;  // file kept to be given back when the disk is full; 0: none
  std::size_t max_queued_writes = 200'000;    // beyond it write() fails with resource_exhausted at once
  std::size_t max_group = 8192;               // closures that may share one commit
  std::int64_t max_pages = 0;  // database size limit in pages; 0: SQLite's own. Refuses like a full disk
  // How far the committer's thread stands back when there is more work than processors: nice, 0 to 19.
  int niceness = 0;
  // Else commits are on disk only some time after they return: for what can be made again.
  bool durable = true;
  std::string vfs;     // SQLite VFS name; empty: the operating system's
  Log* log = nullptr;  // must outlive the database
  // A commit, fsync or page check failed: nothing that happened since can be trusted and nothing may be
  // retried (invariant I20). Called on a database thread. Empty: writes the reason to stderr and ends the
  // process with _exit(70), so that a restart recovers from disk. If it returns, every later call fails with
  // `unavailable`.
  std::function<void(const Error&)> on_fatal;
};

struct SqliteStats {
  std::uint64_t groups = 0;    // commits
  std::uint64_t closures = 0;  // writes committed or failed by themselves
  std::uint64_t checkpoints = 0;
  std::int64_t wal_pages = 0;  // after the last commit; grows while a reader holds an old snapshot
  std::size_t queued = 0;
  bool disk_full = false;  // only urgent writes are accepted until there is space for the reserve again
};

class SqliteDatabase : public Database {
 public:
  virtual SqliteStats stats() const = 0;
  // PRAGMA quick_check on a reader; data_loss names the first problem. Seconds a gigabyte.
  Task<Result<>> quick_check();
};

// Opens or creates the database at `path`, takes the process lock "<path>.lock", recovers, and brings the
// schema up to date. Blocking: for start-up. Errors name what to do: `conflict` (another process holds it,
// with its pid; or the schema is newer than this program), data_loss (not a database, damaged),
// resource_exhausted, unavailable. The destructor commits what is queued, then closes.
Result<std::unique_ptr<SqliteDatabase>> open_sqlite(const std::string& path, SqliteOptions options = {});

}  // namespace posthorn
