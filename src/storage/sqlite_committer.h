// The committer thread: takes everything that has queued up and commits it together.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/completion_mailbox.h"
#include "storage/sqlite_database.h"
#include "storage/sqlite_writer.h"

namespace posthorn {

struct CommitterLimits {
  std::size_t max_group;
  std::size_t max_queued;
  int niceness = 0;
};

class SqliteCommitter {
 public:
  SqliteCommitter(std::unique_ptr<SqliteWriter> writer, CommitterLimits limits);
  ~SqliteCommitter();  // commits what is queued first
  SqliteCommitter(const SqliteCommitter&) = delete;
  SqliteCommitter& operator=(const SqliteCommitter&) = delete;

  void submit(PendingCallPtr call);
  SqliteStats stats() const;

 private:
  void run();
  bool take(std::vector<PendingCallPtr>& group);
  void commit(std::span<const PendingCallPtr> calls);
  void publish_stats(std::size_t closures);

  std::unique_ptr<SqliteWriter> writer_;
  CommitterLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<PendingCallPtr> queue_;
  bool sleeping_ = false;
  bool stopping_ = false;
  SqliteStats stats_;
  std::thread thread_;
};

}  // namespace posthorn
