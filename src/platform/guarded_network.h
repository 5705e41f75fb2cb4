// A network that connects to public addresses only. Names are looked up once, every address of the answer is
// checked, and the connection goes to an address that was checked: a name that answers differently the second
// time (DNS rebinding) gains nothing. An HttpClient over this network may be given URLs that came from
// outside; redirects it never follows.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "platform/clock.h"
#include "platform/public_address.h"
#include "platform/stream.h"

namespace posthorn {

class GuardedNetwork final : public Network {
 public:
  // Trusted origins may leave out the port that goes without saying, and may be followed by a path.
  GuardedNetwork(Network& inner, Clock& clock, AddressPolicy policy);

  // permission_denied, before any byte leaves, if check_endpoint() refuses or one of the name's addresses is
  // not public.
  Task<Result<std::unique_ptr<Stream>>> connect(Endpoint endpoint, Duration timeout) override;
  Task<Result<std::vector<std::string>>> resolve(std::string host, Duration timeout) override;
  Task<Result<std::unique_ptr<Stream>>> connect_to(std::string address, Endpoint endpoint,
                                                   Duration timeout) override;
  Result<std::unique_ptr<Listener>> listen(const std::string& address, std::uint16_t port) override;

 private:
  Network& inner_;
  Clock& clock_;
  AddressPolicy policy_;
};

}  // namespace posthorn
