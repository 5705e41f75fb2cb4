#include "storage/sqlite_database.h"

#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "storage/process_lock.h"
#include "storage/sqlite_committer.h"
#include "storage/sqlite_readers.h"

namespace posthorn {

namespace {

constexpr int kExitAfterFatal =
    70;  // EX_SOFTWARE: the supervisor starts us again, and recovery reads what is on disk

void end_process(const Error& reason) {
  std::fprintf(stderr, "posthorn: %s\n", reason.message.c_str());
  ::_exit(kExitAfterFatal);
}

class SqliteDatabaseImpl final : public SqliteDatabase {
 public:
  SqliteDatabaseImpl(ProcessLock lock, std::unique_ptr<SqliteWriter> writer, const SqliteOptions& options)
      : lock_(std::move(lock)),
        committer_(std::move(writer),
                   CommitterLimits{options.max_group, options.max_queued_writes, options.niceness}) {}

  Result<> start_readers(const std::string& path, const SqliteOptions& options) {
    return readers_.start(path, options.vfs, std::max(options.readers, 1), options.on_fatal);
  }

  SqliteStats stats() const override { return committer_.stats(); }

 protected:
  Task<Result<>> run_write(SqlWork work, Urgency urgency) override {
    return wait_for([this](PendingCallPtr call) { committer_.submit(std::move(call)); }, std::move(work),
                    urgency);
  }
  Task<Result<>> run_read(SqlWork work) override {
    return wait_for([this](PendingCallPtr call) { readers_.submit(std::move(call)); }, std::move(work),
                    Urgency::normal);
  }

 private:
  ProcessLock lock_;  // given back last
  SqliteCommitter
      committer_;  // closed after the readers: the last connection empties the log into the database
  SqliteReaders readers_;
};

// Messages and phone numbers are in it: readable by its owner only. SQLite gives its side files the same
// mode.
Result<> create_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return fail(
        ErrorCode::unavailable,
        fmt::format(
            "Cannot open the database {}: {}. Check that the data folder exists and belongs to this user.",
            path, std::strerror(errno)));
  }
  ::close(fd);
  return {};
}

}  // namespace

Result<std::unique_ptr<SqliteDatabase>> open_sqlite(const std::string& path, SqliteOptions options) {
  if (!options.on_fatal) options.on_fatal = &end_process;
  PH_TRY_ASSIGN(auto lock, ProcessLock::take(path + ".lock"));
  PH_TRY(create_private(path));
  WriterOptions writer_options;
  writer_options.connection = {
      .vfs = options.vfs, .durable = options.durable, .max_pages = options.max_pages};
  writer_options.migrations = options.migrations;
  writer_options.checkpoint_pages = options.checkpoint_pages;
  writer_options.reserve_path = path + ".reserve";
  writer_options.reserve_bytes = options.reserve_bytes;
  writer_options.log = options.log;
  writer_options.on_fatal = options.on_fatal;
  PH_TRY_ASSIGN(auto writer, SqliteWriter::open(path, std::move(writer_options)));
  auto database = std::make_unique<SqliteDatabaseImpl>(std::move(lock), std::move(writer), options);
  PH_TRY(database->start_readers(path, options));
  return database;
}

Task<Result<>> SqliteDatabase::quick_check() {
  auto check = [](Transaction& tx) -> Result<> {
    PH_TRY_ASSIGN(auto rows, tx.query("PRAGMA quick_check(1)"));
    PH_TRY_ASSIGN(const bool any, rows.next());
    if (any && rows.text(0) == "ok") return {};
    return fail(ErrorCode::data_loss,
                fmt::format("The database file is damaged: {}. Stop Posthorn and restore a backup.",
                            any ? rows.text(0) : "no answer"));
  };
  co_return co_await read(std::move(check));
}

}  // namespace posthorn
