// Where in the journal a time is.
#include "messaging/intake_core.h"

namespace posthorn {
namespace {

Result<JournalId> find_first(Transaction& tx, WallTime time) {
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT coalesce((SELECT id FROM journal WHERE received_at >= $1 ORDER BY "
                         "received_at, id LIMIT 1), (SELECT max(id) + 1 FROM journal), 1)",
                         {time}));
  PH_TRY(rows.next());
  return JournalId{rows.integer(0)};
}

}  // namespace

Task<Result<JournalId>> Intake::journal_at(WallTime time) {
  const std::shared_ptr<Impl> impl = impl_;
  auto read = [time](Transaction& tx) { return find_first(tx, time); };
  co_return co_await impl->ports.journal.read(std::move(read));
}

}  // namespace posthorn
