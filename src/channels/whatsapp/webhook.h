// WhatsApp's webhooks: who sent them, and what they say.
//
// Sources: Meta's webhook overview, messages, status and template webhook references.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "channels/webhook_event.h"
#include "core/result.h"
#include "core/secret.h"
#include "core/time.h"
#include "platform/crypto.h"
#include "platform/http.h"

namespace posthorn::whatsapp {

inline constexpr std::size_t kMaxWebhookBody = 3 * 1024 * 1024;  // Meta's limit

// X-Hub-Signature-256 over the raw body. Several secrets at once, so that an app secret can be rotated. Not
// thread-safe.
class SignatureVerifier {
 public:
  explicit SignatureVerifier(std::span<const Secret> app_secrets);  // without secrets nothing verifies
  // `header` must be exactly "sha256=" and 64 lower-case hex digits. Constant time in the secrets and the
  // signature.
  bool verify(std::string_view body, std::string_view header) { return match(body, header).has_value(); }
  // Which of the secrets signed it, counted from 0 (empty ones are not counted).
  std::optional<std::size_t> match(std::string_view body, std::string_view header);

 private:
  std::vector<HmacSha256> keys_;
};
bool verify_signature(std::string_view body, std::string_view header, std::span<const Secret> app_secrets);

// GET hub.mode=subscribe&hub.verify_token&hub.challenge: the text to answer with 200, or permission_denied /
// invalid_argument. The token is compared in constant time.
Result<std::string> answer_challenge(const HttpRequest& request, const Secret& verify_token);

using channels::MalformedEvent;
using channels::UnknownEvent;
using channels::WebhookEvent;
using channels::WebhookEventBody;
using channels::WebhookOrigin;

// All events of one verified body, in order. Never fails: what cannot be understood comes out as
// MalformedEvent, and one bad event does not touch the others. Bodies over kMaxWebhookBody or that are no
// JSON at all are one MalformedEvent.
std::vector<WebhookEvent> parse_webhook(std::string_view body);

// Times in webhooks are Unix seconds; milliseconds have been seen. Values from 10^12 count as milliseconds.
WallTime webhook_time(std::int64_t value);

}  // namespace posthorn::whatsapp
