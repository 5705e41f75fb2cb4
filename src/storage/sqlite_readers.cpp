#include "storage/sqlite_readers.h"

#include <sqlite3.h>

#include "storage/sqlite_writer.h"

namespace posthorn {

namespace {
constexpr int kReaderCacheKib = 4 * 1024;
}

Result<> SqliteReaders::start(const std::string& path, const std::string& vfs, int threads,
                              std::function<void(const Error&)> on_fatal) {
  on_fatal_ = std::move(on_fatal);
  for (int i = 0; i < threads; ++i) {
    const ConnectionOptions options{.vfs = vfs, .read_only = true, .cache_kib = kReaderCacheKib};
    PH_TRY_ASSIGN(auto connection, SqliteConnection::open(path, options));
    readers_.push_back(std::make_unique<Reader>(std::move(connection)));
  }
  for (const auto& reader : readers_) threads_.emplace_back([this, r = reader.get()] { run(*r); });
  return {};
}

SqliteReaders::~SqliteReaders() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void SqliteReaders::submit(PendingCallPtr call) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(call));
  }
  wake_.notify_one();
}

PendingCallPtr SqliteReaders::take() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  if (queue_.empty()) return nullptr;
  PendingCallPtr call = std::move(queue_.front());
  queue_.pop_front();
  return call;
}

void SqliteReaders::run(Reader& reader) {
  while (PendingCallPtr call = take()) {
    call->result = read(reader, call->work);
    complete_calls({&call, 1});
  }
}

Result<> SqliteReaders::read(Reader& reader, SqlWork& work) {
  sqlite3* db = reader.connection.handle();
  reader.faults.clear();
  PH_TRY(reader.connection.run("BEGIN"));
  SqliteTransaction tx(db, reader.statements, reader.faults, SqliteTransaction::Mode::read);
  Result<> result = run_guarded(work, tx);
  if (sqlite3_get_autocommit(db) == 0)
    sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);  // nothing to keep
  if (reader.faults.fatal == 0) return result;
  const Error error = sqlite_error(db, reader.faults.fatal, "reading");
  if (error.code == ErrorCode::data_loss)
    on_fatal_(error);  // damaged pages: nothing may be sent on their word
  return std::unexpected(error);
}

}  // namespace posthorn
