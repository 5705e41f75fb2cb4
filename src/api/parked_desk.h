// Parked events for people: reads the table, hands events back to the intake.
#pragma once
#include "actions/parked_events.h"
#include "messaging/intake.h"
#include "storage/database.h"

namespace posthorn {

class ParkedDesk final : public ParkedEvents {
 public:
  ParkedDesk(Database& database, Intake& intake) : database_(database), intake_(intake) {}
  Task<Result<std::vector<ParkedEventView>>> list_parked(std::int64_t before_id, int limit) override;
  Task<Result<ReplayOutcome>> replay_parked(std::vector<std::int64_t> ids) override;
  Task<Result<JournalReplay>> replay_journal(JournalRange range) override;

 private:
  Database& database_;
  Intake& intake_;
};

}  // namespace posthorn
