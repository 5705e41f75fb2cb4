// The sandbox on a port of its own inside this process.
#pragma once
#include <memory>
#include <string>

#include "platform/http_server.h"
#include "sandbox/sandbox.h"

namespace posthorn {

struct SandboxPorts {
  Network& network;
  Clock& clock;
  Random& random;
  HttpClient& http;
  Executor executor;
};

class SandboxHost {
 public:
  // Listens at once. Port 0: any free one.
  static Result<std::unique_ptr<SandboxHost>> create(SandboxPorts ports, sandbox::SandboxConfig config,
                                                     const std::string& address, std::uint16_t port);
  ~SandboxHost();
  sandbox::Sandbox& meta() { return meta_; }
  std::string url() const;  // the Graph base URL to configure
  void stop();

 private:
  SandboxHost(SandboxPorts ports, sandbox::SandboxConfig config, std::unique_ptr<Listener> listener,
              std::string address);
  std::string address_;
  sandbox::Sandbox meta_;
  HttpServer server_;
};

}  // namespace posthorn
