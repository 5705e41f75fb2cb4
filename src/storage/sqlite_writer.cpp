#include "storage/sqlite_writer.h"

#include <algorithm>
#include <exception>

#include <fmt/format.h>
#include <sqlite3.h>

#include "storage/migrations.h"

namespace posthorn {

namespace {

constexpr std::int64_t kWalAlarmPages = 262'144;  // 1 GiB: some reader has held its snapshot for far too long

int remember_wal_size(void* target, sqlite3*, const char*, int pages) {
  *static_cast<std::int64_t*>(target) = pages;
  return SQLITE_OK;
}

}  // namespace

Result<> run_guarded(SqlWork& work, Transaction& tx) {
  try {
    return work(tx);
  } catch (const std::exception& e) {
    return fail(ErrorCode::internal,
                fmt::format("A database closure failed with an exception: {}", e.what()));
  } catch (...) {
    return fail(ErrorCode::internal, "A database closure failed with an unknown exception.");
  }
}

SqliteWriter::SqliteWriter(SqliteConnection connection, WriterOptions options)
    : options_(std::move(options)),
      connection_(std::move(connection)),
      statements_(connection_.handle()),
      reserve_(options_.reserve_path, options_.reserve_path.empty() ? 0 : options_.reserve_bytes),
      checkpoint_at_(options_.checkpoint_pages) {
  sqlite3_wal_hook(connection_.handle(), &remember_wal_size, &wal_pages_);
}

SqliteWriter::~SqliteWriter() = default;

Result<std::unique_ptr<SqliteWriter>> SqliteWriter::open(const std::string& path, WriterOptions options) {
  PH_TRY_ASSIGN(auto connection, SqliteConnection::open(path, options.connection));
  PH_TRY(migrate(connection.handle(), options.migrations));
  std::unique_ptr<SqliteWriter> writer(new SqliteWriter(std::move(connection), std::move(options)));
  // Too little space at the start is like a disk that has become full: reading and stopping things must work.
  writer->disk_full_ = !writer->reserve_.hold();
  return writer;
}

void SqliteWriter::run_group(std::span<const PendingCallPtr> calls) {
  if (disk_full_) leave_full_mode();
  std::vector<PendingCallPtr> accepted;
  accepted.reserve(calls.size());
  for (const PendingCallPtr& call : calls) {
    if (accepts(*call)) accepted.push_back(call);
  }
  if (accepted.empty()) return;
  faults_.clear();
  if (!step("BEGIN IMMEDIATE")) {
    fail_group(accepted);
    return;
  }
  if (accepted.size() == 1) {
    run_alone(*accepted.front());
  } else {
    run_together(accepted);
  }
}

bool SqliteWriter::accepts(PendingCall& call) {
  if (broken_) {
    call.result = std::unexpected(*broken_);
    return false;
  }
  if (disk_full_ && call.urgency == Urgency::normal) {
    call.result = fail(
        ErrorCode::resource_exhausted,
        "The disk is full: only stopping and reading work. Free some space; work then goes on by itself.");
    return false;
  }
  return true;
}

void SqliteWriter::run_one(PendingCall& call, SqliteTransaction::Mode mode) {
  SqliteTransaction tx(connection_.handle(), statements_, faults_, mode);
  call.result = run_guarded(call.work, tx);
  if (mode != SqliteTransaction::Mode::write_shared) return;
  Result<> closed = tx.close_savepoint(call.result.has_value());
  if (!closed && call.result) call.result = std::move(closed);
}

void SqliteWriter::run_alone(PendingCall& call) {
  run_one(call, SqliteTransaction::Mode::write);
  const bool keep = call.result.has_value() && faults_.fatal == 0 && faults_.full == 0;
  if (finish(keep)) return;
  if (call.result || faults_.fatal != 0 || faults_.full != 0) {
    const PendingCallPtr alone(PendingCallPtr(), &call);
    fail_group({&alone, 1});
  }
}

void SqliteWriter::run_together(std::span<const PendingCallPtr> calls) {
  for (const PendingCallPtr& call : calls) {
    run_one(*call, SqliteTransaction::Mode::write_shared);
    const bool lost = sqlite3_get_autocommit(connection_.handle()) != 0;
    if (lost || faults_.fatal != 0 || faults_.full != 0) break;
  }
  const bool lost = sqlite3_get_autocommit(connection_.handle()) != 0;
  if (!finish(!lost && faults_.fatal == 0 && faults_.full == 0)) fail_group(calls);
}

// Commits or rolls back. True only if what ran is durable now.
bool SqliteWriter::finish(bool keep) {
  if (keep && step("COMMIT")) return true;
  if (sqlite3_get_autocommit(connection_.handle()) == 0) step("ROLLBACK");
  return false;
}

// Nothing of the group is in the database. Each call learns why; a fault that no retry can mend ends the
// writer.
void SqliteWriter::fail_group(std::span<const PendingCallPtr> calls) {
  Error error{ErrorCode::unavailable,
              "The write did not take effect: another one in the same commit ended the transaction. "
              "Try again."};
  if (faults_.fatal != 0) {
    die(faults_.fatal, "commit");
    error = *broken_;
  } else if (faults_.full != 0) {
    error = sqlite_error(connection_.handle(), faults_.full, "commit");
    if (options_.log != nullptr)
      options_.log->error("database.disk_full", {{"writes_refused", calls.size()}});
    disk_full_ = true;
    reserve_.release();
  }
  for (const PendingCallPtr& call : calls) {
    if (call->result) call->result = std::unexpected(error);  // one that failed by itself keeps its own error
  }
}

void SqliteWriter::leave_full_mode() {
  if (!reserve_.retake()) return;
  disk_full_ = false;
  if (options_.log != nullptr) options_.log->info("database.disk_space_returned");
}

void SqliteWriter::die(int rc, std::string_view doing) {
  if (broken_) return;
  const Error cause = sqlite_error(connection_.handle(), rc, doing);
  broken_ = Error{ErrorCode::unavailable,
                  fmt::format("The database stopped after an error of the disk and must be opened again: {}",
                              cause.message)};
  if (options_.log != nullptr) options_.log->error("database.fatal", {{"reason", broken_->message}});
  if (options_.on_fatal) options_.on_fatal(*broken_);
}

bool SqliteWriter::step(std::string_view sql) {
  auto statement = statements_.take(sql);
  const int rc = statement ? (*statement)->step() : sqlite3_extended_errcode(connection_.handle());
  if (rc == SQLITE_DONE) return true;
  faults_.note(rc);
  return false;
}

Result<> SqliteWriter::run_read(SqlWork& work) {
  if (broken_) return std::unexpected(*broken_);
  faults_.clear();
  Result<> result = fail(ErrorCode::unavailable, "The database could not begin to read. Try again.");
  if (step("BEGIN")) {
    SqliteTransaction tx(connection_.handle(), statements_, faults_, SqliteTransaction::Mode::read);
    result = run_guarded(work, tx);
    if (!step("COMMIT") && sqlite3_get_autocommit(connection_.handle()) == 0) step("ROLLBACK");
  }
  if (faults_.fatal != 0) {
    die(faults_.fatal, "reading");
    return std::unexpected(*broken_);
  }
  return result;
}

void SqliteWriter::checkpoint_if_due() {
  if (broken_) return;
  if (wal_pages_ < previous_wal_pages_) checkpoint_at_ = options_.checkpoint_pages;  // the log began anew
  previous_wal_pages_ = wal_pages_;
  if (wal_pages_ < checkpoint_at_) return;
  int in_log = 0;
  int moved = 0;
  const int rc =
      sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
  if (is_fatal(rc)) {
    die(rc, "checkpoint");
    return;
  }
  ++checkpoints_;
  // The next commit starts the log anew unless a reader still needs it. Then we come back soon, but not at
  // each commit.
  checkpoint_at_ = wal_pages_ + std::max<std::int64_t>(options_.checkpoint_pages / 4, 1);
  if (in_log > kWalAlarmPages && options_.log != nullptr)
    options_.log->warning("database.log_grows", {{"pages", in_log}});
}

}  // namespace posthorn
