#include "messaging/people_claims.h"

#include <algorithm>

#include "messaging/people.h"

namespace posthorn::people_claims {

using channels::AddressKind;
using people_rows::Known;
using people_rows::Row;

namespace {

std::ptrdiff_t user_ids(const Known& person, std::string_view scope) {
  return std::ranges::count_if(
      person.addresses, [&](const Row& a) { return a.kind == AddressKind::bsuid && a.scope == scope; });
}

}  // namespace

Result<> Claimant::claim(const Row& address, When when) {
  if (const Row* held = person_.find(address)) return respell(*held, address);
  PH_TRY_ASSIGN(const auto other, people_rows::holder(tx_, address));
  if (!other) return take(address);
  bool another = when == When::another_person;
  if (when == When::by_strength) {
    PH_TRY_ASSIGN(another, is_another(*other, address));
  }
  if (another) return take_from(*other, address);
  return become_one_with(other->id, "same_address");
}

Result<> Claimant::let_go_others(const Row& address, std::string_view reason) {
  if (user_ids(person_, address.scope) > 1) return {};
  const std::vector<Row> all = person_.addresses;
  for (const Row& a : all) {
    if (a.kind != address.kind || a.scope != address.scope || a.value == address.value) continue;
    PH_TRY(let_go(a, reason, now_));
  }
  return {};
}

Result<> Claimant::let_go(const Row& address, std::string_view reason, WallTime until) {
  const auto at =
      std::ranges::find_if(person_.addresses, [&](const Row& a) { return a.same_address(address); });
  if (at == person_.addresses.end()) return {};
  const Row held = *at;
  person_.addresses.erase(at);
  changed_ = true;
  return people_rows::retire(tx_, person_.id, held, reason, std::max(until, held.valid_from));
}

Result<> Claimant::become_one_with(PersonId other, std::string_view reason) {
  PH_TRY_ASSIGN(const bool apart, people_rows::kept_apart(tx_, person_.id, other));
  if (apart) return {};
  const PersonId kept = std::min(person_.id, other);
  const PersonId absorbed = std::max(person_.id, other);
  PH_TRY(people::merge(tx_, kept, absorbed, "channel", reason, now_));
  PH_TRY_ASSIGN(person_, people_rows::known(tx_, kept));
  merged_.push_back(absorbed);
  changed_ = true;
  return {};
}

Result<> Claimant::take(const Row& address) {
  PH_TRY(people_rows::give(tx_, person_.id, address, now_));
  person_.addresses.push_back(address);
  person_.addresses.back().valid_from = now_;
  changed_ = true;
  return {};
}

Result<> Claimant::take_from(const Known& other, const Row& address) {
  const Row held = *other.find(address);
  PH_TRY(people_rows::retire(tx_, other.id, held, "new_owner", now_));
  PH_TRY(people_rows::append_event(tx_, now_, "person.identity_changed", other.id, "new_owner"));
  return take(address);
}

// Two people are different when both have an address of a stronger kind: a user has one user id in a
// portfolio, and one scoped id at an account.
Result<bool> Claimant::is_another(const Known& other, const Row& address) const {
  const bool both = std::ranges::any_of(other.addresses, [&](const Row& a) {
    return people_rows::is_user_id(a.kind) && !a.same_address(address) && person_.holds_kind(a.kind, a.scope);
  });
  if (both) return true;
  return people_rows::kept_apart(tx_, person_.id, other.id);
}

// The number is the same, the channel writes it in another way than before.
Result<> Claimant::respell(const Row& held, const Row& told) {
  if (held.shown == told.shown) return {};
  PH_TRY(tx_.execute("UPDATE person_addresses SET shown = $4 WHERE kind = $1 AND scope = $2 AND value = $3",
                     {static_cast<int>(told.kind), told.scope, told.value, told.shown}));
  return {};
}

}  // namespace posthorn::people_claims
