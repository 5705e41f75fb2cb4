// The media fetcher in the simulator: Graph and its media host are HTTP servers that fail on purpose, the
// process dies at any instant, and an hour of outage costs nothing.
#include "messaging/media_fetcher.h"

#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "messaging/held_blobs.h"
#include "messaging/media_rows.h"
#include "platform/crypto.h"
#include "platform/http_client.h"
#include "platform/http_server.h"
#include "platform/metrics.h"
#include "platform/simulated/process.h"
#include "platform/simulated/simulated_files.h"
#include "platform/simulated/wire.h"
#include "storage/event_log.h"
#include "storage/simulated_database.h"
#include "storage/simulated_disk.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const std::string kJpeg = "\xff\xd8\xff\xe0" + std::string(20'000, 'j');
const std::string kSignedUrl = "https://lookaside.fbsbx.com/ig?asset_id=1&signature=s";

// Meta: the Graph API and the host its media come from.
struct Meta {
  explicit Meta(simulated::World& world) : process(world, "lookaside.fbsbx.com") {
    world.wire().add_name("graph.facebook.com", "lookaside.fbsbx.com");
    server = std::make_unique<HttpServer>(*process.network().listen("0.0.0.0", 443), process.clock(),
                                          process.executor(), [this](HttpExchange& x) { return answer(x); });
    server->start();
  }
  Task<> answer(HttpExchange& x) {
    const HttpRequest& request = x.request();
    HttpResponse response;
    const bool graph = request.headers.get("Host") == "graph.facebook.com";
    ++(graph ? asked : fetched);
    if (down) {
      response.status = 503;
    } else if (graph) {
      response = describe(request);
    } else {
      response = bytes(request);
    }
    if (hook) hook();
    (void)co_await x.respond(std::move(response));
  }
  HttpResponse describe(const HttpRequest& request) {
    const std::string id = std::string(request.path().substr(request.path().rfind('/') + 1));
    last_number = request.query("phone_number_id");
    HttpResponse out;
    if (!files.contains(id)) {
      out.status = 400;
      out.body =
          R"({"error":{"message":"Unsupported get request.","type":"GraphMethodException","code":100,"error_subcode":33}})";
      return out;
    }
    const std::string hash = told_hash.empty() ? to_hex(sha256(files[id])) : told_hash;
    out.body = fmt::format(
        R"({{"messaging_product":"whatsapp","url":"https://{}/whatsapp_business/attachments/?mid={}",)"
        R"("mime_type":"{}","sha256":"{}","file_size":{},"id":"{}"}})",
        host, id, told_type, hash, told_size < 0 ? static_cast<std::int64_t>(files[id].size()) : told_size,
        id);
    return out;
  }
  HttpResponse bytes(const HttpRequest& request) {
    HttpResponse out;
    authorizations.emplace_back(request.headers.get("Authorization"));
    const std::string id = request.query("mid");
    if (id.empty()) {  // a signed address
      out.status = signed_status;
      out.body = kJpeg;
      return out;
    }
    if (request.headers.get("Authorization") != "Bearer token") {
      out.status = 401;
      return out;
    }
    out.body = sent_instead.empty() ? files[id] : sent_instead;
    return out;
  }

  simulated::Process process;
  std::unique_ptr<HttpServer> server;
  std::map<std::string, std::string> files;
  std::vector<std::string> authorizations;
  std::string host = "lookaside.fbsbx.com", told_type = "image/jpeg", told_hash, sent_instead, last_number;
  std::function<void()> hook;
  std::int64_t told_size = -1;
  int signed_status = 200, asked = 0, fetched = 0;
  bool down = false;
};

// One life of our process.
struct Life {
  Life(simulated::World& world, simulated::Disk& disk, simulated::SimulatedFiles& files,
       MediaFetcherOptions options)
      : process(world, "posthorn") {
    simulated::DatabaseOptions database_options;
    database_options.post_after = [this](Duration d, std::move_only_function<void()> f) {
      process.post_after(d, std::move(f));
    };
    database = std::move(simulated::open_database(disk, database_options).value());
    blobs = std::make_unique<BlobStore>(files, "blobs");
    EXPECT_TRUE(blobs->prepare());
    http = std::make_unique<HttpClient>(process.network(), process.clock(), process.executor());
    graph = std::move(
        whatsapp::GraphClient::create(*http, process.clock(), whatsapp::GraphConfig{}, Secret("token"))
            .value());
    fetch =
        std::make_unique<SafeFetch>(process.network(), process.clock(), process.executor(), AddressPolicy{});
    fetcher = std::make_unique<MediaFetcher>(
        MediaFetcherPorts{*database, process.clock(), process.random(), null_log(), *metrics, *blobs, *fetch,
                          process.executor(), [this](const Account& a) { return source(a); }},
        options);
  }
  ~Life() { process.crash(); }
  MediaSource* source(const Account& account) {
    if (source_throws) throw std::runtime_error("a bug");
    if (account.channel == "whatsapp") return &whatsapp_source;
    return &signed_source;
  }

  simulated::Process process;
  std::unique_ptr<Metrics> metrics = make_metrics();
  std::unique_ptr<Database> database;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<HttpClient> http;
  std::unique_ptr<whatsapp::GraphClient> graph;
  std::unique_ptr<SafeFetch> fetch;
  GraphMediaSource whatsapp_source{[this](AccountId) { return graph.get(); }};
  SignedUrlSource signed_source;
  bool source_throws = false;
  std::unique_ptr<MediaFetcher> fetcher;
};

class MediaFetcherTest : public testing::Test {
 protected:
  MediaFetcherTest() {
    options_.look_every = 1min;  // everything here calls wake()
    open();
    write([](Transaction& tx) -> Result<> {
      for (const auto* sql :
           {"INSERT INTO accounts (id, channel, name, business_id, sender_id, verified_name, sealed_token, "
            "created_at, "
            "updated_at) VALUES (1, 'whatsapp', 'shop', '77', '106540', 'Shop & Co', '', 0, 0), "
            "(2, 'instagram', 'insta', '88', '178414', '', '', 0, 0)",
            "INSERT INTO people (id, portfolio, created_at, updated_at) VALUES (1, '77', 0, 0)",
            "INSERT INTO person_addresses (kind, scope, value, person_id, valid_from) VALUES "
            "(2, '77', 'DE.1', 1, 0), (1, '77', '491701234567', 1, 0)",
            "INSERT INTO conversations (id, account_id, person_id, created_at) VALUES (1, 1, 1, 0), (2, 2, "
            "1, 0)"}) {
        PH_TRY(tx.execute(sql));
      }
      return {};
    });
  }
  void open() {
    life_ = std::make_unique<Life>(world_, disk_, files_, options_);
    life_->fetcher->start();
  }
  void crash() {
    life_.reset();
    disk_.crash(simulated::CrashLoss::random);
    files_.crash();
  }
  void write(std::function<Result<>(Transaction&)> work) {
    std::optional<Result<>> done;
    auto task = [](Database& db, std::function<Result<>(Transaction&)> f,
                   std::optional<Result<>>& out) -> Task<> { out = co_await db.write(std::move(f)); };
    life_->process.spawn(task(*life_->database, std::move(work), done));
    ASSERT_TRUE(world_.run_until([&] { return done.has_value(); }, 1min));
    ASSERT_TRUE(*done) << done->error().message;
  }
  template <class T>
  Result<T> read(std::function<Result<T>(Transaction&)> work) {
    std::optional<Result<T>> done;
    auto task = [](Database& db, std::function<Result<T>(Transaction&)> f,
                   std::optional<Result<T>>& out) -> Task<> { out = co_await db.read(std::move(f)); };
    life_->process.spawn(task(*life_->database, std::move(work), done));
    EXPECT_TRUE(world_.run_until([&] { return done.has_value(); }, 1min));
    return std::move(*done);
  }

  // A message with one attachment; returns the attachment's id.
  std::int64_t receive(channels::Attachment attachment, std::int64_t conversation = 1) {
    const std::int64_t id = ++last_;
    write([=, now = life_->process.clock().wall_now()](Transaction& tx) -> Result<> {
      PH_TRY(tx.execute(
          "INSERT INTO messages (id, conversation_id, direction, at, received_at, channel_id, type) "
          "VALUES ($1, $2, 0, $3, $3, $4, 'image')",
          {id, conversation, now, fmt::format("wamid.{}", id)}));
      return attachments::add(tx, MessageId{id}, AccountId{conversation}, {attachment}, now);
    });
    life_->fetcher->wake();
    return id;
  }
  std::int64_t receive_image(const std::string& media_id, const std::string& bytes = kJpeg) {
    meta_.files[media_id] = bytes;
    channels::Attachment attachment;
    attachment.kind = "image";
    attachment.media_id = media_id;
    return receive(std::move(attachment));
  }
  StoredAttachment row(std::int64_t id) {
    return read<StoredAttachment>([id](Transaction& tx) { return attachments::get(tx, AttachmentId{id}); })
        .value();
  }
  std::vector<std::string> told() {
    auto events = read<std::vector<LoggedEvent>>(
        [](Transaction& tx) { return events::read_after(tx, EventId{0}, 1000, "message.attachment"); });
    std::vector<std::string> out;
    for (const auto& event : *events) out.push_back(event.subject + " " + event.data);
    return out;
  }
  bool runs_until(std::int64_t id, AttachmentState state, Duration limit) {
    for (Duration spent{}; spent < limit; spent += 1s) {
      if (row(id).state == state) return true;
      world_.run_for(1s);
    }
    return row(id).state == state;
  }

  simulated::World world_{5};
  simulated::Disk disk_{5};
  simulated::SimulatedFiles files_;
  Meta meta_{world_};
  MediaFetcherOptions options_;
  std::unique_ptr<Life> life_;
  std::int64_t last_ = 0;
};

TEST_F(MediaFetcherTest, FetchesAtOnceAndTells) {
  const auto id = receive_image("900");
  ASSERT_TRUE(runs_until(id, AttachmentState::stored, 5s)) << row(id).error;
  const auto stored = row(id);
  EXPECT_EQ(stored.blob, to_hex(sha256(kJpeg)));
  EXPECT_EQ(stored.size, kJpeg.size());
  EXPECT_EQ(stored.mime_type, "image/jpeg");
  EXPECT_EQ(
      stored.path,
      "business=Shop_Co/wabaMetaId=77/phone=106540/from=491701234567/waMessageId=wamid.1/mediaId=900.jpg");
  EXPECT_EQ(*files_.contents("blobs/" + stored.blob), kJpeg);
  EXPECT_EQ(meta_.last_number, "106540");
  EXPECT_THAT(
      told(),
      testing::ElementsAre(
          R"(conversation:1 {"message_id":1,"conversation_id":1,"attachment_id":1,"state":"stored"})"));
}

TEST_F(MediaFetcherTest, TakesSignedAddressesAsTheyAreWithoutCredentials) {
  channels::Attachment attachment;
  attachment.kind = "image";
  attachment.url = kSignedUrl;
  const auto id = receive(attachment, 2);
  ASSERT_TRUE(runs_until(id, AttachmentState::stored, 5s)) << row(id).error;
  EXPECT_EQ(row(id).url, "");
  EXPECT_THAT(meta_.authorizations, testing::ElementsAre(""));
}

TEST_F(MediaFetcherTest, AnHourWithoutTheMediaHostCostsNothing) {
  meta_.down = true;
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 40; ++i) {
    ids.push_back(receive_image(fmt::format("a{}", i), kJpeg + std::to_string(i)));
    world_.run_for(1min);
  }
  simulated::LinkConfig broken;
  broken.connect_hang = 1;
  world_.wire().set_link("lookaside.fbsbx.com", broken);
  for (int i = 0; i < 20; ++i) {
    ids.push_back(receive_image(fmt::format("b{}", i), kJpeg + "b" + std::to_string(i)));
    world_.run_for(1min);
  }
  for (const auto id : ids) EXPECT_EQ(row(id).state, AttachmentState::waiting);
  EXPECT_LT(meta_.asked, 3000) << "hammers a host that is down";
  world_.wire().set_link("lookaside.fbsbx.com", simulated::LinkConfig{});
  meta_.down = false;
  world_.run_for(15min);
  for (const auto id : ids) EXPECT_EQ(row(id).state, AttachmentState::stored) << id << " " << row(id).error;
  EXPECT_EQ(told().size(), ids.size());
}

TEST_F(MediaFetcherTest, SixDaysOfOutageAreOutlastedAndEightAreNot) {
  meta_.down = true;
  const auto early = receive_image("1");
  world_.run_for(48h);
  const auto late = receive_image("2");
  world_.run_for(24h * 5 + 2h);
  EXPECT_TRUE(runs_until(early, AttachmentState::lost, 1h));
  EXPECT_THAT(row(early).error, HasSubstr("given up"));
  EXPECT_EQ(row(late).state, AttachmentState::waiting);
  meta_.down = false;
  EXPECT_TRUE(runs_until(late, AttachmentState::stored, 15min));
}

TEST_F(MediaFetcherTest, KillsAtAnyInstantStoreOnceAndLeakNothing) {
  for (int step = 0; step < 60; ++step) {
    const auto id = receive_image(fmt::format("k{}", step), kJpeg + std::to_string(step));
    world_.run_for(Duration(step * 1'500));
    crash();
    open();
    ASSERT_TRUE(runs_until(id, AttachmentState::stored, 1min)) << step << " " << row(id).error;
    ASSERT_NE(files_.contents("blobs/" + row(id).blob), nullptr) << step;
  }
  EXPECT_EQ(told().size(), 60U);
  std::uint64_t expected = 0;
  for (const auto& [name, bytes] : meta_.files) expected += bytes.size();
  EXPECT_EQ(files_.used_bytes(), expected);
}

TEST_F(MediaFetcherTest, ABlobThatIsThereIsNotFetchedAgain) {
  const auto id = receive_image("1");
  ASSERT_TRUE(runs_until(id, AttachmentState::stored, 5s));
  write([](Transaction& tx) -> Result<> {  // as if the process had died before the last step
    PH_TRY(tx.execute("UPDATE attachments SET state = 0"));
    return {};
  });
  const int before = meta_.fetched;
  life_->fetcher->wake();
  ASSERT_TRUE(runs_until(id, AttachmentState::stored, 5s));
  EXPECT_EQ(meta_.fetched, before);
}

TEST_F(MediaFetcherTest, OtherBytesThanToldAreRefusedAfterAskingAgain) {
  meta_.told_hash = std::string(64, 'a');
  const auto id = receive_image("1");
  ASSERT_TRUE(runs_until(id, AttachmentState::refused, 5min));
  EXPECT_EQ(meta_.fetched, 4);
  EXPECT_THAT(row(id).error, HasSubstr("SHA-256"));
  EXPECT_EQ(files_.used_bytes(), 0U);
  EXPECT_THAT(told(), testing::ElementsAre(HasSubstr(R"("state":"refused")")));
}

TEST_F(MediaFetcherTest, TheMessagesOwnHashCountsWhenTheChannelTellsNone) {
  channels::Attachment attachment;
  attachment.kind = "image";
  attachment.url = kSignedUrl;
  attachment.sha256 = std::string(64, 'b');
  const auto id = receive(attachment, 2);
  ASSERT_TRUE(runs_until(id, AttachmentState::refused, 5min));
}

TEST_F(MediaFetcherTest, AnErrorPageInsteadOfTheImageIsNotBelievedAtOnce) {
  meta_.told_hash = "not told";
  meta_.sent_instead = "<!DOCTYPE html><html>Sorry, something went wrong</html>";
  const auto id = receive_image("1");
  world_.run_for(12s);
  EXPECT_EQ(row(id).state, AttachmentState::waiting);
  meta_.sent_instead.clear();
  EXPECT_TRUE(runs_until(id, AttachmentState::stored, 1min));
  meta_.sent_instead = "<!DOCTYPE html><html>for ever</html>";
  const auto other = receive_image("2");
  ASSERT_TRUE(runs_until(other, AttachmentState::refused, 5min));
  EXPECT_THAT(row(other).error, HasSubstr("text/html"));
}

TEST_F(MediaFetcherTest, DoubtsDuringAnOutageDoNotAddUpWithFailures) {
  meta_.down = true;
  const auto id = receive_image("1");
  world_.run_for(1h);
  meta_.down = false;
  meta_.told_hash = std::string(64, 'a');
  world_.run_for(11min);
  EXPECT_EQ(row(id).state, AttachmentState::waiting) << "one wrong answer after an outage was believed";
  meta_.told_hash.clear();
  EXPECT_TRUE(runs_until(id, AttachmentState::stored, 15min));
}

TEST_F(MediaFetcherTest, WhatIsGoneIsLost) {
  channels::Attachment attachment;
  attachment.kind = "image";
  attachment.media_id = "404";
  const auto dropped = receive(attachment);
  attachment.media_id.clear();
  attachment.url = kSignedUrl;
  meta_.signed_status = 403;
  const auto expired = receive(attachment, 2);
  ASSERT_TRUE(runs_until(dropped, AttachmentState::lost, 5min)) << row(dropped).error;
  ASSERT_TRUE(runs_until(expired, AttachmentState::lost, 5min)) << row(expired).error;
  EXPECT_THAT(row(expired).error, HasSubstr("403"));
}

TEST_F(MediaFetcherTest, TheTokenStaysWithMeta) {
  simulated::Process thief(world_, "thief.example");
  int calls = 0;
  HttpServer server(*thief.network().listen("0.0.0.0", 443), thief.clock(), thief.executor(),
                    [&calls](HttpExchange& x) -> Task<> {
                      ++calls;
                      HttpResponse response;
                      response.body = kJpeg;
                      (void)co_await x.respond(std::move(response));
                    });
  server.start();
  meta_.host = "thief.example";
  const auto id = receive_image("1");
  world_.run_for(1min);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(row(id).state, AttachmentState::waiting);
  EXPECT_THAT(row(id).error, HasSubstr("thief.example"));
  thief.crash();
}

TEST_F(MediaFetcherTest, AddressesInsideAreRefused) {
  channels::Attachment attachment;
  attachment.kind = "image";
  attachment.url = "https://169.254.169.254/latest/meta-data/";
  const auto id = receive(attachment, 2);
  ASSERT_TRUE(runs_until(id, AttachmentState::refused, 5min));
  EXPECT_THAT(row(id).error, HasSubstr("169.254.169.254"));
}

TEST_F(MediaFetcherTest, TooLargeByWordOrByDeedIsRefusedAtOnce) {
  options_.max_bytes = 10'000;
  crash();
  open();
  const auto told_large = receive_image("1");
  ASSERT_TRUE(runs_until(told_large, AttachmentState::refused, 5s));
  EXPECT_EQ(meta_.fetched, 0);
  meta_.told_size = 5;
  const auto lying = receive_image("2");
  ASSERT_TRUE(runs_until(lying, AttachmentState::refused, 5s));
  EXPECT_THAT(row(lying).error, HasSubstr("10000"));
}

TEST_F(MediaFetcherTest, AFullDiskIsWaitedFor) {
  files_.set_capacity(1000);
  const auto id = receive_image("1");
  world_.run_for(5min);
  EXPECT_EQ(row(id).state, AttachmentState::waiting);
  files_.set_capacity(10'000'000);
  EXPECT_TRUE(runs_until(id, AttachmentState::stored, 15min));
}

TEST_F(MediaFetcherTest, OneAccountsFloodDoesNotHoldUpAnother) {
  simulated::LinkConfig slow;
  slow.latency_min = slow.latency_max = 2s;
  world_.wire().set_link("lookaside.fbsbx.com", slow);
  for (int i = 0; i < 200; ++i) receive_image(fmt::format("f{}", i), kJpeg + std::to_string(i));
  channels::Attachment attachment;
  attachment.kind = "image";
  attachment.url = kSignedUrl;
  const auto id = receive(attachment, 2);
  EXPECT_TRUE(runs_until(id, AttachmentState::stored, 20s));
  EXPECT_EQ(row(200).state, AttachmentState::waiting);
}

TEST_F(MediaFetcherTest, AMessageUnsentDuringTheFetchLeavesNothing) {
  const auto id = receive_image("1");
  meta_.hook = [this, id] {
    meta_.hook = nullptr;
    auto task = [](Database& db, std::int64_t message) -> Task<> {
      auto work = [message](Transaction& tx) { return attachments::forget(tx, MessageId{message}); };
      (void)co_await db.write(std::move(work));
    };
    life_->process.spawn(task(*life_->database, id));
  };
  world_.run_for(2min);
  EXPECT_EQ(row(id).state, AttachmentState::deleted);
  EXPECT_EQ(files_.used_bytes(), 0U);
}

TEST_F(MediaFetcherTest, WhatWasUnsentIsDeletedUnlessAnotherMessageHasItToo) {
  const auto first = receive_image("1");
  const auto second = receive_image("2");
  const auto alone = receive_image("3", kJpeg + "!");
  for (const auto id : {first, second, alone}) ASSERT_TRUE(runs_until(id, AttachmentState::stored, 10s));
  for (const auto id : {first, alone}) {
    write([id](Transaction& tx) -> Result<> {
      PH_TRY(attachments::forget(tx, MessageId{id}));
      return {};
    });
  }
  life_->fetcher->wake();
  world_.run_for(2min);
  EXPECT_EQ(files_.used_bytes(), kJpeg.size());
  EXPECT_NE(files_.contents("blobs/" + row(second).blob), nullptr);
}

TEST_F(MediaFetcherTest, AnExceptionIsAFailureOfThatJobOnly) {
  life_->source_throws = true;
  const auto id = receive_image("1");
  world_.run_for(2s);
  EXPECT_EQ(row(id).state, AttachmentState::waiting);
  EXPECT_THAT(row(id).error, HasSubstr("a bug"));
  EXPECT_EQ(row(id).attempts, 1) << "again, but not at once";
  EXPECT_EQ(life_->fetcher->running(), 0U);
  life_->source_throws = false;
  EXPECT_TRUE(runs_until(id, AttachmentState::stored, 1min));
}

// No story is kept beyond its life; other attachments stay.
TEST_F(MediaFetcherTest, StoriesAreDeletedAfterADay) {
  channels::Attachment story;
  story.kind = "story_mention";
  story.url = kSignedUrl;
  const auto mention = receive(story, 2);
  story.kind = "story_reply";
  const auto reply = receive(story, 2);
  const auto image = receive_image("1", kJpeg + "!");
  for (const auto id : {mention, reply, image}) ASSERT_TRUE(runs_until(id, AttachmentState::stored, 10s));
  world_.run_for(23h);
  EXPECT_EQ(row(mention).state, AttachmentState::stored);
  world_.run_for(62min);
  for (const auto id : {mention, reply}) {
    EXPECT_EQ(row(id).state, AttachmentState::deleted);
    EXPECT_EQ(row(id).error, "the story is over");
    EXPECT_EQ(row(id).blob, "");
  }
  EXPECT_EQ(row(image).state, AttachmentState::stored);
  EXPECT_EQ(files_.used_bytes(), kJpeg.size() + 1);
  EXPECT_THAT(told().back(), HasSubstr(R"("state":"deleted")"));
}

TEST_F(MediaFetcherTest, AStoryThatCannotBeHadIsNotAskedForAfterItsLife) {
  meta_.down = true;
  channels::Attachment story;
  story.kind = "story_mention";
  story.url = kSignedUrl;
  const auto id = receive(story, 2);
  world_.run_for(24h + 2min);
  EXPECT_EQ(row(id).state, AttachmentState::deleted);
  EXPECT_EQ(row(id).url, "");
}

TEST_F(MediaFetcherTest, StoriesMayBeKept) {
  crash();
  options_.keep_stories = Duration(0);
  open();
  channels::Attachment story;
  story.kind = "story_mention";
  story.url = kSignedUrl;
  const auto id = receive(story, 2);
  world_.run_for(24h * 3);
  EXPECT_EQ(row(id).state, AttachmentState::stored);
}

// A backup copies the files that its snapshot of the rows names, however long that takes.
TEST_F(MediaFetcherTest, NothingIsDeletedWhileFilesAreKept) {
  const auto id = receive_image("1");
  ASSERT_TRUE(runs_until(id, AttachmentState::stored, 10s));
  auto backup = life_->fetcher->keep_files();
  auto another = life_->fetcher->keep_files();
  write([id](Transaction& tx) -> Result<> {
    PH_TRY(attachments::forget(tx, MessageId{id}));
    return {};
  });
  backup.reset();
  life_->fetcher->wake();
  world_.run_for(10min);
  EXPECT_EQ(files_.used_bytes(), kJpeg.size());
  another.reset();
  world_.run_for(2min);
  EXPECT_EQ(files_.used_bytes(), 0U);
}

// Files are written before the rows that name them. Those whose rows never came are deleted after an hour.
TEST_F(MediaFetcherTest, AFileWithoutARowIsDeletedAfterItsTime) {
  auto put = [](Life& life, std::string bytes, bool& done) -> Task<> {
    const auto stored =
        co_await put_held(*life.database, life.process.clock(), *life.blobs, std::move(bytes));
    EXPECT_TRUE(stored);
    done = true;
  };
  bool done = false;
  life_->process.spawn(put(*life_, "without a row", done));
  ASSERT_TRUE(world_.run_until([&] { return done; }, 1min));
  done = false;
  life_->process.spawn(put(*life_, kJpeg, done));
  ASSERT_TRUE(world_.run_until([&] { return done; }, 1min));
  write([](Transaction& tx) -> Result<> {
    PH_TRY(tx.execute("UPDATE people SET profile_picture = $1 WHERE id = 1", {to_hex(sha256(kJpeg))}));
    return {};
  });
  world_.run_for(50min);
  EXPECT_GT(files_.used_bytes(), kJpeg.size());
  world_.run_for(15min);
  EXPECT_EQ(files_.used_bytes(), kJpeg.size());
  EXPECT_EQ(read<std::int64_t>([](Transaction& tx) -> Result<std::int64_t> {
              PH_TRY_ASSIGN(auto rows, tx.query("SELECT COUNT(*) FROM unused_blobs"));
              PH_TRY(rows.next());
              return rows.integer(0);
            }).value(),
            0);
}

// A file that is being deleted cannot be named meanwhile; a crash in between deletes it at the next start.
TEST_F(MediaFetcherTest, WhatIsBeingDeletedIsNotNamed) {
  const std::string key = to_hex(sha256(kJpeg));
  const WallTime later = life_->process.clock().wall_now() + 2h;
  write([&](Transaction& tx) -> Result<> {
    PH_TRY(attachments::let_go(tx, key));
    PH_TRY_ASSIGN(const bool claimed, attachments::claim_unused(tx, key, later));
    EXPECT_TRUE(claimed);
    PH_TRY_ASSIGN(const bool held, attachments::hold_blob(tx, key, later));
    EXPECT_FALSE(held);
    PH_TRY(attachments::blob_gone(tx, key));
    PH_TRY_ASSIGN(const bool again, attachments::hold_blob(tx, key, later));
    EXPECT_TRUE(again);
    PH_TRY_ASSIGN(const bool while_held, attachments::claim_unused(tx, key, later - 1s));
    EXPECT_FALSE(while_held);
    return {};
  });
}

TEST_F(MediaFetcherTest, PeopleMayAskAgain) {
  channels::Attachment attachment;
  attachment.kind = "image";
  attachment.media_id = "900";
  const auto id = receive(attachment);
  ASSERT_TRUE(runs_until(id, AttachmentState::lost, 5min));
  meta_.files["900"] = kJpeg;
  std::optional<Result<>> done;
  auto ask = [](MediaFetcher& fetcher, std::int64_t which, std::optional<Result<>>& out) -> Task<> {
    out = co_await fetcher.retry(AttachmentId{which});
  };
  life_->process.spawn(ask(*life_->fetcher, id, done));
  ASSERT_TRUE(runs_until(id, AttachmentState::stored, 5s));
  ASSERT_TRUE(done && *done);
  life_->process.spawn(ask(*life_->fetcher, id, done));
  world_.run_for(1s);
  ASSERT_FALSE(*done);
  EXPECT_EQ(done->error().code, ErrorCode::conflict);
}

TEST_F(MediaFetcherTest, AClockThatStepsBackHoldsNothing) {
  life_->process.jump_wall_clock(24h * 30);
  meta_.down = true;
  const auto id = receive_image("1");
  world_.run_for(1min);
  life_->process.jump_wall_clock(-24h * 30);
  meta_.down = false;
  EXPECT_TRUE(runs_until(id, AttachmentState::stored, 5min));
}

TEST_F(MediaFetcherTest, StopsWithinSecondsAndGoesOnAfterwards) {
  simulated::LinkConfig hanging;
  hanging.connect_hang = 1;
  world_.wire().set_link("lookaside.fbsbx.com", hanging);
  const auto id = receive_image("1");
  world_.run_for(1s);
  bool stopped = false;
  auto stop = [](MediaFetcher& fetcher, bool& done) -> Task<> {
    co_await fetcher.stop();
    done = true;
  };
  life_->process.spawn(stop(*life_->fetcher, stopped));
  world_.run_for(7s);
  EXPECT_TRUE(stopped);
  world_.wire().set_link("lookaside.fbsbx.com", simulated::LinkConfig{});
  crash();
  open();
  EXPECT_TRUE(runs_until(id, AttachmentState::stored, 1min));
}

}  // namespace
}  // namespace posthorn
