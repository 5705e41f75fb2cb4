// Full disk and reserve on the real side (invariant I21).
#include <boost/asio/detached.hpp>
#include <sys/mount.h>
#include <unistd.h>

#include "storage/disk_reserve.h"
#include "storage_fixture.h"

namespace posthorn::test {
namespace {

Task<Result<std::int64_t>> put_big(Database& db, std::string name, std::size_t bytes) {
  auto work = [name, bytes](Transaction& tx) { return put(tx, name, std::string(bytes, 'x')); };
  co_return co_await db.write(std::move(work));
}
Task<Result<std::int64_t>> put_urgent(Database& db, std::string name) {
  auto work = [name](Transaction& tx) { return put(tx, name); };
  co_return co_await db.write_urgent(std::move(work));
}
Task<Result<std::int64_t>> count_rows(Database& db) {
  auto work = [](Transaction& tx) { return count(tx, "SELECT count(*) FROM settings"); };
  co_return co_await db.read(std::move(work));
}

TEST(DiskReserve, HoldsAndGivesBack) {
  TemporaryFolder folder;
  DiskReserve reserve(folder.file("reserve"), 1 << 20);
  ASSERT_TRUE(reserve.hold());
  EXPECT_EQ(std::filesystem::file_size(folder.file("reserve")), 1U << 20);
  reserve.release();
  EXPECT_FALSE(reserve.held());
  EXPECT_FALSE(std::filesystem::exists(folder.file("reserve")));
}

TEST(DiskReserve, FailsInAMissingFolder) {
  TemporaryFolder folder;
  DiskReserve reserve(folder.file("no/reserve"), 1 << 20);
  EXPECT_FALSE(reserve.hold());
}

TEST(DiskFull, AGroupThatDoesNotFitIsRefusedWhole) {
  TemporaryFolder folder;
  SqliteOptions options = small_options();
  options.max_pages = 150;  // the schema takes about 60
  auto db = open_or_die(folder.file("posthorn.db"), options);
  asio::io_context context;
  auto refused = run(context, put_big(*db, "big", 1'000'000));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::resource_exhausted);
  EXPECT_TRUE(run(context, put_big(*db, "small", 100))) << "what fits still works";
  EXPECT_EQ(run(context, count_rows(*db)).value(), 1);
}

// A file system of 8 MB; needs the right to mount.
class SmallDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(mount_point_);
    mounted_ = ::mount("tmpfs", mount_point_.c_str(), "tmpfs", 0, "size=8m") == 0;
    if (!mounted_)
      GTEST_SKIP() << "mounting is not allowed here; FullDisk covers the same on a simulated disk";
  }
  void TearDown() override {
    if (mounted_) ::umount(mount_point_.c_str());
  }
  TemporaryFolder folder_;
  std::string mount_point_ = folder_.file("disk");
  bool mounted_ = false;
};

TEST_F(SmallDisk, UrgentWritesUseTheReserveAndSpaceReturning) {
  SqliteOptions options = small_options();
  options.reserve_bytes = 2 << 20;
  auto db = open_or_die(mount_point_ + "/posthorn.db", options);
  asio::io_context context;
  int accepted = 0;
  Result<std::int64_t> last;
  while ((last = run(context, put_big(*db, "n" + std::to_string(accepted), 50'000)))) ++accepted;
  EXPECT_EQ(last.error().code, ErrorCode::resource_exhausted);
  EXPECT_GT(accepted, 5);
  EXPECT_TRUE(db->stats().disk_full);

  EXPECT_FALSE(run(context, put_big(*db, "refused", 10))) << "ordinary writes must not eat the reserve";
  EXPECT_TRUE(run(context, put_urgent(*db, "pause")));
  EXPECT_EQ(run(context, count_rows(*db)).value(), accepted + 1);

  ASSERT_EQ(::mount("tmpfs", mount_point_.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
  EXPECT_TRUE(run(context, put_big(*db, "after", 50'000)));
  EXPECT_FALSE(db->stats().disk_full);
  EXPECT_TRUE(std::filesystem::exists(mount_point_ + "/posthorn.db.reserve"));
  EXPECT_EQ(run(context, count_rows(*db)).value(), accepted + 2);
  EXPECT_TRUE(run(context, db->quick_check()));
}

}  // namespace
}  // namespace posthorn::test
