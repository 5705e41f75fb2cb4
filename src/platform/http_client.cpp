#include "platform/http_client.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <map>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "platform/authority.h"
#include "platform/http_head.h"
#include "platform/http_reply.h"
#include "platform/http_text.h"

namespace posthorn {
namespace {

constexpr Duration kSweepEvery = std::chrono::milliseconds(100);
constexpr std::size_t kReadBuffer = 8 * 1024;
constexpr std::size_t kFinalPiece = 16 * 1024;  // up to this size a request leaves in one write
constexpr std::size_t kKeptBuffer = 64 * 1024;  // larger request buffers are not kept with idle connections

using Failed = std::unexpected<HttpFailure>;

Failed failed(HttpStage stage, Error error) {
  return Failed(HttpFailure{stage, std::move(error)});
}

struct Connection;
using Connections = std::list<Connection*>;

// One connection of a pool: idle, or busy with exactly one exchange.
struct Connection {
  explicit Connection(std::unique_ptr<Stream> s) : stream(std::move(s)) {}

  std::unique_ptr<Stream> stream;
  std::string out;
  std::vector<char> in = std::vector<char>(kReadBuffer);
  ReplyParser parser;
  MonotonicTime idle_since;
  MonotonicTime deadline;
  bool timed_out = false;
  Connections own =
      Connections(1, this);  // holds the node that moves into the list of busy connections and back
  Connections::iterator node = own.begin();
};

struct Pool {
  std::vector<std::unique_ptr<Connection>> idle;  // the most recently used one is last
  std::size_t leases = 0;                         // exchanges that are running
};

void append_host(std::string& out, const Endpoint& endpoint) {
  out += "Host: ";
  append_authority(out, endpoint);
  out += "\r\n";
}

bool body_expected(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

Result<> check_request(const HttpRequest& request) {
  const bool printable =
      std::all_of(request.target.begin(), request.target.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!is_token(request.method))
    return fail(ErrorCode::invalid_argument, "the HTTP method is malformed", "method");
  if (!request.target.starts_with('/') || !printable) {
    return fail(ErrorCode::invalid_argument, "the request target must begin with / and be percent-encoded",
                "target");
  }
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name) || !is_field_value(value)) {
      return fail(ErrorCode::invalid_argument, fmt::format("the header {} has control characters", name),
                  name);
    }
  }
  return {};
}

void serialize(std::string& out, const Endpoint& endpoint, const HttpRequest& request) {
  out.clear();
  out.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  append_host(out, endpoint);
  for (const auto& [name, value] : request.headers) {
    if (!framing_field(name) && !same_token(name, "host")) append_field(out, name, value);
  }
  if (!request.body.empty() || body_expected(request.method)) {
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", request.body.size());
  }
  out += "\r\n";
  out += request.body;
}

}  // namespace

struct HttpClient::Impl {
  class Lease;
  using Reply = std::expected<HttpResponse, HttpFailure>;

  Impl(Network& n, Clock& c, Executor e, HttpClientLimits l)
      : network(n), clock(c), executor(std::move(e)), limits(l) {}

  std::unique_ptr<Connection> take_idle(Pool& pool);
  void close_all();
  static Task<> sweep(std::shared_ptr<Impl> self);
  static Task<Reply> exchange(std::shared_ptr<Impl> self, Endpoint endpoint, HttpRequest request,
                              Duration timeout, std::function<void()> on_last_byte);

  Network& network;
  Clock& clock;
  Executor executor;
  HttpClientLimits limits;
  std::map<Endpoint, Pool> pools;  // entries stay, so references to them do
  Connections busy;
  bool sweeping = false;
  bool closed = false;  // the client is gone; network and clock may be, too
};

// A place in a pool for the time of one exchange. Whatever way the exchange ends, a connection that was not
// kept is closed: bytes of an unfinished exchange may still be on it.
class HttpClient::Impl::Lease {
 public:
  Lease(std::shared_ptr<Impl> impl, Pool& pool) : impl_(std::move(impl)), pool_(pool) { ++pool_.leases; }
  ~Lease() {
    if (connection) unlink();
    --pool_.leases;
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  void begin(Duration timeout) {
    connection->deadline = impl_->clock.now() + timeout;
    impl_->busy.splice(impl_->busy.end(), connection->own);
    if (!std::exchange(impl_->sweeping, true)) asio::co_spawn(impl_->executor, sweep(impl_), asio::detached);
  }

  void keep() {
    unlink();
    connection->idle_since = impl_->clock.now();
    if (connection->out.capacity() > kKeptBuffer) connection->out = std::string();
    pool_.idle.push_back(std::move(connection));
  }

  std::unique_ptr<Connection> connection;

 private:
  void unlink() {
    if (connection->own.empty()) connection->own.splice(connection->own.end(), impl_->busy, connection->node);
  }

  std::shared_ptr<Impl> impl_;
  Pool& pool_;
};

namespace {

Error explain(const Connection& connection, Error error) {
  if (!connection.timed_out) return error;
  return {ErrorCode::deadline_exceeded, "the peer did not answer in time"};
}

// An error means that the last byte has not been handed over: a failed write takes nothing.
Task<Result<>> write_request(Connection& connection, std::function<void()> on_last_byte) {
  std::string_view rest = connection.out;
  bool announced = false;
  while (!rest.empty()) {
    if (!announced && rest.size() <= kFinalPiece) {
      announced = true;
      if (on_last_byte) on_last_byte();
    }
    const std::string_view piece = announced ? rest : rest.substr(0, rest.size() - kFinalPiece / 2);
    const auto n = co_await connection.stream->write_some(piece);
    if (!n) co_return std::unexpected(n.error());
    rest.remove_prefix(*n);
  }
  co_return Result<>();
}

// True if the connection can carry another exchange after this one.
Task<Result<bool>> read_reply(Connection& connection) {
  std::size_t held = 0;  // received and not yet consumed, at the front of the buffer
  std::vector<char>& in = connection.in;
  for (;;) {
    if (held == in.size()) in.resize(in.size() * 2);
    const std::span<char> room(in.data() + held, in.size() - held);
    const auto got = co_await connection.stream->read_some(room);
    if (!got) co_return std::unexpected(got.error());
    if (*got == 0) {
      PH_CO_TRY(connection.parser.end_of_input());
      co_return false;
    }
    held += *got;
    PH_CO_TRY_ASSIGN(const std::size_t used, connection.parser.feed({in.data(), held}));
    if (connection.parser.done()) co_return used == held&& connection.parser.keep_alive();
    held -= used;
    if (held > 0 && used > 0) std::memmove(in.data(), in.data() + used, held);
  }
}

}  // namespace

// The freshest idle connection that is still usable. Those that have waited too long are closed on the way.
std::unique_ptr<Connection> HttpClient::Impl::take_idle(Pool& pool) {
  if (pool.idle.empty()) return nullptr;
  const MonotonicTime oldest = clock.now() - limits.idle_timeout;
  const auto fresh =
      std::find_if(pool.idle.begin(), pool.idle.end(), [&](auto& c) { return c->idle_since >= oldest; });
  pool.idle.erase(pool.idle.begin(), fresh);
  while (!pool.idle.empty()) {
    auto connection = std::move(pool.idle.back());
    pool.idle.pop_back();
    if (connection->stream->idle_and_open()) return connection;
  }
  return nullptr;
}

void HttpClient::Impl::close_all() {
  closed = true;
  for (auto& [endpoint, pool] : pools) pool.idle.clear();
  for (Connection* connection : busy) connection->stream->close();
}

// One walk over the running exchanges every 100 ms instead of a timer for each. Runs only while there are
// any.
Task<> HttpClient::Impl::sweep(std::shared_ptr<Impl> self) {
  while (!self->closed && !self->busy.empty()) {
    co_await self->clock.sleep_for(kSweepEvery);
    if (self->closed) co_return;
    const MonotonicTime now = self->clock.now();
    for (Connection* connection : self->busy) {
      if (connection->timed_out || now < connection->deadline) continue;
      connection->timed_out = true;
      connection->stream->close();
    }
  }
  self->sweeping = false;
}

Task<HttpClient::Impl::Reply> HttpClient::Impl::exchange(std::shared_ptr<Impl> self, Endpoint endpoint,
                                                         HttpRequest request, Duration timeout,
                                                         std::function<void()> on_last_byte) {
  if (auto valid = check_request(request); !valid) co_return failed(HttpStage::not_connected, valid.error());
  Pool& pool = self->pools[endpoint];
  Lease lease(self, pool);
  if (pool.leases > self->limits.max_connections_per_endpoint) {
    Error full{ErrorCode::resource_exhausted, "too many requests to this endpoint are running"};
    co_return failed(HttpStage::not_connected, std::move(full));
  }
  lease.connection = self->take_idle(pool);
  if (!lease.connection) {
    auto stream = co_await self->network.connect(endpoint, self->limits.connect_timeout);
    if (!stream) co_return failed(HttpStage::not_connected, std::move(stream.error()));
    lease.connection = std::make_unique<Connection>(std::move(*stream));
  }
  if (self->closed) {
    Error gone{ErrorCode::cancelled, "the HTTP client was shut down"};
    co_return failed(HttpStage::not_connected, std::move(gone));
  }
  Connection& connection = *lease.connection;
  lease.begin(timeout);
  serialize(connection.out, endpoint, request);
  connection.parser.start(request.method == "HEAD", self->limits.max_response_body);
  auto written = co_await write_request(connection, std::move(on_last_byte));
  if (!written) {
    co_return failed(HttpStage::partly_written, explain(connection, std::move(written.error())));
  }
  auto reusable = co_await read_reply(connection);
  if (!reusable) co_return failed(HttpStage::sent, explain(connection, std::move(reusable.error())));
  HttpResponse response = connection.parser.take();
  if (*reusable && !connection.timed_out && !self->closed) lease.keep();
  co_return response;
}

HttpClient::HttpClient(Network& network, Clock& clock, Executor executor, HttpClientLimits limits)
    : impl_(std::make_shared<Impl>(network, clock, std::move(executor), limits)) {}

HttpClient::~HttpClient() {
  impl_->close_all();
}

Task<std::expected<HttpResponse, HttpFailure>> HttpClient::send(Endpoint endpoint, HttpRequest request,
                                                                Duration timeout,
                                                                std::function<void()> on_last_byte) {
  return Impl::exchange(impl_, std::move(endpoint), std::move(request), timeout, std::move(on_last_byte));
}

void HttpClient::close_idle() {
  for (auto& [endpoint, pool] : impl_->pools) pool.idle.clear();
}

}  // namespace posthorn
