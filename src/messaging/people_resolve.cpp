// From the addresses of an event to a person. The hot path: one indexed read when nothing is new.
#include <algorithm>
#include <span>

#include "messaging/people.h"
#include "messaging/people_claims.h"
#include "messaging/people_rows.h"

namespace posthorn {

std::string portfolio_of(const Account& account) {
  return account.portfolio.empty() ? account.business_id : account.portfolio;
}

std::string scope_of(channels::AddressKind kind, const Account& account) {
  return people_rows::is_scoped(kind) ? account.sender_id : portfolio_of(account);
}

namespace people {
namespace {

using channels::AddressKind;
using people_claims::Claimant;
using people_claims::When;
using people_rows::Known;
using people_rows::Row;

// What an event is about when its strongest address is known, or a weaker one whose holder may have the
// stronger too.
struct Owner {
  std::optional<Known> person;
  std::vector<bool> free = {};  // of those wanted: nobody holds it; only as far as was looked
  PersonId former;              // holds the user id no longer: the event is older than what we know
};

bool may_be(const Known& holder, std::span<const Row> stronger) {
  return std::ranges::none_of(stronger, [&](const Row& s) { return holder.holds_kind(s.kind, s.scope); });
}

// Whose the strongest address was, which nobody holds now: a user id is never given to anybody else, a number
// may be.
Result<std::optional<people_rows::FormerHolder>> former_owner(Transaction& tx, const Row& address,
                                                              WallTime at) {
  if (people_rows::is_user_id(address.kind)) return people_rows::former_holder(tx, address);
  const bool may_be_late = address.kind == AddressKind::phone && at > WallTime();
  if (!may_be_late) return std::nullopt;
  return people_rows::former_holder_until(tx, address, at);
}

Result<Owner> find_owner(Transaction& tx, const std::vector<Row>& wanted, WallTime at) {
  Owner owner;
  PH_TRY_ASSIGN(owner.person, people_rows::holder(tx, wanted.front()));
  if (owner.person) return owner;
  owner.free.push_back(true);
  PH_TRY_ASSIGN(const auto former, former_owner(tx, wanted.front(), at));
  if (former) {
    owner.former = former->id;
    return owner;
  }
  for (std::size_t i = 1; i < wanted.size(); ++i) {
    PH_TRY_ASSIGN(auto holder, people_rows::holder(tx, wanted[i]));
    owner.free.push_back(!holder);
    if (!holder || !may_be(*holder, std::span(wanted).first(i))) continue;
    owner.person = std::move(holder);
    return owner;
  }
  return owner;
}

bool holds_all(const Known& person, const std::vector<Row>& wanted) {
  return std::ranges::all_of(wanted, [&](const Row& w) {
    const Row* held = person.find(w);
    return held != nullptr && held->shown == w.shown;
  });
}

Result<> claim_all(Claimant& claimant, const std::vector<Row>& wanted) {
  for (const Row& address : wanted) {
    PH_TRY(claimant.claim(address, When::by_strength));
    const bool goes_with_user_id = address.kind != wanted.front().kind;
    if (goes_with_user_id) {
      PH_TRY(claimant.let_go_others(address, "replaced"));
    }
  }
  return {};
}

Result<ResolvedPerson> make(Transaction& tx, const Account& account, const channels::Party& party,
                            const std::vector<Row>& wanted, const std::vector<bool>& free, WallTime now,
                            WallTime at) {
  Known fresh;
  PH_TRY_ASSIGN(fresh.id, people_rows::create(tx, portfolio_of(account), party, now));
  Claimant claimant(tx, std::move(fresh), now, at);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    PH_TRY(free[i] ? claimant.take(wanted[i]) : claimant.claim(wanted[i], When::by_strength));
  }
  const bool moved = std::ranges::find(free, false) != free.end();
  return ResolvedPerson{claimant.person().id, true,  true,
                        claimant.merged(),    moved, holds_all(claimant.person(), wanted)};
}

Result<ResolvedPerson> update(Transaction& tx, Known person, const channels::Party& party,
                              const std::vector<Row>& wanted, WallTime now, WallTime at) {
  Claimant claimant(tx, std::move(person), now, at);
  if (!holds_all(claimant.person(), wanted)) {
    PH_TRY(claim_all(claimant, wanted));
  }
  PH_TRY_ASSIGN(const bool renamed, people_rows::update_names(tx, claimant.person(), party, now));
  const Known& now_known = claimant.person();
  ResolvedPerson result{now_known.id,
                        false,
                        renamed || claimant.changed(),
                        claimant.merged(),
                        claimant.changed(),
                        holds_all(now_known, wanted)};
  if (result.changed) {
    PH_TRY(people_rows::append_event(tx, now, "person.updated", result.id));
  }
  return result;
}

}  // namespace

Result<ResolvedPerson> resolve(Transaction& tx, const Account& account, const channels::Party& party,
                               WallTime now, WallTime at) {
  const std::vector<Row> wanted = people_rows::rows_of(account, party.addresses);
  if (wanted.empty()) {
    return fail(
        ErrorCode::invalid_argument,
        "The event names nobody: neither a user id nor a phone number in digits. It is kept as it came.",
        "addresses");
  }
  PH_TRY_ASSIGN(Owner owner, find_owner(tx, wanted, at));
  if (owner.former) return ResolvedPerson{owner.former, false, false, {}};
  if (!owner.person) return make(tx, account, party, wanted, owner.free, now, at);
  return update(tx, *std::move(owner.person), party, wanted, now, at);
}

Result<std::optional<PersonId>> find(Transaction& tx, const Account& account,
                                     const std::vector<channels::Address>& addresses) {
  const std::vector<Row> wanted = people_rows::rows_of(account, addresses);
  if (wanted.empty()) return std::nullopt;
  PH_TRY_ASSIGN(const Owner owner, find_owner(tx, wanted, {}));
  if (owner.person) return owner.person->id;
  if (owner.former) return owner.former;
  return std::nullopt;
}

}  // namespace people
}  // namespace posthorn
