#include "platform/guarded_network.h"

#include <algorithm>

#include <fmt/format.h>

#include "platform/http_client.h"

namespace posthorn {

GuardedNetwork::GuardedNetwork(Network& inner, Clock& clock, AddressPolicy policy)
    : inner_(inner), clock_(clock), policy_(std::move(policy)) {
  for (std::string& origin : policy_.trusted_origins) {
    if (const auto parsed = parse_url(origin)) origin = origin_of(parsed->endpoint);
  }
}

Task<Result<std::unique_ptr<Stream>>> GuardedNetwork::connect(Endpoint endpoint, Duration timeout) {
  if (is_trusted(policy_, endpoint)) co_return co_await inner_.connect(std::move(endpoint), timeout);
  PH_CO_TRY(check_endpoint(policy_, endpoint));
  const MonotonicTime deadline = clock_.now() + timeout;
  PH_CO_TRY_ASSIGN(const auto addresses, co_await inner_.resolve(endpoint.host, timeout));
  const auto wrong =
      std::ranges::find_if(addresses, [](const std::string& a) { return !is_public_address(a); });
  if (wrong != addresses.end()) {
    co_return fail(
        ErrorCode::permission_denied,
        fmt::format("{} must not be called: its name leads to {}, which is no address of the public internet",
                    endpoint.host, *wrong));
  }
  Result<std::unique_ptr<Stream>> connected =
      fail(ErrorCode::unavailable, fmt::format("dns: {}: it has no address", endpoint.host));
  for (std::size_t i = 0; i < addresses.size() && !connected; ++i) {
    const Duration left = std::max(deadline - clock_.now(), Duration(0));
    connected = co_await inner_.connect_to(addresses[i], endpoint,
                                           left / static_cast<Duration::rep>(addresses.size() - i));
  }
  co_return connected;
}

Task<Result<std::vector<std::string>>> GuardedNetwork::resolve(std::string host, Duration timeout) {
  return inner_.resolve(std::move(host), timeout);
}

Task<Result<std::unique_ptr<Stream>>> GuardedNetwork::connect_to(std::string address, Endpoint endpoint,
                                                                 Duration timeout) {
  if (!is_trusted(policy_, endpoint)) {
    PH_CO_TRY(check_endpoint(policy_, endpoint));
    if (!is_public_address(address)) {
      co_return fail(ErrorCode::permission_denied,
                     fmt::format("{} must not be called: it is no address of the public internet", address));
    }
  }
  co_return co_await inner_.connect_to(std::move(address), std::move(endpoint), timeout);
}

Result<std::unique_ptr<Listener>> GuardedNetwork::listen(const std::string& address, std::uint16_t port) {
  return inner_.listen(address, port);
}

}  // namespace posthorn
