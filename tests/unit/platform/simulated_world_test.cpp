// The world itself: same seed, same story; a crash leaves nothing behind that runs.
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <gmock/gmock.h>

#include "platform/http_client.h"
#include "platform/http_server.h"
#include "platform/simulated/process.h"
#include "platform/simulated/wire.h"
#include "platform/simulated/world.h"
#include "unit/platform/http_raw.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using simulated::Process;
using simulated::World;

struct Tally {
  int answered = 0;
  int failed = 0;
  int handled = 0;
};

Task<> sleepy_handler(Tally& tally, Clock& clock, HttpExchange& exchange) {
  co_await clock.sleep_for(3ms);
  ++tally.handled;
  HttpResponse response;
  response.body = "ok";
  co_await exchange.respond(std::move(response));
}

Task<> caller(HttpClient& client, Clock& clock, Random& random, Tally& tally, int exchanges) {
  const Endpoint endpoint{"server", 80, false};
  for (int i = 0; i < exchanges; ++i) {
    co_await clock.sleep_for(Duration(random.below(5000)));
    HttpRequest request;
    request.body = std::to_string(random.next());
    const auto reply = co_await client.send(endpoint, std::move(request), 500ms);
    ++(reply ? tally.answered : tally.failed);
  }
}

struct Story {
  std::uint64_t hash = 0;
  Tally tally;
};

Story run_story(std::uint64_t seed) {
  Story story;
  World world(seed);
  simulated::LinkConfig faults;
  faults.cut = 0.9;
  faults.cut_within = 1000;
  faults.refuse = 0.1;
  faults.dribble = 0.2;
  world.wire().set_link(faults);
  Process server_process(world, "server");
  Process client_process(world, "client");
  HttpServer server(
      *server_process.network().listen("::", 80), server_process.clock(), server_process.executor(),
      [&](HttpExchange& exchange) { return sleepy_handler(story.tally, server_process.clock(), exchange); });
  server.start();
  HttpClient client(client_process.network(), client_process.clock(), client_process.executor());
  for (int i = 0; i < 8; ++i) {
    client_process.spawn(caller(client, client_process.clock(), client_process.random(), story.tally, 50));
  }
  EXPECT_TRUE(world.run_until([&] { return story.tally.answered + story.tally.failed == 400; }, 300s));
  story.hash = world.trace_hash();
  return story;
}

TEST(World, TheSameSeedTellsTheSameStory) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Story first = run_story(seed);
    const Story second = run_story(seed);
    EXPECT_EQ(first.hash, second.hash) << seed;
    EXPECT_EQ(first.tally.failed, second.tally.failed) << seed;
    EXPECT_GT(first.tally.answered, 100) << seed;
    EXPECT_GT(first.tally.failed, 10) << seed;
    EXPECT_GE(first.tally.handled, first.tally.answered) << seed;
    hashes.insert(first.hash);
  }
  EXPECT_EQ(hashes.size(), 20U);
}

TEST(World, NotesChangeTheHash) {
  World a(1);
  World b(1);
  EXPECT_EQ(a.trace_hash(), b.trace_hash());
  a.note("x");
  EXPECT_NE(a.trace_hash(), b.trace_hash());
  b.note("x");
  EXPECT_EQ(a.trace_hash(), b.trace_hash());
}

TEST(World, RandomStreamsDoNotShiftEachOther) {
  World a(5);
  World b(5);
  a.random("other")->next();
  EXPECT_EQ(a.random("mine")->next(), b.random("mine")->next());
  EXPECT_NE(a.random("mine")->next(), World(5).random("mine")->next());
  EXPECT_NE(World(6).random("mine")->next(), World(5).random("mine")->next());
}

Task<> note_times(Clock& clock, std::vector<Duration>& times) {
  for (const Duration pause : {Duration(5ms), Duration(0), Duration(1h)}) {
    co_await clock.sleep_for(pause);
    times.push_back(clock.now().time_since_epoch());
  }
}

TEST(World, TimeJumpsToTheNextEvent) {
  World world(1);
  Process process(world, "p");
  std::vector<Duration> times;
  process.spawn(note_times(process.clock(), times));
  EXPECT_TRUE(world.run_until([&] { return times.size() == 3; }, 2h));
  EXPECT_THAT(times, testing::ElementsAre(5ms, 5ms, 5ms + Duration(1h)));
  world.run_for(1s);
  EXPECT_EQ(world.now().time_since_epoch(), 5ms + Duration(1h) + Duration(1s));
}

TEST(World, WallClocksJumpWithoutTouchingMonotonicTime) {
  World world(1);
  Process process(world, "p");
  const WallTime before = process.clock().wall_now();
  const MonotonicTime monotonic = process.clock().now();
  process.jump_wall_clock(-24h);
  EXPECT_EQ(process.clock().wall_now(), before - Duration(24h));
  EXPECT_EQ(process.clock().now(), monotonic);
  EXPECT_EQ(world.wall_now(), before);
}

Task<> race(Clock& clock, int& winner) {
  using namespace asio::experimental::awaitable_operators;
  const auto first = co_await (clock.sleep_for(10s) || clock.sleep_for(1s));
  winner = static_cast<int>(first.index());
}

TEST(World, SleepsCanBeCancelled) {
  World world(1);
  Process process(world, "p");
  int winner = -1;
  process.spawn(race(process.clock(), winner));
  EXPECT_TRUE(world.run_until([&] { return winner >= 0; }, 60s));
  EXPECT_EQ(winner, 1);
  EXPECT_EQ(world.now().time_since_epoch(), 1s);
}

// Counts how many of its kind are alive, to see what a crash leaves behind.
struct Witness {
  explicit Witness(int& count) : alive(count) { ++alive; }
  ~Witness() { --alive; }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  int& alive;
};

Task<> sleeper(Clock& clock, int& alive, int& woke) {
  const Witness witness(alive);
  co_await clock.sleep_for(1s);
  ++woke;
}

Task<> reader(Network& network, int& alive, int& woke) {
  const Witness witness(alive);
  const Endpoint endpoint{"other", 9, false};
  auto stream = co_await network.connect(endpoint, 1s);
  std::vector<char> buffer(16);
  if (stream) co_await (*stream)->read_some(buffer);
  ++woke;
}

Task<> acceptor(Listener& listener, std::optional<Result<std::size_t>>& outcome) {
  auto stream = co_await listener.accept();
  std::vector<char> buffer(16);
  if (stream) outcome = co_await (*stream)->read_some(buffer);
}

TEST(Process, CrashDestroysCoroutinesAndResetsPeers) {
  World world(3);
  Process other(world, "other");
  auto listener = *other.network().listen("::", 9);
  std::optional<Result<std::size_t>> seen_by_peer;
  other.spawn(acceptor(*listener, seen_by_peer));
  auto victim = std::make_unique<Process>(world, "victim");
  int alive = 0;
  int woke = 0;
  victim->spawn(sleeper(victim->clock(), alive, woke));
  victim->spawn(reader(victim->network(), alive, woke));
  victim->post_after(1s, [&] { ++woke; });
  world.run_for(100ms);
  EXPECT_EQ(alive, 2);
  victim->crash();
  EXPECT_FALSE(victim->alive());
  EXPECT_EQ(alive, 0);
  victim.reset();
  world.run_for(10s);
  EXPECT_EQ(woke, 0);
  ASSERT_TRUE(seen_by_peer.has_value());
  ASSERT_FALSE(seen_by_peer->has_value());
  EXPECT_EQ(seen_by_peer->error().code, ErrorCode::unavailable);
}

TEST(Process, ACrashInTheMiddleOfExchangesIsSeenAsSent) {
  World world(4);
  Tally tally;
  Process client_process(world, "client");
  HttpClient client(client_process.network(), client_process.clock(), client_process.executor());
  for (int round = 0; round < 5; ++round) {
    auto process = std::make_unique<Process>(world, "server");
    Clock& clock = process->clock();
    auto server = std::make_unique<HttpServer>(
        *process->network().listen("::", 80), clock, process->executor(),
        [&](HttpExchange& exchange) { return sleepy_handler(tally, clock, exchange); });
    server->start();
    tally = {};
    client_process.spawn(caller(client, client_process.clock(), client_process.random(), tally, 100));
    world.run_for(200ms + Duration(round * 731));
    const int before = tally.handled;
    EXPECT_GT(before, 0);
    process->crash();
    world.run_for(5s);
    EXPECT_EQ(tally.handled, before);
    EXPECT_EQ(tally.answered + tally.failed, 100);
    EXPECT_LE(tally.handled - tally.answered, 1);
  }
}

}  // namespace
}  // namespace posthorn
