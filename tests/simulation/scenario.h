// One seed: a broadcast through lost replies, resets, duplicated, reordered and lost webhooks, full disks,
// crashes, stepping clocks and what people do meanwhile, judged by the sandbox's ledger and the conservation
// check.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::simulation {

struct ScenarioOptions {
  int recipients = 300;
  bool at_least_once = false;
  bool judge_at_most_once =
      false;  // judges at_least_once as if nobody might be sent to twice: must find somebody
  int most_crashes = 4;
  bool log = false;  // the product's log with virtual times on standard output
};

struct ScenarioResult {
  std::uint64_t trace_hash = 0;
  std::uint64_t handlers = 0;
  std::vector<std::string> violations;  // empty: every invariant held
  std::vector<std::string> exercised;   // what the seed drew: faults, clock steps, what people did
  std::int64_t accepted = 0, rejected = 0, suppressed = 0, unknown_final = 0;
  int crashes = 0;
  std::uint64_t faults = 0;  // injected by the sandbox into answers
};

ScenarioResult run_scenario(std::uint64_t seed, const ScenarioOptions& options);

}  // namespace posthorn::simulation
