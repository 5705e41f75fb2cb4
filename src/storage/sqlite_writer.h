// The one connection that writes and checkpoints: runs groups of closures, each group in one commit.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "platform/log.h"
#include "storage/completion_mailbox.h"
#include "storage/disk_reserve.h"
#include "storage/migrations.h"
#include "storage/sqlite_connection.h"
#include "storage/sqlite_statements.h"
#include "storage/sqlite_transaction.h"

namespace posthorn {

struct WriterOptions {
  ConnectionOptions connection;
  std::span<const Migration> migrations = embedded_migrations();
  std::int64_t checkpoint_pages = 2000;
  std::string reserve_path;  // empty: no reserve
  std::uint64_t reserve_bytes = 0;
  Log* log = nullptr;
  std::function<void(const Error&)> on_fatal;  // may return; the writer is broken then
};

// Used by one thread at a time.
class SqliteWriter {
 public:
  // Opens, recovers, migrates.
  static Result<std::unique_ptr<SqliteWriter>> open(const std::string& path, WriterOptions options);
  ~SqliteWriter();

  // Runs every call's work in order and sets its result. When it returns, what succeeded is durable.
  void run_group(std::span<const PendingCallPtr> calls);
  Result<> run_read(SqlWork& work);  // for databases with one connection
  void checkpoint_if_due();          // after the results of a group were handed out: nobody waits for it

  bool broken() const { return broken_.has_value(); }
  bool disk_full() const { return disk_full_; }
  std::int64_t wal_pages() const { return wal_pages_; }
  std::uint64_t checkpoints() const { return checkpoints_; }

 private:
  SqliteWriter(SqliteConnection connection, WriterOptions options);
  bool accepts(PendingCall& call);
  void run_one(PendingCall& call, SqliteTransaction::Mode mode);
  void run_alone(PendingCall& call);
  void run_together(std::span<const PendingCallPtr> calls);
  bool finish(bool keep);
  void fail_group(std::span<const PendingCallPtr> calls);
  void leave_full_mode();
  void die(int rc, std::string_view doing);
  bool step(std::string_view sql);

  WriterOptions options_;
  SqliteConnection connection_;
  StatementCache statements_;
  SqliteFaults faults_;
  DiskReserve reserve_;
  std::optional<Error> broken_;
  bool disk_full_ = false;
  std::int64_t wal_pages_ = 0;  // set by SQLite at each commit
  std::int64_t previous_wal_pages_ = 0;
  std::int64_t checkpoint_at_;
  std::uint64_t checkpoints_ = 0;
};

// Runs `work`, turning an exception into an error.
Result<> run_guarded(SqlWork& work, Transaction& tx);

}  // namespace posthorn
