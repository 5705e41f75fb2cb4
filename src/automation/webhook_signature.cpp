#include "automation/webhook_signature.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "platform/crypto.h"

namespace posthorn {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kNewBytes = 32, kFewestBytes = 24, kMostBytes = 64;

// The specification wants the ordinary alphabet with padding.
std::string to_base64(std::string_view bytes) {
  auto text = to_base64url(bytes);
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

Result<std::string> key_of(const Secret& secret) {
  std::string_view text = secret.reveal();
  if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string url(text);
  if (url.find_first_of("-_") != std::string::npos)
    return fail(ErrorCode::invalid_argument, "not base64", "secret");
  std::ranges::replace(url, '+', '-');
  std::ranges::replace(url, '/', '_');
  return from_base64url(url);
}

}  // namespace

Secret new_webhook_secret(Random& random) {
  std::array<std::byte, kNewBytes> bytes{};
  random.fill(bytes);
  const std::string_view view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return Secret(std::string(kPrefix) + to_base64(view));
}

Result<> check_webhook_secret(const Secret& secret) {
  const auto key = key_of(secret);
  if (key && secret.reveal().starts_with(kPrefix) && key->size() >= kFewestBytes && key->size() <= kMostBytes)
    return {};
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("secret must be {} followed by base64 of {} to {} bytes; leave it out to have one made",
                  kPrefix, kFewestBytes, kMostBytes),
      "secret");
}

std::string sign_webhook(const Secret& secret, std::string_view webhook_id, std::int64_t timestamp,
                         std::string_view body) {
  HmacSha256 hmac(Secret(key_of(secret).value_or("")));
  const auto digest = hmac(fmt::format("{}.{}.{}", webhook_id, timestamp, body));
  return "v1," + to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace posthorn
