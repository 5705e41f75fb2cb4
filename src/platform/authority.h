// How a host and its port are written in URLs and in Host headers (RFC 3986, 3.2).
#pragma once
#include <string>
#include <string_view>

#include "platform/stream.h"

namespace posthorn {

// An IPv6 address in brackets, any other host as it is.
std::string bracketed_host(std::string_view host);

// "example.org", "[::1]:8080": the port only where it is not the scheme's own.
void append_authority(std::string& out, const Endpoint& endpoint);

}  // namespace posthorn
