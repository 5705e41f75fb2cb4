// Our files at the channel: each goes up once in the days that it is kept there, whoever sends it and however
// many want it at the same moment.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/ids.h"
#include "core/result.h"
#include "messaging/media_uploads.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/log.h"
#include "storage/database.h"

namespace posthorn {

struct UploadedOnce {
  std::string media_id;
  bool known = false;  // it was there already, or somebody else was uploading it
};

class UploadOnce {
 public:
  // Brings the bytes to the channel and returns their id there. Called at most once for each media_id().
  using Upload = std::move_only_function<Task<Result<std::string>>()>;

  UploadOnce(Database& database, Clock& clock, Log& log, Executor executor);

  // The id of these bytes for as long as `needed` from now on. While one call uploads, others with the same
  // account and content wait for it and share its outcome, errors too.
  Task<Result<UploadedOnce>> media_id(AccountId account, std::string sha256_hex, std::string mime_type,
                                      Duration needed, Upload upload);

 private:
  struct Flight;
  using Key = std::pair<AccountId, std::string>;
  Task<> remember(Key key, MediaUpload upload);

  Database& database_;
  Clock& clock_;
  Log& log_;
  Executor executor_;
  std::map<Key, std::shared_ptr<Flight>> flights_;
};

}  // namespace posthorn
