#include "platform/authority.h"

#include <iterator>

#include <fmt/format.h>

namespace posthorn {
namespace {

void append_host(std::string& out, std::string_view host) {
  const bool literal_v6 = host.contains(':');
  out.append(literal_v6 ? "[" : "").append(host).append(literal_v6 ? "]" : "");
}

}  // namespace

std::string bracketed_host(std::string_view host) {
  std::string out;
  append_host(out, host);
  return out;
}

void append_authority(std::string& out, const Endpoint& endpoint) {
  append_host(out, endpoint.host);
  const bool usual_port = endpoint.port == (endpoint.tls ? 443 : 80);
  if (!usual_port) fmt::format_to(std::back_inserter(out), ":{}", endpoint.port);
}

}  // namespace posthorn
