// The server against raw bytes, inside a simulated world: time is virtual, so timeouts cost nothing.
#include "platform/http_server.h"

#include <gmock/gmock.h>

#include "platform/simulated/process.h"
#include "platform/simulated/wire.h"
#include "unit/platform/http_raw.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using simulated::Process;
using simulated::World;
using testing::HasSubstr;
using testing::StartsWith;

Task<> echo(HttpExchange& exchange) {
  const HttpRequest& request = exchange.request();
  const std::string_view path = request.path();
  if (path == "/throw") throw std::runtime_error("a bug");
  if (path == "/silent") co_return;
  HttpResponse response;
  if (path == "/stream") {
    co_await exchange.begin_stream(std::move(response));
    co_await exchange.write_chunk("first,");
    co_await exchange.write_chunk("");
    co_await exchange.write_chunk("second");
    co_return;
  }
  if (path == "/sized" || path == "/short") {
    response.headers.set("Content-Length", "12");
    co_await exchange.begin_stream(std::move(response));
    co_await exchange.write_chunk("first,");
    if (path == "/short") co_return;
    co_await exchange.write_chunk("second");
    const auto more = co_await exchange.write_chunk("too much");
    EXPECT_FALSE(more);
    co_return;
  }
  if (path == "/unread") {
    response.body = "not read";
    co_await exchange.respond(std::move(response));
    co_return;
  }
  if (path == "/inject") response.headers.add("X-Name", "a\r\nSet-Cookie: b");
  if (path == "/huge") response.body = std::string(1'000'000, 'h');
  const auto body = co_await exchange.read_body(10'000);
  if (!body) {
    response.status = body.error().code == ErrorCode::too_large ? 413 : 400;
    response.body = body.error().message;
  } else if (path != "/huge") {
    response.body = request.method + " " + request.target + " " + *body;
  }
  co_await exchange.respond(std::move(response));
}

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    auto listener = server_process_.network().listen("0.0.0.0", 80);
    server_ = std::make_unique<HttpServer>(std::move(*listener), server_process_.clock(),
                                           server_process_.executor(), echo, limits_);
    server_->start();
  }

  // Sends the bytes, then reads until the server closes (or 200 s have passed). `finish` ends our side first.
  std::string talk(std::string bytes, bool finish = true) {
    std::string answer;
    bool done = false;
    client_process_.spawn(converse(*this, std::move(bytes), finish, answer, done));
    closed_ = world_.run_until([&] { return done; }, 200s);
    return answer;
  }

  static Task<> converse(HttpServerTest& test, std::string bytes, bool finish, std::string& answer,
                         bool& done) {
    const Endpoint endpoint{"server", 80, false};
    auto stream = co_await test.client_process_.network().connect(endpoint, 5s);
    if (!stream) co_return;
    const auto written = co_await test::write_everything(**stream, std::move(bytes));
    if (finish && written) (*stream)->finish_writing();
    answer = co_await test::read_to_end(**stream);
    done = true;
  }

  HttpServerLimits limits_;
  World world_{1};
  Process server_process_{world_, "server"};
  Process client_process_{world_, "client"};
  std::unique_ptr<HttpServer> server_;
  bool closed_ = false;
};

std::string post(const std::string& path, const std::string& body, const std::string& more = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: s\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         more + "\r\n" + body;
}

TEST_F(HttpServerTest, AnswersWithDateLengthAndBody) {
  const std::string answer = talk(post("/a?b=c", "hello"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:0"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 17\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nPOST /a?b=c hello"));
  EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(HttpServerTest, ServesPipelinedRequestsInOrder) {
  const std::string answer = talk(post("/1", "a") + post("/2", "b") + "GET /3 HTTP/1.1\r\nHost: s\r\n\r\n");
  const auto first = answer.find("POST /1 a");
  const auto second = answer.find("POST /2 b");
  const auto third = answer.find("GET /3 ");
  ASSERT_NE(third, std::string::npos) << answer;
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
}

TEST_F(HttpServerTest, ReadsTheSameWhateverTheBoundaries) {
  simulated::ConnectionPlan slow;
  slow.dribble = true;
  world_.wire().plan_next("server", slow);
  const std::string chunked =
      "POST /c HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n "
      "world\r\n0\r\n\r\n";
  const std::string answer = talk(post("/l", "0123456789") + chunked);
  EXPECT_THAT(answer, HasSubstr("POST /l 0123456789"));
  EXPECT_THAT(answer, HasSubstr("POST /c hello world"));
}

TEST_F(HttpServerTest, RefusesSmugglingAndCloses) {
  const std::pair<std::string, std::string> table[] = {
      {"POST / HTTP/1.1\r\nHost: s\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "400"},
      {"POST / HTTP/1.1\r\nHost: s\r\nContent-Length: +5\r\n\r\nhello", "400"},
      {"GET / HTTP/1.1\nHost: s\n\n", "400"},
      {"POST / HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
      {"POST / HTTP/1.1\r\nHost: s\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", "417"},
      {"POST / HTTP/1.1\r\nHost: s\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "415"},
      {"GET /" + std::string(20'000, 'a'), "431"},
  };
  for (const auto& [bytes, status] : table) {
    const std::string answer = talk(bytes + "GET /smuggled HTTP/1.1\r\nHost: s\r\n\r\n", false);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + status)) << bytes;
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n")) << bytes;
    EXPECT_THAT(answer, testing::Not(HasSubstr("smuggled"))) << bytes;
    EXPECT_TRUE(closed_) << bytes;
  }
}

TEST_F(HttpServerTest, HeadHasLengthButNoBody) {
  const std::string answer = talk("HEAD /x HTTP/1.1\r\nHost: s\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 8\r\n"));
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, StreamsChunksAndGoesOn) {
  const std::string answer = talk("GET /stream HTTP/1.1\r\nHost: s\r\n\r\n" + post("/next", ""));
  EXPECT_THAT(
      answer,
      HasSubstr("Transfer-Encoding: chunked\r\n\r\n6\r\nfirst,\r\n6\r\nsecond\r\n0\r\n\r\nHTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("POST /next"));
}

TEST_F(HttpServerTest, StreamsWithTheAnnouncedLengthOrCloses) {
  std::string answer = talk("GET /sized HTTP/1.1\r\nHost: s\r\n\r\n" + post("/next", ""));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 12\r\n\r\nfirst,secondHTTP/1.1 200"));
  EXPECT_THAT(answer, testing::Not(HasSubstr("chunked")));
  answer = talk("GET /short HTTP/1.1\r\nHost: s\r\n\r\n" + post("/next", ""));
  EXPECT_THAT(answer, testing::EndsWith("Content-Length: 12\r\n\r\nfirst,"));
  answer = talk("HEAD /short HTTP/1.1\r\nHost: s\r\n\r\n" + post("/next", ""));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 12\r\n\r\nHTTP/1.1 200"));
}

TEST_F(HttpServerTest, StreamsToHttp10UntilTheEnd) {
  const std::string answer = talk("GET /stream HTTP/1.0\r\n\r\n", false);
  EXPECT_THAT(answer, testing::EndsWith("Connection: close\r\n\r\nfirst,second"));
  EXPECT_TRUE(closed_);
}

TEST_F(HttpServerTest, ThrowingAndSilentHandlersGive500) {
  for (const char* path : {"/throw", "/silent"}) {
    const std::string answer = talk(post(path, ""), false);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 ")) << path;
    EXPECT_THAT(answer, testing::Not(HasSubstr("a bug"))) << path;
    EXPECT_TRUE(closed_) << path;
  }
}

TEST_F(HttpServerTest, BodyOverTheLimitGives413AndCloses) {
  EXPECT_THAT(talk(post("/", std::string(10'000, 'x'))), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(talk(post("/", std::string(10'001, 'x')), false), StartsWith("HTTP/1.1 413"));
  EXPECT_TRUE(closed_);
  std::string chunks;
  for (int i = 0; i < 11; ++i) chunks += "3e8\r\n" + std::string(1000, 'x') + "\r\n";
  const std::string head = "POST / HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_THAT(talk(head + chunks + "0\r\n\r\n", false), StartsWith("HTTP/1.1 413"));
  EXPECT_TRUE(closed_);
}

TEST_F(HttpServerTest, SkipsASmallUnreadBodyAndClosesAfterALargeOne) {
  const std::string next = post("/next", "");
  EXPECT_THAT(talk(post("/unread", std::string(5'000, 'x')) + next), HasSubstr("POST /next"));
  const std::string answer = talk(post("/unread", std::string(100'000, 'x')) + next, false);
  EXPECT_THAT(answer, HasSubstr("not read"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_THAT(answer, testing::Not(HasSubstr("POST /next")));
}

TEST_F(HttpServerTest, HeaderValuesCannotStartALine) {
  EXPECT_THAT(talk(post("/inject", "")), HasSubstr("X-Name: a  Set-Cookie: b\r\n"));
}

TEST_F(HttpServerTest, LargeAnswersArriveWhole) {
  const std::string answer = talk(post("/huge", ""));
  const auto body = answer.find("\r\n\r\n");
  ASSERT_NE(body, std::string::npos);
  EXPECT_EQ(answer.size() - body - 4, 1'000'000U);
}

TEST_F(HttpServerTest, SlowHeadsEndWith408) {
  const MonotonicTime start = world_.now();
  EXPECT_THAT(talk("GET / HT", false), StartsWith("HTTP/1.1 408 "));
  EXPECT_TRUE(closed_);
  EXPECT_GE(world_.now() - start, 10s);
  EXPECT_LE(world_.now() - start, 12s);
}

TEST_F(HttpServerTest, StalledBodiesEndWith408) {
  const MonotonicTime start = world_.now();
  EXPECT_THAT(talk("POST / HTTP/1.1\r\nHost: s\r\nContent-Length: 100\r\n\r\nabc", false),
              StartsWith("HTTP/1.1 408 "));
  EXPECT_GE(world_.now() - start, 20s);
  EXPECT_LE(world_.now() - start, 22s);
}

TEST_F(HttpServerTest, IdleConnectionsAreClosedInTheEnd) {
  const MonotonicTime start = world_.now();
  EXPECT_THAT(talk(post("/", ""), false), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(closed_);
  EXPECT_GE(world_.now() - start, 75s);
  EXPECT_LE(world_.now() - start, 77s);
}

TEST_F(HttpServerTest, StopClosesEverythingAndMayBeFollowedByDestruction) {
  std::string answer;
  bool done = false;
  client_process_.spawn(
      converse(*this, "POST / HTTP/1.1\r\nHost: s\r\nContent-Length: 100\r\n\r\nabc", false, answer, done));
  world_.run_for(1s);
  ASSERT_EQ(server_->connections(), 1U);
  server_.reset();
  EXPECT_TRUE(world_.run_until([&] { return done; }, 1s));
  EXPECT_EQ(answer, "");
  EXPECT_EQ(server_process_.alive(), true);
}

TEST_F(HttpServerTest, TheClientLeavingInTheMiddleEndsTheExchange) {
  talk("POST / HTTP/1.1\r\nHost: s\r\nContent-Length: 100\r\n\r\nabc", true);
  world_.run_for(5s);
  EXPECT_EQ(server_->connections(), 0U);
}

}  // namespace
}  // namespace posthorn
