#include "api/router.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "api/http_answers.h"

namespace posthorn {
namespace {

std::string_view take_segment(std::string_view& path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const auto end = std::min(path.find('/'), path.size());
  const auto segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

}  // namespace

std::optional<RouteArgs> match_path(std::string_view pattern, std::string_view path) {
  RouteArgs args;
  while (!pattern.empty() && !path.empty()) {
    const auto expected = take_segment(pattern);
    const auto given = take_segment(path);
    if (expected.starts_with('{') && expected.ends_with('}')) {
      if (given.empty()) return std::nullopt;
      args[std::string(expected.substr(1, expected.size() - 2))] = percent_decode(given);
    } else if (expected != given) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return args;
}

void Router::add(std::string method, std::string pattern, Handler handler) {
  routes_.push_back({std::move(method), std::move(pattern), std::move(handler)});
}

Task<> Router::handle(HttpExchange& exchange) const {
  const auto path = exchange.request().path();
  std::string method = exchange.request().method;
  if (method == "HEAD") method = "GET";
  std::set<std::string> allowed;
  for (const auto& route : routes_) {
    auto args = match_path(route.pattern, path);
    if (!args) continue;
    if (route.method == method) {
      co_await route.handler(exchange, *std::move(args));
      co_return;
    }
    allowed.insert(route.method);
  }
  HttpResponse response;
  if (allowed.empty()) {
    response =
        error_response({ErrorCode::not_found, fmt::format("there is nothing at {}", path.substr(0, 200))});
  } else {
    response =
        error_response({ErrorCode::invalid_argument, fmt::format("use {} here", fmt::join(allowed, " or "))});
    response.status = 405;
    response.headers.set("Allow", fmt::format("{}", fmt::join(allowed, ", ")));
  }
  (void)co_await exchange.respond(std::move(response));
}

}  // namespace posthorn
