#include <fstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "app/exit_codes.h"
#include "app/output.h"
#include "app/run.h"
#include "platform/environment.h"
#include "platform/real_clock.h"
#include "platform/real_network.h"
#include "platform/runtime.h"

namespace posthorn {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string chosen(const std::string& option, const char* variable, const std::string& file) {
  if (!option.empty()) return option;
  if (auto value = environment_variable(variable)) return *value;
  return first_line(file);
}

Task<> run_command(Runtime& runtime, const std::function<Task<Result<int>>(CommandContext)>& command,
                   CommandContext context, int& code) {
  const auto outcome = co_await command(context);
  if (outcome) {
    code = *outcome;
  } else {
    print_error(outcome.error(), context.json);
    code = exit_code(outcome.error());
  }
  runtime.stop();
}

}  // namespace

Result<ClientTarget> find_server(const ClientOptions& options) {
  auto folder = options.data_dir;
  if (folder.empty()) folder = environment_variable("POSTHORN_DATA_DIR").value_or("data");
  ClientTarget target;
  target.url = chosen(options.server, "POSTHORN_SERVER", folder + "/server.url");
  target.key = Secret(chosen(options.key, "POSTHORN_KEY", folder + "/cli.key"));
  while (target.url.ends_with('/')) target.url.pop_back();
  if (target.url.empty())
    return fail(ErrorCode::unavailable,
                fmt::format("no server is known: start one with `posthorn serve`, run this where its data "
                            "folder is ({}), or give --server and --key",
                            folder),
                "server");
  if (target.key.empty())
    return fail(ErrorCode::unauthenticated, "no API key: give --key or set POSTHORN_KEY", "key");
  return target;
}

int run_client(const ClientOptions& options,
               const std::function<Task<Result<int>>(CommandContext)>& command) {
  auto target = find_server(options);
  if (!target) {
    print_error(target.error(), options.json);
    return exit_code(target.error());
  }
  Runtime runtime;
  RealClock clock(runtime.executor());
  RealNetwork network(runtime.executor());
  Client client(network, clock, runtime.executor(), *std::move(target));
  CommandContext context;
  context.client = &client;
  context.json = options.json;
  int code = kExitFailure;
  asio::co_spawn(runtime.executor(), run_command(runtime, command, context, code), asio::detached);
  runtime.run();
  return code;
}

}  // namespace posthorn
