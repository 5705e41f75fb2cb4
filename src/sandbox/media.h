// Uploaded files and the multipart form they come in.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/time.h"
#include "sandbox/graph_error.h"

namespace posthorn::sandbox {

struct MediaFile {
  std::string id, mime, sha256, bytes;
  std::size_t number = 0;  // index of the business number it belongs to: ids cannot be used by another one
  WallTime at;
};

class MediaStore {
 public:
  const MediaFile& put(std::size_t number, std::string mime, std::string bytes, WallTime now);
  // nullptr when unknown or older than 30 days (Meta's media reference).
  const MediaFile* find(std::string_view id, WallTime now) const;
  bool remove(std::string_view id);
  std::size_t size() const { return files_.size(); }
  void clear() { files_.clear(); }

 private:
  std::map<std::string, MediaFile, std::less<>> files_;
  std::uint64_t next_id_ = 1'013'859'600'285'441;
};

struct MediaForm {
  std::string_view messaging_product, type, file, file_type;
};

// Reads multipart/form-data; views point into `body`.
Graph<MediaForm> read_media_form(std::string_view content_type, std::string_view body);
// Checks type and size against Meta's table of supported media; 131053 otherwise (100 for missing parts).
Graph<std::string> check_media(const MediaForm& form);

}  // namespace posthorn::sandbox
