// The check that nothing is lost or counted twice (invariant I1), over the whole database. For tests and
// `posthorn doctor`.
#pragma once
#include <string>
#include <vector>

#include "core/result.h"
#include "storage/database.h"

namespace posthorn {

// One sentence for each thing that does not add up; empty: all is well. Reads every row of `sends` once.
//   counters of each campaign = its rows by state and by delivery; total = rows with a state + queued;
//   every row the segments have passed has a state; single sends: done exactly if a sends row exists.
Result<std::vector<std::string>> check_conservation(Transaction& tx);

}  // namespace posthorn
