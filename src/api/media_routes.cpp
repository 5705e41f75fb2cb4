#include "api/media_routes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "api/http_answers.h"
#include "messaging/media_path.h"
#include "messaging/media_type.h"

namespace posthorn {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

// What a browser may show in place; everything else is saved to a file. Nothing in this list can run scripts.
constexpr auto kShown = std::to_array<std::string_view>({
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "video/mp4",
    "video/3gpp",
    "video/webm",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/ogg; codecs=opus",
    "audio/aac",
    "audio/amr",
});

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<AttachmentId> read_id(const RouteArgs& args) {
  const auto found = args.find("id");
  const auto value = found == args.end() ? std::nullopt : number(found->second);
  if (value && *value > 0 && *value <= INT64_MAX) return AttachmentId{static_cast<std::int64_t>(*value)};
  return fail(ErrorCode::not_found, "there is no such attachment", "id");
}

std::string_view extension_of(std::string_view path) {
  const auto dot = path.rfind('.');
  const auto slash = path.rfind('/');
  if (dot == std::string_view::npos || (slash != std::string_view::npos && dot < slash)) return ".bin";
  return path.substr(dot);
}

std::string name_of(const StoredAttachment& attachment) {
  return safe_file_name(attachment.file_name, extension_of(attachment.path),
                        fmt::format("{}-{}", attachment.kind, attachment.id.value));
}

// Why there is nothing to send.
Error not_there(const StoredAttachment& a) {
  switch (a.state) {
    case AttachmentState::lost:
      return {ErrorCode::not_found, "the attachment could not be fetched: " + a.error, "id"};
    case AttachmentState::refused:
      return {ErrorCode::not_found, "the attachment was not taken: " + a.error, "id"};
    case AttachmentState::deleted:
      return {ErrorCode::not_found, "the attachment was deleted", "id"};
    case AttachmentState::waiting:
    case AttachmentState::stored:
      break;
  }
  return {ErrorCode::unavailable, "the attachment is not fetched yet; try again soon", "id"};
}

// The page's own policies do not apply to strangers' files: these stand alone, without scripts, plug-ins or
// an origin.
HttpResponse head_for(const StoredAttachment& attachment, bool download) {
  auto head = plain_response(200, "", attachment.mime_type);
  const bool shown = !download && std::ranges::find(kShown, attachment.mime_type) != kShown.end();
  head.headers.set("Content-Disposition", content_disposition(shown, name_of(attachment)));
  head.headers.set("Content-Security-Policy", "sandbox; default-src 'none'");
  head.headers.set("Cross-Origin-Resource-Policy", "same-origin");
  head.headers.set("Cache-Control", "private, no-cache");
  head.headers.set("ETag", fmt::format("\"{}\"", attachment.blob));
  head.headers.set("Accept-Ranges", "bytes");
  return head;
}

bool knows(std::string_view if_none_match, std::string_view etag) {
  return !if_none_match.empty() && (if_none_match == "*" || if_none_match.contains(etag));
}

}  // namespace

RangeAnswer read_range(std::string_view header, std::uint64_t size, ByteRange& range) {
  if (!header.starts_with("bytes=")) return RangeAnswer::whole;
  header.remove_prefix(6);
  const auto dash = header.find('-');
  if (dash == std::string_view::npos || header.contains(',')) return RangeAnswer::whole;
  const auto from = number(header.substr(0, dash));
  const auto to = number(header.substr(dash + 1));
  if ((!from && dash > 0) || (!to && dash + 1 < header.size()) || (!from && !to)) return RangeAnswer::whole;
  if (!from) {  // the last so many bytes
    if (*to == 0 || size == 0) return RangeAnswer::impossible;
    range = {size - std::min(*to, size), size - 1};
    return RangeAnswer::part;
  }
  if (to && *to < *from) return RangeAnswer::whole;
  if (*from >= size) return RangeAnswer::impossible;
  range = {*from, std::min(to.value_or(size - 1), size - 1)};
  return RangeAnswer::part;
}

void MediaRoutes::add_to(Router& router) {
  router.add("GET", "/media/{id}", [this](HttpExchange& x, RouteArgs a) { return serve(x, std::move(a)); });
}

Task<bool> MediaRoutes::admit(HttpExchange& exchange, AttachmentId id) {
  const HttpRequest& request = exchange.request();
  if (!request.has_query("signature")) {
    const auto caller = co_await guard_.admit(exchange, Role::viewer);
    co_return caller.has_value();
  }
  if (ports_.links.valid(id, request.query("until"), request.query("signature"), ports_.clock.wall_now()))
    co_return true;
  Error error{ErrorCode::permission_denied,
              "this link has expired or is not complete; open the message in Posthorn"};
  co_await refuse(exchange, std::move(error));
  co_return false;
}

Task<> MediaRoutes::serve(HttpExchange& exchange, RouteArgs args) {
  const auto id = read_id(args);
  if (!co_await admit(exchange, id.value_or(AttachmentId{}))) co_return;
  if (!id) {
    co_await refuse(exchange, id.error());
    co_return;
  }
  auto look = [id = *id](Transaction& tx) { return attachments::get(tx, id); };
  auto attachment = co_await ports_.database.read(std::move(look));
  if (attachment && attachment->state != AttachmentState::stored)
    attachment = std::unexpected(not_there(*attachment));
  if (!attachment) {
    co_await refuse(exchange, attachment.error());
    co_return;
  }
  co_await send(exchange, *std::move(attachment));
}

Task<> MediaRoutes::send(HttpExchange& exchange, StoredAttachment attachment) {
  const HttpRequest& request = exchange.request();
  auto head = head_for(attachment, request.has_query("download"));
  const std::string etag(head.headers.get("ETag"));
  if (knows(request.headers.get("If-None-Match"), etag)) {
    head.status = 304;
    (void)co_await exchange.respond(std::move(head));
    co_return;
  }
  auto file = co_await ports_.blobs.open(attachment.blob);
  if (!file) {
    co_await refuse(exchange, file.error());
    co_return;
  }
  const std::uint64_t size = (*file)->size();
  ByteRange range{0, size == 0 ? 0 : size - 1};
  const bool same_version = !request.headers.has("If-Range") || request.headers.get("If-Range") == etag;
  const auto answer =
      same_version ? read_range(request.headers.get("Range"), size, range) : RangeAnswer::whole;
  if (answer == RangeAnswer::impossible) {
    auto response = plain_response(416, "the file has no such bytes\n");
    response.headers.set("Content-Range", fmt::format("bytes */{}", size));
    (void)co_await exchange.respond(std::move(response));
    co_return;
  }
  if (answer == RangeAnswer::part) {
    head.status = 206;
    head.headers.set("Content-Range", fmt::format("bytes {}-{}/{}", range.first, range.last, size));
  }
  std::uint64_t left = size == 0 ? 0 : range.last - range.first + 1;
  head.headers.set("Content-Length", std::to_string(left));
  if (!co_await exchange.begin_stream(std::move(head)) || request.method == "HEAD") co_return;
  std::string piece(kPiece, '\0');
  for (std::uint64_t at = range.first; left > 0;) {
    const std::span<char> room(piece.data(), std::min<std::uint64_t>(left, piece.size()));
    const auto n = co_await (*file)->read_at(at, room);
    if (!n || *n == 0) co_return;  // the connection is closed before the announced length is reached
    if (!co_await exchange.write_chunk(std::string_view(piece).substr(0, *n))) co_return;
    at += *n;
    left -= *n;
  }
}

}  // namespace posthorn
