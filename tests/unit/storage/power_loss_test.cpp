// Crashes at every place the simulated disk can have one (invariants I20, I21, I22).
#include "simulated_fixture.h"
#include "storage/sqlite_connection.h"

namespace posthorn::test {
namespace {

using simulated::CrashLoss;
using simulated::Disk;

struct Crash {
  std::uint64_t seed;
  std::uint64_t at_operation;
  CrashLoss loss;
  std::string trace() const {
    return "seed " + std::to_string(seed) + ", operation " + std::to_string(at_operation) + ", loss " +
           std::to_string(static_cast<int>(loss));
  }
};

// Runs the workload until the disk stops, lets the power go, and checks what is left. False if it never
// stopped.
bool crash_once(const Disk& prepared, const Crash& crash) {
  auto disk = prepared.power_loss_image(crash.seed);
  Workload workload;
  bool stopped = false;
  {
    ProcessOnDisk process(*disk, 20);
    disk->stop_at_operation(crash.at_operation);
    asio::co_spawn(process.context(), run_workload(process.db(), workload, process.context()),
                   asio::detached);
    process.run();
    stopped = disk->stopped();
    EXPECT_TRUE(!stopped || process.died() ||
                static_cast<int>(workload.acknowledged.size()) == workload.transactions);
  }
  workload.refused.clear();  // a write that was refused because the process died may or may not be there
  disk->crash(crash.loss);
  check_survivors(*disk, workload, crash.trace());
  return stopped;
}

std::uint64_t operations_of_workload(const Disk& prepared) {
  auto disk = prepared.power_loss_image(1);
  Workload workload;
  ProcessOnDisk process(*disk, 20);
  disk->stop_at_operation(0);
  asio::co_spawn(process.context(), run_workload(process.db(), workload, process.context()), asio::detached);
  process.run();
  EXPECT_EQ(workload.acknowledged.size(), 30U);
  return disk->operations();
}

TEST(PowerLoss, RandomImagesLoseNoAcknowledgedCommit) {
  auto prepared = prepared_disk(7);
  const std::uint64_t operations = operations_of_workload(*prepared);
  ASSERT_GT(operations, 60U);
  int stopped = 0;
  for (std::uint64_t seed = 1; seed <= 2600; ++seed) {
    const CrashLoss loss = seed % 8 == 0 ? CrashLoss::all : CrashLoss::random;
    stopped += crash_once(*prepared, {seed, 1 + seed * 7919 % operations, loss}) ? 1 : 0;
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
  EXPECT_GE(stopped, 2000) << "images of a workload that was still running";
}

TEST(PowerLoss, KillAtEveryOperation) {
  auto prepared = prepared_disk(8);
  const std::uint64_t operations = operations_of_workload(*prepared);
  for (std::uint64_t n = 1; n <= operations; ++n) {
    crash_once(*prepared, {n, n, CrashLoss::none});
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
}

// Proves that the images can show a loss: commits that were written but not synced do disappear.
TEST(PowerLoss, WithoutSyncTheSameImagesLoseCommits) {
  Disk disk(9);
  {
    auto db = SqliteConnection::open("posthorn.db", {.vfs = disk.vfs_name(), .single_process = true}).value();
    ASSERT_TRUE(db.run("CREATE TABLE t (x INTEGER); PRAGMA synchronous=OFF; INSERT INTO t VALUES (1)"));
    disk.crash(CrashLoss::all);
  }
  auto db = SqliteConnection::open("posthorn.db", {.vfs = disk.vfs_name(), .single_process = true}).value();
  // The insertion fails on a row that is still there.
  EXPECT_TRUE(db.run("CREATE UNIQUE INDEX i ON t (x); INSERT INTO t VALUES (1)"))
      << "the unsynced row should be gone";
}

TEST(PowerLoss, TheSyncModeCannotBeChangedInsideATransaction) {
  Disk disk(9);
  ProcessOnDisk process(disk);
  auto task = [](Database& db) -> Task<> {
    auto work = [](Transaction& tx) { return tx.query("PRAGMA synchronous=OFF"); };
    auto changed = co_await db.write(std::move(work));
    EXPECT_FALSE(changed);
  };
  asio::co_spawn(process.context(), task(process.db()), asio::detached);
  process.run();
}

TEST(PowerLoss, ImagesOfALiveDiskKeepWhatWasAcknowledged) {
  auto disk = prepared_disk(10);
  Workload workload;
  ProcessOnDisk process(*disk, 20);
  asio::co_spawn(process.context(), run_workload(process.db(), workload, process.context()), asio::detached);
  process.run();
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    auto image = disk->power_loss_image(seed);
    check_survivors(*image, workload, "live image " + std::to_string(seed));
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
}

TEST(FailingDisk, AnErrorAtEveryOperationNeverLeavesHalfATransaction) {
  auto prepared = prepared_disk(11);
  const std::uint64_t operations = operations_of_workload(*prepared);
  int deaths = 0;
  for (std::uint64_t n = 1; n <= operations; ++n) {
    auto disk = prepared->power_loss_image(n);
    Workload workload;
    {
      ProcessOnDisk process(*disk, 20);
      disk->fail_operation(n);
      asio::co_spawn(process.context(), run_workload(process.db(), workload, process.context()),
                     asio::detached);
      process.run();
      if (process.died()) {
        ++deaths;
        EXPECT_EQ(process.died()->code, ErrorCode::unavailable);
      } else {
        EXPECT_EQ(workload.acknowledged.size(), 30U) << n;
      }
    }
    workload.refused.clear();
    disk->crash(n % 2 == 0 ? CrashLoss::random : CrashLoss::none);
    check_survivors(*disk, workload, "failing operation " + std::to_string(n));
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
  EXPECT_GT(deaths, static_cast<int>(operations) * 8 / 10);
}

TEST(FailingDisk, AfterAFailedSyncNothingIsTriedAgain) {
  auto disk = prepared_disk(12);
  ProcessOnDisk process(*disk);
  Workload first{.transactions = 3};
  asio::co_spawn(process.context(), run_workload(process.db(), first, process.context()), asio::detached);
  process.run();
  disk->stop_at_operation(1);  // whatever comes next fails
  Workload second;
  asio::co_spawn(process.context(), write_one(process.db(), second, 100), asio::detached);
  process.run();
  ASSERT_TRUE(process.died());
  disk->stop_at_operation(0);  // the disk would work again
  const auto before = disk->counters();
  asio::co_spawn(process.context(), write_one(process.db(), second, 101), asio::detached);
  process.run();
  EXPECT_EQ(disk->counters().writes, before.writes);
  EXPECT_EQ(disk->counters().syncs, before.syncs);
  EXPECT_TRUE(second.acknowledged.empty());
}

TEST(FullDisk, RefusesWritesWholeAndGoesOnWhenSpaceReturns) {
  for (std::uint64_t room = 0; room < 120'000; room += 3'000) {
    auto disk = prepared_disk(13);
    ProcessOnDisk process(*disk);
    disk->set_capacity(disk->used_bytes() + room);
    Workload workload{.transactions = 60};
    asio::co_spawn(process.context(), run_workload(process.db(), workload, process.context()),
                   asio::detached);
    process.run();
    ASSERT_FALSE(process.died()) << room;
    const std::size_t during = workload.acknowledged.size();
    EXPECT_LT(during, 60U) << room;
    disk->set_capacity(0);
    for (int n = 200; n < 205; ++n)
      asio::co_spawn(process.context(), write_one(process.db(), workload, n), asio::detached);
    if (during == 0) continue;  // the workload's own row was refused; the counter cannot agree then
    process.run();
    EXPECT_EQ(workload.acknowledged.size(), during + 5) << room;
    check_survivors(*disk->power_loss_image(room), workload, "room " + std::to_string(room));
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
}

}  // namespace
}  // namespace posthorn::test
