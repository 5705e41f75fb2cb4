// Webhooks from Meta: who sent them, and what they say.
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

#include "channels/whatsapp/error_table.h"
#include "core/result.h"
#include "core/secret.h"
#include "core/time.h"
#include "platform/crypto.h"
#include "platform/http.h"

namespace posthorn::whatsapp {

inline constexpr std::size_t kMaxWebhookBody = 3 * 1024 * 1024;  // Meta's limit
inline constexpr int kMaxWebhookDepth = 32;                      // inside one event

// X-Hub-Signature-256 over the raw body. Several secrets at once, so that an app secret can be rotated. Not
// thread-safe.
class SignatureVerifier {
 public:
  explicit SignatureVerifier(std::span<const Secret> app_secrets);  // without secrets nothing verifies
  // `header` must be exactly "sha256=" and 64 lower-case hex digits. Constant time in the secrets and the
  // signature.
  bool verify(std::string_view body, std::string_view header);

 private:
  std::vector<HmacSha256> keys_;
};
bool verify_signature(std::string_view body, std::string_view header, std::span<const Secret> app_secrets);

// GET hub.mode=subscribe&hub.verify_token&hub.challenge: the text to answer with 200, or permission_denied /
// invalid_argument. The token is compared in constant time.
Result<std::string> answer_challenge(const HttpRequest& request, const Secret& verify_token);

// Where an event came from; shared by the events of one change.
struct WebhookOrigin {
  std::string field;            // "messages", "account_update", …
  std::string business_id;      // WABA id
  std::string phone_number_id;  // empty where no number is involved
  std::string display_phone_number;
  std::int64_t entry_time = 0;  // Unix seconds as sent, 0 if absent
};

enum class MessageStatus { sent, delivered, read, played, failed, deleted, other };
std::string_view to_string(MessageStatus status);

struct StatusEvent {
  std::string wamid;
  MessageStatus status = MessageStatus::other;
  std::string status_text;  // Meta's word when `other`
  WallTime at{};
  std::string recipient_id;    // phone digits; empty if Meta withholds the number
  std::string user_id;         // business-scoped user id
  std::string participant_id;  // group sends only
  std::string token;           // biz_opaque_callback_data
  std::string type;            // "payment" or "call"; empty for messages
  std::string pricing_category, pricing_type, pricing_model;
  bool billable = false;
  std::vector<GraphError> errors;  // with `failed` only
};

struct MessageEvent {
  std::string id;            // wamid
  std::string from;          // phone digits; empty if Meta withholds the number
  std::string from_user_id;  // business-scoped user id
  WallTime at{};
  std::string type;     // "text", "image", "button", "interactive", "system", "unsupported", …
  std::string text;     // text body, button text, interactive title, or media caption
  std::string payload;  // button payload or interactive reply id
  std::string profile_name;
  std::string reply_to;  // wamid of the message it answers
  std::string media_id;
  std::string group_id;
  std::vector<GraphError> errors;  // type "unsupported"
};

struct TemplateStatusEvent {
  std::string template_id, name, language, category;
  std::string status;  // event: APPROVED, PAUSED, DISABLED, REJECTED, …
  std::string reason;
  std::string detail;  // other_info or rejection_info in words
};
struct TemplateQualityEvent {
  std::string template_id, name, language, previous, current;
};
struct TemplateCategoryEvent {
  std::string template_id, name, language, previous, current;
  std::string upcoming;  // correct_category of a warning; empty once the change is done
};
struct TemplateComponentsEvent {
  std::string template_id, name, language;
};
struct PhoneQualityEvent {
  std::string event;           // ONBOARDING, THROUGHPUT_UPGRADE, FLAGGED, UNFLAGGED, UPGRADE, DOWNGRADE
  std::string messaging_tier;  // TIER_…; empty if absent
};
struct PhoneNameEvent {
  std::string decision, requested_name, reason;
};
struct AccountEvent {
  std::string event;           // ACCOUNT_RESTRICTION, DISABLED_UPDATE, ACCOUNT_VIOLATION, ACCOUNT_DELETED, …
  bool stops_sending = false;  // restriction of business-initiated messages, ban, deletion
  bool restores_sending = false;  // ban lifted
  std::string detail;             // what is restricted and until when, in words
};
struct AccountAlertEvent {
  std::string entity_type, entity_id, severity, status, type, description;
};
struct AccountReviewEvent {
  std::string decision;
};
struct BusinessCapabilityEvent {
  std::string messaging_tier;  // TIER_…, or a number in older versions
  std::int64_t max_phone_numbers = 0;
};
struct UserPreferenceEvent {
  std::string phone;  // digits; may be empty
  std::string user_id;
  std::string category;  // "marketing_messages"
  bool stop = false;     // false: resume or signup
  std::string detail;
  WallTime at{};
};
struct SecurityEvent {
  std::string event, requester;
};
struct ValueErrorEvent {
  std::vector<GraphError> errors;
};  // errors beside messages and statuses
struct UnknownEvent {};  // a field without a type of its own here: origin->field, raw
struct MalformedEvent {
  std::string reason;
};  // could not be understood; to be parked with its raw bytes

using WebhookEventBody =
    std::variant<StatusEvent, MessageEvent, TemplateStatusEvent, TemplateQualityEvent, TemplateCategoryEvent,
                 TemplateComponentsEvent, PhoneQualityEvent, PhoneNameEvent, AccountEvent, AccountAlertEvent,
                 AccountReviewEvent, BusinessCapabilityEvent, UserPreferenceEvent, SecurityEvent,
                 ValueErrorEvent, UnknownEvent, MalformedEvent>;

struct WebhookEvent {
  std::shared_ptr<const WebhookOrigin> origin;  // never null
  std::string_view raw;  // the event's JSON inside the body that was parsed: valid as long as that
  WebhookEventBody body;

  // What identifies the event however often and in whatever batch it comes (invariant I14): message id;
  // (wamid, status); otherwise a hash of field, entry id and canonical JSON.
  std::string natural_key() const;
};

// All events of one verified body, in order. Never fails: what cannot be understood comes out as
// MalformedEvent, and one bad event does not touch the others. Bodies over kMaxWebhookBody or that are no
// JSON at all are one MalformedEvent.
std::vector<WebhookEvent> parse_webhook(std::string_view body);

// Times in webhooks are Unix seconds; milliseconds have been seen. Values from 10^12 count as milliseconds.
WallTime webhook_time(std::int64_t value);

}  // namespace posthorn::whatsapp
