#include "messaging/people_rows.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/json_writer.h"
#include "core/phone_spelling.h"
#include "messaging/people.h"
#include "messaging/people_names.h"
#include "messaging/person_suppressions.h"
#include "storage/event_log.h"

namespace posthorn::people_rows {

using channels::AddressKind;

namespace {

constexpr int kLongestChain = 1000;  // of merges into merges: a longer one is a circle, which cannot be

#define PH_SELECT_KNOWN \
  "SELECT p.id, p.name, p.username, p.identity_hash, a.kind, a.scope, a.value, a.shown, a.valid_from FROM "
constexpr std::string_view kHolder = PH_SELECT_KNOWN
    "person_addresses s JOIN people p ON p.id = s.person_id JOIN person_addresses a ON a.person_id = "
    "s.person_id "
    "WHERE s.kind = $1 AND s.scope = $2 AND s.value = $3";
constexpr std::string_view kKnown =
    PH_SELECT_KNOWN "people p LEFT JOIN person_addresses a ON a.person_id = p.id WHERE p.id = $1";
#undef PH_SELECT_KNOWN
constexpr std::string_view kFormerHolder =
    "SELECT person_id, valid_from, valid_to FROM person_former_addresses WHERE kind = $1 AND scope = $2 AND "
    "value = $3 "
    "ORDER BY valid_to DESC, person_id LIMIT 1";
constexpr std::string_view kFormerHolderAt =
    "SELECT person_id, valid_from, valid_to FROM person_former_addresses WHERE kind = $1 AND scope = $2 AND "
    "value = $3 AND valid_from <= $4 AND valid_to >= $4 ORDER BY valid_from DESC, person_id LIMIT 1";
constexpr std::string_view kFormerHolderUntil =
    "SELECT person_id, valid_from, valid_to FROM person_former_addresses WHERE kind = $1 AND scope = $2 AND "
    "value = $3 AND valid_to >= $4 ORDER BY valid_to, person_id LIMIT 1";
constexpr std::string_view kFormer =
    "INSERT INTO person_former_addresses (person_id, kind, scope, value, valid_from, valid_to, reason) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7)";

SqlArg kind_arg(AddressKind kind) {
  return SqlArg(static_cast<int>(kind));
}

Result<std::optional<Known>> read_known(Result<SqlRows> found) {
  PH_TRY_ASSIGN(auto rows, std::move(found));
  std::optional<Known> result;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return result;
    if (!result) {
      result.emplace();
      result->id = PersonId{rows.integer(0)};
      result->name = rows.text(1);
      result->username = rows.text(2);
      result->identity_hash = rows.text(3);
    }
    if (rows.is_null(4)) continue;
    Row& a = result->addresses.emplace_back();
    a.kind = static_cast<AddressKind>(rows.integer(4));
    a.scope = rows.text(5);
    a.value = rows.text(6);
    a.shown = rows.text(7);
    a.valid_from = wall_from_micros(rows.integer(8));
  }
}

bool is_phone(std::string_view value) {
  return !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
}

// Scoped ids belong to Instagram and Messenger, the others to WhatsApp.
bool fits_channel(AddressKind kind, const Account& account) {
  const bool scoped_channel = account.channel == "instagram" || account.channel == "messenger";
  return is_scoped(kind) == scoped_channel;
}

std::optional<Row> row_of(const Account& account, const channels::Address& address) {
  if (address.value.empty() || !fits_channel(address.kind, account)) return std::nullopt;
  Row row{address.kind, scope_of(address.kind, account), address.value, "", {}};
  const bool digits = is_phone(address.value);
  if (address.kind == AddressKind::bsuid && digits)
    return std::nullopt;  // they begin with a country and a dot
  if (address.kind != AddressKind::phone) return row;
  if (!digits) return std::nullopt;
  row.value = canonical_phone(address.value);
  if (row.value != address.value) row.shown = address.value;
  return row;
}

}  // namespace

bool is_user_id(AddressKind kind) {
  return kind != AddressKind::phone;
}

bool is_scoped(AddressKind kind) {
  return kind == AddressKind::instagram_scoped || kind == AddressKind::page_scoped;
}

int strength(AddressKind kind) {
  switch (kind) {
    case AddressKind::phone:
      return 1;
    case AddressKind::parent_bsuid:
      return 2;
    case AddressKind::bsuid:
      return 3;
    case AddressKind::instagram_scoped:
    case AddressKind::page_scoped:
      return 4;
  }
  return 0;
}

const Row* Known::find(const Row& address) const {
  const auto at = std::ranges::find_if(addresses, [&](const Row& a) { return a.same_address(address); });
  return at == addresses.end() ? nullptr : &*at;
}

bool Known::holds_kind(AddressKind kind, std::string_view scope) const {
  return std::ranges::any_of(addresses, [&](const Row& a) { return a.kind == kind && a.scope == scope; });
}

std::vector<Row> rows_of(const Account& account, const std::vector<channels::Address>& addresses) {
  std::vector<Row> rows;
  for (const auto& address : addresses) {
    auto row = row_of(account, address);
    if (!row) continue;
    const auto place =
        std::ranges::find_if(rows, [&](const Row& r) { return strength(r.kind) <= strength(row->kind); });
    const bool told = place != rows.end() && strength(place->kind) == strength(row->kind);
    if (!told) rows.insert(place, *std::move(row));
  }
  if (!rows.empty() && is_scoped(rows.front().kind)) rows.resize(1);
  return rows;
}

Result<std::optional<Known>> holder(Transaction& tx, const Row& a) {
  return read_known(tx.query(kHolder, {kind_arg(a.kind), a.scope, a.value}));
}

Result<Known> known(Transaction& tx, PersonId id) {
  PH_TRY_ASSIGN(auto found, read_known(tx.query(kKnown, {id})));
  if (found) return *std::move(found);
  return fail(ErrorCode::not_found, fmt::format("There is no contact {}.", id.value), "contact_id");
}

Result<PersonId> follow_merges(Transaction& tx, PersonId id) {
  for (int i = 0; i < kLongestChain; ++i) {
    PH_TRY_ASSIGN(auto rows, tx.query("SELECT merged_into FROM people WHERE id = $1", {id}));
    PH_TRY_ASSIGN(const bool any, rows.next());
    if (!any)
      return fail(ErrorCode::not_found, fmt::format("There is no contact {}.", id.value), "contact_id");
    if (rows.integer(0) == 0) return id;
    id = PersonId{rows.integer(0)};
  }
  return fail(ErrorCode::internal, fmt::format("The merges of contact {} go in a circle.", id.value));
}

namespace {

Result<std::optional<FormerHolder>> read_former(Transaction& tx, Result<SqlRows> told) {
  FormerHolder found;
  {
    PH_TRY_ASSIGN(auto rows, std::move(told));
    PH_TRY_ASSIGN(const bool any, rows.next());
    if (!any) return std::nullopt;
    found = {PersonId{rows.integer(0)}, wall_from_micros(rows.integer(1)), wall_from_micros(rows.integer(2))};
  }
  PH_TRY_ASSIGN(found.id, follow_merges(tx, found.id));
  return found;
}

}  // namespace

Result<std::optional<FormerHolder>> former_holder(Transaction& tx, const Row& a) {
  return read_former(tx, tx.query(kFormerHolder, {kind_arg(a.kind), a.scope, a.value}));
}

Result<std::optional<FormerHolder>> former_holder_at(Transaction& tx, const Row& a, WallTime at) {
  return read_former(tx, tx.query(kFormerHolderAt, {kind_arg(a.kind), a.scope, a.value, at}));
}

Result<std::optional<FormerHolder>> former_holder_until(Transaction& tx, const Row& a, WallTime at) {
  return read_former(tx, tx.query(kFormerHolderUntil, {kind_arg(a.kind), a.scope, a.value, at}));
}

Result<PersonId> create(Transaction& tx, std::string_view portfolio, const channels::Party& party,
                        WallTime now) {
  PersonId id;
  {
    PH_TRY_ASSIGN(
        auto rows,
        tx.query("INSERT INTO people (portfolio, name, username, identity_hash, created_at, updated_at) "
                 "VALUES ($1, $2, $3, $4, $5, $5) RETURNING id",
                 {portfolio, party.name, party.username, party.identity_hash, now}));
    PH_TRY(rows.next());
    id = PersonId{rows.integer(0)};
  }
  if (!party.name.empty() || !party.username.empty()) {
    PH_TRY(people_names::add(tx, id, party.name, "", party.username));
  }
  PH_TRY(append_event(tx, now, "person.created", id));
  return id;
}

Result<> give(Transaction& tx, PersonId person, const Row& a, WallTime now) {
  PH_TRY(
      tx.execute("INSERT INTO person_addresses (kind, scope, value, person_id, shown, valid_from) "
                 "VALUES ($1, $2, $3, $4, $5, $6)",
                 {kind_arg(a.kind), a.scope, a.value, person, a.shown, now}));
  if (a.kind != AddressKind::phone) return {};
  return person_suppressions::phone_gained(tx, person, a.value);
}

Result<> retire(Transaction& tx, PersonId person, const Row& a, std::string_view reason, WallTime now) {
  PH_TRY_ASSIGN(
      const auto gone,
      tx.execute(
          "DELETE FROM person_addresses WHERE kind = $1 AND scope = $2 AND value = $3 AND person_id = $4",
          {kind_arg(a.kind), a.scope, a.value, person}));
  if (gone == 0) return {};
  PH_TRY(tx.execute(kFormer, {person, kind_arg(a.kind), a.scope, a.value, a.valid_from, now, reason}));
  if (a.kind != AddressKind::phone) return {};
  return person_suppressions::phone_lost(tx, person, a.value);
}

Result<> note_former(Transaction& tx, PersonId person, const Row& a, std::string_view reason,
                     WallTime until) {
  const WallTime from = a.valid_from > WallTime() ? a.valid_from : until;
  PH_TRY(tx.execute(kFormer, {person, kind_arg(a.kind), a.scope, a.value, from, until, reason}));
  return {};
}

Result<bool> update_names(Transaction& tx, const Known& person, const channels::Party& party, WallTime now) {
  const auto differs = [](const std::string& told, const std::string& have) {
    return !told.empty() && told != have;
  };
  const bool named = differs(party.name, person.name) || differs(party.username, person.username);
  if (!named && !differs(party.identity_hash, person.identity_hash)) return false;
  PH_TRY(tx.execute(
      "UPDATE people SET name = CASE WHEN $2 = '' THEN name ELSE $2 END, "
      "username = CASE WHEN $3 = '' THEN username ELSE $3 END, "
      "identity_hash = CASE WHEN $4 = '' THEN identity_hash ELSE $4 END, updated_at = $5 WHERE id = $1",
      {person.id, party.name, party.username, party.identity_hash, now}));
  if (named) {
    PH_TRY(index_names(tx, person.id));
  }
  return true;
}

Result<> index_names(Transaction& tx, PersonId person) {
  std::string name, given_name, username;
  {
    PH_TRY_ASSIGN(auto rows,
                  tx.query("SELECT name, given_name, username FROM people WHERE id = $1", {person}));
    PH_TRY(rows.next());
    name = rows.text(0);
    given_name = rows.text(1);
    username = rows.text(2);
  }
  return people_names::write(tx, person, name, given_name, username);
}

Result<> append_event(Transaction& tx, WallTime now, std::string_view kind, PersonId person,
                      std::string_view reason) {
  std::string data;
  JsonWriter out(data);
  out.begin_object().member("person_id", person.value);
  if (!reason.empty()) out.member("reason", reason);
  out.end_object();
  PH_TRY(events::append(tx, now, kind, fmt::format("person:{}", person.value), data));
  return {};
}

Result<bool> kept_apart(Transaction& tx, PersonId a, PersonId b) {
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT 1 FROM person_merges WHERE kept IN ($1, $2) AND absorbed IN ($1, $2) "
                         "AND undone_at IS NOT NULL LIMIT 1",
                         {a, b}));
  return rows.next();
}

}  // namespace posthorn::people_rows
