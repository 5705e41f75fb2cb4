#include "platform/address_range.h"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace posthorn {
namespace {

using Bytes = std::array<unsigned char, 16>;

constexpr std::array<unsigned char, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;

bool is_mapped(const Bytes& bytes) {
  return std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
}

std::optional<Bytes> parse_address(std::string_view text) {
  const std::string name(text);
  if (name.find('\0') != std::string::npos) return std::nullopt;  // inet_pton would read up to it
  Bytes bytes{};
  if (::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1) return bytes;
  std::copy(kMapped.begin(), kMapped.end(), bytes.begin());
  if (::inet_pton(AF_INET, name.c_str(), bytes.data() + kMapped.size()) == 1) return bytes;
  return std::nullopt;
}

}  // namespace

std::optional<std::string> canonical_address(std::string_view text) {
  const auto bytes = parse_address(text);
  if (!bytes) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> out{};
  const bool four = is_mapped(*bytes);
  const char* written = ::inet_ntop(four ? AF_INET : AF_INET6, bytes->data() + (four ? kMapped.size() : 0),
                                    out.data(), out.size());
  if (written == nullptr) return std::nullopt;
  return std::string(written);
}

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const auto refuse = [text] {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no address or range such as 10.0.0.0/8", text));
  };
  const auto slash = std::min(text.find('/'), text.size());
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return refuse();
  AddressRange out;
  out.bytes_ = *address;
  if (slash == text.size()) return out;
  const bool four = !text.substr(0, slash).contains(':');
  const auto digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits > (four ? 32U : 128U))
    return refuse();
  out.bits_ = bits + (four ? kMappedBits : 0);
  return out;
}

bool AddressRange::contains(std::string_view address) const {
  const auto bytes = parse_address(address);
  if (!bytes) return false;
  for (unsigned i = 0; i < bits_; i += 8) {
    const unsigned left = std::min(8U, bits_ - i);
    const auto mask = static_cast<unsigned char>(0xff00U >> left);
    if ((((*bytes)[i / 8] ^ bytes_[i / 8]) & mask) != 0) return false;
  }
  return true;
}

}  // namespace posthorn
