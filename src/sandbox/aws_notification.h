// SNS messages as they are posted to an endpoint (SNS developer guide, "HTTP/HTTPS notification JSON format"
// and "Verifying the signatures of Amazon SNS messages"), and the event of End User Messaging Social inside.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/time.h"
#include "sandbox/aws_authority.h"
#include "sandbox/aws_config.h"

namespace posthorn::sandbox {

// Everything but `genuine` is an attack or a mistake, which the receiver must refuse.
enum class SnsForm {
  genuine,
  forged,     // changed after it was signed
  foreign,    // of somebody else's topic, with a valid signature
  stale,      // genuine, but of two hours ago
  early,      // of an hour from now
  oversize,   // longer than SNS allows: 3 MiB
  elsewhere,  // its certificate lies on another server
  version_1,  // signed with SHA-1; refused unless allowed
};
inline constexpr std::size_t kSnsForms = 8;

std::string_view to_string(SnsForm form);
Result<SnsForm> parse_sns_form(std::string_view name);

struct SnsText {
  std::string type = "Notification";  // | SubscriptionConfirmation | UnsubscribeConfirmation
  std::string id, topic_arn, message;
  std::optional<std::string> subject;
  std::string token, subscribe_url;  // of the confirmations
  std::string unsubscribe_url;       // of notifications; not signed
  WallTime at;
  int version = 2;
};

// Signed and written as SNS writes it; `base_url` is where the certificate lies, without a slash at the end.
std::string render_sns(const SnsText& text, const AwsAuthority& authority, std::string_view base_url);

// The same after somebody meddled with it as `form` says.
std::string render_sns(SnsText text, SnsForm form, const AwsConfig& config, const AwsAuthority& authority,
                       std::string_view base_url);

// The event about one entry of a webhook: {"context","whatsAppWebhookEntry","aws_account_id",…}.
std::string render_eum_event(const AwsConfig& config, std::string_view waba, std::string_view number,
                             std::string_view entry, std::string_view id, WallTime at);

// "2026-03-29T09:00:00.123Z"
std::string aws_timestamp(WallTime at);

}  // namespace posthorn::sandbox
