// Port: byte streams. Real: TCP and TLS. Simulated: in-memory pipes that can be cut at any byte.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "platform/async.h"

namespace posthorn {

class Stream {
 public:
  virtual ~Stream() = default;  // closes
  // 0 bytes means the peer closed its side. Errors: unavailable (reset), cancelled (closed from our side).
  virtual Task<Result<std::size_t>> read_some(std::span<char> out) = 0;
  // Number of bytes handed to the kernel, at least 1.
  virtual Task<Result<std::size_t>> write_some(std::span<const char> in) = 0;
  // Ends our direction: after what was written the peer reads 0. Reading goes on.
  virtual void finish_writing() {}
  // Ends pending operations with `cancelled`. Idempotent.
  virtual void close() = 0;
  // False if the peer has closed or sent bytes nobody asked for: such an idle connection must not be used
  // again.
  virtual bool idle_and_open() = 0;
  virtual std::string peer_address() const = 0;  // "203.0.113.5", without port
};

struct Endpoint {
  std::string host;  // name or literal address
  std::uint16_t port = 0;
  bool tls =
      false;  // verified against the system's roots (or a configured CA file) and `host`; cannot be disabled
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual Task<Result<std::unique_ptr<Stream>>> accept() = 0;
  virtual void close() = 0;
  virtual std::uint16_t port() const = 0;  // the real one when 0 was asked for
};

class Network {
 public:
  virtual ~Network() = default;
  // Resolves, connects and, for TLS, handshakes. Error messages say which of the three failed ("dns: …",
  // "connect: …", "tls: …"); all three mean that no request byte has left.
  virtual Task<Result<std::unique_ptr<Stream>>> connect(Endpoint endpoint, Duration timeout) = 0;
  // The two halves of connect(), for callers that judge addresses before they connect (guarded_network.h).
  // resolve(): literal addresses, "203.0.113.5"; never empty. A host that is one already comes back alone.
  virtual Task<Result<std::vector<std::string>>> resolve(std::string host, Duration timeout) = 0;
  // As connect(), to this literal address without a look-up; `endpoint.host` is the name that TLS verifies.
  virtual Task<Result<std::unique_ptr<Stream>>> connect_to(std::string address, Endpoint endpoint,
                                                           Duration timeout) = 0;
  virtual Result<std::unique_ptr<Listener>> listen(const std::string& address, std::uint16_t port) = 0;
};

}  // namespace posthorn
