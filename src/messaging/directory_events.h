// Webhook events that are not statuses: templates, quality, accounts, preferences and messages to us. Each is
// applied in the caller's transaction, checked before anything is written.
#pragma once
#include "core/result.h"
#include "messaging/event_batch.h"

namespace posthorn {

// invalid_argument: the event makes no sense to us and should be parked; nothing was written. Other errors:
// the store.
Result<> apply_directory_event(Transaction& tx, const EventBatch& batch, const whatsapp::WebhookEvent& event,
                               EventBatchResult& result);

}  // namespace posthorn
