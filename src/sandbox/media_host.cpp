#include "sandbox/media_host.h"

#include <algorithm>

namespace posthorn::sandbox {
namespace {

constexpr std::int64_t kLifeSeconds = 300;
constexpr std::size_t kPiece = 64 * 1024, kSlowPiece = 1024;
constexpr std::uint64_t kEndlessPieces = 16 * 1024;  // 1 GiB

constexpr std::string_view kPage =
    "<!doctype html><html><head><title>Sorry</title></head><body><script>alert(1)</script>This content is "
    "not "
    "available right now.</body></html>";

std::int64_t seconds_now(const World& world) {
  return to_micros(world.clock.wall_now()) / 1'000'000;
}

const MediaFile* allowed(const World& world, const Messaging& messaging, const std::vector<std::string>& path,
                         const HttpRequest& request) {
  if (path.size() != 2) return nullptr;
  const bool cdn = path[0] == kCdnPath;
  const std::string until = request.query(cdn ? "oe" : "ext"),
                    proof = request.query(cdn ? "signature" : "hash");
  const std::string now = std::to_string(seconds_now(world));
  if (until.size() != now.size() || until < now || proof != media_signature(world, path[1], until))
    return nullptr;
  return (cdn ? messaging.cdn() : world.media).find(path[1], world.clock.wall_now());
}

// The fault this download meets; counts it.
MediaChaos meet(World& world) {
  MediaChaos& chaos = world.chaos.media;
  const bool over = chaos.remaining == 0 || world.clock.now() >= chaos.until;
  if (over || chaos.kind == MediaChaos::Kind::none) return {};
  if (chaos.remaining > 0) --chaos.remaining;
  ++chaos.met;
  return chaos;
}

HttpResponse head_of(std::string mime) {
  HttpResponse head;
  head.headers.set("Content-Type", std::move(mime));
  return head;
}

Task<> drip(World& world, HttpExchange& exchange, std::string bytes, Duration pace) {
  for (std::size_t at = 0; at < bytes.size(); at += kSlowPiece) {
    const std::string piece = bytes.substr(at, kSlowPiece);
    const auto written = co_await exchange.write_chunk(piece);
    if (!written) co_return;
    co_await world.clock.sleep_for(pace);
  }
}

Task<> pour(HttpExchange& exchange) {
  const std::string piece(kPiece, 'x');
  for (std::uint64_t i = 0; i < kEndlessPieces; ++i) {
    const auto written = co_await exchange.write_chunk(piece);
    if (!written) co_return;
  }
}

Task<> misbehave(World& world, HttpExchange& exchange, MediaChaos fault, std::string mime,
                 std::string bytes) {
  HttpResponse head = head_of(std::move(mime));
  const bool lies = fault.kind == MediaChaos::Kind::lying_length;
  if (lies) head.headers.set("Content-Length", std::to_string(bytes.size() * 2 + 1));
  if (fault.kind == MediaChaos::Kind::slow) head.headers.set("Content-Length", std::to_string(bytes.size()));
  const auto begun = co_await exchange.begin_stream(std::move(head));
  if (!begun) co_return;
  if (fault.kind == MediaChaos::Kind::slow)
    co_await drip(world, exchange, std::move(bytes), fault.pace);
  else if (fault.kind == MediaChaos::Kind::endless)
    co_await pour(exchange);
  else
    std::ignore = co_await exchange.write_chunk(bytes);
}

}  // namespace

std::string media_address(const World& world, const MediaFile& file) {
  const std::string until = std::to_string(seconds_now(world) + kLifeSeconds);
  return world.base_url() + "/" + std::string(kMediaPath) + "/" + file.id + "?ext=" + until +
         "&hash=" + media_signature(world, file.id, until);
}

Task<> serve_media(World& world, const Messaging& messaging, std::vector<std::string> path,
                   HttpExchange& exchange) {
  const MediaFile* file = allowed(world, messaging, path, exchange.request());
  const MediaChaos fault = meet(world);
  if (fault.kind == MediaChaos::Kind::down) co_return exchange.abort();
  HttpResponse response;
  response.status = fault.kind == MediaChaos::Kind::error ? fault.code : file == nullptr ? 404 : 200;
  if (response.status != 200) {
    std::ignore = co_await exchange.respond(std::move(response));
    co_return;
  }
  std::string mime = file->mime, bytes = file->bytes;  // the store may change while this waits
  const bool whole = fault.kind == MediaChaos::Kind::none || fault.kind == MediaChaos::Kind::html;
  if (!whole) {
    co_await misbehave(world, exchange, fault, std::move(mime), std::move(bytes));
    co_return;
  }
  response.headers.set("Content-Type", std::move(mime));
  response.body = fault.kind == MediaChaos::Kind::html ? std::string(kPage) : std::move(bytes);
  std::ignore = co_await exchange.respond(std::move(response));
}

}  // namespace posthorn::sandbox
