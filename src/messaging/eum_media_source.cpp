#include "messaging/eum_media_source.h"

#include "platform/http.h"

namespace posthorn {
namespace {

constexpr Duration kAddressLife = std::chrono::minutes(15);

}  // namespace

// A folder of its own for each attachment: the service adds media id and extension, which cannot be known
// before.
std::string EumMediaSource::folder_of(const StoredAttachment& attachment) const {
  return prefix_ + percent_encode(attachment.media_id) + "/";
}

Task<Result<MediaPlace>> EumMediaSource::locate(StoredAttachment attachment, Account account) {
  if (attachment.media_id.empty())
    co_return fail(ErrorCode::not_found, "the message named no media id to ask AWS for");
  if (account.transport_id.empty())
    co_return fail(ErrorCode::unavailable, "the account has no phone number id of End User Messaging Social");
  const std::string folder = folder_of(attachment);
  MediaPlace place;
  PH_CO_TRY_ASSIGN(std::vector<std::string> keys, co_await bucket_.list(folder));
  if (keys.empty()) {
    PH_CO_TRY_ASSIGN(
        const aws::EumMedia media,
        co_await social_.media_to_s3(account.transport_id, attachment.media_id, bucket_.name(), folder));
    place.mime_type = media.mime_type;
    place.size = media.size;
    PH_CO_TRY_ASSIGN(keys, co_await bucket_.list(folder));
  }
  if (keys.empty()) co_return fail(ErrorCode::unavailable, "the file is not in the bucket yet");
  PH_CO_TRY_ASSIGN(place.url, co_await bucket_.presigned_get(keys.front(), kAddressLife));
  co_return place;
}

Task<> EumMediaSource::release(StoredAttachment attachment, Account) {
  const std::string folder = folder_of(attachment);
  const auto keys = co_await bucket_.list(folder);
  for (const std::string& key : keys ? *keys : std::vector<std::string>()) {
    const Result<> removed = co_await bucket_.remove(key);
    if (!removed) log_.warning("aws.media_left_behind", {{"key", key}, {"reason", removed.error().message}});
  }
}

}  // namespace posthorn
