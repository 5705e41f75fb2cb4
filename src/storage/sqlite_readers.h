// Reader threads, each with a connection that can neither write nor checkpoint.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "storage/completion_mailbox.h"
#include "storage/sqlite_connection.h"
#include "storage/sqlite_statements.h"
#include "storage/sqlite_transaction.h"

namespace posthorn {

class SqliteReaders {
 public:
  SqliteReaders() = default;
  ~SqliteReaders();  // answers what is queued first
  SqliteReaders(const SqliteReaders&) = delete;
  SqliteReaders& operator=(const SqliteReaders&) = delete;

  Result<> start(const std::string& path, const std::string& vfs, int threads,
                 std::function<void(const Error&)> on_fatal);
  void submit(PendingCallPtr call);

 private:
  struct Reader {
    SqliteConnection connection;
    StatementCache statements;
    SqliteFaults faults;
    explicit Reader(SqliteConnection c) : connection(std::move(c)), statements(connection.handle()) {}
  };
  void run(Reader& reader);
  PendingCallPtr take();
  Result<> read(Reader& reader, SqlWork& work);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<PendingCallPtr> queue_;
  bool stopping_ = false;
  std::function<void(const Error&)> on_fatal_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<std::thread> threads_;
};

}  // namespace posthorn
