// POST /api/actions/{name}, POST /api with {"action": …}, GET /api/openapi.json, and opening and closing
// sessions.
#pragma once
#include <string>

#include "actions/runner.h"
#include "api/guard.h"

namespace posthorn {

class ActionRoutes {
 public:
  ActionRoutes(ActionRunner& runner, Access& access, std::string version)
      : runner_(runner), access_(access), guard_(access), version_(std::move(version)) {}
  void add_to(Router& router);

 private:
  Task<> by_name(HttpExchange& exchange, RouteArgs args);
  Task<> by_envelope(HttpExchange& exchange);
  Task<> run(HttpExchange& exchange, Caller caller, std::string name, json::value parameters, bool envelope);
  Task<> openapi(HttpExchange& exchange);
  Task<> log_in(HttpExchange& exchange);
  Task<> log_out(HttpExchange& exchange);

  ActionRunner& runner_;
  Access& access_;
  Guard guard_;
  std::string version_;
};

// The body as JSON: its type must say so, its size is limited. Nothing of it is parsed before the caller is
// known.
Task<Result<json::value>> read_json(HttpExchange& exchange, std::size_t limit);

}  // namespace posthorn
