// People: one internal id, many addresses. Nobody is known by a phone number alone, and nobody is split in
// two.
//
// SQL only: every function works inside the caller's transaction. Source of the identity rules: Meta's
// business-scoped user id reference (a user who changes the number gets a new id; numbers may be missing).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channels/conversation_events.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "messaging/accounts.h"
#include "storage/database.h"

namespace posthorn {

struct PersonAddress {
  channels::AddressKind kind = channels::AddressKind::phone;
  std::string scope;  // portfolio, or the account's sender id
  std::string value;  // phones: canonical digits (core/phone_spelling.h)
  std::string shown;  // as the channel spells it; never empty
  WallTime valid_from{};
  std::optional<WallTime> valid_to = {};  // former addresses only
};

struct Person {
  PersonId id;
  std::string portfolio;
  std::string name, given_name, username;
  std::string profile;  // JSON of the last profile call; "{}" if none
  WallTime profile_at{}, profile_until{};
  std::string profile_error, profile_picture;
  PersonId merged_into;
  WallTime created_at{}, updated_at{};
  // What people are shown: given name, name, username, else the best address.
  std::string display_name(const std::vector<PersonAddress>& addresses) const;
};

// Where an address is unique: the account's portfolio (its business id when none is set), or its sender id.
std::string portfolio_of(const Account& account);
std::string scope_of(channels::AddressKind kind, const Account& account);

struct ResolvedPerson {
  PersonId id;
  bool created = false;
  bool changed = false;               // name, username or addresses
  std::vector<PersonId> merged = {};  // turned out to be the same person, and were merged into `id`
  bool moved = false;      // an address was taken from somebody, let go or added to one who was known
  bool holds_all = false;  // the addresses are the person's now; not those an event tells of too late
};

namespace people {

// The person behind an event: found by any of the addresses, made if there is none. Addresses that are new
// are added; if they belong to different people, those are one and are merged, the older one kept.
// invalid_argument if `party` has no address. A phone number that its user id no longer goes with moves to
// the new user id's person: numbers are given to new owners (the strongest address wins).
//
// `at`: when it happened, if the channel tells. Events come late: one that is older than what is known takes
// no number away from who got it since, and gives nobody back a number that they have left.
Result<ResolvedPerson> resolve(Transaction& tx, const Account& account, const channels::Party& party,
                               WallTime now, WallTime at = {});

// The same without making or changing anything.
Result<std::optional<PersonId>> find(Transaction& tx, const Account& account,
                                     const std::vector<channels::Address>& addresses);

// A user's ids changed: the person with any of `event.previous` gets the new addresses; the old ones become
// former. A change that names its person by a number alone means whoever had the number at `event.at`, by all
// that was heard before; changes of one person may come in any order, as may what they wrote. It must not
// come after a message of the number's next owner, or nothing tells that it had passed on in between. Meta
// names user ids in every change since April 2026.
Result<ResolvedPerson> change_identity(Transaction& tx, const Account& account,
                                       const channels::IdentityEvent& event, WallTime now);

Result<Person> get(Transaction& tx, PersonId id);  // not_found; follows merges
Result<std::vector<PersonAddress>> addresses(Transaction& tx, PersonId id);
Result<std::vector<PersonAddress>> former_addresses(Transaction& tx, PersonId id);
Result<> rename(Transaction& tx, PersonId id, std::string_view given_name, WallTime now);

struct PersonPage {
  std::vector<Person> people;  // newest first
  std::int64_t next = 0;       // pass as `before`; 0 at the end
};
Result<PersonPage> list(Transaction& tx, std::int64_t before, int limit);  // limit 1 to 500
// By the start of a name, username or phone number; at most `limit`.
Result<std::vector<Person>> search(Transaction& tx, std::string_view text, int limit);

// Makes `absorbed` a part of `kept`: addresses, conversations, messages, suppressions by person. Returns the
// id of the merge. conflict when either is merged already, or they are one.
Result<std::int64_t> merge(Transaction& tx, PersonId kept, PersonId absorbed, std::string_view actor,
                           std::string_view reason, WallTime now);
// Puts everything back that still is where the merge put it. not_found, or conflict if it was undone already.
Result<> undo_merge(Transaction& tx, std::int64_t merge_id, WallTime now, std::string_view actor = {});

struct PersonMerge {
  std::int64_t id = 0;
  PersonId absorbed;
  WallTime at{};
  std::string actor, reason;
};
// What was merged into the person and not undone, newest first; limit 1 to 500.
Result<std::vector<PersonMerge>> merges(Transaction& tx, PersonId id, int limit);

// How to address the person on this account: the user id or phone (WhatsApp), the scoped id. Empty: there is
// none.
struct SendAddress {
  std::string phone;    // E.164 digits as the channel spells them
  std::string user_id;  // bsuid or scoped id
};
Result<SendAddress> send_address(Transaction& tx, const Account& account, PersonId id);

}  // namespace people
}  // namespace posthorn
