// Which of our files Meta already holds, so that each goes up once in 25 days (Meta keeps uploads 30 days:
// Cloud API media reference).
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

inline constexpr Duration kMediaReuse = std::chrono::days(25);

namespace media_uploads {

// The upload of these bytes by this account, if it is younger than kMediaReuse at `now`.
Result<std::optional<MediaUpload>> find(Transaction& tx, AccountId account, std::string_view sha256_hex,
                                        WallTime now);
Result<> record(Transaction& tx, AccountId account, std::string_view sha256_hex, const MediaUpload& upload);
// Meta refused the id (expired or deleted): the next send uploads again.
Result<> forget(Transaction& tx, AccountId account, std::string_view media_id);
Result<std::int64_t> prune(Transaction& tx, WallTime now);  // drops those that may not be used again

}  // namespace media_uploads
}  // namespace posthorn
