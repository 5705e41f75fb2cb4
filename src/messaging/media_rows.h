// The rows of attachments as the fetcher moves them. SQL only: every function works inside the caller's
// transaction.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "messaging/accounts.h"
#include "messaging/attachments.h"
#include "storage/database.h"

namespace posthorn {

// An attachment to fetch, with what its path and its deadline are made of.
struct DueAttachment {
  StoredAttachment row;
  int doubts = 0;          // answers so far that were not the file
  WallTime received_at{};  // of the message
  Account account;
  std::string from;        // an address of who wrote: the phone number if there is one
  std::string channel_id;  // of the message
};

struct DueList {
  std::vector<DueAttachment> ready;
  std::optional<WallTime> next;  // when the next one is due that is not in `ready`; nothing: none waits
};

struct MediaFacts {
  std::string blob;
  std::uint64_t size = 0;
  std::string mime_type, path;
};

namespace attachments {

// Those that wait and are due, at most `limit` and `per_account` of one account, accounts in turn beginning
// after `after`; without those in `busy` (sorted), which count for their account.
Result<DueList> due(Transaction& tx, WallTime now, int limit, int per_account, AccountId after,
                    const std::vector<std::pair<AccountId, AttachmentId>>& busy);

// Names the blob that is coming. False if the row does not wait any more (unsent meanwhile): drop the bytes.
Result<bool> expect(Transaction& tx, AttachmentId id, const MediaFacts& facts);
// The blob is there. False as above: then the blob may have to go, see blob_in_use().
Result<bool> stored(Transaction& tx, AttachmentId id, WallTime now);
// Not this time; `doubt`: the answer was not the file.
Result<> failed(Transaction& tx, AttachmentId id, std::string_view error, bool doubt, WallTime next_try);
// For good: lost or refused. False if it does not wait any more.
Result<bool> gave_up(Transaction& tx, AttachmentId id, AttachmentState state, std::string_view error,
                     WallTime now);
// What a clock that ran ahead has put off beyond `farthest` is due now.
Result<> bring_back(Transaction& tx, WallTime now, WallTime farthest);
// Makes it wait again, due now. conflict when it is stored or deleted; not_found.
Result<> retry(Transaction& tx, AttachmentId id, WallTime now);

// By the channel's media id, the newest; nothing if none.
Result<std::optional<AttachmentId>> find_by_media_id(Transaction& tx, AccountId account,
                                                     std::string_view media_id);
// Lets go of the stories (what they were mentioned in or replied to) of messages older than `before`, at most
// `limit`. Returns how many.
Result<std::int64_t> expire_stories(Transaction& tx, WallTime before, WallTime now, int limit);

// The blob may go: the fetcher deletes it soon, unless something else refers to it.
Result<> let_go(Transaction& tx, std::string_view blob);
// The blob is about to be written for a row to come: it stays until `until`, whether one refers to it or not.
// False: it is being deleted right now; ask again.
Result<bool> hold_blob(Transaction& tx, std::string_view blob, WallTime until);
// Blobs that were let go of and are held by nobody, at most `limit`.
Result<std::vector<std::string>> unused_blobs(Transaction& tx, WallTime now, int limit);
// Whether it is to be deleted now; nobody may hold it until blob_gone(). False: a row refers to it, or it is
// held.
Result<bool> claim_unused(Transaction& tx, std::string_view blob, WallTime now);
Result<> blob_gone(Transaction& tx, std::string_view blob);
// Whether any row of any table refers to the blob: attachments, uploads, campaigns, people's pictures.
Result<bool> blob_in_use(Transaction& tx, std::string_view blob);

}  // namespace attachments
}  // namespace posthorn
