#include "messaging/media_fetch_job.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "messaging/media_path.h"
#include "messaging/media_type.h"

namespace posthorn {
namespace {

using End = MediaAttempt::End;

// Where the body goes: to the file, and its beginning to whoever judges it.
struct Receiver {
  BlobWriter& writer;
  const bool& stopping;
  std::string head = {};

  Task<Result<>> take(std::string piece) {
    if (stopping) co_return fail(ErrorCode::cancelled, "the server is stopping");
    if (head.size() < kSniffBytes) head += piece.substr(0, kSniffBytes - head.size());
    co_return co_await writer.append(std::move(piece));
  }
};

MediaAttempt ended(End end, std::string error, AttachmentState state = AttachmentState::lost) {
  MediaAttempt out;
  out.end = end;
  out.state = state;
  out.error = std::move(error);
  return out;
}

MediaAttempt not_located(Error error) {
  if (error.code == ErrorCode::not_found)
    return ended(End::doubt, "the channel does not have it any more: " + error.message);
  return ended(End::again, std::move(error.message));
}

// With credentials a refusal can be about these or about an address that has expired: the next attempt asks
// for a new one. A signed address that is refused is dead.
MediaAttempt refused_by_server(const FetchFailure& failure, bool credentials) {
  const bool final_status = failure.status == 403 || failure.status == 404 || failure.status == 410;
  auto out = ended(!credentials && final_status ? End::doubt : End::again, failure.error.message);
  out.not_before = failure.retry_after;
  return out;
}

MediaAttempt not_fetched(const FetchFailure& failure, bool credentials, std::uint64_t limit) {
  switch (failure.problem) {
    case FetchProblem::bad_url:
    case FetchProblem::forbidden:
      return ended(End::doubt, failure.error.message, AttachmentState::refused);
    case FetchProblem::too_large:
      return ended(End::given_up,
                   fmt::format("it has more than {} bytes, the most that is taken of its kind", limit),
                   AttachmentState::refused);
    case FetchProblem::status:
      return refused_by_server(failure, credentials);
    case FetchProblem::unreachable:
    case FetchProblem::too_slow:
    case FetchProblem::broken:
    case FetchProblem::sink:
      break;
  }
  return ended(End::again, failure.error.message);
}

std::string path_of(const DueAttachment& due, std::string_view extension) {
  const Account& account = due.account;
  const std::string own_id = fmt::format("a{}", due.row.id.value);
  MediaPathParts parts;
  parts.business = account.verified_name.empty() ? account.name : account.verified_name;
  parts.business_id = account.business_id;
  parts.sender_id = account.sender_id;
  parts.from = due.from;
  parts.message_id = due.channel_id;
  parts.media_id = due.row.media_id.empty() ? std::string_view(own_id) : std::string_view(due.row.media_id);
  parts.extension = extension;
  return media_path(parts);
}

// What came, against what was said.
MediaAttempt judge(const DueAttachment& due, const MediaPlace& place, std::string_view head,
                   std::unique_ptr<BlobWriter> writer) {
  const StoredBlob blob = writer->seal();
  const std::string told = hash_as_hex(place.sha256);
  const std::string& wanted = told.empty() ? due.row.told_sha256 : told;
  if (!wanted.empty() && wanted != blob.key) {
    return ended(End::doubt, "its bytes are not those that were sent: their SHA-256 is another one",
                 AttachmentState::refused);
  }
  const std::string& type = place.mime_type.empty() ? due.row.told_type : place.mime_type;
  auto verdict = judge_media(due.row.kind, type, head);
  if (!verdict) return ended(End::doubt, std::move(verdict.error().message), AttachmentState::refused);
  MediaAttempt out;
  out.end = End::had;
  out.facts = {blob.key, blob.size, std::move(verdict->mime_type), path_of(due, verdict->extension)};
  out.writer = std::move(writer);
  return out;
}

}  // namespace

Task<MediaAttempt> attempt_media(const MediaFetcherPorts& ports, const MediaFetcherOptions& options,
                                 const bool& stopping, DueAttachment due) {
  MediaSource* source = ports.source(due.account);
  if (source == nullptr)
    co_return ended(End::again, "media of this account cannot be fetched: it has no usable access");
  auto place = co_await source->locate(due.row, due.account);
  if (!place) co_return not_located(std::move(place.error()));
  const std::uint64_t limit = std::min(options.max_bytes, incoming_limit(due.row.kind));
  if (place->size > limit) {
    FetchFailure announced;
    announced.problem = FetchProblem::too_large;
    co_return not_fetched(announced, true, limit);
  }
  auto writer = co_await ports.blobs.create();
  if (!writer) co_return ended(End::again, std::move(writer.error().message));
  FetchRequest request;
  request.url = place->url;
  request.authorization = place->authorization;
  request.credential_origins = place->credential_origins;
  request.limits = options.limits;
  request.limits.max_bytes = limit;
  Receiver receiver{**writer, stopping};
  FetchSink sink = [&receiver](std::string piece) { return receiver.take(std::move(piece)); };
  const auto fetched = co_await ports.fetch.get(std::move(request), std::move(sink));
  if (!fetched) co_return not_fetched(fetched.error(), !place->authorization.empty(), limit);
  co_return judge(due, *place, receiver.head, std::move(*writer));
}

}  // namespace posthorn
