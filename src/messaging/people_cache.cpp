#include "messaging/people_cache.h"

#include <iterator>

#include <fmt/format.h>

namespace posthorn {
namespace {

Result<std::int64_t> read_generation(Transaction& tx) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT value FROM identity_generation WHERE id = 1"));
  PH_TRY_ASSIGN(const bool there, rows.next());
  if (!there) return fail(ErrorCode::internal, "The table identity_generation is empty.");
  return rows.integer(0);
}

// An event that tells nothing changes nothing.
bool agrees(const std::string& told, const std::string& known) {
  return told.empty() || told == known;
}

void replace(std::string& known, const std::string& told) {
  if (!told.empty()) known = told;
}

}  // namespace

Result<> PeopleCache::begin(Transaction& tx) {
  PH_TRY_ASSIGN(const std::int64_t generation, read_generation(tx));
  if (generation != generation_ || confirmed_.load() != transaction_) forget();
  generation_ = generation;
  ++transaction_;
  return {};
}

Result<std::uint64_t> PeopleCache::end(Transaction& tx) {
  PH_TRY_ASSIGN(const std::int64_t generation, read_generation(tx));
  if (generation != generation_) forget();
  generation_ = generation;
  return transaction_;
}

std::optional<PersonId> PeopleCache::person(AccountId account, const channels::Party& party) {
  make_key(account, party);
  const PersonId* const found = people_.find(key_);
  if (found == nullptr) return std::nullopt;
  const Names* const names = told_.find(*found);
  if (names == nullptr) return std::nullopt;
  const bool same = agrees(party.name, names->name) && agrees(party.username, names->username) &&
                    agrees(party.identity_hash, names->identity_hash);
  return same ? std::optional(*found) : std::nullopt;
}

void PeopleCache::remember(AccountId account, const channels::Party& party, PersonId person) {
  make_key(account, party);
  people_.put(key_, person);
  Names* names = told_.find(person);
  if (names == nullptr) names = &told_.put(person, {});
  replace(names->name, party.name);
  replace(names->username, party.username);
  replace(names->identity_hash, party.identity_hash);
}

std::optional<ConversationId> PeopleCache::conversation(AccountId account, PersonId person) {
  const ConversationId* const found = conversations_.find({account.value, person.value});
  return found == nullptr ? std::nullopt : std::optional(*found);
}

void PeopleCache::remember(AccountId account, PersonId person, ConversationId conversation) {
  conversations_.put({account.value, person.value}, conversation);
}

void PeopleCache::forget() {
  people_.clear();
  told_.clear();
  conversations_.clear();
}

void PeopleCache::make_key(AccountId account, const channels::Party& party) {
  key_.clear();
  fmt::format_to(std::back_inserter(key_), "{}", account.value);
  for (const channels::Address& address : party.addresses) {
    key_.push_back('\0');
    key_.push_back(static_cast<char>(address.kind));
    key_ += address.value;
  }
}

}  // namespace posthorn
