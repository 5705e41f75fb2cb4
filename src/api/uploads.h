// Recipient files on their way in: streamed into the blob store, never held in memory.
#pragma once
#include <cstdint>
#include <string>

#include "actions/upload_store.h"
#include "platform/clock.h"
#include "platform/http_server.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace posthorn {

struct UploadLimits {
  std::uint64_t max_bytes = 4ULL << 30;
};

class Uploads final : public UploadStore {
 public:
  Uploads(Database& database, BlobStore& blobs, Clock& clock, UploadLimits limits = {})
      : database_(database), blobs_(blobs), clock_(clock), limits_(limits) {}

  // Reads the request's body, raw or multipart/form-data, to its end. `name` is the file name to show; with
  // multipart the browser's may take its place. Errors leave nothing behind: too_large, resource_exhausted
  // (disk full), invalid_argument (empty, not what it says), unavailable (the client went away).
  Task<Result<UploadInfo>> receive(HttpExchange& exchange, std::string name, std::string actor);

  // A file that the program itself has: the bundled sample, tests.
  Task<Result<UploadInfo>> store(std::string bytes, std::string name, std::string actor);

  Task<Result<UploadInfo>> get_upload(UploadId id) override;
  Task<Result<std::vector<UploadInfo>>> list_uploads(std::int64_t before_id, int limit) override;

 private:
  Task<Result<std::string>> copy_raw(HttpExchange& exchange, BlobWriter& writer);
  Task<Result<std::string>> copy_multipart(HttpExchange& exchange, BlobWriter& writer, std::string boundary);
  Task<Result<>> append(BlobWriter& writer, std::string& chunk, bool all);
  Task<Result<UploadInfo>> finish(BlobWriter& writer, std::string name, std::string actor);

  Database& database_;
  BlobStore& blobs_;
  Clock& clock_;
  UploadLimits limits_;
};

// The last part of a path, without control characters, at most 200 bytes; "recipients.csv" if nothing is
// left.
std::string safe_file_name(std::string_view name);

}  // namespace posthorn
