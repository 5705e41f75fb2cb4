// Whose request this is when proxies stand before the server: X-Forwarded-For, believed only where configured
// proxies wrote it (http.trusted_proxies).
#pragma once
#include <string>
#include <vector>

#include "platform/address_range.h"
#include "platform/http.h"

namespace posthorn {

class ClientAddress {
 public:
  ClientAddress() = default;  // nobody is trusted: the peer is the client
  explicit ClientAddress(std::vector<AddressRange> trusted) : trusted_(std::move(trusted)) {}

  // Read from the right: each proxy appends whom it heard. The first address that is no trusted proxy is the
  // client; whatever stands left of it may be invented. If all are trusted, the leftmost; at an entry that is
  // no address, the proxy that passed it on.
  std::string of(const HttpRequest& request, const std::string& peer) const;

 private:
  bool trusts(std::string_view address) const;
  std::vector<AddressRange> trusted_;
};

// invalid_argument names the entry.
Result<ClientAddress> client_address_from(const std::vector<std::string>& trusted_proxies);

}  // namespace posthorn
