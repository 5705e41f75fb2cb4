// The judge of a simulated life: compares what the product believes (its database) with what really happened
// (the sandbox's ledger). Shares nothing with the product but the meaning of a row.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "sandbox/sandbox.h"
#include "scenario.h"
#include "storage/simulated_database.h"

namespace posthorn::simulation {

// What happened to one broadcast, as far as the judge has to know it.
struct Circumstances {
  CampaignId campaign;
  int recipients = 0;                    // negative: pre-flight may have left out some
  bool at_least_once = false;            // a recipient may have been sent to twice
  bool statuses_lost = false;            // the sandbox dropped webhooks on purpose
  bool cancelled = false;                // ended by the operator: recipients may be left without a fate
  WallTime cancelled_at{};               // when the operator had the answer
  std::int64_t most_unknown = -1;        // rows that may end unknown_final; negative: not bounded
  std::vector<std::uint64_t> opted_out;  // phones that had said stop before the broadcast started
};

class Judge {
 public:
  Judge(simulated::Disk& disk, sandbox::Sandbox& meta, ScenarioResult& result)
      : disk_(disk), meta_(meta), result_(result) {}

  // After a crash: the books balance (I1), and no more intents than the window (I3).
  void books(std::string_view when, int window);
  void broadcast(const Circumstances& c);
  void pace(std::string_view sender, int rate);  // I9

 private:
  struct Taken;
  struct Row;
  void violation(std::string text) { result_.violations.push_back(std::move(text)); }
  std::vector<Taken> taken(const Circumstances& c);
  std::vector<Row> rows(CampaignId campaign);
  void counts(const Circumstances& c, const std::vector<Taken>& ledger, std::size_t rows);
  void row(const Circumstances& c, const Row& row, const std::vector<Taken>& ledger);
  void delivery(const Row& row, sandbox::Fate fate);

  simulated::Disk& disk_;
  sandbox::Sandbox& meta_;
  ScenarioResult& result_;
};

}  // namespace posthorn::simulation
