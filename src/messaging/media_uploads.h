// Which of our files Meta already holds, so that each goes up once in the 30 days that Meta keeps it (Cloud
// API media reference).
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/time.h"
#include "storage/database.h"

namespace posthorn {

struct MediaUpload {
  std::string media_id;  // Meta's
  std::string mime_type;
  WallTime uploaded_at;
};

inline constexpr Duration kMediaKept = std::chrono::days(30);
inline constexpr Duration kMessageLasts =
    std::chrono::hours(1);  // from the decision to the request, retries included
inline constexpr Duration kBroadcastLasts = std::chrono::days(5);

namespace media_uploads {

// The upload of these bytes by this account, if Meta keeps it for as long as it is needed from `now` on.
Result<std::optional<MediaUpload>> find(Transaction& tx, AccountId account, std::string_view sha256_hex,
                                        WallTime now, Duration needed = kMessageLasts);
Result<> record(Transaction& tx, AccountId account, std::string_view sha256_hex, const MediaUpload& upload);
// Meta refused the id (expired or deleted): the next send uploads again.
Result<> forget(Transaction& tx, AccountId account, std::string_view media_id);
// The same for every media id in a message of ours that Meta could not use (error 131053).
Result<> forget_those_of(Transaction& tx, MessageId message);
Result<std::int64_t> prune(Transaction& tx, WallTime now);  // drops those that may not be used again

}  // namespace media_uploads
}  // namespace posthorn
