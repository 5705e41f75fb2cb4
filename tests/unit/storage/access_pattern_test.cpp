// Watches a real database through a VFS that passes everything on: who writes, who locks for writing or
// checkpointing, and what happens when syncing fails.
#include <atomic>
#include <cstring>
#include <mutex>

#include <boost/asio/detached.hpp>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage_fixture.h"

namespace posthorn::test {
namespace {

// SQLite's shared-memory lock slots (sqlite.org/walformat.html, "WAL locks").
constexpr int kWriteLock = 0;
constexpr int kCheckpointLock = 1;

struct Observed {
  std::mutex mutex;
  std::set<const void*> writers;      // file handles of the main database or log that were written
  std::set<const void*> write_locks;  // main-database handles that took the write lock
  std::set<const void*> checkpoint_locks;
  std::set<const void*> readers;
  int opened_main = 0;
  std::atomic<bool> fail_syncs = false;
  std::atomic<int> operations = 0;  // writes and syncs
};

struct WatchedFile : sqlite3_file {
  sqlite3_file* inner;
  Observed* seen;
};

struct WatchedVfs : sqlite3_vfs {
  sqlite3_vfs* inner;
  Observed* seen;
};

sqlite3_file* inner(sqlite3_file* f) {
  return static_cast<WatchedFile*>(f)->inner;
}
Observed& seen(sqlite3_file* f) {
  return *static_cast<WatchedFile*>(f)->seen;
}

int w_close(sqlite3_file* f) {
  return inner(f)->pMethods->xClose(inner(f));
}
int w_read(sqlite3_file* f, void* p, int n, sqlite3_int64 o) {
  return inner(f)->pMethods->xRead(inner(f), p, n, o);
}
int w_write(sqlite3_file* f, const void* p, int n, sqlite3_int64 o) {
  {
    const std::lock_guard lock(seen(f).mutex);
    seen(f).writers.insert(f);
  }
  ++seen(f).operations;
  return inner(f)->pMethods->xWrite(inner(f), p, n, o);
}
int w_truncate(sqlite3_file* f, sqlite3_int64 n) {
  return inner(f)->pMethods->xTruncate(inner(f), n);
}
int w_sync(sqlite3_file* f, int flags) {
  ++seen(f).operations;
  if (seen(f).fail_syncs) return SQLITE_IOERR_FSYNC;
  return inner(f)->pMethods->xSync(inner(f), flags);
}
int w_size(sqlite3_file* f, sqlite3_int64* n) {
  return inner(f)->pMethods->xFileSize(inner(f), n);
}
int w_lock(sqlite3_file* f, int l) {
  return inner(f)->pMethods->xLock(inner(f), l);
}
int w_unlock(sqlite3_file* f, int l) {
  return inner(f)->pMethods->xUnlock(inner(f), l);
}
int w_reserved(sqlite3_file* f, int* r) {
  return inner(f)->pMethods->xCheckReservedLock(inner(f), r);
}
int w_control(sqlite3_file* f, int op, void* p) {
  return inner(f)->pMethods->xFileControl(inner(f), op, p);
}
int w_sector(sqlite3_file* f) {
  return inner(f)->pMethods->xSectorSize(inner(f));
}
int w_device(sqlite3_file* f) {
  return inner(f)->pMethods->xDeviceCharacteristics(inner(f));
}
int w_shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** p) {
  return inner(f)->pMethods->xShmMap(inner(f), page, size, extend, p);
}
int w_shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  if ((flags & SQLITE_SHM_LOCK) != 0) {
    const std::lock_guard lock(seen(f).mutex);
    if ((flags & SQLITE_SHM_EXCLUSIVE) != 0 && offset <= kWriteLock && kWriteLock < offset + n)
      seen(f).write_locks.insert(f);
    if ((flags & SQLITE_SHM_EXCLUSIVE) != 0 && offset <= kCheckpointLock && kCheckpointLock < offset + n) {
      seen(f).checkpoint_locks.insert(f);
    }
    if ((flags & SQLITE_SHM_SHARED) != 0) seen(f).readers.insert(f);
  }
  return inner(f)->pMethods->xShmLock(inner(f), offset, n, flags);
}
void w_shm_barrier(sqlite3_file* f) {
  inner(f)->pMethods->xShmBarrier(inner(f));
}
int w_shm_unmap(sqlite3_file* f, int remove) {
  return inner(f)->pMethods->xShmUnmap(inner(f), remove);
}

constexpr sqlite3_io_methods kWatch = {2,        w_close,   w_read,     w_write,       w_truncate,  w_sync,
                                       w_size,   w_lock,    w_unlock,   w_reserved,    w_control,   w_sector,
                                       w_device, w_shm_map, w_shm_lock, w_shm_barrier, w_shm_unmap, nullptr,
                                       nullptr};

int w_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* f, int flags, int* out) {
  auto* watched = static_cast<WatchedFile*>(f);
  auto* v = static_cast<WatchedVfs*>(vfs);
  watched->inner = reinterpret_cast<sqlite3_file*>(watched + 1);
  watched->seen = v->seen;
  const int rc = v->inner->xOpen(v->inner, name, watched->inner, flags, out);
  watched->pMethods = watched->inner->pMethods != nullptr ? &kWatch : nullptr;
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0) {
    const std::lock_guard lock(v->seen->mutex);
    ++v->seen->opened_main;
  }
  return rc;
}

class Watch {
 public:
  Watch() {
    sqlite3_vfs* real = sqlite3_vfs_find(nullptr);
    static_cast<sqlite3_vfs&>(vfs_) = *real;
    vfs_.inner = real;
    vfs_.seen = &seen_;
    vfs_.szOsFile = static_cast<int>(sizeof(WatchedFile)) + real->szOsFile;
    vfs_.zName = "posthorn-watch";
    vfs_.xOpen = w_open;
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~Watch() { sqlite3_vfs_unregister(&vfs_); }
  Observed& observed() { return seen_; }

 private:
  Observed seen_;
  WatchedVfs vfs_{};
};

Task<> write_and_read(Database& db, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    auto work = [i](Transaction& tx) { return put(tx, std::to_string(i), std::string(3000, 'x')); };
    EXPECT_TRUE(co_await db.write(std::move(work)));
    auto read = [](Transaction& tx) { return count(tx, "SELECT count(*) FROM settings"); };
    EXPECT_TRUE(co_await db.read(std::move(read)));
  }
}

TEST(AccessPattern, OneConnectionWritesAndCheckpointsReadersNeverDo) {
  Watch watch;
  TemporaryFolder folder;
  SqliteOptions options = small_options();
  options.vfs = "posthorn-watch";
  options.checkpoint_pages = 20;
  std::uint64_t checkpoints = 0;
  {
    auto db = open_or_die(folder.file("posthorn.db"), options);
    asio::io_context context;
    asio::co_spawn(context, write_and_read(*db, 200), asio::detached);
    context.run();
    checkpoints = db->stats().checkpoints;
  }
  Observed& seen = watch.observed();
  EXPECT_GT(checkpoints, 3U);
  EXPECT_EQ(seen.opened_main, 3) << "one writer, two readers";
  EXPECT_EQ(seen.write_locks.size(), 1U);
  EXPECT_EQ(seen.checkpoint_locks.size(), 1U);
  EXPECT_EQ(seen.write_locks, seen.checkpoint_locks);
  EXPECT_GE(seen.readers.size(), 2U);
  EXPECT_EQ(seen.writers.size(), 3U)
      << "database, log and the first rollback journal, all of the same connection";
}

TEST(AccessPattern, TheLogIsReusedAfterCheckpoints) {
  TemporaryFolder folder;
  SqliteOptions options = small_options();
  options.checkpoint_pages = 50;
  auto db = open_or_die(folder.file("posthorn.db"), options);
  asio::io_context context;
  asio::co_spawn(context, write_and_read(*db, 1000), asio::detached);
  context.run();
  EXPECT_LT(std::filesystem::file_size(folder.file("posthorn.db-wal")), 1'000'000U);
}

Task<Result<std::int64_t>> put_one(Database& db, std::string name) {
  auto work = [name](Transaction& tx) { return put(tx, name); };
  co_return co_await db.write(std::move(work));
}

// Invariant I20 on the real side.
TEST(FailedSync, EndsTheDatabaseAndIsNeverTriedAgain) {
  Watch watch;
  TemporaryFolder folder;
  SqliteOptions options = small_options();
  options.vfs = "posthorn-watch";
  std::vector<std::string> deaths;
  options.on_fatal = [&deaths](const Error& e) { deaths.push_back(e.message); };
  auto db = open_or_die(folder.file("posthorn.db"), options);
  asio::io_context context;
  ASSERT_TRUE(run(context, put_one(*db, "a")));
  watch.observed().fail_syncs = true;
  auto failed = run(context, put_one(*db, "b"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
  watch.observed().fail_syncs = false;  // the disk would work again
  const int before = watch.observed().operations;
  EXPECT_FALSE(run(context, put_one(*db, "c")));
  EXPECT_EQ(watch.observed().operations, before);
  EXPECT_EQ(deaths.size(), 1U);
}

TEST(FailedSync, EndsTheProcessUnlessToldOtherwise) {
  TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    Watch watch;
    SqliteOptions options = small_options();
    options.vfs = "posthorn-watch";
    options.on_fatal = nullptr;
    auto db = open_or_die(folder.file("posthorn.db"), options);
    watch.observed().fail_syncs = true;
    asio::io_context context;
    (void)run(context, put_one(*db, "a"));
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 70);
  auto db = open_or_die(folder.file("posthorn.db"));
  asio::io_context context;
  EXPECT_TRUE(run(context, put_one(*db, "after"))) << "the next start recovers from what is on disk";
}

}  // namespace
}  // namespace posthorn::test
