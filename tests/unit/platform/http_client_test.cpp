// The client against a scripted peer inside a simulated world. The heart: for a cut at every byte of request
// and answer, the failure's stage must say exactly whether the peer can have acted.
#include "platform/http_client.h"

#include <gmock/gmock.h>

#include "platform/simulated/process.h"
#include "platform/simulated/wire.h"
#include "unit/platform/http_raw.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using simulated::ConnectionPlan;
using simulated::Cut;
using simulated::CutKind;
using simulated::Direction;
using simulated::Process;
using simulated::World;
using testing::HasSubstr;
using Reply = std::expected<HttpResponse, HttpFailure>;

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello";

struct Peer {
  std::string answer{kAnswer};
  bool close_after = false;
  Duration delay{};
  int connections = 0;
  int requests = 0;       // complete ones, as the peer judges
  std::string last = {};  // bytes of the last request
};

std::size_t request_size(std::string_view bytes) {
  const auto head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return std::string_view::npos;
  const auto length = bytes.find("Content-Length: ");
  const std::size_t body = length > head_end ? 0 : std::stoul(std::string(bytes.substr(length + 16, 8)));
  return head_end + 4 + body;
}

Task<> serve_connection(Peer& peer, Clock& clock, std::unique_ptr<Stream> stream) {
  std::string bytes;
  std::vector<char> buffer(1024);
  for (;;) {
    const auto got = co_await stream->read_some(buffer);
    if (!got || *got == 0) co_return;
    bytes.append(buffer.data(), *got);
    if (bytes.size() < request_size(bytes)) continue;
    ++peer.requests;
    peer.last = std::exchange(bytes, "");
    if (peer.delay > Duration(0)) co_await clock.sleep_for(peer.delay);
    const auto written = co_await test::write_everything(*stream, peer.answer);
    if (!written || peer.close_after) co_return;
  }
}

Task<> serve(Peer& peer, Process& process, Listener& listener) {
  for (;;) {
    auto stream = co_await listener.accept();
    if (!stream) co_return;
    ++peer.connections;
    process.spawn(serve_connection(peer, process.clock(), std::move(*stream)));
  }
}

class HttpClientTest : public testing::Test {
 protected:
  HttpClientTest() {
    listener_ = *peer_process_.network().listen("0.0.0.0", 80);
    peer_process_.spawn(serve(peer_, peer_process_, *listener_));
  }

  static Task<> call(HttpClientTest& test, Endpoint endpoint, HttpRequest request, Duration timeout,
                     std::optional<Reply>& reply) {
    reply = co_await test.client_->send(std::move(endpoint), std::move(request), timeout,
                                        [&test] { ++test.last_bytes_; });
  }

  Reply send(HttpRequest request, Duration timeout = 5s, Endpoint endpoint = {"peer", 80, false}) {
    std::optional<Reply> reply;
    last_bytes_ = 0;
    client_process_.spawn(call(*this, std::move(endpoint), std::move(request), timeout, reply));
    EXPECT_TRUE(world_.run_until([&] { return reply.has_value(); }, 60s));
    return reply ? std::move(*reply) : Reply(std::unexpected(HttpFailure{}));
  }

  static HttpRequest message() {
    HttpRequest request;
    request.method = "POST";
    request.target = "/messages";
    request.headers.add("Authorization", "Bearer t");
    request.body = "0123456789";
    return request;
  }

  void plan(Cut cut) {
    ConnectionPlan plan;
    plan.cut = cut;
    world_.wire().plan_next("peer", plan);
  }

  World world_{7};
  Peer peer_;
  Process peer_process_{world_, "peer"};
  Process client_process_{world_, "client"};
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<HttpClient> client_ = std::make_unique<HttpClient>(
      client_process_.network(), client_process_.clock(), client_process_.executor());
  int last_bytes_ = 0;
};

TEST_F(HttpClientTest, SendsOneRequestAndReadsTheAnswer) {
  const Reply reply = send(message());
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "hello");
  EXPECT_EQ(reply->headers.get("x-a"), "b");
  EXPECT_EQ(peer_.last,
            "POST /messages HTTP/1.1\r\nHost: peer\r\nAuthorization: Bearer t\r\nContent-Length: "
            "10\r\n\r\n0123456789");
  EXPECT_EQ(last_bytes_, 1);
}

TEST_F(HttpClientTest, KeepsTheConnection) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(send(message()));
  EXPECT_EQ(peer_.connections, 1);
  EXPECT_EQ(peer_.requests, 5);
  client_->close_idle();
  EXPECT_TRUE(send(message()));
  EXPECT_EQ(peer_.connections, 2);
}

TEST_F(HttpClientTest, DoesNotUseStaleOrOldConnections) {
  peer_.close_after = true;
  EXPECT_TRUE(send(message()));
  world_.run_for(1s);  // the peer's end arrives
  EXPECT_TRUE(send(message()));
  EXPECT_EQ(peer_.connections, 2);
  world_.run_for(1s);
  peer_.close_after = false;
  EXPECT_TRUE(send(message()));
  world_.run_for(46s);  // beyond the idle timeout
  EXPECT_TRUE(send(message()));
  EXPECT_EQ(peer_.connections, 4);
  EXPECT_EQ(peer_.requests, 4);
}

TEST_F(HttpClientTest, HonoursConnectionCloseAndUnaskedBytes) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                             "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n"}) {
    peer_.answer = answer;
    const int before = peer_.connections;
    EXPECT_TRUE(send(message())) << answer;
    EXPECT_TRUE(send(message())) << answer;
    EXPECT_EQ(peer_.connections, before + 2) << answer;
  }
}

// A race that no check can win: the peer closes just when the request leaves. It is reported, never re-sent.
TEST_F(HttpClientTest, NeverSendsTwice) {
  EXPECT_TRUE(send(message()));
  peer_.answer = "";
  peer_.close_after = true;
  const Reply reply = send(message());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().stage, HttpStage::sent);
  EXPECT_THAT(reply.error().error.message, HasSubstr("before it answered"));
  EXPECT_EQ(peer_.requests, 2);
  EXPECT_EQ(peer_.connections, 1);
}

class EveryByte : public HttpClientTest, public testing::WithParamInterface<CutKind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, EveryByte,
                         testing::Values(CutKind::reset, CutKind::end, CutKind::hang, CutKind::failed_write));

TEST_P(EveryByte, OfTheRequest) {
  ASSERT_TRUE(send(message()));
  const std::size_t size = peer_.last.size();
  for (std::size_t after = 0; after < size; ++after) {
    client_->close_idle();
    plan({Direction::to_server, after, GetParam()});
    const int before = peer_.requests;
    const Reply reply = send(message());
    ASSERT_FALSE(reply) << after;
    EXPECT_EQ(peer_.requests, before) << after;
    // Lost on the way: the kernel had taken everything. Refused by the kernel: provably incomplete.
    const bool kernel_refused = GetParam() == CutKind::failed_write;
    EXPECT_EQ(reply.error().stage, kernel_refused ? HttpStage::partly_written : HttpStage::sent) << after;
    EXPECT_EQ(last_bytes_, 1) << after;
  }
}

TEST_P(EveryByte, OfTheAnswer) {
  for (std::size_t after = 0; after < kAnswer.size(); ++after) {
    client_->close_idle();
    plan({Direction::to_client, after, GetParam()});
    const int before = peer_.requests;
    const Reply reply = send(message());
    ASSERT_FALSE(reply) << after;
    EXPECT_EQ(peer_.requests, before + 1) << after;
    EXPECT_EQ(reply.error().stage, HttpStage::sent) << after;
    const bool silent = GetParam() == CutKind::hang;
    EXPECT_EQ(reply.error().error.code, silent ? ErrorCode::deadline_exceeded : ErrorCode::unavailable)
        << after;
  }
  EXPECT_TRUE(send(message()));
}

TEST_F(HttpClientTest, FailedConnectionsAreNotConnected) {
  ConnectionPlan refused;
  refused.refuse = true;
  world_.wire().plan_next("peer", refused);
  ConnectionPlan silent;
  silent.connect_hang = true;
  world_.wire().plan_next("peer", silent);
  const std::pair<Endpoint, const char*> table[] = {{{"peer", 80, false}, "connect: "},
                                                    {{"peer", 80, false}, "connect: "},
                                                    {{"peer", 81, false}, "connect: "},
                                                    {{"nowhere.example", 80, true}, "dns: "}};
  for (const auto& [endpoint, step] : table) {
    const Reply reply = send(message(), 5s, endpoint);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().stage, HttpStage::not_connected);
    EXPECT_THAT(reply.error().error.message, testing::StartsWith(step));
    EXPECT_EQ(last_bytes_, 0);
  }
  EXPECT_EQ(peer_.requests, 0);
}

TEST_F(HttpClientTest, TimesOutAndDropsTheConnection) {
  peer_.delay = 10s;
  const MonotonicTime start = world_.now();
  const Reply reply = send(message(), 2s);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().stage, HttpStage::sent);
  EXPECT_EQ(reply.error().error.code, ErrorCode::deadline_exceeded);
  EXPECT_GE(world_.now() - start, 2s);
  EXPECT_LE(world_.now() - start, 2200ms);
  peer_.delay = {};
  world_.run_for(20s);  // the late answer meets a closed connection
  EXPECT_EQ(send(message())->body, "hello");
  EXPECT_EQ(peer_.connections, 2);
}

TEST_F(HttpClientTest, ReadsEveryKindOfBody) {
  const std::pair<const char*, const char*> table[] = {
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
       "2\r\n\r\nok",
       "ok"},
      {"HTTP/1.1 204 No Content\r\n\r\n", ""},
      {"HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end"},
  };
  for (const auto& [answer, body] : table) {
    ConnectionPlan dribble;
    dribble.dribble = true;
    world_.wire().plan_next("peer", dribble);
    client_->close_idle();
    peer_.answer = answer;
    peer_.close_after = true;
    const Reply reply = send(message());
    ASSERT_TRUE(reply) << answer << reply.error().error.message;
    EXPECT_EQ(reply->body, body) << answer;
  }
}

TEST_F(HttpClientTest, AnswerToHeadHasNoBody) {
  peer_.answer = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
  HttpRequest head;
  head.method = "HEAD";
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(send(head));
  EXPECT_EQ(peer_.connections, 1);
}

TEST_F(HttpClientTest, RefusesBadAnswersAtStageSent) {
  const std::pair<std::string, ErrorCode> table[] = {
      {"garbage\r\n\r\n", ErrorCode::data_loss},
      {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", ErrorCode::data_loss},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ErrorCode::data_loss},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", ErrorCode::data_loss},
      {"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + std::string(300'000, 'x'), ErrorCode::too_large},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(80'000, 'x') + "\r\n\r\n", ErrorCode::too_large},
  };
  for (const auto& [answer, code] : table) {
    client_->close_idle();
    peer_.answer = answer;
    const Reply reply = send(message());
    ASSERT_FALSE(reply) << answer.substr(0, 60);
    EXPECT_EQ(reply.error().stage, HttpStage::sent) << answer.substr(0, 60);
    EXPECT_EQ(reply.error().error.code, code) << answer.substr(0, 60) << reply.error().error.message;
  }
}

TEST_F(HttpClientTest, RefusesRequestsThatWouldInjectLines) {
  HttpRequest bad_header = message();
  bad_header.headers.add("X", "a\r\nY: b");
  HttpRequest bad_target = message();
  bad_target.target = "/a b";
  HttpRequest bad_method = message();
  bad_method.method = "GET /";
  for (const HttpRequest& request : {bad_header, bad_target, bad_method}) {
    const Reply reply = send(request);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().stage, HttpStage::not_connected);
    EXPECT_EQ(reply.error().error.code, ErrorCode::invalid_argument);
  }
}

TEST_F(HttpClientTest, LargeRequestsLeaveWhole) {
  HttpRequest large = message();
  large.body = std::string(1'000'000, 'x');
  ASSERT_TRUE(send(large));
  EXPECT_EQ(last_bytes_, 1);
  EXPECT_THAT(peer_.last, testing::EndsWith("\r\n\r\n" + large.body));
}

TEST_F(HttpClientTest, FailsAtOnceOverTheConnectionLimit) {
  HttpClientLimits limits;
  limits.max_connections_per_endpoint = 2;
  client_ = std::make_unique<HttpClient>(client_process_.network(), client_process_.clock(),
                                         client_process_.executor(), limits);
  std::array<std::optional<Reply>, 3> replies;
  const Endpoint endpoint{"peer", 80, false};
  for (auto& reply : replies) client_process_.spawn(call(*this, endpoint, message(), 5s, reply));
  world_.run_for(5s);
  EXPECT_TRUE(*replies[0] && *replies[1]);
  ASSERT_FALSE(*replies[2]);
  EXPECT_EQ((*replies[2]).error().error.code, ErrorCode::resource_exhausted);
  EXPECT_TRUE(send(message()));
}

TEST_F(HttpClientTest, DestructionEndsRunningExchanges) {
  peer_.delay = 10s;
  std::optional<Reply> reply;
  const Endpoint endpoint{"peer", 80, false};
  client_process_.spawn(call(*this, endpoint, message(), 5s, reply));
  world_.run_for(1s);
  ASSERT_FALSE(reply);
  client_.reset();
  world_.run_for(1s);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->error().stage, HttpStage::sent);
  EXPECT_EQ(reply->error().error.code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace posthorn
