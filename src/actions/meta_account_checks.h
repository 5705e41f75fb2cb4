// What could stop an Instagram account or a Page, in plain words with the next step; part of doctor.h.
#pragma once
#include <vector>

#include "actions/doctor.h"

namespace posthorn {

// Token, identity and webhook subscription of one account.
Task<std::vector<Check>> check_meta_account(Services& services, Account account);

}  // namespace posthorn
