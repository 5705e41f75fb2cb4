// Opt-outs by person: they hold for people without a known phone number too, and follow the person to a new
// number. SQL only: every function works inside the caller's transaction.
//
// Broadcasts check lists of numbers against `suppressions`; so an entry here always has its counterparts
// there, for every number of the person in every spelling.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "core/phone_number.h"
#include "core/result.h"
#include "core/time.h"
#include "storage/database.h"

namespace posthorn {

struct PersonSuppression {
  PersonId person;
  std::string business_id;  // empty: for all businesses
  std::string source;       // as of Suppression
  std::string detail;
  WallTime created_at{};
};

namespace person_suppressions {

// True if it is new; the first source and time stay otherwise. Follows merges, as the others do.
Result<bool> add(Transaction& tx, const PersonSuppression& entry);
// Takes the person and every number of theirs off; false if there was nothing.
Result<bool> remove(Transaction& tx, PersonId person, std::string_view business_id);
// What the person said at `said_at`, however late it arrives: whoever said otherwise later stays as they are.
// Within one instant the order of the calls counts. True if anything changed.
Result<bool> opt_out(Transaction& tx, const PersonSuppression& entry, WallTime said_at);
Result<bool> opt_in(Transaction& tx, PersonId person, std::string_view business_id, WallTime said_at);
// Whether the person has asked for messages again after `said_at`.
Result<bool> wanted_since(Transaction& tx, PersonId person, std::string_view business_id, WallTime said_at);
// True for an entry of this business or of all, of the person or of one of their numbers.
Result<bool> contains(Transaction& tx, PersonId person, std::string_view business_id);
Result<std::vector<PersonSuppression>> of(Transaction& tx,
                                          PersonId person);  // by business; not those of numbers only

// Takes a number off the list in every spelling, and whoever is known by it, on whichever account; false if
// there was nothing.
Result<bool> remove_number(Transaction& tx, PhoneNumber phone, std::string_view business_id);

// A person got a number: their opt-outs hold for it from now on. What its holder had decided before we knew
// them by anything else holds for the person: broadcasts learn of refusals by the number alone.
Result<> phone_gained(Transaction& tx, PersonId person, std::string_view digits);
// A number went to somebody else: what its holder had decided stays with them and does not bind the new
// owner. What an operator or an import put on the list names the number, and stays with it.
Result<> phone_lost(Transaction& tx, PersonId person, std::string_view digits);

// Part of merging two people: what holds for `absorbed` holds for `kept` and all its numbers. Its own entries
// stay where they are for the day the merge is undone.
struct United {
  std::vector<std::string> businesses;  // entries that `kept` got
  std::vector<std::pair<std::uint64_t, std::string>>
      phones;  // entries of numbers that were made: number, business
};
Result<United> unite(Transaction& tx, PersonId kept, PersonId absorbed);
Result<> separate(Transaction& tx, PersonId kept, const United& united);

}  // namespace person_suppressions
}  // namespace posthorn
