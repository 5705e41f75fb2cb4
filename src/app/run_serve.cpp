#include <fstream>
#include <iterator>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "actions/services.h"
#include "app/exit_codes.h"
#include "app/output.h"
#include "app/run.h"
#include "app/sandbox_host.h"
#include "app/server.h"
#include "platform/real_clock.h"
#include "platform/real_network.h"
#include "platform/real_random.h"
#include "platform/runtime.h"

namespace posthorn {
namespace {

void greet(Server& server, bool sandbox) {
  print(fmt::format("Posthorn {} serves {}\n", version(), server.url()));
  if (sandbox) {
    const auto& graph = server.services().facts.graph_url;
    print(fmt::format(
        "Meta is simulated in this process: nothing reaches a real phone. Phones and faults are moved at "
        "{}/sandbox (docs/sandbox.md).\n",
        graph.substr(0, graph.rfind('/'))));
  }
  if (server.first_run() || sandbox)
    print(fmt::format("Open it once, within 15 minutes: {}\n", server.login_url("/")));
}

// A second signal does not wait for anything.
Task<> stop_at_once(Runtime& runtime) {
  (void)co_await runtime.next_signal();
  runtime.stop();
}

Task<> serve(Server& server, bool sandbox, int& code) {
  auto& runtime = server.runtime();
  const auto started = co_await server.start();
  if (!started) {
    print_error(started.error(), false);
    code = exit_code(started.error());
    co_await server.stop();
    runtime.stop();
    co_return;
  }
  greet(server, sandbox);
  while (co_await runtime.next_signal() == Signal::hangup) continue;
  asio::co_spawn(runtime.executor(), stop_at_once(runtime), asio::detached);
  co_await server.stop();
  code = kExitOk;
  runtime.stop();
}

Result<sandbox::SandboxConfig> sandbox_config(const SandboxOptions& options) {
  auto config = sandbox::default_config();
  if (!options.config_file.empty()) {
    std::ifstream file(options.config_file, std::ios::binary);
    if (!file)
      return fail(ErrorCode::not_found, fmt::format("{} cannot be read", options.config_file), "config");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    PH_TRY(sandbox::merge_config(config, text));
  }
  if (!options.callback_url.empty()) config.webhooks.callback_url = options.callback_url;
  return config;
}

Task<> wait_for_end(Runtime& runtime, SandboxHost& host) {
  while (co_await runtime.next_signal() == Signal::hangup) continue;
  host.stop();
  runtime.stop();
}

int complain(const Error& error) {
  print_error(error, false);
  return exit_code(error);
}

}  // namespace

int run_serve(const ServeOptions& options) {
  auto config = load_config(options.config_file, options.overrides);
  if (!config) return complain(config.error());
  ServerOptions server_options;
  server_options.config = *std::move(config);
  server_options.sandbox = options.sandbox;
  Server server(std::move(server_options));
  int code = kExitFailure;
  asio::co_spawn(server.runtime().executor(), serve(server, options.sandbox, code), asio::detached);
  server.runtime().run();
  return code;
}

int run_sandbox(const SandboxOptions& options) {
  auto config = sandbox_config(options);
  if (!config) return complain(config.error());
  Runtime runtime;
  RealClock clock(runtime.executor());
  RealRandom random;
  RealNetwork network(runtime.executor());
  HttpClient http(network, clock, runtime.executor());
  const SandboxPorts ports{network, clock, random, http, runtime.executor()};
  auto host = SandboxHost::create(ports, *std::move(config), options.address, options.port);
  if (!host) return complain(host.error());
  print(
      fmt::format("A simulated Meta answers at {}\n  business account {}   numbers {} (80/s), {} (1,000/s), "
                  "{} (20/s)\n  access token {}\n"
                  "  app secret {}   verify token {}\n",
                  (*host)->url(), sandbox::kDefaultWaba, sandbox::kDefaultNumber, sandbox::kDefaultFastNumber,
                  sandbox::kDefaultCoexistenceNumber, sandbox::kDefaultToken, sandbox::kDefaultAppSecret,
                  sandbox::kDefaultVerifyToken));
  asio::co_spawn(runtime.executor(), wait_for_end(runtime, **host), asio::detached);
  runtime.run();
  return kExitOk;
}

}  // namespace posthorn
