#include "platform/real_network.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <openssl/ssl.h>

#include "platform/real_streams.h"
#include "platform/waiter.h"

namespace posthorn {
namespace {

using asio::ip::tcp;
using boost::system::error_code;
using Addresses = std::vector<tcp::endpoint>;
using SteadyTime = std::chrono::steady_clock::time_point;

Error connect_error(std::string_view step, const Endpoint& endpoint, std::string_view why) {
  return {ErrorCode::unavailable, fmt::format("{}: {}:{}: {}", step, endpoint.host, endpoint.port, why)};
}

Error connect_timeout(std::string_view step, const Endpoint& endpoint) {
  return {ErrorCode::deadline_exceeded,
          fmt::format("{}: {}:{}: no answer in time", step, endpoint.host, endpoint.port)};
}

// Calls `expire` at `deadline` unless destroyed before.
class Alarm {
 public:
  template <class Expire>
  Alarm(const Executor& executor, SteadyTime deadline, Expire expire)
      : timer_(executor, deadline), rung_(std::make_shared<bool>(false)) {
    timer_.async_wait([rung = rung_, expire = std::move(expire)](error_code ec) mutable {
      if (ec || *rung) return;
      *rung = true;
      expire();
    });
  }
  ~Alarm() { *rung_ = true; }  // an expiry that is already queued must not touch what is gone
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  bool rung() const { return *rung_; }

 private:
  asio::steady_timer timer_;
  std::shared_ptr<bool> rung_;
};

struct Lookup {
  error_code error;
  Addresses addresses;
};

// The system's resolver cannot be interrupted, so at the deadline its answer is abandoned instead.
Task<Lookup> look_up(Executor executor, Endpoint endpoint, SteadyTime deadline) {
  Lookup found;
  error_code not_literal;
  const auto literal = asio::ip::make_address(endpoint.host, not_literal);
  if (!not_literal) {
    found.addresses.emplace_back(literal, endpoint.port);
    co_return found;
  }
  auto answer = std::make_shared<Waiter<Lookup>>();
  auto resolver = std::make_shared<tcp::resolver>(executor);
  resolver->async_resolve(endpoint.host, std::to_string(endpoint.port), tcp::resolver::numeric_service,
                          [answer, resolver](error_code ec, const tcp::resolver::results_type& results) {
                            Lookup lookup{ec, {}};
                            for (const auto& entry : results) lookup.addresses.push_back(entry.endpoint());
                            answer->complete(std::move(lookup));
                          });
  Lookup late{asio::error::timed_out, {}};
  Alarm alarm(executor, deadline, [answer, late] { answer->complete(late); });
  Lookup aborted{asio::error::operation_aborted, {}};
  co_return co_await Waiter<Lookup>::wait(std::move(answer), aborted);
}

// Tries the addresses in the resolver's order; each gets an equal share of the time that is left.
Task<Result<tcp::socket>> connect_any(Executor executor, Endpoint endpoint, Addresses addresses,
                                      SteadyTime deadline) {
  error_code last = asio::error::host_not_found;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const auto now = std::chrono::steady_clock::now();
    tcp::socket socket(executor);
    Alarm alarm(executor, now + (deadline - now) / static_cast<int>(addresses.size() - i), [&socket] {
      error_code ignored;
      socket.close(ignored);
    });
    co_await socket.async_connect(addresses[i], asio::redirect_error(asio::use_awaitable, last));
    if (!last && socket.is_open()) co_return std::move(socket);
    if (alarm.rung()) last = asio::error::timed_out;
  }
  if (last == asio::error::timed_out) co_return std::unexpected(connect_timeout("connect", endpoint));
  co_return std::unexpected(connect_error("connect", endpoint, last.message()));
}

// Prefers the reason of certificate verification over OpenSSL's general "certificate verify failed".
std::string handshake_problem(TlsSocket& socket, const error_code& ec) {
  const long verdict = SSL_get_verify_result(socket.native_handle());
  if (verdict == X509_V_OK) return ec.message();
  return fmt::format("the certificate was refused: {}", X509_verify_cert_error_string(verdict));
}

Task<Result<>> handshake(Executor executor, TlsSocket& socket, Endpoint endpoint, SteadyTime deadline) {
  error_code not_literal;
  asio::ip::make_address(endpoint.host, not_literal);
  if (not_literal) SSL_set_tlsext_host_name(socket.native_handle(), endpoint.host.c_str());
  socket.set_verify_mode(asio::ssl::verify_peer);
  socket.set_verify_callback(asio::ssl::host_name_verification(endpoint.host));
  Alarm alarm(executor, deadline, [&socket] {
    error_code ignored;
    socket.next_layer().close(ignored);
  });
  error_code ec;
  co_await socket.async_handshake(asio::ssl::stream_base::client,
                                  asio::redirect_error(asio::use_awaitable, ec));
  if (alarm.rung()) co_return std::unexpected(connect_timeout("tls", endpoint));
  if (ec) co_return std::unexpected(connect_error("tls", endpoint, handshake_problem(socket, ec)));
  co_return Result<>();
}

Result<std::shared_ptr<asio::ssl::context>> make_tls_context(const std::string& ca_file) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(native, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  static constexpr unsigned char kProtocols[] = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(native, kProtocols, sizeof(kProtocols) - 1);
  error_code ec;
  if (ca_file.empty()) {
    context->set_default_verify_paths(ec);
  } else {
    context->load_verify_file(ca_file, ec);
  }
  if (!ec) return context;
  return fail(ErrorCode::invalid_argument,
              fmt::format("tls: cannot read trusted certificates from '{}' ({}); give a readable PEM file",
                          ca_file.empty() ? "the system's store" : ca_file, ec.message()),
              "ca_file");
}

class TcpListener final : public Listener {
 public:
  explicit TcpListener(tcp::acceptor acceptor) : acceptor_(std::move(acceptor)) {
    error_code ignored;
    port_ = acceptor_.local_endpoint(ignored).port();
  }

  Task<Result<std::unique_ptr<Stream>>> accept() override {
    for (;;) {
      error_code ec;
      tcp::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, ec));
      if (!ec) co_return std::make_unique<TcpStream>(std::move(socket));
      if (ec == asio::error::connection_aborted) continue;  // that client left before we came to it
      if (ec == boost::system::errc::too_many_files_open ||
          ec == boost::system::errc::too_many_files_open_in_system) {
        co_return fail(ErrorCode::resource_exhausted,
                       "accept: too many open files; raise the limit (ulimit -n, LimitNOFILE)");
      }
      co_return std::unexpected(stream_error(ec, "accept"));
    }
  }

  void close() override {
    error_code ignored;
    acceptor_.close(ignored);
  }

  std::uint16_t port() const override { return port_; }

 private:
  tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
};

Error listen_error(const std::string& address, std::uint16_t port, const error_code& ec) {
  if (ec == asio::error::address_in_use) {
    return {ErrorCode::conflict,
            fmt::format("cannot listen on {}:{}: the port is taken by another program; choose another one",
                        address, port)};
  }
  const auto code =
      ec == asio::error::access_denied ? ErrorCode::permission_denied : ErrorCode::invalid_argument;
  return {code, fmt::format("cannot listen on {}:{}: {}", address, port, ec.message())};
}

}  // namespace

struct RealNetwork::Impl {
  Task<Result<std::unique_ptr<Stream>>> dial(Addresses addresses, Endpoint endpoint, SteadyTime deadline);

  Executor executor;
  NetworkOptions options;
  std::shared_ptr<asio::ssl::context> tls = nullptr;  // built at the first TLS connection
};

RealNetwork::RealNetwork(Executor executor, NetworkOptions options)
    : impl_(std::make_unique<Impl>(Impl{std::move(executor), std::move(options)})) {}

RealNetwork::~RealNetwork() = default;

// Connects to one of `addresses` and handshakes; TLS verifies `endpoint.host`.
Task<Result<std::unique_ptr<Stream>>> RealNetwork::Impl::dial(Addresses addresses, Endpoint endpoint,
                                                              SteadyTime deadline) {
  if (endpoint.tls && !tls) {
    PH_CO_TRY_ASSIGN(tls, make_tls_context(options.ca_file));
  }
  const Executor on = executor;
  const auto context = tls;
  auto connected = co_await connect_any(on, endpoint, std::move(addresses), deadline);
  if (!connected) co_return std::unexpected(std::move(connected.error()));
  if (!endpoint.tls) co_return std::make_unique<TcpStream>(std::move(*connected));
  error_code ignored;
  connected->set_option(tcp::no_delay(true), ignored);
  auto socket = std::make_unique<TlsSocket>(std::move(*connected), *context);
  PH_CO_TRY(co_await handshake(on, *socket, endpoint, deadline));
  co_return std::make_unique<TlsStream>(context, std::move(socket));
}

Task<Result<std::unique_ptr<Stream>>> RealNetwork::connect(Endpoint endpoint, Duration timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  Lookup lookup = co_await look_up(impl_->executor, endpoint, deadline);
  if (lookup.error == asio::error::timed_out) co_return std::unexpected(connect_timeout("dns", endpoint));
  if (lookup.error) co_return std::unexpected(connect_error("dns", endpoint, lookup.error.message()));
  co_return co_await impl_->dial(std::move(lookup.addresses), std::move(endpoint), deadline);
}

Task<Result<std::vector<std::string>>> RealNetwork::resolve(std::string host, Duration timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  Endpoint endpoint;
  endpoint.host = std::move(host);
  const Lookup lookup = co_await look_up(impl_->executor, endpoint, deadline);
  if (lookup.error == asio::error::timed_out) co_return std::unexpected(connect_timeout("dns", endpoint));
  if (lookup.error) co_return std::unexpected(connect_error("dns", endpoint, lookup.error.message()));
  std::vector<std::string> out;
  for (const auto& address : lookup.addresses) out.push_back(address.address().to_string());
  if (out.empty()) co_return std::unexpected(connect_error("dns", endpoint, "it has no address"));
  co_return out;
}

Task<Result<std::unique_ptr<Stream>>> RealNetwork::connect_to(std::string address, Endpoint endpoint,
                                                              Duration timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  error_code not_literal;
  const auto literal = asio::ip::make_address(address, not_literal);
  if (not_literal) co_return std::unexpected(connect_error("connect", endpoint, "the address is none"));
  Addresses addresses(1, tcp::endpoint(literal, endpoint.port));
  co_return co_await impl_->dial(std::move(addresses), std::move(endpoint), deadline);
}

Result<std::unique_ptr<Listener>> RealNetwork::listen(const std::string& address, std::uint16_t port) {
  error_code ec;
  const auto parsed = asio::ip::make_address(address, ec);
  if (ec) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("cannot listen on '{}': give an IP address such as 127.0.0.1 or ::", address),
                "address");
  }
  const tcp::endpoint endpoint(parsed, port);
  tcp::acceptor acceptor(impl_->executor);
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(4096, ec);
  if (ec) return std::unexpected(listen_error(address, port, ec));
  return std::make_unique<TcpListener>(std::move(acceptor));
}

}  // namespace posthorn
