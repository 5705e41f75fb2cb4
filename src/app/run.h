// Commands as whole processes: each makes its event loop, runs to the end and returns an exit code.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/commands.h"

namespace posthorn {

struct ServeOptions {
  std::optional<std::string> config_file;
  std::vector<std::pair<std::string, std::string>> overrides;  // "http.port" → "9090"
  bool sandbox = false;
};
int run_serve(const ServeOptions& options);

struct DemoOptions {
  ServeOptions serve;
  bool once = false;  // exit after the report
  std::uint64_t recipients = 50'000;
};
// 0 only if every recipient was accepted exactly once according to the sandbox's ledger.
int run_demo(DemoOptions options);

struct SandboxOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8790;
  std::string config_file;   // JSON over the defaults (docs/sandbox.md)
  std::string callback_url;  // where webhooks go
};
int run_sandbox(const SandboxOptions& options);

struct ClientOptions {
  std::string server, key, data_dir;  // empty: POSTHORN_SERVER, POSTHORN_KEY, the data folder's files
  bool json = false;
};
int run_client(const ClientOptions& options, const std::function<Task<Result<int>>(CommandContext)>& command);

struct RestoreOptions {
  std::string backup;
  bool verify_only = false;
  std::string master_key;        // file; empty: <data folder>/master.key
  bool without_secrets = false;  // the key is lost: forget what it sealed
  ServeOptions serve;            // where to
  bool json = false;
};
// Nothing is touched before the secrets of the backup have been opened with the master key.
int run_restore(const RestoreOptions& options);

// Where the command line finds the server: options, environment, then <data folder>/server.url and cli.key.
Result<ClientTarget> find_server(const ClientOptions& options);

}  // namespace posthorn
