// The checks behind `posthorn doctor` and check_channel: what could stop sending, in plain words with the
// next step.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "actions/services.h"
#include "channels/whatsapp/graph_client.h"
#include "core/json.h"
#include "core/time.h"
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

// What one check may take, however many run; then it is a finding: "no answer within 5 s".
inline constexpr Duration kCheckLimit = std::chrono::seconds(5);

struct AccountChecks {
  std::vector<Check> checks;
  std::optional<whatsapp::PhoneNumberInfo> number;  // if Meta showed it: what a refresh of the account needs
};

// All checks run at the same time. The whole-database readings of check_server may take 20 s each; running
// out of that is a warning.
Task<std::vector<Check>> check_server(Services& services);  // disk, database, webhook configuration
// Graph, token, scopes, clock, webhooks, number.
Task<AccountChecks> check_account(Services& services, Account account);
Task<std::vector<Check>> check_everything(Services& services);

}  // namespace posthorn
