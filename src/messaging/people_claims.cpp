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
  const Row* const newer = newer_number(address);
  if (!other) return newer == nullptr ? take(address) : had(address, newer->valid_from);
  bool another = when == When::another_person;
  if (when == When::by_strength) {
    PH_TRY_ASSIGN(another, is_another(*other, address));
  }
  if (newer != nullptr) {
    const WallTime theirs = other->find(address)->valid_from;
    if (another || theirs > at_) return had(address, std::min(theirs, newer->valid_from));
    PH_TRY(become_one_with(other->id, "same_address"));
    return let_go(address, "replaced", at_);
  }
  if (another) return take_from(*other, address);
  return become_one_with(other->id, "same_address");
}

Result<> Claimant::let_go_others(const Row& address, std::string_view reason) {
  if (user_ids(person_, address.scope) > 1) return {};
  const std::vector<Row> all = person_.addresses;
  for (const Row& a : all) {
    if (a.kind != address.kind || a.scope != address.scope || a.value == address.value) continue;
    if (a.valid_from > at_) continue;  // newer than what we hear of
    PH_TRY(let_go(a, reason, at_));
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
  PH_TRY(people_rows::give(tx_, person_.id, address, at_));
  person_.addresses.push_back(address);
  person_.addresses.back().valid_from = at_;
  changed_ = true;
  return {};
}

Result<> Claimant::take_from(const Known& other, const Row& address) {
  const Row held = *other.find(address);
  if (held.valid_from > at_) return had(address, held.valid_from);
  PH_TRY(people_rows::retire(tx_, other.id, held, "new_owner", at_));
  PH_TRY(people_rows::append_event(tx_, now_, "person.identity_changed", other.id, "new_owner"));
  return take(address);
}

// The number that the person has had since, of one that we hear of late.
const Row* Claimant::newer_number(const Row& address) const {
  if (address.kind != AddressKind::phone || user_ids(person_, address.scope) > 1) return nullptr;
  const auto newer = std::ranges::find_if(person_.addresses, [&](const Row& a) {
    return a.kind == address.kind && a.scope == address.scope && a.valid_from > at_;
  });
  return newer == person_.addresses.end() ? nullptr : &*newer;
}

// Heard of too late: it tells whose the number was between others.
Result<> Claimant::had(const Row& address, WallTime until) {
  if (until <= at_) return {};
  PH_TRY_ASSIGN(const auto known, people_rows::former_holder_at(tx_, address, at_));
  if (known && known->id == person_.id) return {};
  Row then = address;
  then.valid_from = at_;
  changed_ = true;
  return people_rows::note_former(tx_, person_.id, then, "new_owner", until);
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
