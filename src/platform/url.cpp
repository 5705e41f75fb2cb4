#include <algorithm>
#include <cctype>
#include <charconv>

#include <boost/asio/ip/address_v6.hpp>
#include <fmt/format.h>

#include "platform/http_client.h"

namespace posthorn {
namespace {

Error bad_url(std::string_view url, std::string_view problem) {
  return {ErrorCode::invalid_argument, fmt::format("'{}' is not a usable address: {}", url, problem), "url"};
}

bool host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool valid_host(std::string_view host, bool bracketed) {
  if (bracketed) {
    boost::system::error_code ec;
    asio::ip::make_address_v6(host, ec);
    return !ec;
  }
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), host_character);
}

// Splits "host", "host:443", "[::1]:443"; the port text is empty if absent.
bool split_authority(std::string_view authority, Endpoint& endpoint, std::string_view& port,
                     bool& bracketed) {
  bracketed = authority.starts_with('[');
  const auto host_end = bracketed ? authority.find(']') : authority.find(':');
  if (bracketed && host_end == std::string_view::npos) return false;
  endpoint.host = authority.substr(bracketed ? 1 : 0, bracketed ? host_end - 1 : host_end);
  std::string_view rest =
      host_end == std::string_view::npos ? "" : authority.substr(host_end + (bracketed ? 1 : 0));
  if (rest.empty()) return true;
  if (rest[0] != ':' || rest.size() == 1) return false;
  port = rest.substr(1);
  return true;
}

}  // namespace

Result<ParsedUrl> parse_url(std::string_view url) {
  const bool printable = std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!printable)
    return std::unexpected(bad_url(url, "it has blanks or characters outside ASCII; percent-encode them"));
  const auto scheme_end = url.find("://");
  std::string scheme(url.substr(0, std::min(scheme_end, url.size())));
  for (char& c : scheme) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return std::unexpected(bad_url(url, "it must begin with https:// or http://"));
  }
  const std::string_view rest = url.substr(scheme_end + 3);
  std::string authority(rest.substr(0, rest.find_first_of("/?#")));
  if (authority.find('@') != std::string::npos) {
    return std::unexpected(bad_url(url, "names and passwords inside addresses are refused"));
  }
  for (char& c : authority) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  ParsedUrl parsed;
  std::string_view port;
  bool bracketed = false;
  if (!split_authority(authority, parsed.endpoint, port, bracketed) ||
      !valid_host(parsed.endpoint.host, bracketed)) {
    return std::unexpected(bad_url(url, "the host name is missing or malformed"));
  }
  parsed.endpoint.tls = scheme == "https";
  parsed.endpoint.port = parsed.endpoint.tls ? 443 : 80;
  if (!port.empty()) {
    const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), parsed.endpoint.port);
    if (ec != std::errc() || end != port.data() + port.size() || parsed.endpoint.port == 0) {
      return std::unexpected(bad_url(url, "the port must be a number from 1 to 65535"));
    }
  }
  std::string_view target = rest.substr(authority.size());
  target = target.substr(0, target.find('#'));
  parsed.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return parsed;
}

}  // namespace posthorn
