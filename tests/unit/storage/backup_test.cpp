#include "storage/backup.h"

#include <fstream>

#include <gmock/gmock.h>

#include "platform/real_files.h"
#include "storage_fixture.h"

namespace posthorn::test {
namespace {

using ::testing::HasSubstr;

Task<Result<std::int64_t>> write_row(Database& db, std::string sql) {
  auto work = [sql](Transaction& tx) { return tx.execute(sql); };
  co_return co_await db.write(std::move(work));
}
Task<Result<std::int64_t>> read_number(Database& db, std::string sql) {
  auto work = [sql](Transaction& tx) { return count(tx, sql); };
  co_return co_await db.read(std::move(work));
}

class BlobStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(blobs_.prepare()); }
  std::string put_blob(std::string bytes) { return run(context_, blobs_.put(std::move(bytes))).value().key; }
  static void overwrite(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  TemporaryFolder folder_;
  asio::io_context context_;
  RealFiles files_{1};
  BlobStore blobs_{files_, folder_.file("blobs")};
};

TEST_F(BlobStoreTest, NamesBytesByTheirHash) {
  const std::string key = put_blob("hello");
  EXPECT_EQ(key, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  EXPECT_EQ(put_blob("hello"), key) << "equal bytes, one blob";
  EXPECT_EQ(run(context_, blobs_.get(key, 100)).value(), "hello");
  EXPECT_EQ(run(context_, blobs_.get(key, 4)).error().code, ErrorCode::too_large);
  EXPECT_TRUE(run(context_, blobs_.verify(key)));
  EXPECT_EQ(put_blob("").size(), 64U);
}

TEST_F(BlobStoreTest, AWriterThatIsDroppedLeavesNothing) {
  {
    auto writer = run(context_, blobs_.create()).value();
    EXPECT_TRUE(run(context_, writer->append("half")));
    EXPECT_EQ(writer->size(), 4U);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.file("blobs")));
}

TEST_F(BlobStoreTest, RemovesAndReportsWhatIsMissing) {
  const std::string key = put_blob("hello");
  EXPECT_TRUE(run(context_, blobs_.remove(key)));
  EXPECT_TRUE(run(context_, blobs_.remove(key))) << "absent is fine";
  EXPECT_EQ(run(context_, blobs_.get(key, 100)).error().code, ErrorCode::not_found);
}

TEST_F(BlobStoreTest, OnlyKeysBecomePaths) {
  for (const std::string& bad : {std::string(), std::string("../etc/passwd"), std::string(64, 'A'),
                                 std::string(63, 'a'), std::string(65, 'a'), "../" + std::string(61, 'a')}) {
    EXPECT_FALSE(is_blob_key(bad)) << bad;
    EXPECT_EQ(run(context_, blobs_.get(bad, 10)).error().code, ErrorCode::invalid_argument) << bad;
    EXPECT_EQ(run(context_, blobs_.remove(bad)).error().code, ErrorCode::invalid_argument) << bad;
  }
}

TEST_F(BlobStoreTest, FindsDamage) {
  const std::string key = put_blob("hello");
  overwrite(blobs_.path_of(key), "hellO");
  EXPECT_EQ(run(context_, blobs_.verify(key)).error().code, ErrorCode::data_loss);
}

class BackupTest : public BlobStoreTest {
 protected:
  void SetUp() override {
    BlobStoreTest::SetUp();
    key_ = put_blob("phone\n+49170");
    put_blob("nobody refers to this one");
    db_ = open_or_die(path_);
    SqliteOptions of_journal;
    of_journal.migrations = journal_migrations();
    of_journal.reserve_bytes = 0;
    journal_ = open_sqlite(folder_.file("posthorn.journal.db"), of_journal).value();
    ASSERT_TRUE(run(context_, write_row(*journal_, "INSERT INTO journal VALUES (1, 'whatsapp', 0, 'body')")));
    ASSERT_TRUE(
        run(context_, write_row(*db_,
                                "INSERT INTO uploads (file_name, blob, size, created_by, created_at) VALUES "
                                "('a.csv', '" +
                                    key_ + "', 12, 'ann', 0)")));
    ASSERT_TRUE(run(context_, write_row(*db_, "INSERT INTO settings VALUES ('a', '1')")));
  }
  Result<BackupReport> backup() { return run(context_, write_backup(files_, blobs_, path_, target_)); }
  Result<BackupReport> verify() { return run(context_, verify_backup(files_, target_)); }

  std::string path_ = folder_.file("posthorn.db");
  std::string target_ = folder_.file("backup");
  std::string key_;
  std::unique_ptr<SqliteDatabase> db_, journal_;
};

TEST_F(BackupTest, CopiesALiveDatabaseWithTheBlobsItRefersTo) {
  const auto written = backup();
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->blobs, 1U);
  EXPECT_EQ(written->blob_bytes, 12U);
  EXPECT_TRUE(run(context_, write_row(*db_, "INSERT INTO settings VALUES ('later', '1')")))
      << "the database goes on";
  const auto verified = verify();
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->database_sha256, written->database_sha256);
  EXPECT_EQ(verified->blobs, 1U);
  EXPECT_FALSE(std::filesystem::exists(target_ + "/posthorn.db-wal"));
}

// What is just being fetched is named before it is there.
TEST_F(BackupTest, AFileOnItsWayIsNoObstacle) {
  ASSERT_TRUE(
      run(context_, write_row(*db_,
                              "INSERT INTO attachments (message_id, position, account_id, kind, blob, "
                              "state) VALUES (1, 0, 1, 'image', '" +
                                  std::string(64, 'a') + "', 0)")));
  const auto written = backup();
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->blobs, 1U);
  EXPECT_TRUE(verify());
}

TEST_F(BackupTest, IsNeverWrittenOverAnother) {
  ASSERT_TRUE(backup());
  EXPECT_EQ(backup().error().code, ErrorCode::conflict);
  EXPECT_TRUE(verify());
}

TEST_F(BackupTest, EveryDamageIsFound) {
  struct Case {
    const char* what;
    std::function<void(const std::string& target, const std::string& key)> damage;
    ErrorCode code;
  };
  const Case cases[] = {
      {"no manifest", [](auto& t, auto&) { std::filesystem::remove(t + "/manifest.json"); },
       ErrorCode::not_found},
      {"no database", [](auto& t, auto&) { std::filesystem::remove(t + "/posthorn.db"); },
       ErrorCode::not_found},
      {"changed database", [](auto& t, auto&) { std::ofstream(t + "/posthorn.db", std::ios::app) << "x"; },
       ErrorCode::data_loss},
      {"no journal", [](auto& t, auto&) { std::filesystem::remove(t + "/posthorn.journal.db"); },
       ErrorCode::not_found},
      {"changed journal",
       [](auto& t, auto&) { std::ofstream(t + "/posthorn.journal.db", std::ios::app) << "x"; },
       ErrorCode::data_loss},
      {"no blob", [](auto& t, auto& k) { std::filesystem::remove(t + "/blobs/" + k); }, ErrorCode::not_found},
      {"changed blob", [](auto& t, auto& k) { overwrite(t + "/blobs/" + k, "other"); }, ErrorCode::data_loss},
      {"newer format", [](auto& t, auto&) { overwrite(t + "/manifest.json", R"({"format":2})"); },
       ErrorCode::conflict},
  };
  for (const Case& c : cases) {
    std::filesystem::remove_all(target_);
    ASSERT_TRUE(backup()) << c.what;
    c.damage(target_, key_);
    auto verified = verify();
    ASSERT_FALSE(verified) << c.what;
    EXPECT_EQ(verified.error().code, c.code) << c.what << ": " << verified.error().message;
  }
}

TEST_F(BackupTest, RestoresAdjustedAndRefusesToOverwrite) {
  ASSERT_TRUE(backup());
  BlobStore new_blobs(files_, folder_.file("new-blobs"));
  const std::string new_path = folder_.file("restored.db");
  const std::function<Result<>(Transaction&)> adjust = [](Transaction& tx) -> Result<> {
    PH_TRY(tx.execute("UPDATE settings SET value = 'adjusted'"));
    return {};
  };
  auto restored = run(context_, restore_backup(files_, target_, new_blobs, new_path, adjust));
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(run(context_, new_blobs.get(key_, 100)).value(), "phone\n+49170");
  auto db = open_or_die(new_path);
  EXPECT_EQ(run(context_, read_number(*db, "SELECT count(*) FROM settings WHERE value = 'adjusted'")).value(),
            1);
  SqliteOptions of_journal;
  of_journal.migrations = journal_migrations();
  auto journal = open_sqlite(folder_.file("restored.journal.db"), of_journal).value();
  EXPECT_EQ(run(context_, read_number(*journal, "SELECT count(*) FROM journal WHERE body = 'body'")).value(),
            1);
  auto again = run(context_, restore_backup(files_, target_, new_blobs, new_path, adjust));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
  EXPECT_THAT(again.error().message, HasSubstr("Restore into an empty data folder"));
}

}  // namespace
}  // namespace posthorn::test
