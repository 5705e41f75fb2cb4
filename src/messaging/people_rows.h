// What the files that implement people.h share: addresses as rows, their coming and going. SQL only.
#pragma once
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

namespace posthorn::people_rows {

// An address in the form in which it is stored.
struct Row {
  channels::AddressKind kind = channels::AddressKind::phone;
  std::string scope, value;
  std::string shown;  // empty: as `value`
  WallTime valid_from{};
  bool same_address(const Row& other) const {
    return kind == other.kind && value == other.value && scope == other.scope;
  }
};

struct Known {
  PersonId id;
  std::string name, username, identity_hash;
  std::vector<Row> addresses;

  const Row* find(const Row& address) const;
  bool holds_kind(channels::AddressKind kind, std::string_view scope) const;
};

// A user id names a person for ever; a phone number only as long as nobody else has it.
bool is_user_id(channels::AddressKind kind);
bool is_scoped(channels::AddressKind kind);  // to one account
int strength(channels::AddressKind kind);    // higher is stronger

// The addresses of an event, strongest first, one of each kind, without those that the account's channel does
// not have and those that make no sense (phones that are not digits, user ids that are).
std::vector<Row> rows_of(const Account& account, const std::vector<channels::Address>& addresses);

Result<std::optional<Known>> holder(Transaction& tx, const Row& address);
Result<Known> known(Transaction& tx, PersonId id);  // not_found
Result<PersonId> follow_merges(Transaction& tx, PersonId id);

struct FormerHolder {
  PersonId id;
  WallTime valid_from{}, valid_to{};
};
// Who held the address last, of those who hold it no longer.
Result<std::optional<FormerHolder>> former_holder(Transaction& tx, const Row& address);
// Who of them held it then; when it changed hands, who got it.
Result<std::optional<FormerHolder>> former_holder_at(Transaction& tx, const Row& address, WallTime at);
// Who was the first to give it up then or later: they may have had it since before we heard of it.
Result<std::optional<FormerHolder>> former_holder_until(Transaction& tx, const Row& address, WallTime at);

Result<PersonId> create(Transaction& tx, std::string_view portfolio, const channels::Party& party,
                        WallTime now);
Result<> give(Transaction& tx, PersonId person, const Row& address, WallTime now);
Result<> retire(Transaction& tx, PersonId person, const Row& address, std::string_view reason, WallTime now);
// A former address that we learn of only now; since when they had it may be unknown.
Result<> note_former(Transaction& tx, PersonId person, const Row& address, std::string_view reason,
                     WallTime until);

// Names and hash as the channel tells them now; true if something changed.
Result<bool> update_names(Transaction& tx, const Known& person, const channels::Party& party, WallTime now);

// Writes the words for search anew.
Result<> index_names(Transaction& tx, PersonId person);

Result<> append_event(Transaction& tx, WallTime now, std::string_view kind, PersonId person,
                      std::string_view reason = {});

// True if somebody undid a merge of these two.
Result<bool> kept_apart(Transaction& tx, PersonId a, PersonId b);

}  // namespace posthorn::people_rows
