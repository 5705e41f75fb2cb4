#include "api/guard.h"

#include <fmt/format.h>

#include "api/http_answers.h"

namespace posthorn {

Task<std::optional<Caller>> Guard::admit(HttpExchange& exchange, Role needs) {
  auto caller = access_.authenticate(exchange.request(), exchange.peer_address());
  if (!caller) {
    const int status =
        caller.error().code == ErrorCode::resource_exhausted ? 429 : http_status(caller.error());
    co_await refuse(exchange, caller.error(), status);
    co_return std::nullopt;
  }
  if (!allows(caller->role, needs)) {
    Error error{ErrorCode::permission_denied,
                fmt::format("this needs the role {}; this access has the role {}", to_string(needs),
                            to_string(caller->role))};
    co_await refuse(exchange, std::move(error));
    co_return std::nullopt;
  }
  co_return *std::move(caller);
}

Task<> refuse(HttpExchange& exchange, Error error) {
  const int status = http_status(error);
  return refuse(exchange, std::move(error), status);
}

Task<> refuse(HttpExchange& exchange, Error error, int status) {
  auto response = error_response(error);
  response.status = status;
  (void)co_await exchange.respond(std::move(response));
}

}  // namespace posthorn
