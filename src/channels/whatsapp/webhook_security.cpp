#include "channels/whatsapp/webhook.h"

namespace posthorn::whatsapp {
namespace {

constexpr std::string_view kScheme = "sha256=";

}  // namespace

SignatureVerifier::SignatureVerifier(std::span<const Secret> app_secrets) {
  for (const Secret& secret : app_secrets) {
    if (!secret.empty()) keys_.emplace_back(secret);
  }
}

std::optional<std::size_t> SignatureVerifier::match(std::string_view body, std::string_view header) {
  if (!header.starts_with(kScheme) || header.size() != kScheme.size() + 64) return std::nullopt;
  const Result<std::string> claimed = from_hex(header.substr(kScheme.size()));
  if (!claimed) return std::nullopt;
  std::optional<std::size_t> matched;
  for (std::size_t i = 0; i < keys_.size(); ++i) {  // all are tried: time tells nothing about which one fits
    const Sha256Digest digest = keys_[i](body);
    const std::string_view computed(reinterpret_cast<const char*>(digest.data()), digest.size());
    if (constant_time_equal(computed, *claimed)) matched = i;
  }
  return matched;
}

bool verify_signature(std::string_view body, std::string_view header, std::span<const Secret> app_secrets) {
  return SignatureVerifier(app_secrets).verify(body, header);
}

Result<std::string> answer_challenge(const HttpRequest& request, const Secret& verify_token) {
  if (request.query("hub.mode") != "subscribe") {
    return fail(ErrorCode::invalid_argument, "hub.mode must be \"subscribe\"", "hub.mode");
  }
  if (!request.has_query("hub.challenge")) {
    return fail(ErrorCode::invalid_argument, "hub.challenge is missing", "hub.challenge");
  }
  if (verify_token.empty() ||
      !constant_time_equal(request.query("hub.verify_token"), verify_token.reveal())) {
    return fail(ErrorCode::permission_denied, "hub.verify_token does not match the configured verify token",
                "hub.verify_token");
  }
  return request.query("hub.challenge");
}

}  // namespace posthorn::whatsapp
