// The real side of the ports on loopback: sockets, TLS, clocks, signals, and HTTP over them.
#include <csignal>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>

#include "platform/http_client.h"
#include "platform/http_server.h"
#include "platform/real_clock.h"
#include "platform/real_network.h"
#include "platform/real_random.h"
#include "platform/runtime.h"
#include "unit/platform/http_raw.h"
#include "unit/platform/test_certificate.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;
using testing::HasSubstr;
using testing::StartsWith;

class RealTest : public testing::Test {
 protected:
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    asio::co_spawn(runtime_.executor(), std::move(task), [&](std::exception_ptr failure, T value) {
      runtime_.stop();
      if (failure) std::rethrow_exception(failure);
      result.emplace(std::move(value));
    });
    runtime_.run();
    return std::move(*result);
  }

  Runtime runtime_;
  RealClock clock_{runtime_.executor()};
  RealNetwork network_{runtime_.executor()};
};

Task<Duration> measure_sleep(Clock& clock, Duration span) {
  const MonotonicTime start = clock.now();
  co_await clock.sleep_for(span);
  co_return clock.now() - start;
}

TEST_F(RealTest, SleepsAtLeastAsLongAsAsked) {
  EXPECT_GE(run(measure_sleep(clock_, 5ms)), 5ms);
  EXPECT_LT(run(measure_sleep(clock_, -1s)), 1s);
  EXPECT_GT(clock_.wall_now(), WallTime(std::chrono::sys_days(std::chrono::year(2024) / 1 / 1)));
}

TEST(RealRandom, FillsAndDoesNotRepeat) {
  RealRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.next());
  EXPECT_EQ(seen.size(), 1000U);
  std::array<std::byte, 1000> large{};
  random.fill(large);
  EXPECT_LT(std::count(large.begin(), large.end(), std::byte{0}), 50);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LT(random.below(3), 3U);
    EXPECT_LT(random.unit(), 1.0);
  }
}

Task<Signal> raise_and_wait(Runtime& runtime) {
  asio::post(runtime.executor(), [] { std::raise(SIGHUP); });
  co_return co_await runtime.next_signal();
}

TEST_F(RealTest, SignalsAreAwaited) {
  EXPECT_EQ(run(raise_and_wait(runtime_)), Signal::hangup);
}

Task<std::string> connect_problem(Network& network, Endpoint endpoint, Duration timeout) {
  auto stream = co_await network.connect(endpoint, timeout);
  if (stream) co_return "connected";
  co_return stream.error().message;
}

TEST_F(RealTest, SaysWhichStepOfConnectingFailed) {
  auto listener = *network_.listen("127.0.0.1", 0);
  const std::uint16_t port = listener->port();
  EXPECT_EQ(run(connect_problem(network_, {"127.0.0.1", port, false}, 5s)), "connected");
  EXPECT_EQ(run(connect_problem(network_, {"localhost", port, false}, 5s)), "connected");
  EXPECT_THAT(run(connect_problem(network_, {"127.0.0.1", port, true}, 300ms)),
              StartsWith("tls: 127.0.0.1:"));
  listener.reset();
  EXPECT_THAT(run(connect_problem(network_, {"127.0.0.1", port, false}, 5s)),
              StartsWith("connect: 127.0.0.1:"));
  EXPECT_THAT(run(connect_problem(network_, {"no-such-host.invalid", 80, false}, 5s)),
              StartsWith("dns: no-such-host"));
}

TEST_F(RealTest, ListeningFailsWithAdvice) {
  auto listener = *network_.listen("127.0.0.1", 0);
  const auto taken = network_.listen("127.0.0.1", listener->port());
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::conflict);
  const auto name = network_.listen("example.com", 0);
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error().field, "address");
}

struct Pair {
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

Task<Pair> make_pair_of_streams(Network& network, Listener& listener) {
  Pair pair;
  const Endpoint endpoint{"127.0.0.1", listener.port(), false};
  auto client = co_await network.connect(endpoint, 5s);
  auto server = co_await listener.accept();
  pair.client = std::move(*client);
  pair.server = std::move(*server);
  co_return pair;
}

Task<Result<std::size_t>> read_once(Stream& stream) {
  std::vector<char> buffer(16);
  co_return co_await stream.read_some(buffer);
}

Task<Result<std::size_t>> read_while_closing(Stream& stream) {
  asio::post(co_await asio::this_coro::executor, [&stream] { stream.close(); });
  co_return co_await read_once(stream);
}

TEST_F(RealTest, StreamsTellEndFromResetFromClose) {
  auto listener = *network_.listen("127.0.0.1", 0);
  Pair pair = run(make_pair_of_streams(network_, *listener));
  EXPECT_EQ(pair.server->peer_address(), "127.0.0.1");
  EXPECT_TRUE(pair.client->idle_and_open());
  ASSERT_TRUE(run(test::write_everything(*pair.server, "x")));
  while (pair.client->idle_and_open()) continue;  // bytes nobody asked for
  EXPECT_EQ(run(read_once(*pair.client)), 1U);
  pair.server->finish_writing();
  EXPECT_EQ(run(read_once(*pair.client)), 0U);
  EXPECT_FALSE(pair.client->idle_and_open());
  EXPECT_EQ(run(read_while_closing(*pair.server)).error().code, ErrorCode::cancelled);
  pair.server->close();
  pair = run(make_pair_of_streams(network_, *listener));
  ASSERT_TRUE(run(test::write_everything(*pair.client, "unread")));
  while (pair.server->idle_and_open()) continue;
  pair.server->close();  // with unread input: a reset
  EXPECT_EQ(run(read_once(*pair.client)).error().code, ErrorCode::unavailable);
}

Task<> echo(HttpExchange& exchange) {
  const auto body = co_await exchange.read_body(10'000'000);
  HttpResponse response;
  response.status = body ? 200 : 413;
  if (body) response.body = *body;
  co_await exchange.respond(std::move(response));
}

using Reply = std::expected<HttpResponse, HttpFailure>;

Task<int> many_posts(HttpClient& client, Endpoint endpoint) {
  int good = 0;
  for (const std::size_t size : {0UL, 1UL, 1000UL, 100'000UL, 200'000UL, 0UL, 10UL}) {
    HttpRequest request;
    request.method = "POST";
    request.body = std::string(size, 'b');
    const auto reply = co_await client.send(endpoint, request, 5s);
    if (reply && reply->body == request.body) ++good;
  }
  co_return good;
}

TEST_F(RealTest, HttpRoundTrips) {
  HttpServer server(*network_.listen("127.0.0.1", 0), clock_, runtime_.executor(), echo);
  server.start();
  HttpClient client(network_, clock_, runtime_.executor());
  EXPECT_EQ(run(many_posts(client, {"127.0.0.1", server.port(), false})), 7);
  EXPECT_EQ(server.connections(), 1U);
}

using TlsSocket = asio::ssl::stream<tcp::socket>;

// A TLS server of its own making, so that only the client side is under test. Serves one request for each
// connection.
Task<> serve_tls(tcp::acceptor& acceptor, asio::ssl::context& context) {
  for (;;) {
    tcp::socket raw = co_await acceptor.async_accept(asio::use_awaitable);
    TlsSocket socket(std::move(raw), context);
    boost::system::error_code ec;
    co_await socket.async_handshake(asio::ssl::stream_base::server,
                                    asio::redirect_error(asio::use_awaitable, ec));
    std::vector<char> buffer(4096);
    if (ec) continue;
    co_await socket.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, ec));
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret";
    co_await asio::async_write(socket, asio::buffer(answer), asio::redirect_error(asio::use_awaitable, ec));
  }
}

class TlsTest : public RealTest {
 protected:
  TlsTest() {
    context_.use_certificate_file(certificate_.certificate_file(), asio::ssl::context::pem);
    context_.use_private_key_file(certificate_.key_file(), asio::ssl::context::pem);
    asio::co_spawn(runtime_.executor(), serve_tls(acceptor_, context_), asio::detached);
  }

  static Task<Reply> get(HttpClient& client, Endpoint endpoint) {
    HttpRequest request;
    co_return co_await client.send(endpoint, std::move(request), 5s);
  }

  Reply get_trusting(const std::string& ca_file, const std::string& host) {
    RealNetwork network(runtime_.executor(), NetworkOptions{ca_file});
    HttpClient client(network, clock_, runtime_.executor());
    return run(get(client, {host, acceptor_.local_endpoint().port(), true}));
  }

  test::TestCertificate certificate_{"DNS:localhost"};
  asio::ssl::context context_{asio::ssl::context::tls_server};
  tcp::acceptor acceptor_{runtime_.context(), tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)};
};

TEST_F(TlsTest, TrustsTheGivenCaFile) {
  const Reply reply = get_trusting(certificate_.certificate_file(), "localhost");
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(reply->body, "secret");
}

TEST_F(TlsTest, RefusesUnknownCertificatesAndWrongNames) {
  const test::TestCertificate other("DNS:localhost");
  const std::pair<std::string, std::string> table[] = {
      {"", "localhost"},                               // not in the system's store
      {other.certificate_file(), "localhost"},         // another authority
      {certificate_.certificate_file(), "127.0.0.1"},  // trusted, but for another name
  };
  for (const auto& [ca_file, host] : table) {
    const Reply reply = get_trusting(ca_file, host);
    ASSERT_FALSE(reply) << host;
    EXPECT_EQ(reply.error().stage, HttpStage::not_connected);
    EXPECT_THAT(reply.error().error.message, StartsWith("tls: "));
    EXPECT_THAT(reply.error().error.message, HasSubstr("certificate"));
  }
}

// The address comes from the caller, the name that the certificate must have from the endpoint.
TEST_F(TlsTest, ConnectsToAGivenAddressAndStillVerifiesTheName) {
  RealNetwork network(runtime_.executor(), NetworkOptions{certificate_.certificate_file()});
  const std::uint16_t port = acceptor_.local_endpoint().port();
  const auto found = run(network.resolve("localhost", 5s));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, testing::Contains(testing::AnyOf("127.0.0.1", "::1")));
  EXPECT_THAT(run(network.resolve("127.0.0.1", 5s)).value(), testing::ElementsAre("127.0.0.1"));
  EXPECT_TRUE(run(network.connect_to("127.0.0.1", {"localhost", port, true}, 5s)));
  const auto wrong = run(network.connect_to("127.0.0.1", {"graph.facebook.com", port, true}, 5s));
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, StartsWith("tls: "));
  const auto name = run(network.connect_to("localhost", {"localhost", port, true}, 5s));
  ASSERT_FALSE(name) << "a name was looked up";
}

TEST_F(TlsTest, NamesAnUnreadableCaFile) {
  const Reply reply = get_trusting("/no/such/file.pem", "localhost");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().error.code, ErrorCode::invalid_argument);
  EXPECT_THAT(reply.error().error.message, HasSubstr("/no/such/file.pem"));
}

TEST_F(TlsTest, RefusesOldProtocolVersions) {
  SSL_CTX_set_max_proto_version(context_.native_handle(), TLS1_1_VERSION);
  SSL_CTX_set_cipher_list(context_.native_handle(), "ALL:@SECLEVEL=0");
  const Reply reply = get_trusting(certificate_.certificate_file(), "localhost");
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().error.message, StartsWith("tls: "));
}

}  // namespace
}  // namespace posthorn
