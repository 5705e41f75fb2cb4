// Webhooks of Instagram Direct (login by Instagram or by Facebook) and Messenger.
//
// One parser for the three flavours: they differ in "object" ("instagram", "page"), in whether changes stand
// in entry[].changes[] or directly in the entry, and in which receipts there are. Sources: Meta's Instagram
// Platform and Messenger Platform webhook references.
#pragma once
#include <string_view>
#include <vector>

#include "channels/webhook_event.h"

namespace posthorn::meta_messaging {

inline constexpr std::size_t kMaxWebhookBody = 3 * 1024 * 1024;  // as for WhatsApp; far beyond 1,000 updates

// All events of one verified body, in order. Never fails: what cannot be understood comes out as
// MalformedEvent with its raw bytes, and one bad item does not touch the others. Bodies over kMaxWebhookBody
// or that are no JSON at all are one MalformedEvent. An array of bodies counts as those bodies.
//
// origin->channel follows "object"; origin->business_id is the receiving account (entry.id); origin->field is
// what the subscription calls it: "messages", "standby", "comments", … Kinds that are not known here are
// UnknownEvent.
std::vector<channels::WebhookEvent> parse_webhook(std::string_view body);

}  // namespace posthorn::meta_messaging
