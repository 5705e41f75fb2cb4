#include "messaging/upload_once.h"

#include <optional>

#include "messaging/essential_loop.h"
#include "messaging/wakeup.h"

namespace posthorn {

struct UploadOnce::Flight {
  explicit Flight(Executor executor) : landed(std::move(executor)) {}
  WaitList landed;
  std::optional<Result<std::string>> outcome;
};

UploadOnce::UploadOnce(Database& database, Clock& clock, Log& log, Executor executor)
    : database_(database), clock_(clock), log_(log), executor_(std::move(executor)) {}

Task<Result<UploadedOnce>> UploadOnce::media_id(AccountId account, std::string sha256_hex,
                                                std::string mime_type, Duration needed, Upload upload) {
  const WallTime now = clock_.wall_now();
  auto look = [account, sha256_hex, now, needed](Transaction& tx) {
    return media_uploads::find(tx, account, sha256_hex, now, needed);
  };
  PH_CO_TRY_ASSIGN(const auto known, co_await database_.read(std::move(look)));
  if (known) co_return UploadedOnce{known->media_id, true};
  const Key key{account, std::move(sha256_hex)};
  if (const auto found = flights_.find(key); found != flights_.end()) {
    const std::shared_ptr<Flight> flight = found->second;
    while (!flight->outcome) co_await flight->landed.wait();
    if (!*flight->outcome) co_return std::unexpected(flight->outcome->error());
    co_return UploadedOnce{**flight->outcome, true};
  }
  const auto flight = std::make_shared<Flight>(executor_);
  flights_.emplace(key, flight);
  Result<std::string> id = co_await contained(upload());
  if (id) co_await remember(key, MediaUpload{*id, std::move(mime_type), now});
  flight->outcome = id;
  flights_.erase(key);
  flight->landed.notify_all();
  if (!id) co_return std::unexpected(id.error());
  co_return UploadedOnce{*std::move(id), false};
}

// What is not remembered goes up once more next time; the id is good all the same.
Task<> UploadOnce::remember(Key key, MediaUpload upload) {
  auto work = [key = std::move(key), upload = std::move(upload)](Transaction& tx) {
    return media_uploads::record(tx, key.first, key.second, upload);
  };
  const Result<> done = co_await database_.write(std::move(work));
  if (!done) log_.warning("media.upload_not_remembered", {{"error", done.error().message}});
}

}  // namespace posthorn
