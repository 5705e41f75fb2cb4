#include "storage/sqlite_database.h"

#include <thread>

#include <boost/asio/detached.hpp>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage_fixture.h"

namespace posthorn::test {
namespace {

using ::testing::HasSubstr;

class SqliteDatabaseTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  std::string path_ = folder_.file("posthorn.db");
  asio::io_context context_;
};

Task<Result<std::int64_t>> put_one(Database& db, std::string name) {
  auto work = [name](Transaction& tx) { return put(tx, name); };
  co_return co_await db.write(std::move(work));
}
Task<Result<std::int64_t>> count_settings(Database& db) {
  auto work = [](Transaction& tx) { return count(tx, "SELECT count(*) FROM settings"); };
  co_return co_await db.read(std::move(work));
}

TEST_F(SqliteDatabaseTest, KeepsWhatWasWrittenAcrossReopening) {
  {
    auto db = open_or_die(path_);
    EXPECT_EQ(run(context_, put_one(*db, "a")).value(), 1);
    EXPECT_EQ(run(context_, count_settings(*db)).value(), 1);
  }
  auto db = open_or_die(path_);
  EXPECT_EQ(run(context_, count_settings(*db)).value(), 1);
}

Task<Result<std::string>> modes(Database& db) {
  auto work = [](Transaction& tx) -> Result<std::string> {
    PH_TRY_ASSIGN(auto rows, tx.query("PRAGMA journal_mode"));
    PH_TRY(rows.next());
    std::string mode(rows.text(0));
    PH_TRY_ASSIGN(auto sync, tx.query("PRAGMA synchronous"));
    PH_TRY(sync.next());
    return mode + std::to_string(sync.integer(0));
  };
  co_return co_await db.write(std::move(work));
}

TEST_F(SqliteDatabaseTest, UsesWalAndFullSync) {
  auto db = open_or_die(path_);
  EXPECT_EQ(run(context_, modes(*db)).value(), "wal2");
}

TEST_F(SqliteDatabaseTest, WhatCanBeMadeAgainIsNotFlushedAtEachCommit) {
  SqliteOptions options;
  options.durable = false;
  options.niceness = 1;
  auto db = open_or_die(path_, options);
  EXPECT_EQ(run(context_, modes(*db)).value(), "wal1");
}

TEST_F(SqliteDatabaseTest, DatabaseFileIsPrivate) {
  auto db = open_or_die(path_);
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(SqliteDatabaseTest, RefusesASecondOwnerAndNamesTheFirst) {
  auto db = open_or_die(path_);
  auto second = open_sqlite(path_, small_options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_THAT(second.error().message, HasSubstr("pid " + std::to_string(::getpid())));
}

TEST_F(SqliteDatabaseTest, LockEndsWithTheProcessThatHeldIt) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto db = open_sqlite(path_, small_options());
    ::_exit(db ? 0 : 1);  // without any destructor, as after a kill
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(open_sqlite(path_, small_options()));
}

TEST_F(SqliteDatabaseTest, MissingFolderIsAClearError) {
  auto db = open_sqlite(folder_.file("no/such/posthorn.db"), small_options());
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().code, ErrorCode::unavailable);
  EXPECT_THAT(db.error().message, HasSubstr("data folder"));
}

// --- group commit
// -----------------------------------------------------------------------------------------------------

Task<> insert_in_order(Database& db, int number, std::vector<int>& finished) {
  auto work = [number](Transaction& tx) -> Result<> {
    if (number % 10 == 7) {
      PH_TRY(put(tx, "n" + std::to_string(number)));
      return fail(ErrorCode::conflict, "on purpose");
    }
    if (number % 100 == 50) throw std::runtime_error("thrown on purpose");
    PH_TRY(put(tx, "n" + std::to_string(number)));
    return {};
  };
  Result<> done = co_await db.write(std::move(work));
  EXPECT_EQ(done.has_value(), number % 10 != 7 && number % 100 != 50) << number;
  finished.push_back(number);
}

TEST_F(SqliteDatabaseTest, GroupsKeepOrderAndAFailingClosureHurtsNobodyElse) {
  auto db = open_or_die(path_);
  std::vector<int> finished;
  for (int i = 0; i < 2000; ++i) asio::co_spawn(context_, insert_in_order(*db, i, finished), asio::detached);
  context_.run();
  ASSERT_EQ(finished.size(), 2000U);
  EXPECT_TRUE(std::ranges::is_sorted(finished));
  EXPECT_LT(db->stats().groups, 1000U) << "closures should share commits";
  EXPECT_EQ(db->stats().closures, 2000U);
  auto rows = [](Transaction& tx) { return count(tx, "SELECT count(*) FROM settings WHERE name LIKE 'n%'"); };
  auto task = [](Database& d, decltype(rows) w) -> Task<Result<std::int64_t>> {
    co_return co_await d.read(w);
  };
  EXPECT_EQ(run(context_, task(*db, rows)).value(), 2000 - 200 - 20);
}

TEST_F(SqliteDatabaseTest, AFailedClosureAloneLeavesNothing) {
  auto db = open_or_die(path_);
  std::vector<int> finished;
  asio::co_spawn(context_, insert_in_order(*db, 7, finished), asio::detached);
  context_.run();
  EXPECT_EQ(run(context_, count_settings(*db)).value(), 0);
}

TEST_F(SqliteDatabaseTest, AReadSeesEveryWriteThatHasReturned) {
  auto db = open_or_die(path_);
  auto task = [](Database& d) -> Task<Result<>> {
    for (std::int64_t i = 1; i <= 300; ++i) {
      PH_CO_TRY(co_await put_one(d, std::to_string(i)));
      PH_CO_TRY_ASSIGN(const auto seen, co_await count_settings(d));
      EXPECT_EQ(seen, i);
    }
    co_return Result<>();
  };
  EXPECT_TRUE(run(context_, task(*db)));
}

TEST_F(SqliteDatabaseTest, DestructorCommitsWhatIsQueued) {
  {
    auto db = open_or_die(path_);
    for (int i = 0; i < 500; ++i) asio::co_spawn(context_, put_one(*db, std::to_string(i)), asio::detached);
    context_.poll();
  }
  auto db = open_or_die(path_);
  asio::io_context fresh;
  EXPECT_EQ(run(fresh, count_settings(*db)).value(), 500);
}

// How many owned what a closure brought along when its caller had gone on: nobody but the caller may, or the
// last owner, and with it what the end of things does, would be the database's thread.
Task<Result<int>> owners_afterwards(Database& db, bool reading) {
  int most = 0;
  for (int i = 0; i < 3000; ++i) {
    auto owned = std::make_shared<int>(i);
    auto work = [owned](Transaction&) -> Result<> { return {}; };
    Result<> done;
    if (reading) {
      done = co_await db.read(std::move(work));
    } else {
      done = co_await db.write(std::move(work));
    }
    if (!done) co_return std::unexpected(done.error());
    most = std::max(most, static_cast<int>(owned.use_count()));
  }
  co_return most;
}

TEST_F(SqliteDatabaseTest, WhatAClosureOwnsIsGoneBeforeItsCallerGoesOn) {
  auto db = open_or_die(path_);
  EXPECT_EQ(run(context_, owners_afterwards(*db, false)).value(), 1);
  EXPECT_EQ(run(context_, owners_afterwards(*db, true)).value(), 1);
}

TEST_F(SqliteDatabaseTest, WaitersMayDisappearTogetherWithTheirContext) {
  auto db = open_or_die(path_);
  for (int round = 0; round < 50; ++round) {
    auto context = std::make_unique<asio::io_context>();
    for (int i = 0; i < 20; ++i) {
      asio::co_spawn(*context, put_one(*db, std::to_string(round * 20 + i)), asio::detached);
      asio::co_spawn(*context, count_settings(*db), asio::detached);
    }
    context->poll_one();
    context->poll_one();
    context->poll();
    if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    context.reset();  // with calls under way or answered but not delivered
  }
  EXPECT_TRUE(run(context_, put_one(*db, "last")));  // behind all the others
  EXPECT_EQ(run(context_, count_settings(*db)).value(), 1001);
}

TEST_F(SqliteDatabaseTest, AWaiterDestroyedOnAnotherThreadsContextIsSafeUnderLoad) {
  auto db = open_or_die(path_);
  std::thread other([&db] {
    asio::io_context context;
    for (int i = 0; i < 300; ++i)
      asio::co_spawn(context, put_one(*db, "t" + std::to_string(i)), asio::detached);
    context.run();
  });
  for (int i = 0; i < 300; ++i)
    asio::co_spawn(context_, put_one(*db, "m" + std::to_string(i)), asio::detached);
  context_.run();
  other.join();
  EXPECT_EQ(run(context_, count_settings(*db)).value(), 600);
}

TEST_F(SqliteDatabaseTest, TooLongAQueueIsRefused) {
  SqliteOptions options = small_options();
  options.max_queued_writes = 0;
  auto db = open_or_die(path_, options);
  auto refused = run(context_, put_one(*db, "a"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::resource_exhausted);
}

// --- statements
// -------------------------------------------------------------------------------------------------------

// Runs one closure as a write and gives back its error message, or "" if it worked.
template <class F>
std::string message_of(asio::io_context& context, Database& db, F f) {
  auto task = [](Database& d, F work) -> Task<Result<>> { co_return co_await d.write(std::move(work)); };
  Result<> done = run(context, task(db, std::move(f)));
  return done ? "" : done.error().message;
}

TEST_F(SqliteDatabaseTest, ParametersAreBoundByNumberNotByAppearance) {
  auto db = open_or_die(path_);
  auto work = [](Transaction& tx) -> Result<> {
    PH_TRY_ASSIGN(auto rows, tx.query("SELECT $2, $1, $2, $3 IS NULL, $4", {1, "two", nullptr, 2.5}));
    PH_TRY(rows.next());
    EXPECT_EQ(rows.text(0), "two");
    EXPECT_EQ(rows.integer(1), 1);
    EXPECT_EQ(rows.text(2), "two");
    EXPECT_EQ(rows.integer(3), 1);
    EXPECT_EQ(rows.real(4), 2.5);
    return {};
  };
  EXPECT_EQ(message_of(context_, *db, work), "");
}

TEST_F(SqliteDatabaseTest, BadStatementsNameTheProblem) {
  auto db = open_or_die(path_);
  struct Case {
    const char* sql;
    std::vector<SqlArg> args;
    const char* message;
  };
  const std::vector<Case> cases = {
      {"SELECT $1", {}, "0 SQL arguments given, 1 expected"},
      {"SELECT $1", {1, 2}, "2 SQL arguments given, 1 expected"},
      {"SELECT ?", {1}, "SQL parameters are written $1"},
      {"SELECT $name", {1}, "SQL parameters are written $1"},
      {"SELECT $0", {1}, "SQL parameters are written $1"},
      {"SELEC 1", {}, "syntax error"},
      {"SELECT 1; SELECT 2", {}, "One statement at a time"},
      {"", {}, "An empty SQL statement"},
      {"SELECT * FROM nowhere", {}, "no such table"},
      {"INSERT INTO settings (name, value) VALUES ('a', NULL)",
       {},
       "NOT NULL constraint failed: settings.value"},
  };
  for (const Case& c : cases) {
    auto work = [&c](Transaction& tx) -> Result<> {
      PH_TRY(tx.execute(c.sql, std::span<const SqlArg>(c.args)));
      return {};
    };
    EXPECT_THAT(message_of(context_, *db, work), HasSubstr(c.message)) << c.sql;
  }
}

TEST_F(SqliteDatabaseTest, AReadCannotWrite) {
  auto db = open_or_die(path_);
  auto task = [](Database& d) -> Task<Result<std::int64_t>> {
    auto work = [](Transaction& tx) { return put(tx, "a"); };
    co_return co_await d.read(std::move(work));
  };
  auto refused = run(context_, task(*db));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("A read may not change anything"));
}

TEST_F(SqliteDatabaseTest, TheSameStatementMayBeOpenTwice) {
  auto db = open_or_die(path_);
  auto work = [](Transaction& tx) -> Result<> {
    PH_TRY(put(tx, "a"));
    PH_TRY(put(tx, "b"));
    constexpr std::string_view kSql = "SELECT name FROM settings ORDER BY name";
    PH_TRY_ASSIGN(auto outer, tx.query(kSql));
    PH_TRY(outer.next());
    PH_TRY_ASSIGN(auto inner, tx.query(kSql));
    PH_TRY(inner.next());
    PH_TRY(inner.next());
    EXPECT_EQ(inner.text(0), "b");
    EXPECT_EQ(outer.text(0), "a");
    PH_TRY_ASSIGN(const bool more, outer.next());
    EXPECT_TRUE(more);
    EXPECT_EQ(outer.text(0), "b");
    return {};
  };
  EXPECT_EQ(message_of(context_, *db, work), "");
}

TEST_F(SqliteDatabaseTest, ReturningActsEvenIfNobodyReadsItsRows) {
  auto db = open_or_die(path_);
  auto work = [](Transaction& tx) -> Result<> {
    PH_TRY(tx.query("INSERT INTO settings (name, value) VALUES ('a', 'x'), ('b', 'x') RETURNING name"));
    return {};
  };
  EXPECT_EQ(message_of(context_, *db, work), "");
  EXPECT_EQ(run(context_, count_settings(*db)).value(), 2);
}

TEST_F(SqliteDatabaseTest, ManyDistinctStatementsAndReusedBuffersAreSafe) {
  auto db = open_or_die(path_);
  auto work = [](Transaction& tx) -> Result<> {
    std::string buffer;
    buffer.reserve(64);
    for (int i = 1000; i < 3000; ++i) {
      buffer = "SELECT " + std::to_string(i);  // same address and length each time
      PH_TRY_ASSIGN(const auto value, count(tx, buffer));
      EXPECT_EQ(value, i);
    }
    return {};
  };
  EXPECT_EQ(message_of(context_, *db, work), "");
}

TEST_F(SqliteDatabaseTest, ExecuteManyIsAllOrNothing) {
  auto db = open_or_die(path_);
  auto insert = [](std::size_t rows, std::size_t bad) {
    return [rows, bad](Transaction& tx) -> Result<std::int64_t> {
      std::vector<std::string> names;
      for (std::size_t i = 0; i < rows; ++i) names.push_back(std::to_string(i == bad ? 0 : i));
      std::array<SqlArg, 2> args;
      auto bind = [&](std::size_t i) -> std::span<const SqlArg> {
        args = {SqlArg(names[i]), SqlArg("v")};
        return args;
      };
      return tx.execute_many("INSERT INTO settings (name, value) VALUES ($1, $2)", rows, bind);
    };
  };
  auto task = [](Database& d, decltype(insert(0, 0)) w) -> Task<Result<std::int64_t>> {
    co_return co_await d.write(w);
  };
  EXPECT_FALSE(run(context_, task(*db, insert(100, 99))));
  EXPECT_EQ(run(context_, count_settings(*db)).value(), 0);
  EXPECT_EQ(run(context_, task(*db, insert(100, 1000))).value(), 100);
  EXPECT_EQ(run(context_, task(*db, insert(0, 0))).value(), 0);
}

TEST_F(SqliteDatabaseTest, BlobsKeepEveryByte) {
  auto db = open_or_die(path_);
  auto work = [](Transaction& tx) -> Result<> {
    const std::string bytes("\0\xff\x01 text\0", 9);
    PH_TRY(tx.execute("INSERT INTO journal (source, received_at, body) VALUES ('t', 0, $1)", {Blob{bytes}}));
    PH_TRY(tx.execute("INSERT INTO journal (source, received_at, body) VALUES ('t', 0, $1)", {Blob{}}));
    PH_TRY_ASSIGN(auto rows, tx.query("SELECT body, typeof(body) FROM journal ORDER BY id"));
    PH_TRY(rows.next());
    EXPECT_EQ(rows.text(0), bytes);
    EXPECT_EQ(rows.text(1), "blob");
    PH_TRY(rows.next());
    EXPECT_EQ(rows.text(0), "");
    EXPECT_FALSE(rows.is_null(0));
    return {};
  };
  EXPECT_EQ(message_of(context_, *db, work), "");
}

TEST_F(SqliteDatabaseTest, QuickCheckFindsADamagedPage) {
  {
    auto db = open_or_die(path_);
    for (int i = 0; i < 200; ++i)
      asio::co_spawn(context_, put_one(*db, std::string(200, 'a') + std::to_string(i)), asio::detached);
    context_.run();
    EXPECT_TRUE(run(context_, db->quick_check()));
  }
  const auto size = std::filesystem::file_size(path_);
  FILE* file = std::fopen(path_.c_str(), "r+b");
  std::fseek(file, static_cast<long>(size - 4096), SEEK_SET);
  const std::string garbage(4096, '\xA5');
  std::fwrite(garbage.data(), 1, garbage.size(), file);
  std::fclose(file);
  SqliteOptions options = small_options();
  std::vector<std::string> deaths;
  options.on_fatal = [&deaths](const Error& e) { deaths.push_back(e.message); };
  auto db = open_or_die(path_, options);
  auto checked = run(context_, db->quick_check());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::data_loss);
}

}  // namespace
}  // namespace posthorn::test
