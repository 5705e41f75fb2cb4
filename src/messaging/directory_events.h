// Webhook events that belong to no conversation: templates, quality, accounts. Each is applied in the
// caller's transaction, checked before anything is written.
#pragma once
#include "core/result.h"
#include "messaging/event_batch.h"

namespace posthorn {

// invalid_argument: the event makes no sense to us and should be parked; nothing was written. Other errors:
// the store.
Result<> apply_directory_event(Transaction& tx, const EventBatch& batch, const channels::WebhookEvent& event,
                               EventBatchResult& result);

}  // namespace posthorn
