// Profiles of Instagram and Messenger users: fetched when somebody writes for the first time, or when what we
// have is older than a week at their next message. Failures are kept too, so that nobody is asked for over
// and over.
//
// A consumer of the event log ('message.received') with a cursor of its own. It stands in nobody's way: a
// slow or broken source delays only profiles, and an event that cannot be understood is passed over
// (event_patience.h). Source: Meta's "User Profile API" of Instagram and Messenger;
// picture links die within days, so pictures are copied; the one before is deleted.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "messaging/wakeup.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/log.h"
#include "platform/metrics.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace posthorn {

struct FetchedProfile {
  std::string name;         // empty: not told
  std::string username;     // without '@'; empty: not told
  std::string picture_url;  // a signed link that dies soon; empty: none
  std::string json = "{}";  // the whole answer
};

// Port: asks the channel. Errors: permission_denied, not_found and invalid_argument mean that there is no
// profile to be had (no consent, blocked, gone); every other code that it may work later.
class ProfileSource {
 public:
  virtual ~ProfileSource() = default;
  virtual Task<Result<FetchedProfile>> fetch(AccountId account, std::string scoped_id) = 0;
};

// Port: the bytes behind a picture's link; too_large, permission_denied (address not allowed), unavailable, …
using PictureDownload = std::function<Task<Result<std::string>>(AccountId account, std::string url)>;

struct ProfilePorts {
  Database& database;
  BlobStore& blobs;
  Clock& clock;
  Log& log;
  Metrics& metrics;
  ProfileSource& source;
  PictureDownload download;
  Executor executor;
};

struct ProfileOptions {
  Duration fresh = std::chrono::days(7);        // a profile that was fetched
  Duration retry = std::chrono::hours(1);       // after a failure that may pass
  Duration refused = std::chrono::days(7);      // no consent, gone
  Duration interval = std::chrono::seconds(2);  // between looks at the event log
  int concurrency = 4;                          // calls at a time, 1 to 64
  int batch = 2000;                             // events in one look
};

class ProfileFetcher {
 public:
  explicit ProfileFetcher(ProfilePorts ports, ProfileOptions options = {});
  ~ProfileFetcher();
  // A fetcher that never ran here begins at the end of the log.
  Task<Result<>> start();
  Task<> stop();  // waits for the calls under way
  void wake();    // something was received; looks at once
  // One look at the log: returns how many events were passed. For tests; not while started.
  Task<Result<std::int64_t>> run_once();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn
