// The event log as people and programs read it: a page at a time, only the kinds they want.
#pragma once
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/json.h"
#include "core/result.h"
#include "messaging/event_kinds.h"
#include "storage/database.h"
#include "storage/event_log.h"

namespace posthorn {

struct EventPage {
  std::vector<LoggedEvent> events;  // oldest first
  EventId next;                     // everything up to here was looked at: pass as `after`
  EventId oldest, newest;           // of the whole log; 0: it is empty
  bool more = false;                // the page ends before the log does
  // Events between `after` and the log's beginning are gone, or `after` is no position of this log.
  bool gap = false;
};

// Looks at `scan` events at most, so that a kind that never comes costs no more.
Result<EventPage> read_event_page(Transaction& tx, EventId after, const EventKinds& kinds, int limit,
                                  int scan = 2000);

// {"id", "type", "timestamp", "subject", "data"}
json::object event_view(const LoggedEvent& event);

}  // namespace posthorn
