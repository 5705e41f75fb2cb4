// What the channel tells about a change of somebody's addresses. Such events come late, twice and in the
// wrong order: the former addresses tell what is known already.
#include <algorithm>

#include "messaging/people.h"
#include "messaging/people_claims.h"
#include "messaging/people_rows.h"

namespace posthorn::people {
namespace {

using channels::AddressKind;
using people_claims::Claimant;
using people_claims::When;
using people_rows::Known;
using people_rows::Row;

constexpr AddressKind kWhatsAppKinds[] = {AddressKind::bsuid, AddressKind::parent_bsuid, AddressKind::phone};

bool has_kind(const std::vector<Row>& rows, AddressKind kind) {
  return std::ranges::any_of(rows, [&](const Row& r) { return r.kind == kind; });
}

bool contains(const std::vector<Row>& rows, const Row& address) {
  return std::ranges::any_of(rows, [&](const Row& r) { return r.same_address(address); });
}

class IdentityChange {
 public:
  IdentityChange(Transaction& tx, const Account& account, const channels::IdentityEvent& event, WallTime now)
      : tx_(tx),
        account_(account),
        event_(event),
        now_(now),
        previous_(people_rows::rows_of(account, event.previous)),
        next_(people_rows::rows_of(account, event.person.addresses)) {}

  Result<ResolvedPerson> run() {
    if (next_.empty()) {
      return fail(ErrorCode::invalid_argument,
                  "The change of identity names no new address. It is kept as it came.", "addresses");
    }
    if (previous_.empty()) return same_addresses();
    PH_TRY(find_old());
    if (!old_) return first_sight();
    PH_TRY_ASSIGN(Known old, people_rows::known(tx_, *old_));
    Claimant claimant(tx_, std::move(old), now_, event_.at);
    PH_TRY(apply(claimant));
    PH_TRY_ASSIGN(const bool noted, note_previous(claimant.person().id));
    return finish(claimant, noted);
  }

 private:
  // customer_identity_changed: a new device or installation, told by the hash alone.
  Result<ResolvedPerson> same_addresses() {
    PH_TRY_ASSIGN(const auto before, people_rows::holder(tx_, next_.front()));
    PH_TRY_ASSIGN(ResolvedPerson result, resolve(tx_, account_, event_.person, now_, event_.at));
    const std::string& hash = event_.person.identity_hash;
    if (before && !hash.empty() && before->identity_hash != hash) {
      PH_TRY(people_rows::append_event(tx_, now_, "person.identity_changed", result.id, event_.reason));
    }
    return result;
  }

  // Nobody known had the previous addresses. They are noted, for messages that are still on their way.
  Result<ResolvedPerson> first_sight() {
    PH_TRY_ASSIGN(ResolvedPerson result, resolve(tx_, account_, event_.person, now_, event_.at));
    PH_TRY_ASSIGN(const bool noted, note_previous(result.id));
    if (noted && !result.created) {
      result.changed = true;
      PH_TRY(people_rows::append_event(tx_, now_, "person.identity_changed", result.id, event_.reason));
    }
    return result;
  }

  Result<> find_old() {
    for (const Row& address : previous_) {
      if (!people_rows::is_user_id(address.kind)) continue;
      PH_TRY_ASSIGN(const auto holder, people_rows::holder(tx_, address));
      if (holder) return found(holder->id, true);
      PH_TRY_ASSIGN(const auto former, people_rows::former_holder(tx_, address));
      if (former) return found(former->id, false);
    }
    const auto phone = std::ranges::find(previous_, AddressKind::phone, &Row::kind);
    return phone == previous_.end() ? Result<>() : find_by_phone(*phone);
  }

  Result<> found(PersonId id, bool current) {
    old_ = id;
    old_is_current_ = current;
    return {};
  }

  // Whose number was it when the event happened? It may have a new owner by now.
  Result<> find_by_phone(const Row& phone) {
    PH_TRY_ASSIGN(const auto holder, people_rows::holder(tx_, phone));
    if (holder && holder->find(phone)->valid_from <= ended()) {
      return is_somebody_else(*holder, phone) ? Result<>() : found(holder->id, true);
    }
    PH_TRY_ASSIGN(const auto former, people_rows::former_holder_at(tx_, phone, ended()));
    return former ? find_by_former_phone(former->id, phone) : Result<>();
  }

  Result<> find_by_former_phone(PersonId id, const Row& phone) {
    PH_TRY_ASSIGN(const Known person, people_rows::known(tx_, id));
    return is_somebody_else(person, phone) ? Result<>() : found(id, false);
  }

  // With another user id than the event names, or with one that came to the number only after the change.
  bool is_somebody_else(const Known& holder, const Row& phone) const {
    const bool named = has_kind(previous_, AddressKind::bsuid);
    return std::ranges::any_of(holder.addresses, [&](const Row& a) {
      return a.kind == AddressKind::bsuid && a.scope == phone.scope && (named || a.valid_from > event_.at);
    });
  }

  Result<> apply(Claimant& claimant) {
    // The new address is one that somebody had and has no longer: the event is older than what we know.
    // Unless it comes back to the person who has the previous one now.
    PH_TRY_ASSIGN(const std::optional<PersonId> newer, holder_before());
    const bool stale = newer && !(old_is_current_ && *newer == *old_);
    if (old_is_current_) {
      PH_TRY(absorb_owner_of_number(claimant));
      PH_TRY(let_go_previous(claimant));
    }
    if (stale)
      return *newer == claimant.person().id ? Result<>() : claimant.become_one_with(*newer, event_.reason);
    for (const Row& address : next_) {
      PH_TRY_ASSIGN(const When when, decide(address));
      PH_TRY(claimant.claim(address, when));
    }
    return {};
  }

  Result<std::optional<PersonId>> holder_before() {
    const Row& address = next_.front();
    PH_TRY_ASSIGN(const auto holder, people_rows::holder(tx_, address));
    if (holder) return std::nullopt;
    if (!people_rows::is_user_id(address.kind)) return next_holder(address);
    PH_TRY_ASSIGN(const auto former, people_rows::former_holder(tx_, address));
    if (!former) return std::nullopt;
    return former->id;
  }

  // Whoever was the next that we heard of with the new number, and has left it since.
  Result<std::optional<PersonId>> next_holder(const Row& number) {
    if (event_.at <= WallTime()) return std::nullopt;
    PH_TRY_ASSIGN(const auto former, people_rows::former_holder_until(tx_, number, event_.at));
    if (!former || former->valid_from < event_.at) return std::nullopt;
    return former->id;
  }

  // Somebody known by the previous number alone since before the change is this person.
  Result<> absorb_owner_of_number(Claimant& claimant) {
    const auto phone = std::ranges::find(previous_, AddressKind::phone, &Row::kind);
    if (phone == previous_.end()) return {};
    PH_TRY_ASSIGN(const auto holder, people_rows::holder(tx_, *phone));
    if (!holder || holder->id == claimant.person().id) return {};
    const bool number_only =
        std::ranges::none_of(holder->addresses, [](const Row& a) { return people_rows::is_user_id(a.kind); });
    if (!number_only || holder->find(*phone)->valid_from > event_.at) return {};
    return claimant.become_one_with(holder->id, event_.reason);
  }

  Result<> let_go_previous(Claimant& claimant) {
    for (const Row& address : previous_) {
      if (contains(next_, address)) continue;
      PH_TRY(claimant.let_go(address, event_.reason, ended()));
    }
    for (const AddressKind kind : kWhatsAppKinds) {
      if (!goes_along(kind)) continue;
      std::vector<Row> others;
      std::ranges::copy_if(claimant.person().addresses, std::back_inserter(others), [&](const Row& a) {
        return a.kind == kind && a.scope == scope_of(kind, account_) && !contains(next_, a);
      });
      if (others.size() != 1) continue;
      PH_TRY(claimant.let_go(others.front(), event_.reason, ended()));
    }
    return {};
  }

  WallTime ended() const {
    const bool told = event_.at > WallTime() && event_.at < now_;
    return told ? event_.at : now_;
  }

  // A new number brings new user ids, even if the event does not name the old ones; a new user id alone
  // ("user_changed_user_id") means a new number that is hidden.
  bool goes_along(AddressKind kind) const {
    if (has_kind(previous_, kind)) return false;
    if (event_.reason == "user_changed_number" || event_.reason == "user_changed_user_id") return true;
    return event_.reason == "user_id_update" && kind != AddressKind::phone;
  }

  // The new user id names this person, whoever we took it for. A new number is theirs too; who had it before
  // is the same person only if they were known by the number alone, or were first seen with it after the
  // change.
  Result<When> decide(const Row& address) {
    if (people_rows::is_user_id(address.kind)) return When::same_person;
    if (people_rows::is_user_id(next_.front().kind)) return When::by_strength;
    PH_TRY_ASSIGN(const auto holder, people_rows::holder(tx_, address));
    const bool known_by_user_id = holder && holder->holds_kind(AddressKind::bsuid, address.scope);
    if (known_by_user_id && holder->find(address)->valid_from <= event_.at) return When::another_person;
    return When::same_person;
  }

  // Messages with a previous address may still come: nobody else will ever have the user id, nor had the
  // number before the change.
  Result<bool> note_previous(PersonId person) {
    bool noted = false;
    for (const Row& address : previous_) {
      PH_TRY_ASSIGN(const auto holder, people_rows::holder(tx_, address));
      if (holder) continue;
      const bool user_id = people_rows::is_user_id(address.kind);
      PH_TRY_ASSIGN(const auto former, user_id ? people_rows::former_holder(tx_, address)
                                               : people_rows::former_holder_until(tx_, address, ended()));
      if (former) continue;
      PH_TRY(people_rows::note_former(tx_, person, address, event_.reason, user_id ? now_ : ended()));
      noted = true;
    }
    return noted;
  }

  Result<ResolvedPerson> finish(const Claimant& claimant, bool noted) {
    PH_TRY_ASSIGN(const bool renamed, people_rows::update_names(tx_, claimant.person(), event_.person, now_));
    ResolvedPerson result{claimant.person().id, false, renamed || noted || claimant.changed(),
                          claimant.merged()};
    if (result.changed) {
      PH_TRY(people_rows::append_event(tx_, now_, "person.identity_changed", result.id, event_.reason));
    }
    return result;
  }

  Transaction& tx_;
  const Account& account_;
  const channels::IdentityEvent& event_;
  WallTime now_;
  std::vector<Row> previous_, next_;
  std::optional<PersonId> old_;
  bool old_is_current_ = false;
};

}  // namespace

Result<ResolvedPerson> change_identity(Transaction& tx, const Account& account,
                                       const channels::IdentityEvent& event, WallTime now) {
  return IdentityChange(tx, account, event, now).run();
}

}  // namespace posthorn::people
