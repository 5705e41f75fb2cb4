// TCP and TLS of the operating system, by Boost.Asio and OpenSSL.
#pragma once
#include <memory>
#include <string>

#include "platform/stream.h"

namespace posthorn {

struct NetworkOptions {
  std::string ca_file = {};  // PEM; empty means the system's roots
};

// TLS: version 1.2 or later, peer certificate and host name verified, SNI sent, no session resumption (hence
// no 0-RTT data that could be replayed). Nothing here can switch verification off.
class RealNetwork final : public Network {
 public:
  explicit RealNetwork(Executor executor, NetworkOptions options = {});
  ~RealNetwork() override;
  // Errors besides those of the port: invalid_argument when the CA file cannot be read.
  Task<Result<std::unique_ptr<Stream>>> connect(Endpoint endpoint, Duration timeout) override;
  Task<Result<std::vector<std::string>>> resolve(std::string host, Duration timeout) override;
  Task<Result<std::unique_ptr<Stream>>> connect_to(std::string address, Endpoint endpoint,
                                                   Duration timeout) override;
  // Port 0 lets the system choose. Errors: invalid_argument (not an IP address), conflict (address in use),
  // permission_denied (port below 1024).
  Result<std::unique_ptr<Listener>> listen(const std::string& address, std::uint16_t port) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posthorn
