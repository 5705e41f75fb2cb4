// Restoring a backup: nothing is touched before its secrets have been opened with the master key.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "app/exit_codes.h"
#include "app/run.h"
#include "app/small_files.h"
#include "app/stored_secrets.h"
#include "core/json.h"
#include "messaging/accounts.h"
#include "messaging/settings.h"
#include "platform/real_files.h"
#include "platform/real_random.h"
#include "storage/backup.h"
#include "unit/storage/storage_fixture.h"

namespace posthorn {
namespace {

using testing::HasSubstr;

class Restore : public testing::Test {
 protected:
  Restore() {
    std::filesystem::create_directories(old_folder);
    const auto key = test::run(context, load_master_key(files, random, old_folder));
    SecretBox box(*key, random);
    auto database = test::open_or_die(old_folder + "/posthorn.db");
    SqliteOptions of_journal = test::small_options();
    of_journal.migrations = journal_migrations();
    auto journal = open_sqlite(old_folder + "/posthorn.journal.db", of_journal);
    auto fill = [&box](Transaction& tx) -> Result<> {
      PH_TRY(settings::set(tx, "token_key", box.seal(Secret("drawn"), "settings.token_key")));
      NewAccount account;
      account.name = "shop";
      account.business_id = account.sender_id = "1";
      account.sealed_token = accounts::seal_token(box, "1", Secret("EAAB"));
      PH_TRY(accounts::add(tx, account, WallTime{}));
      return {};
    };
    EXPECT_TRUE(test::run(context, database->write(fill)));
    BlobStore blobs(files, old_folder + "/blobs");
    EXPECT_TRUE(blobs.prepare());
    EXPECT_TRUE(test::run(context, write_backup(files, blobs, old_folder + "/posthorn.db", backup)));
  }

  struct Outcome {
    int code = 0;
    std::string message;
    json::value answer;
  };
  Outcome restore(RestoreOptions options = {}) {
    options.backup = backup;
    options.json = true;
    options.serve.overrides.emplace_back("data_dir", new_folder);
    testing::internal::CaptureStdout();
    Outcome out;
    out.code = run_restore(options);
    out.answer = parse_json(testing::internal::GetCapturedStdout()).value_or(json::value());
    out.message = JsonView(out.answer)["error"]["message"].string_or("");
    return out;
  }
  std::int64_t told(const Outcome& outcome, const char* member) {
    return JsonView(outcome.answer)[member].integer_or(-1);
  }
  static void copy_key(const std::string& from, const std::string& to) {
    std::filesystem::create_directories(std::filesystem::path(to).parent_path());
    std::filesystem::copy_file(from, to);
  }
  void write_another_key(const std::string& where) {
    std::filesystem::create_directories(where);
    EXPECT_TRUE(test::run(context, load_master_key(files, random, where)));
  }
  Result<std::vector<Account>> accounts_of_the_restored() {
    auto database = test::open_or_die(new_folder + "/posthorn.db");
    auto look = [](Transaction& tx) { return accounts::list(tx); };
    return test::run(context, database->read(look));
  }

  test::TemporaryFolder folder;
  asio::io_context context;
  RealFiles files{1};
  RealRandom random;
  std::string old_folder = folder.file("old"), new_folder = folder.file("new"),
              backup = folder.file("backup"), old_key = old_folder + "/master.key",
              new_key = new_folder + "/master.key";
};

TEST_F(Restore, OpensTheSecretsWithTheKeyInTheDataFolder) {
  copy_key(old_key, new_key);
  const auto outcome = restore();
  EXPECT_EQ(outcome.code, kExitOk) << outcome.message;
  EXPECT_EQ(told(outcome, "secrets_opened"), 2);
  EXPECT_TRUE(std::filesystem::exists(new_folder + "/posthorn.db"));
}

TEST_F(Restore, BringsTheNamedKeyAlong) {
  RestoreOptions options;
  options.master_key = old_key;
  const auto outcome = restore(options);
  EXPECT_EQ(outcome.code, kExitOk) << outcome.message;
  EXPECT_EQ(test::run(context, read_master_key(files, new_key))->reveal(),
            test::run(context, read_master_key(files, old_key))->reveal());
}

TEST_F(Restore, AMissingKeyIsToldBeforeAnythingIsTouched) {
  const auto outcome = restore();
  EXPECT_EQ(outcome.code, kExitRefused);
  EXPECT_THAT(outcome.message, HasSubstr(new_key + " is missing"));
  EXPECT_THAT(outcome.message, HasSubstr("--without-secrets"));
  EXPECT_FALSE(std::filesystem::exists(new_folder));
}

TEST_F(Restore, AnotherKeyIsToldBeforeAnythingIsTouched) {
  write_another_key(new_folder);
  const auto outcome = restore();
  EXPECT_EQ(outcome.code, kExitRefused);
  EXPECT_THAT(outcome.message, HasSubstr("not the master key"));
  EXPECT_THAT(outcome.message, HasSubstr("the key token_key cannot be opened"));
  EXPECT_FALSE(std::filesystem::exists(new_folder + "/posthorn.db"));
  EXPECT_FALSE(std::filesystem::exists(new_folder + "/blobs"));
}

TEST_F(Restore, NeverReplacesAKey) {
  write_another_key(new_folder);
  RestoreOptions options;
  options.master_key = old_key;
  const auto outcome = restore(options);
  EXPECT_EQ(outcome.code, kExitRefused);
  EXPECT_THAT(outcome.message, HasSubstr("holds another key"));
  EXPECT_FALSE(std::filesystem::exists(new_folder + "/posthorn.db"));
}

TEST_F(Restore, ADamagedKeyIsNoKey) {
  std::ofstream(old_key) << "12 34";
  RestoreOptions options;
  options.master_key = old_key;
  const auto outcome = restore(options);
  EXPECT_NE(outcome.code, kExitOk);
  EXPECT_THAT(outcome.message, HasSubstr("damaged"));
  EXPECT_FALSE(std::filesystem::exists(new_folder));
}

TEST_F(Restore, GoesOnWithoutTheSecretsWhenTheKeyIsLost) {
  RestoreOptions options;
  options.without_secrets = true;
  const auto outcome = restore(options);
  EXPECT_EQ(outcome.code, kExitOk) << outcome.message;
  EXPECT_EQ(told(outcome, "tokens_forgotten"), 1);
  const auto all = accounts_of_the_restored();
  ASSERT_TRUE(all && all->size() == 1);
  EXPECT_EQ(all->front().sealed_token, "");
  EXPECT_THAT(all->front().blocked_reason, HasSubstr("store it again"));
}

TEST_F(Restore, VerifyTriesTheSecretsWithTheNamedKey) {
  RestoreOptions options;
  options.verify_only = true;
  EXPECT_EQ(restore(options).code, kExitOk) << "the bytes alone";
  options.master_key = old_key;
  const auto tried = restore(options);
  EXPECT_EQ(tried.code, kExitOk) << tried.message;
  EXPECT_EQ(told(tried, "secrets_opened"), 2);
  const auto elsewhere = folder.file("elsewhere");
  write_another_key(elsewhere);
  options.master_key = elsewhere + "/master.key";
  EXPECT_EQ(restore(options).code, kExitUnhealthy);
  EXPECT_FALSE(std::filesystem::exists(new_folder));
}

}  // namespace
}  // namespace posthorn
