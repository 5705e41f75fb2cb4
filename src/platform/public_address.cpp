#include "platform/public_address.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "platform/address_range.h"
#include "platform/authority.h"

namespace posthorn {
namespace {

// IANA IPv4 Special-Purpose Address Registry, without the entries that are globally reachable.
constexpr auto kNotPublic4 = std::to_array<std::string_view>({
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "168.63.129.16/32",  // Azure's metadata and DNS service, which is public by its looks
});
// Of IPv6 only global unicast (RFC 4291) is public at all, and within that not these (IANA IPv6
// Special-Purpose Address Registry): protocol assignments with Teredo, documentation, 6to4.
constexpr std::string_view kGlobalUnicast6 = "2000::/3";
constexpr auto kNotPublic6 =
    std::to_array<std::string_view>({"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"});

bool within(std::string_view range, std::string_view address) {
  const auto parsed = AddressRange::parse(range);
  return parsed && parsed->contains(address);
}

bool numeric_label(std::string_view label) {
  if (label.starts_with("0x")) {
    return std::ranges::all_of(label.substr(2), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    });
  }
  return !label.empty() && std::ranges::all_of(label, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool is_public_address(std::string_view address) {
  const auto inside = [address](std::string_view range) { return within(range, address); };
  if (!canonical_address(address)) return false;
  if (!address.contains(':')) return std::ranges::none_of(kNotPublic4, inside);
  return inside(kGlobalUnicast6) && std::ranges::none_of(kNotPublic6, inside);
}

// By the rule of the URL standard: a host whose last label is a number is an IPv4 address.
bool is_disguised_address(std::string_view host) {
  if (host.contains(':')) return false;
  std::string_view name = host;
  if (name.ends_with('.')) name.remove_suffix(1);
  const auto dot = name.rfind('.');
  const auto last = dot == std::string_view::npos ? name : name.substr(dot + 1);
  return numeric_label(last) && canonical_address(host) != std::string(host);
}

std::string origin_of(const Endpoint& endpoint) {
  return fmt::format("{}://{}:{}", endpoint.tls ? "https" : "http", bracketed_host(endpoint.host),
                     endpoint.port);
}

bool is_trusted(const AddressPolicy& policy, const Endpoint& endpoint) {
  return std::ranges::find(policy.trusted_origins, origin_of(endpoint)) != policy.trusted_origins.end();
}

Result<> check_endpoint(const AddressPolicy& policy, const Endpoint& endpoint) {
  if (is_trusted(policy, endpoint)) return {};
  const auto refuse = [&endpoint](std::string_view why) {
    return fail(ErrorCode::permission_denied, fmt::format("{} must not be called: {}", endpoint.host, why));
  };
  if (!endpoint.tls) return refuse("its address does not begin with https://");
  if (endpoint.port != 443 && !policy.any_port) return refuse("only port 443 is allowed");
  if (is_disguised_address(endpoint.host)) return refuse("it is an IP address in an unusual spelling");
  if (canonical_address(endpoint.host) && !is_public_address(endpoint.host))
    return refuse("it is no address of the public internet");
  return {};
}

}  // namespace posthorn
