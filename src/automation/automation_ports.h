// What automation needs of the world.
#pragma once
#include <functional>
#include <string>

#include "channels/conversation_events.h"
#include "core/ids.h"
#include "core/result.h"
#include "messaging/outgoing_messages.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/log.h"
#include "platform/metrics.h"
#include "storage/database.h"

namespace posthorn::automation {

// A message that was received, as its channel knows it.
struct SignalTarget {
  AccountId account;
  channels::Channel channel = channels::Channel::whatsapp;
  std::string message_id;  // wamid or mid
  std::string phone;       // E.164 digits; empty: not known
  std::string user_id;     // business-scoped user id, or the scoped id
};

// Idempotent effects: what was done twice is done once. Errors: unavailable and resource_exhausted are tried
// again; others are final.
class ConversationSignals {
 public:
  virtual ~ConversationSignals() = default;
  virtual Task<Result<>> mark_read(SignalTarget target) = 0;
  virtual Task<Result<>> typing(SignalTarget target) = 0;
  virtual Task<Result<>> react(SignalTarget target, std::string emoji) = 0;
};

struct MediaFile {
  AccountId account;
  std::string blob;       // key in the blob store
  std::string mime_type;  // as the bytes say
  std::string file_name;
  std::uint64_t size = 0;
};

// Gives one of our files to the channel; what comes back is its id there. Errors as above.
class MediaUploader {
 public:
  virtual ~MediaUploader() = default;
  virtual Task<Result<std::string>> upload(MediaFile file) = 0;
};

// outgoing_messages::queue_reply, in the caller's transaction.
using QueueReply = std::function<Result<QueuedReply>(Transaction&, const NewReply&, WallTime)>;

struct AutomationPorts {
  Database& database;
  Clock& clock;
  Log& log;
  Metrics& metrics;
  ConversationSignals& signals;
  MediaUploader& uploader;
  QueueReply queue_reply;
  std::function<void(AccountId)> wake_dispatcher;
  Executor executor;
};

}  // namespace posthorn::automation
