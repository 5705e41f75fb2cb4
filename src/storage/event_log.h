// The event log: what happened, in order, for consumers that keep their own durable position (an outbox).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/time.h"
#include "storage/database.h"

namespace posthorn {

struct LoggedEvent {
  EventId id;  // position; grows by the order of commits, gaps are possible
  WallTime at;
  std::string kind;     // 'campaign.paused', 'template.status', …
  std::string subject;  // 'campaign:7'
  std::string data;     // JSON
};

namespace events {

// Appends inside the caller's transaction: the event exists exactly if the change it tells of does.
Result<EventId> append(Transaction& tx, WallTime at, std::string_view kind, std::string_view subject,
                       std::string_view data_json);

// append() for those who do not need the position: cheaper, for the hot path.
Result<> note(Transaction& tx, WallTime at, std::string_view kind, std::string_view subject,
              std::string_view data_json);

// Up to `limit` events after `position`, oldest first. kinds_prefix narrows to 'campaign.' and the like;
// empty: all.
Result<std::vector<LoggedEvent>> read_after(Transaction& tx, EventId position, int limit,
                                            std::string_view kinds_prefix = {});
Result<EventId> last_position(Transaction& tx);  // 0 when the log is empty

// A consumer's durable cursor: move it in the transaction that holds the effects of the events, and each is
// applied exactly once. An unknown consumer stands at 0.
Result<EventId> cursor(Transaction& tx, std::string_view consumer);
// The same, but an unknown consumer is put at the end: what happened before does not concern it.
Result<EventId> begin_at_end(Transaction& tx, std::string_view consumer);
Result<> move_cursor(Transaction& tx, std::string_view consumer,
                     EventId position);  // conflict if it would go back

// Deletes events older than `before` that every cursor has passed; the newest event always stays, so that
// positions are never used twice. Returns how many were deleted.
Result<std::int64_t> prune(Transaction& tx, WallTime before, int limit);

}  // namespace events
}  // namespace posthorn
