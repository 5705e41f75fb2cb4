// Files that are written before the row that will name them. Each is noted as unused first, not to be touched
// for an hour: a crash, or a job that fails afterwards, leaves nothing behind for good. The media fetcher
// deletes what no row refers to then.
#pragma once
#include <string>

#include "core/result.h"
#include "core/time.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace posthorn {

inline constexpr Duration kBlobHeld = std::chrono::hours(1);

// BlobWriter::commit(); unavailable if a file of the same bytes is just being deleted and does not go away.
Task<Result<StoredBlob>> commit_held(Database& database, Clock& clock, BlobWriter& writer);
Task<Result<StoredBlob>> put_held(Database& database, Clock& clock, BlobStore& blobs, std::string bytes);

}  // namespace posthorn
