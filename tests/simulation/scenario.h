// One seed: a broadcast through lost replies, resets, duplicated, reordered and lost webhooks, full disks and crashes,
// judged by the sandbox's ledger and the conservation check.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::simulation {

struct ScenarioOptions {
  int recipients = 300;
  bool at_least_once = false;
  bool crashes = true;
  bool network_faults = true;
  bool disk_faults = true;
};

struct ScenarioResult {
  std::uint64_t trace_hash = 0;
  std::uint64_t handlers = 0;
  std::vector<std::string> violations;  // empty: every invariant held
  std::int64_t accepted = 0, rejected = 0, unknown_final = 0;
  int crashes = 0;
  std::uint64_t lost_replies = 0;       // injected by the sandbox
};

ScenarioResult run_scenario(std::uint64_t seed, const ScenarioOptions& options);

}  // namespace posthorn::simulation
