// simulate: broadcasts under faults, by seed. Every seed runs twice and must leave the same trace.
//
//   simulate [--seeds N] [--first SEED] [--recipients N] [--at-least-once] [--judge-at-most-once] [--crashes
//   N] [--once] [--verbose] [--log]
//
// Prints one line for each failing seed: the command that repeats it and what was violated. Exit 1 if there
// was one.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <malloc.h>

#include "scenario.h"

namespace {

using namespace posthorn::simulation;

struct Arguments {
  std::uint64_t first = 1, seeds = 100;
  ScenarioOptions scenario;
  bool twice = true, verbose = false;
};

bool parse(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0ULL; };
    if (name == "--seeds")
      out.seeds = number();
    else if (name == "--first")
      out.first = number();
    else if (name == "--recipients")
      out.scenario.recipients = static_cast<int>(number());
    else if (name == "--at-least-once")
      out.scenario.at_least_once = true;
    else if (name == "--judge-at-most-once")
      out.scenario.judge_at_most_once = true;
    else if (name == "--crashes")
      out.scenario.most_crashes = static_cast<int>(number());
    else if (name == "--once")
      out.twice = false;
    else if (name == "--verbose")
      out.verbose = true;
    else if (name == "--log")
      out.scenario.log = true;
    else
      return false;
  }
  return true;
}

ScenarioResult run_guarded(std::uint64_t seed, const ScenarioOptions& options) {
  try {
    return run_scenario(seed, options);
  } catch (const std::exception& e) {
    ScenarioResult failed;
    failed.violations.push_back(fmt::format("exception: {}", e.what()));
    return failed;
  }
}

bool run_seed(std::uint64_t seed, const Arguments& a, ScenarioResult& total) {
  ScenarioResult result = run_guarded(seed, a.scenario);
  if (a.twice && run_guarded(seed, a.scenario).trace_hash != result.trace_hash) {
    result.violations.push_back("two runs of the seed left different traces");
  }
  total.accepted += result.accepted;
  total.rejected += result.rejected;
  total.unknown_final += result.unknown_final;
  total.crashes += result.crashes;
  total.handlers += result.handlers;
  total.faults += result.faults;
  total.suppressed += result.suppressed;
  if (a.verbose) {
    fmt::print("seed {}: {} accepted, {} rejected, {} suppressed, {} unknown, {} faults, trace {:016x}: {}\n",
               seed, result.accepted, result.rejected, result.suppressed, result.unknown_final, result.faults,
               result.trace_hash, fmt::join(result.exercised, ", "));
  }
  if (result.violations.empty()) return true;
  fmt::print("FAILED simulate --first {} --seeds 1 --recipients {}{}\n", seed, a.scenario.recipients,
             a.scenario.at_least_once ? " --at-least-once" : "");
  for (std::size_t i = 0; i < result.violations.size() && i < 8; ++i)
    fmt::print("  {}\n", result.violations[i]);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  if (!parse(argc, argv, a)) {
    fmt::print(stderr,
               "usage: simulate [--seeds N] [--first SEED] [--recipients N] [--at-least-once] "
               "[--judge-at-most-once] [--crashes N] [--once] [--verbose] [--log]\n");
    return 2;
  }
  // Each life frees everything: memory given back to the kernel would be asked for again at once.
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ScenarioResult total;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = a.first; seed < a.first + a.seeds; ++seed) {
    if (!run_seed(seed, a, total)) ++failed;
    std::fflush(stdout);
  }
  fmt::print(
      "{} seeds{}, {} failed; {} accepted, {} rejected, {} unknown, {} suppressed, {} crashes, {} faulty "
      "answers, {} events\n",
      a.seeds, a.twice ? " (each twice)" : "", failed, total.accepted, total.rejected, total.unknown_final,
      total.suppressed, total.crashes, total.faults, total.handlers);
  return failed == 0 ? 0 : 1;
}
