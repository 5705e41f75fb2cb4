// The checks behind `posthorn doctor` and check_channel: what could stop sending, in plain words with the
// next step.
#pragma once
#include <string>
#include <vector>

#include "actions/services.h"
#include "core/json.h"
#include "messaging/accounts.h"
#include "platform/async.h"

namespace posthorn {

enum class Health { ok, warning, failure };

struct Check {
  std::string name;  // "disk space", "shop: token"
  Health health = Health::ok;
  std::string finding;    // one sentence
  std::string next_step;  // empty when all is well
};

json::array views_of(const std::vector<Check>& checks);
bool all_well(const std::vector<Check>& checks);  // nothing failed; warnings are allowed

Task<std::vector<Check>> check_server(Services& services);  // disk, database, webhook configuration
Task<std::vector<Check>> check_account(Services& services,
                                       Account account);  // Graph, token, scopes, clock, webhooks, number
Task<std::vector<Check>> check_everything(Services& services);

}  // namespace posthorn
