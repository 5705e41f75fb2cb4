// Which accounts share their people. WhatsApp's user ids hold for a whole business portfolio; several
// business accounts of one portfolio know the same people. Source: Meta's business-scoped user id reference.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "messaging/accounts.h"
#include "storage/database.h"

namespace posthorn::people_scope {

// The portfolio for a new number of the business: what is asked for, else what its other numbers have.
// conflict if they have another one: a business account belongs to one portfolio (see move()).
Result<std::string> for_new_account(Transaction& tx, std::string_view business_id, std::string_view wanted);

struct Moved {
  std::vector<AccountId> accounts;  // every number of the business, and of those that go along
  std::int64_t people = 0;          // whose scope changed
  std::int64_t merged = 0;          // who turned out to be somebody known in the new portfolio
};
// Puts the account's business into the portfolio (empty, or the business's own id: into none), with all its
// numbers and people. Whoever is known there by the same user id, or by a number that no other user id goes
// with, is the same person: the two are merged, the older one kept; undo_merge takes them apart again. Of a
// number that two people have, the one who got it later keeps it.
//
// invalid_argument: not a WhatsApp account, or `with_others` without a portfolio. conflict: other businesses
// share the portfolio that would be left, and `with_others` is false: nobody can say whose the people are.
Result<Moved> move(Transaction& tx, const Account& account, std::string_view portfolio, bool with_others,
                   WallTime now);

}  // namespace posthorn::people_scope
