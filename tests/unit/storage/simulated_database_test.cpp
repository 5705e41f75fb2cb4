#include "storage/simulated_database.h"

#include <gmock/gmock.h>

#include "simulated_fixture.h"

namespace posthorn::test {
namespace {

using simulated::CrashLoss;
using simulated::Disk;

TEST(SimulatedDatabase, AnswersAfterItsVirtualLatencyAndSharesCommits) {
  Disk disk(1);
  ProcessOnDisk process(disk);
  const auto syncs = disk.counters().syncs;
  Workload workload;
  asio::co_spawn(process.context(), write_one(process.db(), workload, 1), asio::detached);
  asio::co_spawn(process.context(), write_one(process.db(), workload, 2), asio::detached);
  process.run();
  EXPECT_EQ(process.now(), std::chrono::microseconds(200));
  EXPECT_EQ(disk.counters().syncs, syncs + 1);
  EXPECT_EQ(workload.acknowledged, (std::vector{1, 2}));
}

TEST(SimulatedDatabase, ReadsSeeReturnedWrites) {
  Disk disk(1);
  ProcessOnDisk process(disk);
  auto task = [](Database& db) -> Task<> {
    for (int i = 1; i <= 20; ++i) {
      auto work = [i](Transaction& tx) { return put(tx, std::to_string(i)); };
      EXPECT_TRUE(co_await db.write(std::move(work)));
      auto read = [](Transaction& tx) { return count(tx, "SELECT count(*) FROM settings"); };
      auto seen = co_await db.read(std::move(read));
      EXPECT_EQ(seen.value_or(-1), i);
    }
  };
  asio::co_spawn(process.context(), task(process.db()), asio::detached);
  process.run();
}

TEST(SimulatedDatabase, ReadsCannotWrite) {
  Disk disk(1);
  ProcessOnDisk process(disk);
  auto task = [](Database& db) -> Task<> {
    auto work = [](Transaction& tx) { return put(tx, "a"); };
    auto refused = co_await db.read(std::move(work));
    EXPECT_FALSE(refused);
  };
  asio::co_spawn(process.context(), task(process.db()), asio::detached);
  process.run();
}

TEST(SimulatedDatabase, NobodyIsAnsweredAfterTheProcessIsGone) {
  Disk disk(1);
  Workload workload;
  {
    ProcessOnDisk process(disk);
    asio::co_spawn(process.context(), write_one(process.db(), workload, 1), asio::detached);
    process.context().poll();  // submitted, not committed
  }
  disk.crash(CrashLoss::none);
  EXPECT_TRUE(workload.acknowledged.empty());
  EXPECT_TRUE(workload.refused.empty());
}

TEST(SimulatedDatabase, TwoRunsWriteTheSameAmount) {
  auto once = [] {
    Disk disk(5);
    Workload workload;
    ProcessOnDisk process(disk, 10);
    asio::co_spawn(process.context(), run_workload(process.db(), workload, process.context()),
                   asio::detached);
    process.run();
    const auto c = disk.counters();
    return std::tuple(c.writes, c.syncs, c.bytes, disk.used_bytes(), process.now());
  };
  EXPECT_EQ(once(), once());
}

TEST(SimulatedDisk, LossModesKeepWhatTheyPromise) {
  for (const CrashLoss loss : {CrashLoss::none, CrashLoss::all, CrashLoss::random}) {
    auto disk = prepared_disk(4);
    Workload workload{.transactions = 6};
    {
      ProcessOnDisk process(*disk);
      asio::co_spawn(process.context(), run_workload(process.db(), workload, process.context()),
                     asio::detached);
      process.run();
    }
    disk->crash(loss);
    check_survivors(*disk, workload, "loss " + std::to_string(static_cast<int>(loss)));
  }
}

TEST(SimulatedDisk, HandlesOfADeadProcessFail) {
  auto disk = prepared_disk(4);
  Workload workload;
  ProcessOnDisk process(*disk);
  disk->crash(CrashLoss::none);
  asio::co_spawn(process.context(), write_one(process.db(), workload, 1), asio::detached);
  process.run();
  EXPECT_TRUE(process.died());
  EXPECT_TRUE(workload.acknowledged.empty());
}

TEST(SimulatedDisk, CapacityCountsAllFiles) {
  auto disk = prepared_disk(4);
  EXPECT_GT(disk->used_bytes(), 100'000U);
  disk->set_capacity(1);
  auto refused = simulated::inspect(*disk, [](Transaction& tx) -> Result<> {
    PH_TRY(put(tx, "a"));
    return {};
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::resource_exhausted);
}

}  // namespace
}  // namespace posthorn::test
