// Attachments of messages as rows: waiting to be fetched, stored, lost or refused. SQL only: every function
// works inside the caller's transaction. media_fetcher.h does the fetching.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "channels/conversation_events.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "storage/database.h"

namespace posthorn {

enum class AttachmentState : std::uint8_t {  // values are stored
  waiting = 0,
  stored = 1,
  lost = 2,     // gone at the channel, or never to be had within the time it is kept there
  refused = 3,  // too large, not what it was said to be, or a forbidden address
  deleted = 4,  // unsent by its author, or by the retention rule
};

struct StoredAttachment {
  AttachmentId id;
  MessageId message;
  int position = 0;
  AccountId account;
  std::string kind, media_id, url, told_type, told_sha256, file_name;
  AttachmentState state = AttachmentState::waiting;
  std::string blob;        // key in the blob store
  std::uint64_t size = 0;  // bytes
  std::string mime_type;   // as the bytes say
  std::string path;        // seed layout: business=…/wabaMetaId=…/phone=…/from=…/waMessageId=…/mediaId=….ext
  int attempts = 0;
  WallTime next_try_at{};
  std::string error;  // why it is not stored (yet), for people
};

namespace attachments {

// Adds those of a message that was just stored; due at once.
Result<> add(Transaction& tx, MessageId message, AccountId account,
             const std::vector<channels::Attachment>& list, WallTime now);
Result<std::vector<StoredAttachment>> of_message(Transaction& tx, MessageId message);
Result<StoredAttachment> get(Transaction& tx, AttachmentId id);  // not_found
// Forgets the bytes' row of a message that was unsent; returns blob keys that no attachment refers to any
// more. The media fetcher deletes these soon.
Result<std::vector<std::string>> forget(Transaction& tx, MessageId message);

}  // namespace attachments
}  // namespace posthorn
