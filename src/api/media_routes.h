// Attachments for people: whatever a stranger sent, a browser runs none of it and mistakes it for none of
// ours.
#pragma once
#include <memory>
#include <string>

#include "api/guard.h"
#include "messaging/attachments.h"
#include "messaging/media_links.h"
#include "platform/clock.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace posthorn {

struct MediaRoutesPorts {
  Database& database;
  BlobStore& blobs;
  Access& access;
  Clock& clock;
  MediaLinks& links;
};

// GET /media/{attachment id}: with the rights of a viewer, or with a signed link (?until=…&signature=…).
// Knows Range (one range), ETag and If-None-Match; ?download=1 never shows it in the browser.
class MediaRoutes {
 public:
  explicit MediaRoutes(MediaRoutesPorts ports) : ports_(ports), guard_(ports.access) {}
  void add_to(Router& router);

 private:
  Task<> serve(HttpExchange& exchange, RouteArgs args);
  Task<bool> admit(HttpExchange& exchange, AttachmentId id);
  Task<> send(HttpExchange& exchange, StoredAttachment attachment);

  MediaRoutesPorts ports_;
  Guard guard_;
};

// One range of bytes, first and last included.
struct ByteRange {
  std::uint64_t first = 0, last = 0;
};
enum class RangeAnswer { whole, part, impossible };
// RFC 9110, 14.2: malformed headers, other units and several ranges count as none: the whole is sent.
RangeAnswer read_range(std::string_view header, std::uint64_t size, ByteRange& range);

}  // namespace posthorn
