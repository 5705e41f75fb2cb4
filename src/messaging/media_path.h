// Names for attachments: on disk, in object stores, in downloads. Whatever a stranger calls a file, its name
// here is harmless.
#pragma once
#include <string>
#include <string_view>

namespace posthorn {

struct MediaPathParts {
  std::string_view business, business_id, sender_id, from, message_id, media_id, extension;
};
// "business=<name>/wabaMetaId=<id>/phone=<phone id>/from=<wa id>/waMessageId=<wamid>/mediaId=<id>.jpg". Every
// run of characters outside A-Z a-z 0-9 = . _ - # becomes one "_" (a slash too: a part never becomes two), an
// empty part "unknown"; a part has 200 bytes at most.
std::string media_path(const MediaPathParts& parts);

// A name for the download: no folders, control or direction characters, no names that Windows reserves, at
// most 150 bytes, and with the extension of what the file really is. `fallback` without extension when
// nothing is left.
std::string safe_file_name(std::string_view given, std::string_view extension, std::string_view fallback);

// "attachment; filename=\"…\"; filename*=UTF-8''…" (RFC 6266, RFC 8187).
std::string content_disposition(bool inline_allowed, std::string_view file_name);

}  // namespace posthorn
