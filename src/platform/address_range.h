// Addresses and ranges of addresses, as configuration names them: "10.0.0.1", "10.0.0.0/8", "fd00::/8".
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace posthorn {

// An address in one spelling: as inet_ntop writes it, IPv4 written within IPv6 ("::ffff:10.0.0.1") as IPv4.
// Nothing if it is none; brackets and a port are not taken.
std::optional<std::string> canonical_address(std::string_view text);

class AddressRange {
 public:
  static Result<AddressRange> parse(std::string_view text);  // invalid_argument
  bool contains(std::string_view address) const;             // false for what is no address

 private:
  std::array<unsigned char, 16> bytes_{};  // IPv4 within IPv6
  unsigned bits_ = 128;
};

}  // namespace posthorn
