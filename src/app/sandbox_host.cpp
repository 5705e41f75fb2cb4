#include "app/sandbox_host.h"

#include <fmt/format.h>

namespace posthorn {

Result<std::unique_ptr<SandboxHost>> SandboxHost::create(SandboxPorts ports, sandbox::SandboxConfig config,
                                                         const std::string& address, std::uint16_t port) {
  PH_TRY_ASSIGN(auto listener, ports.network.listen(address, port));
  return std::unique_ptr<SandboxHost>(
      new SandboxHost(ports, std::move(config), std::move(listener), address));
}

SandboxHost::SandboxHost(SandboxPorts ports, sandbox::SandboxConfig config,
                         std::unique_ptr<Listener> listener, std::string address)
    : address_(std::move(address)),
      meta_(std::move(config), ports.clock, ports.random, ports.http, ports.executor),
      server_(std::move(listener), ports.clock, ports.executor,
              [this](HttpExchange& exchange) { return meta_.handle(exchange); }) {
  meta_.start();
  server_.start();
}

SandboxHost::~SandboxHost() = default;

std::string SandboxHost::url() const {
  return fmt::format("http://{}:{}", address_, server_.port());
}

void SandboxHost::stop() {
  server_.stop();
  meta_.stop();
}

}  // namespace posthorn
