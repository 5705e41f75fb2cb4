// Connected sockets as Streams. Included by the real network only: Asio's TCP and TLS headers are heavy.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "platform/stream.h"

namespace posthorn {

// What an operation's error code means to callers of Stream.
Error stream_error(const boost::system::error_code& ec, std::string_view doing);

class TcpStream final : public Stream {
 public:
  explicit TcpStream(asio::ip::tcp::socket socket);  // connected; becomes non-blocking with TCP_NODELAY
  ~TcpStream() override { close(); }
  Task<Result<std::size_t>> read_some(std::span<char> out) override;
  Task<Result<std::size_t>> write_some(std::span<const char> in) override;
  void finish_writing() override;
  void close() override;
  bool idle_and_open() override;
  std::string peer_address() const override;

 private:
  asio::ip::tcp::socket socket_;
};

using TlsSocket = asio::ssl::stream<asio::ip::tcp::socket>;

class TlsStream final : public Stream {
 public:
  // `socket` has finished its handshake. `context` must outlive it, hence shared.
  TlsStream(std::shared_ptr<asio::ssl::context> context, std::unique_ptr<TlsSocket> socket);
  ~TlsStream() override { close(); }
  Task<Result<std::size_t>> read_some(std::span<char> out) override;
  Task<Result<std::size_t>> write_some(std::span<const char> in) override;
  void close() override;
  bool idle_and_open() override;
  std::string peer_address() const override;

 private:
  std::shared_ptr<asio::ssl::context> context_;
  std::unique_ptr<TlsSocket> socket_;
};

}  // namespace posthorn
