// Method and path → handler. Paths may hold one-segment placeholders: "/api/broadcasts/{id}/report.csv".
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/http_server.h"

namespace posthorn {

// Values of the placeholders, percent-decoded.
using RouteArgs = std::map<std::string, std::string, std::less<>>;

class Router {
 public:
  using Handler = std::function<Task<>(HttpExchange&, RouteArgs)>;

  void add(std::string method, std::string pattern, Handler handler);
  // 404 for unknown paths, 405 with Allow for known paths with another method. HEAD is answered as GET is.
  Task<> handle(HttpExchange& exchange) const;

 private:
  struct Route {
    std::string method, pattern;
    Handler handler;
  };
  std::vector<Route> routes_;
};

// Nothing if `path` does not fit `pattern`.
std::optional<RouteArgs> match_path(std::string_view pattern, std::string_view path);

}  // namespace posthorn
