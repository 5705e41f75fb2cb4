// WhatsApp's events besides conversations: statuses of what we sent, templates, quality, accounts,
// preferences.
//
// Sources: Meta's status, template, account and preference webhook references.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "channels/whatsapp/error_table.h"
#include "core/time.h"

namespace posthorn::whatsapp {

enum class MessageStatus { sent, delivered, read, played, failed, deleted, other };
std::string_view to_string(MessageStatus status);

struct StatusEvent {
  std::string wamid;
  MessageStatus status = MessageStatus::other;
  std::string status_text;  // Meta's word when `other`
  WallTime at{};
  std::string recipient_id;    // phone digits; empty if Meta withholds the number, and for groups
  std::string user_id;         // business-scoped user id
  std::string parent_user_id;  // the same of a business of several portfolios
  std::string group_id;        // group sends only
  std::string participant_id;  // group sends only
  std::string token;           // biz_opaque_callback_data
  std::string type;            // what Meta calls other statuses than those of messages; empty for messages
  std::string pricing_category, pricing_type, pricing_model;
  bool billable = false;
  WallTime window_ends_at{};  // conversation.expiration_timestamp: of a free entry point window; 0: not told
  std::vector<GraphError> errors;  // with `failed` only
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
  bool restores_sending = false;  // ban lifted, connected again
  std::string detail;             // what is restricted and until when, in words
  // What stops or restores sending: a lifted ban says nothing of a lost connection.
  enum class About { messaging, ban, connection } about = About::messaging;
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

}  // namespace posthorn::whatsapp
