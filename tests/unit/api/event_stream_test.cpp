// GET /events: live, resumable, bounded.
#include <gmock/gmock.h>

#include "api/event_stream_routes.h"
#include "messaging/event_feed.h"
#include "storage/event_log.h"
#include "unit/api/api_house.h"

namespace posthorn::api_testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// A client of the stream: takes pieces at its own pace and goes away when it likes.
class StreamClient final : public HttpExchange {
 public:
  StreamClient(Clock& clock, std::string target, const std::string& key) : clock_(clock) {
    request_.target = std::move(target);
    request_.headers.set("Host", "posthorn.test");
    if (!key.empty()) request_.headers.set("Authorization", "Bearer " + key);
  }
  StreamClient& last_id(const std::string& id) {
    request_.headers.set("Last-Event-ID", id);
    return *this;
  }
  const HttpRequest& request() const override { return request_; }
  std::string peer_address() const override { return "203.0.113.5"; }
  Task<Result<std::string>> read_body(std::size_t) override { co_return std::string(); }
  Task<Result<std::size_t>> read_body_some(std::span<char>) override { co_return std::size_t{0}; }
  Task<Result<>> respond(HttpResponse response) override {
    status = response.status;
    text = response.body;
    co_return Result<>();
  }
  Task<Result<>> begin_stream(HttpResponse head) override {
    status = head.status;
    type = std::string(head.headers.get("Content-Type"));
    co_return Result<>();
  }
  Task<Result<>> write_chunk(std::string_view bytes) override {
    if (gone) co_return fail(ErrorCode::unavailable, "gone");
    largest = std::max(largest, bytes.size());
    const std::string kept(bytes);
    if (pace > 0s) co_await clock_.sleep_for(pace);
    text += kept;
    co_return Result<>();
  }
  // Ids of the events that came, in order.
  std::vector<int> ids() const {
    std::vector<int> out;
    std::size_t at = 0;
    while ((at = text.find("id: ", at)) != std::string::npos) {
      const auto line_end = text.find('\n', at);
      if (text.compare(line_end + 1, 6, "data: ") == 0) out.push_back(std::stoi(text.substr(at + 4)));
      at = line_end;
    }
    return out;
  }
  int status = 0;
  std::string type, text;
  std::size_t largest = 0;
  bool gone = false;
  Duration pace{};

 private:
  Clock& clock_;
  HttpRequest request_;
};

class EventStreamTest : public ApiHouse {
 protected:
  EventStreamTest()
      : feed(EventFeedPorts{*database, process.clock(), process.executor()}),
        routes(*database, feed, *access, process.clock()) {
    routes.add_to(router);
    feed.start();
    key = new_key(Role::agent);
  }
  // Those of the test must go before what they refer to.
  ~EventStreamTest() override { process.crash(); }

  StreamClient& open(const std::string& target) {
    clients.push_back(std::make_unique<StreamClient>(process.clock(), target, key));
    return *clients.back();
  }
  StreamClient& go(StreamClient& client) {
    process.spawn(serve(client));
    world.run_for(1s);
    return client;
  }
  Task<> serve(StreamClient& client) {
    ++running;
    co_await router.handle(client);
    --running;
  }
  void happen(int count, const std::string& kind = "message.received", const std::string& data = "{}") {
    auto write = [=, this](Transaction& tx) -> Result<int> {
      for (int i = 0; i < count; ++i) {
        PH_TRY(events::append(tx, process.clock().wall_now(), kind, "conversation:1", data));
      }
      return count;
    };
    ASSERT_TRUE(run(database->write(std::move(write))));
  }

  EventFeed feed;
  EventStreamRoutes routes;
  Router router;
  std::string key;
  std::vector<std::unique_ptr<StreamClient>> clients;
  int running = 0;
};

TEST_F(EventStreamTest, TellsWhatHappensFromNowOn) {
  happen(3);
  auto& client = go(open("/events"));
  EXPECT_EQ(client.status, 200);
  EXPECT_EQ(client.type, "text/event-stream");
  EXPECT_THAT(client.ids(), IsEmpty());
  EXPECT_THAT(client.text, HasSubstr("id: 3\n\n"));  // where to resume, should it end now
  happen(2);
  world.run_for(300ms);  // nobody told the feed: it looks by itself
  EXPECT_THAT(client.ids(), ElementsAre(4, 5));
  EXPECT_THAT(client.text, HasSubstr(R"("type":"message.received")"));
}

TEST_F(EventStreamTest, NoticeIsFasterThanLooking) {
  auto& client = go(open("/events"));
  happen(1);
  feed.notify();
  world.run_for(5ms);
  EXPECT_THAT(client.ids(), SizeIs(1));
}

TEST_F(EventStreamTest, ResumesWithoutLossOrRepeat) {
  happen(1000);
  std::vector<int> seen;
  std::string last = "0";
  auto random = world.random("test");
  while (seen.size() < 1200) {
    auto& client = open("/events?after=7").last_id(last);
    process.spawn(serve(client));
    client.pace = 1ms;
    world.run_for(Duration(static_cast<Duration::rep>(random->below(20'000))));
    if (seen.size() < 1000 && seen.size() + client.ids().size() >= 1000) happen(200);
    client.gone = true;
    for (const int id : client.ids()) seen.push_back(id);
    if (!seen.empty()) last = std::to_string(seen.back());
    ASSERT_LT(clients.size(), 500U);
  }
  for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], static_cast<int>(i) + 1);
}

TEST_F(EventStreamTest, ShowsOnlyTheKindsAskedFor) {
  happen(1, "message.received");
  happen(1, "call.updated");
  happen(1, "message.status");
  auto& client = go(open("/events?after=0&kinds=message.*"));
  EXPECT_THAT(client.ids(), ElementsAre(1, 3));
}

TEST_F(EventStreamTest, SaysThatEventsAreMissing) {
  happen(10);
  auto remove = [](Transaction& tx) -> Result<std::int64_t> {
    return tx.execute("DELETE FROM events WHERE id < 6");
  };
  ASSERT_TRUE(run(database->write(std::move(remove))));
  auto& late = go(open("/events?after=2"));
  EXPECT_THAT(late.text, HasSubstr("event: gap\ndata: {\"after\":2,\"oldest\":6,\"newest\":10}\n\n"));
  EXPECT_THAT(late.ids(), ElementsAre(6, 7, 8, 9, 10));
  auto& in_time = go(open("/events?after=5"));
  EXPECT_THAT(in_time.text, Not(HasSubstr("gap")));
  EXPECT_THAT(in_time.ids(), SizeIs(5));
  auto& ahead = go(open("/events?after=99"));  // of another log: restored from a backup
  EXPECT_THAT(ahead.text, HasSubstr("event: gap"));
  happen(1);
  world.run_for(1s);
  EXPECT_THAT(ahead.ids(), ElementsAre(11));
}

TEST_F(EventStreamTest, KeepsQuietConnectionsAliveAndEndsThemInTime) {
  auto& client = go(open("/events"));
  world.run_for(46s);
  std::size_t beats = 0, at = 0;
  while ((at = client.text.find(": still here", at)) != std::string::npos) {
    ++beats;
    ++at;
  }
  EXPECT_EQ(beats, 3U);
  world.run_for(1h);
  EXPECT_EQ(running, 0);
  EXPECT_THAT(client.text, HasSubstr("connect again with Last-Event-ID: 0"));
}

TEST_F(EventStreamTest, SlowClientsAreDroppedAndMayComeBack) {
  happen(2000, "message.received", R"({"text":")" + std::string(2000, 'x') + "\"}");
  auto& slow = open("/events?after=0");
  slow.pace = 11s;
  go(slow);
  world.run_for(2min);
  EXPECT_EQ(running, 0);
  EXPECT_THAT(slow.text, HasSubstr("too slow"));
  EXPECT_LT(slow.largest, 300U * 1024);  // never more in memory than a piece
  auto& again = go(open("/events").last_id(slow.ids().empty() ? "0" : std::to_string(slow.ids().back())));
  world.run_for(10s);
  EXPECT_EQ(slow.ids().size() + again.ids().size(), 2000U);
}

TEST_F(EventStreamTest, EndsWhenTheKeyIsRevoked) {
  go(open("/events"));
  ASSERT_TRUE(run(access->revoke_key("agent1")));
  world.run_for(20s);
  EXPECT_EQ(running, 0);
  EXPECT_THAT(clients.back()->text, HasSubstr("access has ended"));
}

TEST_F(EventStreamTest, EndsWhenTheServerStops) {
  go(open("/events"));
  auto stop = [](EventFeed& it) -> Task<bool> {
    co_await it.stop();
    co_return true;
  };
  EXPECT_TRUE(run(stop(feed)));
  world.run_for(1s);
  EXPECT_EQ(running, 0);
}

TEST_F(EventStreamTest, RefusesWhatItCannotRead) {
  for (const auto* target :
       {"/events?after=x", "/events?after=-1", "/events?kinds=a%20b", "/events?after=1.5"}) {
    auto& client = go(open(target));
    EXPECT_EQ(client.status, 400) << target;
  }
  auto& wrong_header = go(open("/events").last_id("abc"));
  EXPECT_EQ(wrong_header.status, 400);
  EXPECT_THAT(wrong_header.text, HasSubstr("Last-Event-ID"));
  key.clear();
  EXPECT_EQ(go(open("/events")).status, 401);
}

TEST_F(EventStreamTest, AViewerReadsHereWhatAViewerReadsElsewhere) {
  key = new_key(Role::viewer);
  EXPECT_EQ(go(open("/events?full=1")).status, 200);
  EXPECT_EQ(go(open("/events")).status, 200);
}

}  // namespace
}  // namespace posthorn::api_testing
