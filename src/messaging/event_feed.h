// Tells who waits that the event log has grown: webhooks out, live pages, `posthorn tail`.
//
// Whoever commits may say so with notify(); nobody has to. While somebody waits, the log's end is looked up
// every `poll`, once for all, so that a commit that nobody told of is seen too. Nothing is kept in memory but
// a position: readers fetch from the log at their own pace.
#pragma once
#include <memory>

#include "core/ids.h"
#include "core/time.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "storage/database.h"

namespace posthorn {

struct EventFeedPorts {
  Database& database;
  Clock& clock;
  Executor executor;
};

class EventFeed {
 public:
  explicit EventFeed(EventFeedPorts ports, Duration poll = std::chrono::milliseconds(250));
  ~EventFeed();

  void start();
  Task<> stop();  // lets everybody go who waits

  void notify();  // events may have been committed

  // Returns the newest position known: as soon as it is beyond `position`, else at about `deadline`, or on
  // release() and stop().
  Task<EventId> wait_beyond(EventId position, MonotonicTime deadline);
  void release();  // lets everybody go who waits now, to look at something else
  bool stopping() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn
