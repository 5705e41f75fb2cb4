#include "api/action_routes.h"

#include <fmt/format.h>

#include "actions/describe.h"
#include "api/http_answers.h"

namespace posthorn {
namespace {

bool is_json_type(std::string_view type) {
  constexpr std::string_view kJson = "application/json";
  if (type.size() < kJson.size()) return false;
  for (std::size_t i = 0; i < kJson.size(); ++i)
    if ((type[i] | 0x20) != (kJson[i] | 0x20)) return false;
  return type.size() == kJson.size() || type[kJson.size()] == ';' || type[kJson.size()] == ' ';
}

int status_of(const Error& error) {
  return error.field == "Content-Type" ? 415 : http_status(error);
}

// {"action": "x", …} → name and the rest.
Result<std::string> take_name(json::value& envelope) {
  if (!envelope.is_object())
    return fail(ErrorCode::invalid_argument, "the body must be a JSON object with \"action\"", "action");
  auto& object = envelope.as_object();
  const auto found = object.find("action");
  if (found == object.end() || !found->value().is_string())
    return fail(ErrorCode::invalid_argument, "action is missing: the name of the action as a text", "action");
  std::string name(found->value().get_string());
  object.erase(found);
  return name;
}

// The answer in the form of the envelope: statusCode and operation beside the result's members.
json::value enveloped(const std::string& name, json::value result) {
  json::object out;
  out["statusCode"] = 200;
  out["operation"] = name;
  if (result.is_object()) {
    for (auto& [key, value] : result.as_object()) out[key] = std::move(value);
  } else {
    out["result"] = std::move(result);
  }
  return json::value(std::move(out));
}

}  // namespace

Task<Result<json::value>> read_json(HttpExchange& exchange, std::size_t limit) {
  const auto type = exchange.request().headers.get("Content-Type");
  const bool typed = is_json_type(type);
  const bool untyped_and_empty = type.empty();
  auto body = co_await exchange.read_body(limit);
  if (!body) {
    if (body.error().code == ErrorCode::too_large)
      body.error().message = fmt::format("the parameters are larger than {} KiB", limit / 1024);
    co_return std::unexpected(body.error());
  }
  if (untyped_and_empty && body->empty()) co_return json::value(nullptr);
  if (!typed)
    co_return fail(ErrorCode::invalid_argument, "send the parameters as application/json", "Content-Type");
  if (body->empty()) co_return json::value(nullptr);
  co_return parse_json(*body);
}

void ActionRoutes::add_to(Router& router) {
  router.add("POST", "/api/actions/{name}",
             [this](HttpExchange& x, RouteArgs args) { return by_name(x, std::move(args)); });
  router.add("POST", "/api", [this](HttpExchange& x, RouteArgs) { return by_envelope(x); });
  router.add("GET", "/api/openapi.json", [this](HttpExchange& x, RouteArgs) { return openapi(x); });
  router.add("POST", "/login", [this](HttpExchange& x, RouteArgs) { return log_in(x); });
  router.add("POST", "/logout", [this](HttpExchange& x, RouteArgs) { return log_out(x); });
}

Task<> ActionRoutes::by_name(HttpExchange& exchange, RouteArgs args) {
  auto caller = co_await guard_.admit(exchange, Role::viewer);
  if (!caller) co_return;
  auto parameters = co_await read_json(exchange, kMaxActionBody);
  if (!parameters) {
    co_await refuse(exchange, parameters.error(), status_of(parameters.error()));
    co_return;
  }
  co_await run(exchange, *std::move(caller), args["name"], *std::move(parameters), false);
}

Task<> ActionRoutes::by_envelope(HttpExchange& exchange) {
  auto caller = co_await guard_.admit(exchange, Role::viewer);
  if (!caller) co_return;
  auto envelope = co_await read_json(exchange, kMaxActionBody);
  if (!envelope) {
    co_await refuse(exchange, envelope.error(), status_of(envelope.error()));
    co_return;
  }
  auto name = take_name(*envelope);
  if (!name) {
    co_await refuse(exchange, name.error());
    co_return;
  }
  co_await run(exchange, *std::move(caller), *std::move(name), *std::move(envelope), true);
}

Task<> ActionRoutes::run(HttpExchange& exchange, Caller caller, std::string name, json::value parameters,
                         bool envelope) {
  ActionCall call;
  call.name = name;
  call.parameters = std::move(parameters);
  call.idempotency_key = std::string(exchange.request().headers.get("Idempotency-Key"));
  call.actor = std::move(caller.actor);
  call.role = caller.role;
  auto outcome = co_await runner_.run(std::move(call));
  HttpResponse response;
  if (!outcome) {
    response = error_response(outcome.error());
  } else {
    response = json_response(200, envelope ? enveloped(name, *std::move(outcome)) : *std::move(outcome));
  }
  (void)co_await exchange.respond(std::move(response));
}

Task<> ActionRoutes::openapi(HttpExchange& exchange) {
  auto response =
      plain_response(200, pretty_json(openapi_document(runner_.registry(), version_)), "application/json");
  (void)co_await exchange.respond(std::move(response));
}

Task<> ActionRoutes::log_in(HttpExchange& exchange) {
  auto body = co_await read_json(exchange, 1024);
  if (!body) {
    co_await refuse(exchange, body.error(), status_of(body.error()));
    co_return;
  }
  const JsonView view(*body);
  auto login = co_await access_.log_in(exchange.request(), std::string(view["token"].string_or("")),
                                       exchange.peer_address());
  if (!login) {
    co_await refuse(exchange, login.error(),
                    login.error().code == ErrorCode::resource_exhausted ? 429 : http_status(login.error()));
    co_return;
  }
  json::object answer;
  answer["next"] = login->next_path;
  auto response = json_response(200, std::move(answer));
  response.headers.set("Set-Cookie", login->cookie);
  (void)co_await exchange.respond(std::move(response));
}

Task<> ActionRoutes::log_out(HttpExchange& exchange) {
  const auto caller = co_await guard_.admit(exchange, Role::viewer);
  if (!caller) co_return;
  auto response = json_response(200, json::object());
  response.headers.set("Set-Cookie", co_await access_.log_out(exchange.request()));
  (void)co_await exchange.respond(std::move(response));
}

}  // namespace posthorn
