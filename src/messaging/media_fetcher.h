// Fetches the attachments that wait: at once, and again until they are had or gone. Every step is committed
// before the next, so that a crash at any time neither stores anything twice nor leaves a blob that no row
// knows.
//
//   waiting → (address asked for, bytes streamed into a file that has no name yet, hash, size and type
//   checked)
//           → the row names the blob that is coming → the blob gets its name → stored
//
// A row that names a blob but still waits was cut off between the last two steps: if the blob is there, it is
// done. Blobs that no row refers to any more (unsent messages, stories that are over, replaced profile
// pictures, lists of repeated pre-flights) are deleted here, too.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "messaging/media_source.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/log.h"
#include "platform/metrics.h"
#include "platform/random.h"
#include "platform/safe_fetch.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace posthorn {

struct MediaFetcherOptions {
  int parallel = 8;  // at the same time; an account takes three quarters at most
  std::uint64_t max_bytes = 100ULL * 1024 * 1024;  // of any kind; kinds have lower limits (media_type.h)
  Duration first_retry = std::chrono::seconds(5);  // doubles with every failure
  Duration longest_retry = std::chrono::minutes(10);
  // What can still not be fetched is lost; WhatsApp keeps what people send for 7 days (Cloud API media
  // reference).
  Duration give_up_after = std::chrono::hours(24 * 7);
  // So many answers that are not the file (gone, other bytes, not what it was said to be) are believed.
  int believe_after = 4;
  Duration look_every = std::chrono::seconds(2);  // at the rows, if nobody calls wake()
  // Stories are deleted so long after the message that brought them; 0: never. No story lives longer than a
  // day, and Meta asks not to keep what has gone there (Instagram messaging webhooks, story mentions).
  Duration keep_stories = std::chrono::hours(24);
  FetchLimits limits = {};  // max_bytes in here does not count
};

struct MediaFetcherPorts {
  Database& database;
  Clock& clock;
  Random& random;  // spreads the retries
  Log& log;
  Metrics& metrics;
  BlobStore& blobs;
  SafeFetch& fetch;
  Executor executor;
  std::function<MediaSource*(const Account&)> source;  // nullptr: this account's media cannot be had (yet)
};

class MediaFetcher {
 public:
  explicit MediaFetcher(MediaFetcherPorts ports, MediaFetcherOptions options = {});
  ~MediaFetcher();

  void start();
  Task<> stop();  // fetches on their way are ended; their rows still wait
  void wake();    // after a commit that added attachments, or made some due; cheap

  // Tries one again now that was given up, refused or waits for its next attempt. conflict: stored or
  // deleted.
  Task<Result<>> retry(AttachmentId id);

  // While somebody has one of these, files that are not used any more stay: a backup copies what its
  // snapshot of the rows still names.
  std::shared_ptr<void> keep_files();

  std::size_t running() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn
