// One event of a webhook, whatever its channel, and where it came from.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "channels/conversation_events.h"
#include "channels/whatsapp/account_events.h"

namespace posthorn::channels {

// Where an event came from; shared by the events of one change.
struct WebhookOrigin {
  Channel channel = Channel::whatsapp;
  std::string field;            // "messages", "account_update", …
  std::string business_id;      // entry id: WABA, Instagram account or Page
  std::string phone_number_id;  // WhatsApp: empty where no number is involved
  std::string display_phone_number;
  std::int64_t entry_time = 0;  // Unix seconds as sent, 0 if absent

  // The sender id (accounts.sender_id) of the account that received the event; empty: it concerns no single
  // one.
  const std::string& receiver_id() const {
    return channel == Channel::whatsapp ? phone_number_id : business_id;
  }
};

struct UnknownEvent {};  // a field without a type of its own here: origin->field, raw
struct MalformedEvent {
  std::string reason;
};  // could not be understood; to be parked with its raw bytes

using WebhookEventBody =
    std::variant<whatsapp::StatusEvent, MessageEvent, ReactionEvent, EditEvent, RevokeEvent, ReceiptEvent,
                 IdentityEvent, CallEvent, GroupEvent, ContactSyncEvent, NoticeEvent,
                 whatsapp::TemplateStatusEvent, whatsapp::TemplateQualityEvent,
                 whatsapp::TemplateCategoryEvent, whatsapp::TemplateComponentsEvent,
                 whatsapp::PhoneQualityEvent, whatsapp::PhoneNameEvent, whatsapp::AccountEvent,
                 whatsapp::AccountAlertEvent, whatsapp::AccountReviewEvent, whatsapp::BusinessCapabilityEvent,
                 whatsapp::UserPreferenceEvent, whatsapp::SecurityEvent, whatsapp::ValueErrorEvent,
                 UnknownEvent, MalformedEvent>;

struct WebhookEvent {
  std::shared_ptr<const WebhookOrigin> origin;  // never null
  std::string_view raw;  // the event's JSON inside the body that was parsed: valid as long as that
  WebhookEventBody body;

  // What identifies the event however often, in whatever batch and by whatever way it comes (invariant I14):
  // the channel's id with the kind of event; (wamid, status); otherwise a hash of field, entry id and
  // canonical JSON.
  std::string natural_key() const;
};

}  // namespace posthorn::channels
