// One file goes to the channel once, however many want it at the same moment.
#include "messaging/upload_once.h"

#include <gmock/gmock.h>

#include "platform/simulated/process.h"
#include "platform/simulated/world.h"
#include "storage/simulated_database.h"
#include "storage/simulated_disk.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kFile(64, 'a');

class UploadOnceTest : public ::testing::Test {
 protected:
  UploadOnceTest() {
    simulated::DatabaseOptions options;
    options.post_after = [this](Duration delay, std::move_only_function<void()> action) {
      process_.post_after(delay, std::move(action));
    };
    database_ = std::move(simulated::open_database(disk_, std::move(options)).value());
    uploads_ = std::make_unique<UploadOnce>(*database_, process_.clock(), null_log(), process_.executor());
    sql("INSERT INTO accounts (id, channel, name, business_id, sender_id, sealed_token, created_at, "
        "updated_at) "
        "VALUES (1, 'whatsapp', 'a', 'w', '1', 'x', 0, 0), (2, 'whatsapp', 'b', 'w', '2', 'x', 0, 0)");
  }
  ~UploadOnceTest() override { process_.crash(); }

  void sql(const std::string& statement) {
    bool done = false;
    auto run = [](Database& db, std::string text, bool& flag) -> Task<> {
      auto work = [text](Transaction& tx) { return tx.execute(text, {}); };
      const auto result = co_await db.write(std::move(work));
      EXPECT_TRUE(result) << (result ? "" : result.error().message);
      flag = true;
    };
    process_.spawn(run(*database_, statement, done));
    ASSERT_TRUE(world_.run_until([&] { return done; }, 1min));
  }
  Task<Result<std::string>> upload() {
    const int number = ++uploads_made_;
    co_await process_.clock().sleep_for(2s);
    if (throws_) throw std::runtime_error("a bug");
    if (failure_) co_return std::unexpected(*failure_);
    co_return "media" + std::to_string(number);
  }
  // Asks and notes the answer ("media1", "media1 known", or the error) when it is there.
  void want(std::int64_t account = 1, std::string file = kFile, Duration needed = kMessageLasts) {
    process_.spawn(ask(AccountId{account}, std::move(file), needed));
  }
  Task<> ask(AccountId account, std::string file, Duration needed) {
    UploadOnce::Upload upload = [this] { return this->upload(); };
    const auto got =
        co_await uploads_->media_id(account, std::move(file), "image/png", needed, std::move(upload));
    answers_.push_back(got ? got->media_id + (got->known ? " known" : "") : got.error().message);
  }

  simulated::World world_{3};
  simulated::Disk disk_{3};
  simulated::Process process_{world_, "posthorn"};
  std::unique_ptr<Database> database_;
  std::unique_ptr<UploadOnce> uploads_;
  int uploads_made_ = 0;
  bool throws_ = false;
  std::optional<Error> failure_;
  std::vector<std::string> answers_;
};

TEST_F(UploadOnceTest, ManyAtOnceAreOneUpload) {
  for (int i = 0; i < 5; ++i) want();
  world_.run_for(1s);
  want();
  world_.run_for(10s);
  EXPECT_EQ(uploads_made_, 1);
  EXPECT_THAT(answers_, ElementsAre("media1", "media1 known", "media1 known", "media1 known", "media1 known",
                                    "media1 known"));
}

TEST_F(UploadOnceTest, OtherFilesAndAccountsDoNotWait) {
  want();
  want(2);
  want(1, std::string(64, 'b'));
  world_.run_for(3s);
  EXPECT_EQ(uploads_made_, 3);
  EXPECT_EQ(answers_.size(), 3U);
}

TEST_F(UploadOnceTest, IsRememberedForAsLongAsItIsKept) {
  want();
  world_.run_for(24h * 24);
  want(1, kFile, kBroadcastLasts);
  world_.run_for(24h * 2);
  EXPECT_EQ(uploads_made_, 1);
  want(1, kFile, kBroadcastLasts);
  world_.run_for(10s);
  EXPECT_EQ(uploads_made_, 2) << "less than five of the thirty days were left";
}

TEST_F(UploadOnceTest, AFailureIsSharedAndTheNextTriesAgain) {
  failure_ = Error{ErrorCode::unavailable, "down", {}};
  want();
  want();
  world_.run_for(10s);
  EXPECT_EQ(uploads_made_, 1);
  EXPECT_THAT(answers_, Each("down"));
  failure_.reset();
  want();
  world_.run_for(10s);
  EXPECT_EQ(answers_.back(), "media2");
}

TEST_F(UploadOnceTest, AnExceptionLeavesNobodyWaiting) {
  throws_ = true;
  want();
  want();
  world_.run_for(10s);
  EXPECT_EQ(answers_.size(), 2U);
  EXPECT_THAT(answers_, Each(HasSubstr("a bug")));
}

TEST_F(UploadOnceTest, WhatCannotBeRememberedIsGoodAllTheSame) {
  sql("CREATE TRIGGER full BEFORE INSERT ON media_uploads BEGIN SELECT RAISE(ABORT, 'full'); END");
  want();
  world_.run_for(10s);
  EXPECT_THAT(answers_, ElementsAre("media1"));
}

// A message of ours failed because Meta could not use its file: the next send brings it there again.
TEST_F(UploadOnceTest, WhatMetaCouldNotUseIsForgotten) {
  want();
  want(2);
  world_.run_for(10s);
  sql("INSERT INTO single_sends (row_no, account_id, lane, phone, payload, queued_at) VALUES (7, 1, 0, 1, "
      R"('{"type":"template","template":{"components":[{"type":"header","parameters":[{"type":"image",)"
      R"("image":{"id":"media1"}}]}]}}', 0))");
  sql("INSERT INTO messages (id, conversation_id, direction, at, received_at, type, send_row) "
      "VALUES (5, 1, 1, 0, 0, 'template', 7)");
  bool done = false;
  auto forget = [](Database& db, bool& flag) -> Task<> {
    auto work = [](Transaction& tx) { return media_uploads::forget_those_of(tx, MessageId{5}); };
    EXPECT_TRUE(co_await db.write(std::move(work)));
    flag = true;
  };
  process_.spawn(forget(*database_, done));
  ASSERT_TRUE(world_.run_until([&] { return done; }, 1min));
  answers_.clear();
  want(2);
  world_.run_for(10s);
  want();
  world_.run_for(10s);
  EXPECT_THAT(answers_, ElementsAre("media2 known", "media3"));
}

}  // namespace
}  // namespace posthorn
