#include "storage/sqlite_committer.h"

#include <algorithm>

#include <unistd.h>

namespace posthorn {

SqliteCommitter::SqliteCommitter(std::unique_ptr<SqliteWriter> writer, CommitterLimits limits)
    : writer_(std::move(writer)), limits_(limits), thread_([this] { run(); }) {}

SqliteCommitter::~SqliteCommitter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void SqliteCommitter::submit(PendingCallPtr call) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() < limits_.max_queued) {
      queue_.push_back(std::move(call));
      wake = std::exchange(sleeping_, false);
    }
  }
  if (wake) wake_.notify_one();
  if (!call) return;
  call->result = fail(ErrorCode::resource_exhausted,
                      "The disk is slower than the work that comes in. Try again shortly.");
  complete_calls({&call, 1});
}

bool SqliteCommitter::take(std::vector<PendingCallPtr>& group) {
  std::unique_lock lock(mutex_);
  while (queue_.empty() && !stopping_) {
    sleeping_ = true;
    wake_.wait(lock);
  }
  sleeping_ = false;
  group.clear();
  group.swap(queue_);
  return !group.empty();
}

void SqliteCommitter::run() {
  // On Linux the priority is the thread's own. Where it may not be lowered, work only goes on as before.
  if (limits_.niceness > 0) [[maybe_unused]]
    const int now = ::nice(limits_.niceness);
  std::vector<PendingCallPtr> group;
  while (take(group)) {
    for (std::size_t begin = 0; begin < group.size(); begin += limits_.max_group) {
      const std::size_t count = std::min(limits_.max_group, group.size() - begin);
      commit(std::span(group).subspan(begin, count));
    }
  }
}

void SqliteCommitter::commit(std::span<const PendingCallPtr> calls) {
  writer_->run_group(calls);
  publish_stats(calls.size());
  complete_calls(calls);
  writer_->checkpoint_if_due();
}

void SqliteCommitter::publish_stats(std::size_t closures) {
  const std::lock_guard lock(mutex_);
  ++stats_.groups;
  stats_.closures += closures;
  stats_.checkpoints = writer_->checkpoints();
  stats_.wal_pages = writer_->wal_pages();
  stats_.disk_full = writer_->disk_full();
}

SqliteStats SqliteCommitter::stats() const {
  const std::lock_guard lock(mutex_);
  SqliteStats result = stats_;
  result.queued = queue_.size();
  return result;
}

}  // namespace posthorn
