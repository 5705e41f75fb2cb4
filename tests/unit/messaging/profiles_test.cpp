// Profiles: fetched once a week, failures kept, never in anybody's way.
#include "messaging/profiles.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messaging/media_rows.h"
#include "messaging/people.h"
#include "platform/simulated/process.h"
#include "platform/simulated/simulated_files.h"
#include "platform/simulated/world.h"
#include "storage/event_log.h"
#include "storage/simulated_database.h"
#include "storage/simulated_disk.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FakeSource final : public ProfileSource {
 public:
  explicit FakeSource(Clock& clock) : clock_(clock) {}
  Task<Result<FetchedProfile>> fetch(AccountId account, std::string scoped_id) override {
    asked.push_back(fmt::format("{}/{}", account.value, scoped_id));
    most_at_once = std::max(most_at_once, ++at_once);
    co_await clock_.sleep_for(delay);
    --at_once;
    if (throws) throw std::runtime_error("a bug");
    if (failure) co_return std::unexpected(*failure);
    FetchedProfile p;
    p.name = name;
    p.username = "u" + scoped_id;
    p.picture_url = picture_url;
    p.json = R"({"name":")" + name + R"("})";
    co_return p;
  }
  std::vector<std::string> asked;
  std::optional<Error> failure;
  std::string name = "Anna", picture_url;
  Duration delay = 100ms;
  bool throws = false;
  int at_once = 0, most_at_once = 0;

 private:
  Clock& clock_;
};

class ProfilesTest : public ::testing::Test {
 protected:
  ProfilesTest() {
    simulated::DatabaseOptions options;
    options.post_after = [this](Duration delay, std::move_only_function<void()> action) {
      process.post_after(delay, std::move(action));
    };
    database = *simulated::open_database(disk, std::move(options));
    EXPECT_TRUE(blobs.prepare());
    write([](Transaction& tx) -> Result<> {
      const WallTime now{};
      PH_TRY(accounts::add(
          tx,
          {.channel = "instagram", .name = "i", .business_id = "b", .sender_id = "11", .sealed_token = "t"},
          now));
      PH_TRY(accounts::add(
          tx,
          {.channel = "whatsapp", .name = "w", .business_id = "b", .sender_id = "12", .sealed_token = "t"},
          now));
      return {};
    });
    make();
  }
  ~ProfilesTest() override { process.crash(); }

  void make() {
    ProfileOptions options;
    options.interval = 1h;  // receive() wakes it; weeks pass quickly this way
    ProfilePorts ports{*database,
                       blobs,
                       process.clock(),
                       null_log(),
                       *metrics,
                       source,
                       [this](AccountId, std::string url) { return download(std::move(url)); },
                       process.executor()};
    fetcher = std::make_unique<ProfileFetcher>(std::move(ports), options);
  }
  Task<Result<std::string>> download(std::string url) {
    pictures.push_back(std::move(url));
    if (picture_failure) co_return std::unexpected(*picture_failure);
    co_return picture;
  }

  static Task<> keep(Task<> task, bool& done) {
    co_await std::move(task);
    done = true;
  }
  void run(Task<> task) {
    bool done = false;
    process.spawn(keep(std::move(task), done));
    ASSERT_TRUE(world.run_until([&] { return done; }, 1h));
  }
  template <class F>
  static Task<> write_task(Database& db, F f) {
    const auto result = co_await db.write(std::move(f));
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
  }
  template <class F>
  void write(F f) {
    run(write_task(*database, std::move(f)));
  }
  static Task<> start_task(ProfileFetcher& fetcher) { EXPECT_TRUE(co_await fetcher.start()); }
  void start() { run(start_task(*fetcher)); }
  void stop() { run(fetcher->stop()); }

  // A message from one of our people.
  void receive(const std::string& scoped_id, std::int64_t account = 1) {
    write([scoped_id, account, now = process.clock().wall_now()](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(const Account a, accounts::get(tx, AccountId{account}));
      channels::Party party;
      const bool scoped = a.channel == "instagram";
      party.addresses = {
          {scoped ? channels::AddressKind::instagram_scoped : channels::AddressKind::phone, scoped_id}};
      PH_TRY_ASSIGN(const auto person, people::resolve(tx, a, party, now));
      PH_TRY(events::append(
          tx, now, "message.received", "conversation:1",
          fmt::format(
              R"({{"message_id":1,"conversation_id":1,"account_id":{},"person_id":{},"type":"text","channel":"{}"}})",
              account, person.id.value, a.channel)));
      return {};
    });
    fetcher->wake();
  }
  static Result<> read_person(Transaction& tx, PersonId id, Person& out) {
    PH_TRY_ASSIGN(out, people::get(tx, id));
    return {};
  }
  Person person(std::int64_t id) {
    Person p;
    write([id, &p](Transaction& tx) { return read_person(tx, PersonId{id}, p); });
    return p;
  }

  void execute(const std::string& sql) {
    write([sql](Transaction& tx) { return tx.execute(sql, {}); });
  }
  std::vector<std::string> unused() {
    std::vector<std::string> out;
    write([&out, now = process.clock().wall_now() + 2h](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(out, attachments::unused_blobs(tx, now, 100));
      return {};
    });
    return out;
  }

  simulated::World world{7};
  simulated::Disk disk{7};
  simulated::Process process{world, "posthorn"};
  simulated::SimulatedFiles files;
  BlobStore blobs{files, "blobs"};
  std::unique_ptr<Metrics> metrics = make_metrics();
  std::unique_ptr<Database> database;
  FakeSource source{process.clock()};
  std::vector<std::string> pictures;
  std::string picture = "JPEG";
  std::optional<Error> picture_failure;
  std::unique_ptr<ProfileFetcher> fetcher;
};

TEST_F(ProfilesTest, AreFetchedOnceAWeek) {
  start();
  source.picture_url = "https://cdn.test/a.jpg";
  receive("77");
  receive("77");
  world.run_for(10s);
  EXPECT_THAT(source.asked, ElementsAre("1/77"));
  EXPECT_THAT(pictures, ElementsAre("https://cdn.test/a.jpg"));
  Person p = person(1);
  EXPECT_EQ(p.name, "Anna");
  EXPECT_EQ(p.username, "u77");
  EXPECT_EQ(p.profile, R"({"name":"Anna"})");
  EXPECT_EQ(p.profile_error, "");
  ASSERT_TRUE(is_blob_key(p.profile_picture));
  EXPECT_EQ(*files.contents(blobs.path_of(p.profile_picture)), "JPEG");
  world.run_for(24h * 6);
  receive("77");
  world.run_for(10s);
  EXPECT_EQ(source.asked.size(), 1U) << "fresh for a week";
  world.run_for(25h);
  source.name = "Anna M";
  EXPECT_EQ(source.asked.size(), 1U) << "only at the next message";
  receive("77");
  world.run_for(10s);
  EXPECT_EQ(source.asked.size(), 2U);
  EXPECT_EQ(person(1).name, "Anna M");
  stop();
}

TEST_F(ProfilesTest, FailuresAreKeptAsLongAsTheyMayLast) {
  struct Case {
    ErrorCode code;
    Duration before, after;
  };
  int user = 100;
  start();
  for (const auto& c :
       {Case{ErrorCode::unavailable, 50min, 61min}, Case{ErrorCode::deadline_exceeded, 50min, 61min},
        Case{ErrorCode::resource_exhausted, 50min, 61min},
        Case{ErrorCode::permission_denied, 24h * 6, 24h * 7 + 1min},
        Case{ErrorCode::not_found, 24h * 6, 24h * 7 + 1min}}) {
    const std::string id = std::to_string(++user);
    source.asked.clear();
    source.failure = Error{c.code, "because", {}};
    receive(id);
    world.run_for(10s);
    EXPECT_EQ(source.asked.size(), 1U) << to_string(c.code);
    world.run_for(c.before);
    receive(id);
    world.run_for(10s);
    EXPECT_EQ(source.asked.size(), 1U) << to_string(c.code) << " asked again too early";
    EXPECT_EQ(person(user - 100).profile_error, "because");
    world.run_for(c.after - c.before);
    source.failure.reset();
    receive(id);
    world.run_for(10s);
    EXPECT_EQ(source.asked.size(), 2U) << to_string(c.code);
    EXPECT_EQ(person(user - 100).profile_error, "");
  }
  stop();
}

TEST_F(ProfilesTest, AFailureLeavesWhatIsKnown) {
  start();
  receive("77");
  world.run_for(24h * 8);
  source.failure = Error{ErrorCode::unavailable, "down", {}};
  receive("77");
  world.run_for(10s);
  EXPECT_EQ(person(1).name, "Anna");
  EXPECT_EQ(person(1).profile_error, "down");
  stop();
}

TEST_F(ProfilesTest, APictureThatCannotBeHadCostsNoProfile) {
  start();
  source.picture_url = "https://cdn.test/a.jpg";
  picture_failure = Error{ErrorCode::unavailable, "down", {}};
  receive("77");
  world.run_for(10s);
  EXPECT_EQ(person(1).name, "Anna");
  EXPECT_EQ(person(1).profile_picture, "");
  EXPECT_THAT(person(1).profile_error, testing::HasSubstr("picture"));
  picture_failure.reset();
  world.run_for(61min);
  receive("77");
  world.run_for(10s);
  EXPECT_TRUE(is_blob_key(person(1).profile_picture));
  stop();
}

TEST_F(ProfilesTest, TheOldPictureIsLetGo) {
  start();
  source.picture_url = "https://cdn.test/a.jpg";
  receive("77");
  world.run_for(10s);
  const std::string old = person(1).profile_picture;
  world.run_for(24h * 8);
  picture = "another JPEG";
  receive("77");
  world.run_for(10s);
  ASSERT_NE(person(1).profile_picture, old);
  EXPECT_THAT(unused(), testing::Contains(old)) << "nobody would ever delete it";
  stop();
}

TEST_F(ProfilesTest, TheSamePictureAgainStays) {
  start();
  source.picture_url = "https://cdn.test/a.jpg";
  receive("77");
  world.run_for(24h * 8);
  receive("77");
  world.run_for(10s);
  bool claimed = true;
  write([&, now = process.clock().wall_now() + 2h](Transaction& tx) -> Result<> {
    PH_TRY_ASSIGN(const auto p, people::get(tx, PersonId{1}));
    PH_TRY_ASSIGN(claimed, attachments::claim_unused(tx, p.profile_picture, now));
    return {};
  });
  EXPECT_FALSE(claimed);
  stop();
}

// A picture that was written although its row never came is not kept for good.
TEST_F(ProfilesTest, APictureWithoutARowIsCollected) {
  start();
  source.picture_url = "https://cdn.test/a.jpg";
  execute(
      "CREATE TRIGGER full BEFORE UPDATE OF profile_picture ON people BEGIN SELECT RAISE(ABORT, 'full'); "
      "END");
  receive("77");
  world.run_for(10s);
  EXPECT_THAT(unused(), testing::SizeIs(1));
  stop();
}

TEST_F(ProfilesTest, AnExceptionIsAFailureOfThatJobOnly) {
  start();
  source.throws = true;
  receive("77");
  world.run_for(10s);
  EXPECT_THAT(person(1).profile_error, testing::HasSubstr("a bug"));
  source.throws = false;
  receive("78");
  world.run_for(10s);
  EXPECT_EQ(person(2).name, "Anna");
  world.run_for(61min);
  receive("77");
  world.run_for(10s);
  EXPECT_EQ(person(1).name, "Anna") << "tried again as after any failure";
  stop();
}

// An event that cannot be handled stands in nobody's way, and is told of.
TEST_F(ProfilesTest, AnEventThatCannotBeHandledIsPassedOver) {
  start();
  receive("77");
  world.run_for(10s);
  source.asked.clear();
  execute("ALTER TABLE people RENAME TO people_real");
  execute(
      "CREATE VIEW people AS SELECT id, merged_into, "
      "CASE WHEN id = 1 THEN abs(-9223372036854775807 - 1) ELSE profile_until END AS profile_until "
      "FROM people_real");
  write([now = process.clock().wall_now()](Transaction& tx) -> Result<> {
    PH_TRY(
        tx.execute("INSERT INTO people_real (id, portfolio, created_at, updated_at) VALUES (2, 'b', 0, 0)"));
    PH_TRY(
        tx.execute("INSERT INTO person_addresses (kind, scope, value, person_id, valid_from) "
                   "VALUES (4, '11', '78', 2, 0)"));
    for (int person = 1; person <= 2; ++person) {
      PH_TRY(
          events::append(tx, now, "message.received", "conversation:1",
                         fmt::format(R"({{"account_id":1,"person_id":{},"channel":"instagram"}})", person)));
    }
    return {};
  });
  fetcher->wake();
  world.run_for(2min);
  EXPECT_THAT(source.asked, ElementsAre("1/78"));
  EXPECT_THAT(metrics->prometheus_text(),
              testing::HasSubstr(R"(posthorn_events_passed_over_total{consumer="profiles"} 1)"));
  stop();
}

TEST_F(ProfilesTest, OnlyChannelsThatHaveThemAndAtMostSoManyAtOnce) {
  start();
  receive("491701", 2);
  source.delay = 30s;
  for (int i = 0; i < 20; ++i) receive(std::to_string(1000 + i));
  world.run_for(10min);
  EXPECT_EQ(source.asked.size(), 20U);
  EXPECT_EQ(source.most_at_once, 4);
  stop();
}

TEST_F(ProfilesTest, AreNotLookedForWhereNoAccountHasThem) {
  write([](Transaction& tx) -> Result<> {
    PH_TRY(tx.execute("DELETE FROM accounts WHERE channel = 'instagram'"));
    return {};
  });
  start();
  for (int i = 0; i < 10; ++i) receive("491701", 2);
  world.run_for(10s);
  write([](Transaction& tx) -> Result<> {
    PH_TRY_ASSIGN(const EventId reached, events::cursor(tx, "profiles"));
    PH_TRY_ASSIGN(const EventId last, events::last_position(tx));
    EXPECT_EQ(reached, last);
    return {};
  });
  stop();
}

TEST_F(ProfilesTest, BeginAtTheEndOfTheLogAndGoOnAfterARestart) {
  receive("1");
  start();
  world.run_for(10s);
  EXPECT_THAT(source.asked, IsEmpty()) << "older than the fetcher";
  stop();
  receive("2");
  make();
  start();
  world.run_for(10s);
  EXPECT_THAT(source.asked, ElementsAre("1/2"));
  stop();
}

TEST_F(ProfilesTest, StopDoesNotWaitForTheWholeQueue) {
  start();
  source.delay = 20s;
  for (int i = 0; i < 40; ++i) receive(std::to_string(1000 + i));
  world.run_for(30s);
  stop();
  EXPECT_LT(source.asked.size(), 20U);
  make();
  start();
  world.run_for(10min);
  EXPECT_GE(source.asked.size(), 40U) << "those that were left are asked for at the next start";
  stop();
}

}  // namespace
}  // namespace posthorn
