#include "messaging/held_blobs.h"

#include <utility>

#include "messaging/media_rows.h"

namespace posthorn {
namespace {

constexpr int kLooks = 50;
constexpr Duration kBetweenLooks = std::chrono::milliseconds(100);

}  // namespace

Task<Result<StoredBlob>> commit_held(Database& database, Clock& clock, BlobWriter& writer) {
  const StoredBlob blob = writer.seal();
  for (int look = 0; look < kLooks; ++look) {
    auto hold = [key = blob.key, until = clock.wall_now() + kBlobHeld](Transaction& tx) {
      return attachments::hold_blob(tx, key, until);
    };
    PH_CO_TRY_ASSIGN(const bool held, co_await database.write(std::move(hold)));
    if (held) co_return co_await writer.commit();
    co_await clock.sleep_for(kBetweenLooks);
  }
  co_return fail(ErrorCode::unavailable,
                 "a file of the same bytes is being deleted and does not go away; try again");
}

Task<Result<StoredBlob>> put_held(Database& database, Clock& clock, BlobStore& blobs, std::string bytes) {
  PH_CO_TRY_ASSIGN(const std::unique_ptr<BlobWriter> writer, co_await blobs.create());
  PH_CO_TRY(co_await writer->append(std::move(bytes)));
  co_return co_await commit_held(database, clock, *writer);
}

}  // namespace posthorn
