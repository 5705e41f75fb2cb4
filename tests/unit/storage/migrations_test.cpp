#include "storage/migrations.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include "simulated_fixture.h"
#include "storage/sqlite_connection.h"

namespace posthorn::test {
namespace {

using simulated::CrashLoss;
using simulated::Disk;
using ::testing::HasSubstr;

SqliteConnection open_memory() {
  return SqliteConnection::open(":memory:", {}).value();
}

constexpr Migration kFirst{
    1, "0001_a.sql", "CREATE TABLE a (x INTEGER); CREATE TABLE b (x INTEGER); INSERT INTO a VALUES (1);"};
constexpr Migration kSecond{2, "0002_b.sql",
                            "ALTER TABLE a ADD COLUMN y INTEGER; INSERT INTO b VALUES (2); DROP TABLE b;"};
constexpr Migration kOld[] = {kFirst};
constexpr Migration kNew[] = {kFirst, kSecond};

TEST(Migrations, EmbeddedOnesAreNumberedWithoutGapsAndApply) {
  const auto all = embedded_migrations();
  ASSERT_FALSE(all.empty());
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].version, static_cast<int>(i) + 1);
  auto db = open_memory();
  EXPECT_EQ(schema_version(db.handle()).value(), 0);
  ASSERT_TRUE(migrate(db.handle(), all));
  EXPECT_EQ(schema_version(db.handle()).value(), static_cast<int>(all.size()));
  EXPECT_TRUE(migrate(db.handle(), all)) << "a second time there is nothing to do";
}

TEST(Migrations, ANewerSchemaIsRefusedWithWhatToDo) {
  auto db = open_memory();
  ASSERT_TRUE(migrate(db.handle(), kNew));
  auto refused = migrate(db.handle(), kOld);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("schema version 2, this program knows only up to 1"));
}

TEST(Migrations, AChangedMigrationIsRefused) {
  auto db = open_memory();
  ASSERT_TRUE(migrate(db.handle(), kOld));
  constexpr Migration kChanged[] = {{1, "0001_a.sql", "CREATE TABLE a (x TEXT);"}};
  auto refused = migrate(db.handle(), kChanged);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("0001_a.sql was applied with another text"));
}

TEST(Migrations, AnotherProgramsDatabaseIsRefused) {
  auto db = open_memory();
  ASSERT_TRUE(db.run("CREATE TABLE theirs (x INTEGER)"));
  auto refused = migrate(db.handle(), kOld);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::data_loss);
}

TEST(Migrations, AFailingStatementUndoesItsWholeMigration) {
  auto db = open_memory();
  constexpr Migration kBroken[] = {
      kFirst, {2, "0002_x.sql", "CREATE TABLE c (x INTEGER); INSERT INTO nowhere VALUES (1);"}};
  auto failed = migrate(db.handle(), kBroken);
  ASSERT_FALSE(failed);
  EXPECT_EQ(schema_version(db.handle()).value(), 1);
  EXPECT_TRUE(db.run("CREATE TABLE c (x INTEGER)")) << "c must not be there";
}

TEST(Migrations, AFileThatIsNoDatabaseIsRefused) {
  TemporaryFolder folder;
  const std::string path = folder.file("posthorn.db");
  FILE* file = std::fopen(path.c_str(), "wb");
  std::fputs(std::string(8192, 'z').c_str(), file);
  std::fclose(file);
  auto opened = open_sqlite(path, small_options());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::data_loss);
}

Result<SqliteConnection> open_on(Disk& disk) {
  return SqliteConnection::open("posthorn.db", {.vfs = disk.vfs_name(), .single_process = true});
}

// Old or new, whatever instant the process dies at (invariant I23).
void kill_during_upgrade(std::uint64_t at_operation, CrashLoss loss, bool& finished) {
  Disk disk(at_operation);
  {
    auto db = open_on(disk);
    ASSERT_TRUE(db && migrate(db->handle(), kOld));
  }
  {
    auto db = open_on(disk);
    ASSERT_TRUE(db);
    disk.stop_at_operation(at_operation);
    (void)migrate(db->handle(), kNew);
    finished = !disk.stopped();
  }
  disk.crash(loss);
  auto db = open_on(disk);
  ASSERT_TRUE(db) << at_operation;
  const int version = schema_version(db->handle()).value();
  const bool has_column = db->run("SELECT y FROM a").has_value();
  const bool has_b = db->run("SELECT x FROM b").has_value();
  EXPECT_TRUE(version == 1 || version == 2);
  EXPECT_EQ(has_column, version == 2) << at_operation;
  EXPECT_EQ(has_b, version == 1) << at_operation;
  EXPECT_TRUE(migrate(db->handle(), kNew)) << at_operation;
}

TEST(Migrations, AKillAtAnyOperationLeavesOldOrNew) {
  for (const CrashLoss loss : {CrashLoss::none, CrashLoss::all, CrashLoss::random}) {
    bool finished = false;
    std::uint64_t n = 1;
    for (; !finished && n < 1000; ++n) {
      kill_during_upgrade(n, loss, finished);
      ASSERT_FALSE(::testing::Test::HasFailure());
    }
    EXPECT_GT(n, 5U);
  }
}

TEST(Migrations, AKillDuringTheVeryFirstOpenLeavesNothingOrEverything) {
  bool finished = false;
  for (std::uint64_t n = 1; !finished && n < 3000; ++n) {
    Disk disk(n);
    disk.stop_at_operation(n);
    finished =
        simulated::inspect(disk, [](Transaction&) -> Result<> { return {}; }).has_value() && !disk.stopped();
    disk.crash(CrashLoss::random);
    auto again = simulated::inspect(disk, [](Transaction& tx) -> Result<> {
      PH_TRY(put(tx, "a"));
      return {};
    });
    ASSERT_TRUE(again) << n << ": " << again.error().message;
  }
  EXPECT_TRUE(finished);
}

}  // namespace
}  // namespace posthorn::test
