// Who an address belongs to when several people could claim it. One person claims the addresses that an event
// tells of; what that does to others is decided here. Part of people.h's implementation.
#pragma once
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "messaging/people_rows.h"
#include "storage/database.h"

namespace posthorn::people_claims {

enum class When {  // another person holds the address:
  by_strength,     // the same person, unless a stronger address says otherwise: then it moves
  same_person,     // the channel says so
  another_person,  // it moves
};

class Claimant {
 public:
  // `at`: when what we hear of happened; not known, or not before now: now.
  Claimant(Transaction& tx, people_rows::Known person, WallTime now, WallTime at = {})
      : tx_(tx), person_(std::move(person)), now_(now), at_(at > WallTime() && at < now ? at : now) {}

  // The person holds the address afterwards (unless a merge that would be needed was undone before, or the
  // address is a number that has moved on since).
  Result<> claim(const people_rows::Row& address, When when);
  // An address that nobody holds, as the caller knows.
  Result<> take(const people_rows::Row& address);
  // One user id goes with one number: others of the address's kind and scope become former. Not for people
  // whose several user ids were put together by hand.
  Result<> let_go_others(const people_rows::Row& address, std::string_view reason);
  // `until` is when it ended; for what ended before we heard of it.
  Result<> let_go(const people_rows::Row& address, std::string_view reason, WallTime until);
  // Merges with another person, the older kept; nothing happens if somebody has undone that before.
  Result<> become_one_with(PersonId other, std::string_view reason);

  const people_rows::Known& person() const { return person_; }
  bool changed() const { return changed_; }
  const std::vector<PersonId>& merged() const { return merged_; }

 private:
  const people_rows::Row* newer_number(const people_rows::Row& address) const;
  Result<> had(const people_rows::Row& address, WallTime until);
  Result<> take_from(const people_rows::Known& other, const people_rows::Row& address);
  Result<bool> is_another(const people_rows::Known& other, const people_rows::Row& address) const;
  Result<> respell(const people_rows::Row& held, const people_rows::Row& told);

  Transaction& tx_;
  people_rows::Known person_;
  WallTime now_, at_;
  bool changed_ = false;
  std::vector<PersonId> merged_;
};

}  // namespace posthorn::people_claims
