// Events of conversations → people, conversations, messages and the event log, in the transaction that moves
// the intake's cursor. Applying an event twice changes nothing, nor does the order in which events come.
#pragma once
#include <memory>

#include "core/result.h"
#include "messaging/event_batch.h"
#include "storage/database.h"

namespace posthorn {

// Applies the events of one batch in order. It is made for each transaction and may keep what it has read
// (accounts, people, conversations) until its end.
class ConversationApplier {
 public:
  ConversationApplier(Transaction& tx, const EventBatch& batch, EventBatchResult& result);
  ~ConversationApplier();

  // Whether events of this kind are for apply(); the others belong to directory_events.h.
  static bool takes(const channels::WebhookEvent& event);

  // invalid_argument: the event makes no sense and should be parked, nothing was written. not_found: its
  // account is not known here, to be parked and replayed once it is added. Other errors: the store. `fresh`
  // is false afterwards if a message was there already.
  Result<> apply(const PendingEvent& pending, bool& fresh);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posthorn
