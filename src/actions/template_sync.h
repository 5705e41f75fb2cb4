// Brings the templates of a business account from Meta into the store.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "actions/services.h"
#include "messaging/accounts.h"
#include "messaging/stored_template.h"
#include "platform/async.h"

namespace posthorn {

struct TemplateSync {
  std::int64_t total = 0, added = 0, changed = 0;
  std::vector<std::string> missing;     // "name (language)": were there before, Meta no longer shows them
  std::vector<std::string> unreadable;  // name and reason; left as they were
};

// Reads every page before it writes anything: a sync that breaks off changes nothing.
Task<Result<TemplateSync>> sync_templates(Services& services, Account account);

}  // namespace posthorn
