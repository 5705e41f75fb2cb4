// Keeps the search index behind the messages: new ones in the order of their ids, changed ones by the event
// log. A loop of its own on a database of its own, so that a flood of messages is never slowed down by its
// own index.
//
// An index that knows of messages or events that the store does not have, or has others in their place, was
// made for another store (a backup was restored): it is emptied and made anew.
#pragma once
#include <cstdint>
#include <memory>

#include "core/result.h"
#include "core/time.h"
#include "messaging/event_feed.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/log.h"
#include "platform/metrics.h"
#include "storage/database.h"

namespace posthorn {

struct SearchIndexerPorts {
  Database& database;
  Database& index;  // storage/migrations/search
  EventFeed& feed;
  Clock& clock;
  Log& log;
  Metrics& metrics;
  Executor executor;
};

class SearchIndexer {
 public:
  explicit SearchIndexer(SearchIndexerPorts ports);
  ~SearchIndexer();

  void start();
  Task<> stop();              // what is not indexed yet is at the next start
  Task<Result<>> catch_up();  // indexes everything there is; for tests and `stop`

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn
