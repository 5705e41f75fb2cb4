#include "messaging/send_token.h"

#include <array>
#include <charconv>
#include <cstring>

namespace posthorn {
namespace {

constexpr std::string_view kPrefix = "v1.";
constexpr std::size_t kMacBytes = 16;
constexpr std::size_t kMacChars = 22;  // 128 bits in base64url without padding
constexpr std::size_t kLongest = 128;
constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::array<char, kMacChars> encode_mac(const Sha256Digest& digest) {
  std::array<char, kMacChars> out;
  std::size_t at = 0;
  std::uint32_t bits = 0;
  int held = 0;
  for (std::size_t i = 0; i < kMacBytes; ++i) {
    bits = (bits << 8) | digest[i];
    for (held += 8; held >= 6; held -= 6) out[at++] = kAlphabet[(bits >> (held - 6)) & 63];
  }
  out[at] = kAlphabet[(bits << (6 - held)) & 63];
  return out;
}

char* put(char* at, char* end, std::int64_t number) {
  at = std::to_chars(at, end, number).ptr;
  *at++ = '.';
  return at;
}

// One canonical number and the dot behind it: no sign, no leading zero.
bool take(std::string_view& text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || end == text.data() + text.size() || *end != '.') return false;
  const auto length = static_cast<std::size_t>(end - text.data());
  if (length > 1 && text[0] == '0') return false;
  text.remove_prefix(length + 1);
  return true;
}

}  // namespace

void TokenMint::append(const SendToken& token, std::string& out) {
  char buffer[kLongest];
  char* const end = buffer + kLongest;
  std::memcpy(buffer, kPrefix.data(), kPrefix.size());
  char* at = put(buffer + kPrefix.size(), end, token.account.value);
  at = put(at, end, token.campaign.value);
  at = put(at, end, token.row_no);
  at = put(at, end, token.attempt);
  const auto length = static_cast<std::size_t>(at - buffer);
  const auto mac = encode_mac(mac_(std::string_view(buffer, length - 1)));
  out.append(buffer, length);
  out.append(mac.data(), mac.size());
}

std::optional<SendToken> TokenMint::verify(std::string_view text) {
  if (text.size() > kLongest || !text.starts_with(kPrefix) || text.size() < kPrefix.size() + kMacChars + 1)
    return std::nullopt;
  const std::string_view signed_part = text.substr(0, text.size() - kMacChars - 1);
  std::string_view rest = text.substr(kPrefix.size());
  SendToken token;
  std::int64_t attempt = 0;
  if (!take(rest, token.account.value) || !take(rest, token.campaign.value) || !take(rest, token.row_no) ||
      !take(rest, attempt) || rest.size() != kMacChars || attempt > 1'000'000) {
    return std::nullopt;
  }
  const auto mac = encode_mac(mac_(signed_part));
  if (!constant_time_equal(rest, std::string_view(mac.data(), mac.size()))) return std::nullopt;
  token.attempt = static_cast<int>(attempt);
  return token;
}

}  // namespace posthorn
