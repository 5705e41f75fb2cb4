// The composition root: makes every part of the server, in order, and hands each what it needs.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "core/result.h"
#include "platform/async.h"
#include "platform/config.h"

namespace posthorn {

class Runtime;
struct Services;
namespace sandbox {
class Sandbox;
}

struct ServerOptions {
  Config config;
  bool sandbox = false;  // Meta is simulated in this process, its numbers are added and webhooks come back
  bool port_may_move = false;  // take any free port when the configured one is in use
};

class Server {
 public:
  explicit Server(ServerOptions options);
  ~Server();  // after stop(): destroys threads, then suspended coroutines, then what these refer to

  Runtime& runtime();
  // Opens everything, recovers, and begins to serve. After an error, too, stop() must follow.
  Task<Result<>> start();
  // Answers on their way are awaited for a few seconds, outcomes are committed; nothing is left in `intent`
  // if all is well.
  Task<> stop();

  std::string url() const;  // "http://127.0.0.1:8080"
  const std::string& data_folder() const;
  bool first_run() const;                               // no API key existed before this start
  std::string login_url(const std::string& next_path);  // one-time, for an administrator
  Services& services();
  sandbox::Sandbox* sandbox();  // nullptr without --sandbox

 private:
  struct Parts;
  Task<Result<>> ensure_cli_key();
  Task<Result<>> connect_sandbox();
  std::unique_ptr<Parts> parts_;
};

std::string_view version();

}  // namespace posthorn
