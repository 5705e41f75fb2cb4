#include "platform/real_streams.h"

#include <cerrno>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace posthorn {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

// Turns Asio's (error, count) into our Result without a coroutine frame of its own.
template <class Start>
Task<Result<std::size_t>> as_result(Start start, std::string_view doing) {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(Result<std::size_t>)>(
      [start, doing](auto handler) {
        auto executor = asio::get_associated_executor(handler);
        auto slot = asio::get_associated_cancellation_slot(handler);
        auto finish = [h = std::move(handler), doing](error_code ec, std::size_t n) mutable {
          if (ec == asio::error::eof) {
            std::move(h)(Result<std::size_t>(0));
          } else if (ec) {
            std::move(h)(Result<std::size_t>(std::unexpected(stream_error(ec, doing))));
          } else {
            std::move(h)(Result<std::size_t>(n));
          }
        };
        start(asio::bind_cancellation_slot(slot, asio::bind_executor(executor, std::move(finish))));
      },
      asio::use_awaitable);
}

bool nothing_to_read(tcp::socket& socket) {
  char byte = 0;
  const auto got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

std::string address_of_peer(const tcp::socket& socket) {
  error_code ec;
  const auto endpoint = socket.remote_endpoint(ec);
  return ec ? std::string("unknown") : endpoint.address().to_string();
}

void close_socket(tcp::socket& socket) {
  error_code ignored;
  socket.close(ignored);
}

}  // namespace

Error stream_error(const error_code& ec, std::string_view doing) {
  if (ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor) {
    return {ErrorCode::cancelled, fmt::format("{}: the connection was closed from our side", doing)};
  }
  if (ec == asio::ssl::error::stream_truncated) {
    return {ErrorCode::unavailable, fmt::format("{}: the TLS connection was cut off by the peer", doing)};
  }
  return {ErrorCode::unavailable, fmt::format("{}: {}", doing, ec.message())};
}

TcpStream::TcpStream(tcp::socket socket) : socket_(std::move(socket)) {
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
}

Task<Result<std::size_t>> TcpStream::read_some(std::span<char> out) {
  return as_result(
      [this, out](auto&& handler) {
        socket_.async_read_some(asio::buffer(out.data(), out.size()),
                                std::forward<decltype(handler)>(handler));
      },
      "read");
}

Task<Result<std::size_t>> TcpStream::write_some(std::span<const char> in) {
  // The kernel's buffer nearly always has room: then no trip through the event loop is needed.
  error_code ec;
  const std::size_t n = socket_.write_some(asio::buffer(in.data(), in.size()), ec);
  if (!ec) co_return n;
  if (ec != asio::error::would_block && ec != asio::error::try_again) {
    co_return std::unexpected(stream_error(ec, "write"));
  }
  co_return co_await as_result(
      [this, in](auto&& handler) {
        socket_.async_write_some(asio::buffer(in.data(), in.size()),
                                 std::forward<decltype(handler)>(handler));
      },
      "write");
}

void TcpStream::finish_writing() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void TcpStream::close() {
  close_socket(socket_);
}

bool TcpStream::idle_and_open() {
  return socket_.is_open() && nothing_to_read(socket_);
}

std::string TcpStream::peer_address() const {
  return address_of_peer(socket_);
}

TlsStream::TlsStream(std::shared_ptr<asio::ssl::context> context, std::unique_ptr<TlsSocket> socket)
    : context_(std::move(context)), socket_(std::move(socket)) {}

Task<Result<std::size_t>> TlsStream::read_some(std::span<char> out) {
  return as_result(
      [this, out](auto&& handler) {
        socket_->async_read_some(asio::buffer(out.data(), out.size()),
                                 std::forward<decltype(handler)>(handler));
      },
      "read");
}

Task<Result<std::size_t>> TlsStream::write_some(std::span<const char> in) {
  return as_result(
      [this, in](auto&& handler) {
        socket_->async_write_some(asio::buffer(in.data(), in.size()),
                                  std::forward<decltype(handler)>(handler));
      },
      "write");
}

// Without a close_notify of ours: HTTP delimits its messages itself, and waiting for the peer's answer could
// hang.
void TlsStream::close() {
  close_socket(socket_->next_layer());
}

bool TlsStream::idle_and_open() {
  return socket_->next_layer().is_open() && SSL_has_pending(socket_->native_handle()) == 0 &&
         nothing_to_read(socket_->next_layer());
}

std::string TlsStream::peer_address() const {
  return address_of_peer(socket_->next_layer());
}

}  // namespace posthorn
