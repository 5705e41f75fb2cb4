// The way in through a queue, with a queue and a store that fail on purpose.
#include "messaging/sqs_intake.h"

#include <set>

#include "messaging/eum_media_source.h"
#include "unit/aws/aws_house.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// A standard queue: messages are hidden after receiving and come again unless they are deleted.
class FakeQueue final : public aws::MessageQueue {
 public:
  explicit FakeQueue(Clock& clock) : clock_(clock) {}

  struct Kept {
    std::string body;
    MonotonicTime visible_at{};
    int received = 0;
  };
  std::map<std::string, Kept> messages;  // by id
  std::set<std::string> undeletable;     // fail once each
  int failing_receives = 0, failing_removes = 0;
  int receives = 0, removes = 0;
  std::vector<std::pair<std::string, Duration>> hidden;
  bool closed = false;

  Task<Result<std::vector<aws::QueueMessage>>> receive(Duration wait, Duration visibility) override {
    ++receives;
    if (failing_receives > 0) {
      --failing_receives;
      co_return fail(ErrorCode::unavailable, "sqs: broken");
    }
    const MonotonicTime until = clock_.now() + wait;
    while (!closed) {
      std::vector<aws::QueueMessage> out;
      for (auto& [id, kept] : messages) {
        if (kept.visible_at > clock_.now() || out.size() == aws::kQueueBatch) continue;
        kept.visible_at = clock_.now() + visibility;
        out.push_back({.id = id, .receipt = id, .body = kept.body, .receive_count = ++kept.received});
      }
      if (!out.empty() || clock_.now() >= until) co_return out;
      co_await clock_.sleep_for(100ms);
    }
    co_return fail(ErrorCode::cancelled, "closed");
  }
  Task<Result<std::vector<std::string>>> remove(std::vector<std::string> receipts) override {
    ++removes;
    if (closed) co_return fail(ErrorCode::cancelled, "closed");
    if (failing_removes > 0) {
      --failing_removes;
      co_return fail(ErrorCode::unavailable, "sqs: broken");
    }
    std::vector<std::string> failed;
    for (const std::string& receipt : receipts) {
      if (undeletable.erase(receipt) > 0)
        failed.push_back(receipt);
      else
        messages.erase(receipt);
    }
    co_return failed;
  }
  Task<Result<std::vector<std::string>>> hide(std::vector<std::string> receipts,
                                              Duration visibility) override {
    for (const std::string& receipt : receipts) {
      hidden.emplace_back(receipt, visibility);
      messages[receipt].visible_at = clock_.now() + visibility;
    }
    co_return std::vector<std::string>();
  }
  void close() override { closed = true; }

 private:
  Clock& clock_;
};

struct FakeStore {
  std::vector<std::string> bodies, sources;
  Duration delay = 1ms;
  int failures = 0;
  std::size_t at_once = 0, most_at_once = 0;
};

Task<Result<JournalId>> accept(FakeStore& store, Clock& clock, std::string body, std::string source) {
  store.most_at_once = std::max(store.most_at_once, ++store.at_once);
  co_await clock.sleep_for(store.delay);
  --store.at_once;
  if (store.failures > 0) {
    --store.failures;
    co_return fail(ErrorCode::resource_exhausted, "the disk is full");
  }
  store.bodies.push_back(std::move(body));
  store.sources.push_back(std::move(source));
  co_return JournalId{static_cast<std::int64_t>(store.bodies.size())};
}

class SqsIntakeTest : public testing::Test {
 protected:
  void put(const std::string& id, std::string body) { queue_.messages[id] = {.body = std::move(body)}; }
  SqsIntake& start() {
    SqsIntake::Ports ports{.queue = queue_,
                           .accept =
                               [this](std::string body, std::string source) {
                                 return accept(store_, process_.clock(), std::move(body), std::move(source));
                               },
                           .clock = process_.clock(),
                           .random = process_.random(),
                           .log = null_log(),
                           .metrics = *metrics_,
                           .executor = process_.executor()};
    intake_ = std::make_unique<SqsIntake>(std::move(ports), options_);
    intake_->start();
    return *intake_;
  }
  bool until(const std::function<bool()>& done, Duration limit = 600s) {
    return world_.run_until(done, limit);
  }
  static Task<> stop_and_tell(SqsIntake& intake, bool& stopped) {
    co_await intake.stop();
    stopped = true;
  }
  void stop() {
    bool stopped = false;
    process_.spawn(stop_and_tell(*intake_, stopped));
    EXPECT_TRUE(until([&] { return stopped; }, 5s));
  }

  simulated::World world_{5};
  simulated::Process process_{world_, "posthorn"};
  FakeQueue queue_{process_.clock()};
  FakeStore store_;
  std::unique_ptr<Metrics> metrics_ = make_metrics();
  SqsIntakeOptions options_;
  std::unique_ptr<SqsIntake> intake_;
};

TEST_F(SqsIntakeTest, TakesInThenDeletes) {
  for (int i = 0; i < 35; ++i) put("m" + std::to_string(i), std::to_string(i));
  start();
  ASSERT_TRUE(until([&] { return queue_.messages.empty(); }));
  EXPECT_EQ(store_.bodies.size(), 35U);
  EXPECT_THAT(store_.sources, testing::Each("sqs"));
  EXPECT_GE(store_.most_at_once, aws::kQueueBatch) << "a batch shares its commit";
  EXPECT_EQ(intake_->stats().deleted, 35U);
  EXPECT_TRUE(intake_->stats().reachable);
  stop();
}

TEST_F(SqsIntakeTest, WhatIsNotStoredStaysInTheQueue) {
  options_.pollers = 1;
  store_.failures = 2;
  put("a", "A");
  put("b", "B");
  put("c", "C");
  start();
  ASSERT_TRUE(until([&] { return store_.bodies.size() == 1; }));
  world_.run_for(1s);
  EXPECT_EQ(queue_.messages.size(), 2U) << "the one that was stored is gone, the others are not";
  EXPECT_EQ(intake_->stats().problem, "the disk is full");
  ASSERT_TRUE(until([&] { return queue_.messages.empty(); }));
  EXPECT_THAT(store_.bodies, UnorderedElementsAre("A", "B", "C"));
  stop();
}

TEST_F(SqsIntakeTest, ASlowStoreKeepsTheMessagesHidden) {
  options_.pollers = 2;
  options_.visibility = 30s;
  store_.delay = 100s;
  put("a", "A");
  start();
  ASSERT_TRUE(until([&] { return queue_.messages.empty(); }));
  EXPECT_THAT(store_.bodies, ElementsAre("A")) << "nobody received it a second time";
  EXPECT_GE(queue_.hidden.size(), 5U);
  stop();
}

TEST_F(SqsIntakeTest, DeletionsThatFailAreTriedAgainOrTheMessageComesAgain) {
  options_.pollers = 1;
  put("a", "A");
  put("b", "B");
  queue_.undeletable = {"b"};
  start();
  ASSERT_TRUE(until([&] { return queue_.messages.empty(); }, 10s));
  EXPECT_EQ(queue_.removes, 2);
  EXPECT_EQ(store_.bodies.size(), 2U);
  queue_.failing_removes = 1;
  put("c", "C");
  ASSERT_TRUE(until([&] { return queue_.messages.empty(); }));
  EXPECT_THAT(store_.bodies, ElementsAre("A", "B", "C", "C"))
      << "twice in the journal, to be recognised there";
  stop();
}

TEST_F(SqsIntakeTest, BacksOffWhileTheQueueCannotBeReached) {
  options_.pollers = 1;
  queue_.failing_receives = 8;
  put("a", "A");
  start();
  world_.run_for(30s);
  EXPECT_LE(queue_.receives, 7);
  EXPECT_FALSE(intake_->stats().reachable);
  EXPECT_EQ(intake_->stats().problem, "sqs: broken");
  ASSERT_TRUE(until([&] { return queue_.messages.empty(); }));
  EXPECT_TRUE(intake_->stats().reachable);
  EXPECT_EQ(intake_->stats().problem, "");
  stop();
}

TEST_F(SqsIntakeTest, ForeignTopicsStayInTheQueue) {
  options_.topics = {"arn:aws:sns:us-east-1:1:ours"};
  put("ours", R"({"Type":"Notification","TopicArn":"arn:aws:sns:us-east-1:1:ours","Message":"{}"})");
  put("theirs", R"({"Type":"Notification","TopicArn":"arn:aws:sns:us-east-1:2:ours","Message":"{}"})");
  put("raw", R"({"whatsAppWebhookEntry":"{}"})");
  put("garbage", "\xff{");
  start();
  ASSERT_TRUE(until([&] { return queue_.messages.size() == 1 && !queue_.hidden.empty(); }));
  EXPECT_TRUE(queue_.messages.contains("theirs"));
  EXPECT_EQ(store_.bodies.size(), 3U);
  EXPECT_EQ(intake_->stats().refused, 1U);
  EXPECT_EQ(queue_.hidden.front(), std::pair(std::string("theirs"), Duration(15min)));
  stop();
}

TEST_F(SqsIntakeTest, StopsDuringALongPollAndDuringAPause) {
  options_.pollers = 3;
  start();
  world_.run_for(1s);
  stop();
  EXPECT_TRUE(queue_.closed);
  const int receives = queue_.receives;
  world_.run_for(60s);
  EXPECT_EQ(queue_.receives, receives);
  queue_.closed = false;
  queue_.failing_receives = 1000;
  start();
  world_.run_for(120s);
  stop();
}

TEST(AdmitQueueMessage, LooksAtTheTopicOnly) {
  const std::vector<std::string> topics{"arn:a"};
  EXPECT_TRUE(admit_queue_message(R"({"TopicArn":"arn:a"})", topics));
  EXPECT_TRUE(admit_queue_message(R"({"whatsAppWebhookEntry":"{}"})", topics)) << "raw delivery";
  EXPECT_TRUE(admit_queue_message("no JSON", topics)) << "kept and parked";
  for (const char* bad :
       {R"({"TopicArn":"arn:b"})", R"({"TopicArn":7})", R"({"TopicArn":""})", R"({"TopicArn":null})",
        R"({"Type":"Notification","Message":"{}"})", R"({"TopicArn":"arn:b","whatsAppWebhookEntry":"{}"})"})
    EXPECT_EQ(admit_queue_message(bad, topics).error().field, "TopicArn") << bad;
}

class EumMediaTest : public aws::AwsHouse {};

TEST_F(EumMediaTest, TheServiceWritesToTheBucketAndASignedAddressReadsIt) {
  const auto calls = client("social-messaging");
  aws::EumClient social(*calls);
  const auto bucket = *aws::S3Bucket::create(ports(), "media", "us-east-1", "http://aws");
  EumMediaSource source(social, *bucket, "ph/", null_log());
  StoredAttachment attachment;
  attachment.media_id = "12/3";
  Account account;
  EXPECT_FALSE(run(source.locate(attachment, account))) << "the account is not linked";
  account.transport_id = "phone-number-id-a";
  script_.add(200, "<ListBucketResult></ListBucketResult>");
  script_.add(200, R"({"mimeType":"image/jpeg","fileSize":78})");
  script_.add(200, "<ListBucketResult><Contents><Key>ph/12%2F3/123.jpeg</Key></Contents></ListBucketResult>");
  const auto place = run(source.locate(attachment, account));
  ASSERT_TRUE(place) << place.error().message;
  EXPECT_THAT(place->url, testing::StartsWith("http://aws/media/ph/12%252F3/123.jpeg?X-Amz-Algorithm="));
  EXPECT_EQ(place->mime_type, "image/jpeg");
  EXPECT_EQ(place->size, 78U);
  EXPECT_TRUE(place->authorization.empty());
  EXPECT_THAT(script_.requests[1].body, testing::HasSubstr(R"("key":"ph/12%2F3/")"));
  script_.add(200, "<ListBucketResult><Contents><Key>ph/12%2F3/123.jpeg</Key></Contents></ListBucketResult>");
  EXPECT_TRUE(run(source.locate(attachment, account))) << "what is there is not asked for again";
  EXPECT_EQ(script_.requests.size(), 4U);
  script_.add(200, "<ListBucketResult><Contents><Key>ph/12%2F3/123.jpeg</Key></Contents></ListBucketResult>");
  script_.add(204);
  std::optional<bool> done;
  auto release = [](EumMediaSource& s, StoredAttachment a, Account b, std::optional<bool>& out) -> Task<> {
    co_await s.release(std::move(a), std::move(b));
    out = true;
  };
  client_.spawn(release(source, attachment, account, done));
  EXPECT_TRUE(world_.run_until([&] { return done.has_value(); }, 10s));
  EXPECT_EQ(script_.requests.at(5).method, "DELETE");
  attachment.media_id.clear();
  EXPECT_EQ(run(source.locate(attachment, account)).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace posthorn
