#include "messaging/media_source.h"

#include <algorithm>
#include <utility>

#include "platform/http_client.h"
#include "platform/public_address.h"

namespace posthorn {

Task<> MediaSource::release(StoredAttachment, Account) {
  co_return;
}

Task<Result<MediaPlace>> GraphMediaSource::locate(StoredAttachment attachment, Account account) {
  if (attachment.media_id.empty())
    co_return fail(ErrorCode::not_found, "the message named no media id to ask Meta for");
  whatsapp::GraphClient* graph = graph_(account.id);
  if (graph == nullptr)
    co_return fail(ErrorCode::unavailable, "the account has no usable token to ask Meta for the file");
  auto info = co_await graph->media(attachment.media_id, account.sender_id);
  if (!info) {
    Error error = std::move(info.error());
    // Graph answers an id that it has dropped like one that never was (error 100).
    if (error.code == ErrorCode::invalid_argument) error.code = ErrorCode::not_found;
    co_return std::unexpected(std::move(error));
  }
  PH_CO_TRY_ASSIGN(Secret authorization, graph->media_authorization(info->url));
  PH_CO_TRY_ASSIGN(const ParsedUrl url, parse_url(info->url));
  MediaPlace place;
  place.url = info->url;
  place.authorization = std::move(authorization);
  place.credential_origins.push_back(origin_of(url.endpoint));
  place.mime_type = info->mime_type;
  place.sha256 = info->sha256;
  place.size = static_cast<std::uint64_t>(std::max<std::int64_t>(info->file_size, 0));
  co_return place;
}

Task<Result<MediaPlace>> SignedUrlSource::locate(StoredAttachment attachment, Account) {
  if (attachment.url.empty())
    co_return fail(ErrorCode::not_found, "the message named no address to fetch the file from");
  MediaPlace place;
  place.url = attachment.url;
  co_return place;
}

}  // namespace posthorn
