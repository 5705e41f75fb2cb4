// One transaction of automation: events read, effects queued, runs recorded, cursor moved. All of it or
// nothing.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "automation/automation_ports.h"
#include "automation/rule_decision.h"

namespace posthorn::automation {

inline constexpr std::string_view kCursor = "automation";

struct BatchOptions {
  DecisionLimits limits;
  Duration echo_patience{}, forward_patience{};
  int events = 500;
};

struct BatchResult {
  bool more = false;                  // the log goes on
  std::int64_t messages = 0;          // events looked at closely
  std::int64_t queued = 0;            // messages on their way out
  std::int64_t signals = 0;           // read receipts and the like to give
  std::int64_t media = 0;             // attachments that were put on the list or became ready
  std::vector<AccountId> wake;        // with something to send; each once
  std::vector<std::string> problems;  // effects that could not be had, for the log
};

// Stands the cursor at the end of the log if there is none yet.
Result<> begin_at_end(Transaction& tx);

// Whether there is anything after the cursor.
Result<bool> has_news(Transaction& tx);

Result<BatchResult> run_batch(Transaction& tx, const QueueReply& queue_reply, const BatchOptions& options,
                              WallTime now);

// Moves past one event that cannot be handled, and says which.
Result<std::string> skip_event(Transaction& tx);

}  // namespace posthorn::automation
