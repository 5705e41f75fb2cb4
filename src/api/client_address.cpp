#include "api/client_address.h"

#include <algorithm>

namespace posthorn {
namespace {

constexpr std::string_view kHeader = "X-Forwarded-For";

// All fields of that name in order make one list.
std::string forwarded_for(const HttpRequest& request) {
  std::string all;
  for (const auto& [name, value] : request.headers) {
    if (!std::ranges::equal(
            name, kHeader, {}, [](char c) { return c | 0x20; }, [](char c) { return c | 0x20; }))
      continue;
    if (!all.empty()) all += ',';
    all += value;
  }
  return all;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Some proxies write ports: "203.0.113.5:4711", "[2001:db8::1]:4711".
std::string_view without_port(std::string_view text) {
  if (text.starts_with('[')) return text.substr(1, std::min(text.find(']'), text.size()) - 1);
  const auto colon = text.find(':');
  return colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos
             ? text.substr(0, colon)
             : text;
}

}  // namespace

bool ClientAddress::trusts(std::string_view address) const {
  return std::ranges::any_of(trusted_,
                             [address](const AddressRange& range) { return range.contains(address); });
}

std::string ClientAddress::of(const HttpRequest& request, const std::string& peer) const {
  if (!trusts(peer)) return peer;
  const auto text = forwarded_for(request);
  std::string_view left = text;
  std::string client = peer;
  while (!left.empty()) {
    const auto comma = left.rfind(',');
    const auto begin = comma == std::string_view::npos ? 0 : comma + 1;
    const auto heard = canonical_address(without_port(trimmed(left.substr(begin))));
    if (!heard) return client;
    client = *heard;
    if (!trusts(client)) return client;
    left = left.substr(0, begin == 0 ? 0 : comma);
  }
  return client;
}

Result<ClientAddress> client_address_from(const std::vector<std::string>& trusted_proxies) {
  std::vector<AddressRange> ranges;
  for (const auto& text : trusted_proxies) {
    PH_TRY_ASSIGN(auto range, AddressRange::parse(text));
    ranges.push_back(range);
  }
  return ClientAddress(std::move(ranges));
}

}  // namespace posthorn
