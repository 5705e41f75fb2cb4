// Automation: reads the event log behind a cursor of its own and answers what arrives by the rules.
//
// What is decided is queued in the transaction that moves the cursor: nobody is answered twice, however often
// the process dies. Read receipts, typing, reactions and media follow after the commit from durable lists.
#pragma once
#include <memory>
#include <string_view>

#include "automation/automation_ports.h"
#include "automation/rule_decision.h"

namespace posthorn {

struct AutomationOptions {
  automation::DecisionLimits limits;
  Duration poll = std::chrono::milliseconds(500);    // how late an event may be seen when nobody calls wake()
  int batch = 500;                                   // events in one transaction
  Duration signal_patience = std::chrono::hours(1);  // then a read receipt or reaction is given up
  Duration echo_patience = std::chrono::hours(1);    // for media that goes back
  Duration forward_patience = std::chrono::hours(24);  // for media that goes on to somebody else
};

inline constexpr std::string_view kAutomationCursor = "automation";

class Automation {
 public:
  Automation(automation::AutomationPorts ports, AutomationOptions options = {});
  ~Automation();

  // The first time it begins at the end of the event log; nothing older is answered.
  Task<Result<>> start();
  Task<> stop();  // what is committed stays for the next start
  void wake();    // there are new events

  // One round of each loop; for tests.
  Task<Result<>> run_once();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn
