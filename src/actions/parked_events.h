// Incoming events that could not be applied (invariant I15): seen and tried again by people.
#pragma once
#include <cstdint>
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

class ParkedEvents {
 public:
  virtual ~ParkedEvents() = default;
  virtual Task<Result<std::vector<ParkedEventView>>> list_parked(std::int64_t before_id,
                                                                 int limit) = 0;         // newest first
  virtual Task<Result<ReplayOutcome>> replay_parked(std::vector<std::int64_t> ids) = 0;  // empty: all
};

}  // namespace posthorn
