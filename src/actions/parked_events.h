// Incoming events that could not be applied (invariant I15): seen and tried again by people.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "platform/async.h"

namespace posthorn {

struct ParkedEventView {
  std::int64_t id = 0;
  std::int64_t journal_id = 0;
  std::string reason;
  std::string body;  // JSON as it came
  WallTime parked_at;
  int attempts = 0;
};

struct ReplayOutcome {
  std::int64_t applied = 0;
  std::int64_t parked_again = 0;
};

// Bodies of the journal, both ends included. Either end may be left open, ids and times may be mixed.
struct JournalRange {
  std::optional<std::int64_t> from_id, to_id;
  std::optional<WallTime> since, until;  // when they were received
};

struct JournalReplay {
  std::int64_t bodies = 0;
  std::int64_t first_id = 0, last_id = 0;  // the range as it was understood
};

class ParkedEvents {
 public:
  virtual ~ParkedEvents() = default;
  virtual Task<Result<std::vector<ParkedEventView>>> list_parked(std::int64_t before_id,
                                                                 int limit) = 0;         // newest first
  virtual Task<Result<ReplayOutcome>> replay_parked(std::vector<std::int64_t> ids) = 0;  // empty: all
  // Applies bodies of the journal again; what was applied before changes nothing.
  virtual Task<Result<JournalReplay>> replay_journal(JournalRange range) = 0;
};

}  // namespace posthorn
