// What follows after the commit, from durable lists: read receipts, typing, reactions; media that goes back
// or on. Each function does one round and is called again and again.
#pragma once
#include <vector>

#include "automation/automation_ports.h"

namespace posthorn::automation {

struct RoundOptions {
  Duration signal_patience = std::chrono::hours(1);  // after which a signal is given up
  int signals = 64;                                  // given at once
  int files = 4;                                     // uploaded at once
};

struct RoundResult {
  bool more = false;     // there was as much to do as fits one round
  bool waiting = false;  // something is to be tried again later
  std::int64_t done = 0, given_up = 0;
};

Task<Result<RoundResult>> give_signals(AutomationPorts& ports, RoundOptions options);
Task<Result<RoundResult>> send_media(AutomationPorts& ports, RoundOptions options);

// Runs them at the same time and returns when the last has ended.
Task<> run_together(Executor executor, Clock& clock, std::vector<Task<>> tasks);

// How long to wait before the next attempt: 5 s, doubled each time, at most 10 minutes.
Duration retry_delay(int attempts);

}  // namespace posthorn::automation
