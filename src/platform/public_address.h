// Which addresses of the internet a server may be made to call by somebody else's word (SSRF): the check that
// stands before every request whose URL came from outside.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "platform/stream.h"

namespace posthorn {

// True for addresses of the public internet only, in canonical literal form. False for everything that IANA's
// special-purpose registries (RFC 6890 and successors) list as not globally reachable: private, loopback,
// link-local (and with it the metadata services of clouds), shared, benchmark, documentation, multicast,
// reserved, unspecified; for IPv6 that carries IPv4 (mapped, NAT64, 6to4, Teredo); for Azure's public-looking
// metadata address; and for what is no address.
bool is_public_address(std::string_view address);

// A host that systems read as an IPv4 address although it is not written as one: "127.1", "2130706433",
// "0x7f.1", "0177.0.0.1". Nobody means well with these.
bool is_disguised_address(std::string_view host);

// Who may be called.
struct AddressPolicy {
  // "http://127.0.0.1:9000": scheme, host and port exactly. These are called whatever their address is, and
  // without TLS if they say http. For test servers that the operator has named.
  std::vector<std::string> trusted_origins = {};
  bool any_port = false;  // ports other than 443 as well
};

// "https://example.org:443", as trusted_origins are compared.
std::string origin_of(const Endpoint& endpoint);
bool is_trusted(const AddressPolicy& policy, const Endpoint& endpoint);

// What can be said without a look-up: TLS, port, disguised and literal addresses. permission_denied says what
// is wrong.
Result<> check_endpoint(const AddressPolicy& policy, const Endpoint& endpoint);

}  // namespace posthorn
