// Uploaded recipient files: rows beside their blobs. api/uploads.h implements it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "platform/async.h"

namespace posthorn {

struct UploadInfo {
  UploadId id;
  std::string file_name;
  std::string blob;  // key in the blob store
  std::int64_t size = 0;
  std::string created_by;
  WallTime created_at;
};

class UploadStore {
 public:
  virtual ~UploadStore() = default;
  virtual Task<Result<UploadInfo>> get_upload(UploadId id) = 0;
  virtual Task<Result<std::vector<UploadInfo>>> list_uploads(std::int64_t before_id,
                                                             int limit) = 0;  // newest first
};

}  // namespace posthorn
