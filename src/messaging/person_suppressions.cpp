#include "messaging/person_suppressions.h"

#include <algorithm>
#include <charconv>

#include "core/phone_spelling.h"
#include "messaging/people_rows.h"
#include "messaging/suppressions.h"

namespace posthorn::person_suppressions {
namespace {

constexpr std::size_t kMaxDigits = 15;  // E.164
constexpr std::string_view kInsert =
    "INSERT INTO person_suppressions (person_id, business_id, source, detail, created_at) VALUES ($1, $2, "
    "$3, $4, $5) "
    "ON CONFLICT (person_id, business_id) DO NOTHING";

// What people decide themselves; all else names a number, not whoever holds it.
bool is_personal(std::string_view source) {
  return source == "keyword" || source == "user_preferences" || source == "error_131050";
}

// Every spelling of a number, as the list of numbers has them.
std::vector<PhoneNumber> numbers(std::string_view digits) {
  std::vector<PhoneNumber> all;
  for (const std::string& spelling : phone_spellings(digits)) {
    std::uint64_t number = 0;
    const char* const end = spelling.data() + spelling.size();
    const bool whole = std::from_chars(spelling.data(), end, number).ptr == end;
    if (whole && number != 0 && spelling.size() <= kMaxDigits)
      all.push_back(PhoneNumber::from_digits(number));
  }
  return all;
}

Result<std::vector<PhoneNumber>> numbers_of(Transaction& tx, PersonId person) {
  std::vector<PhoneNumber> all;
  PH_TRY_ASSIGN(
      auto rows,
      tx.query("SELECT DISTINCT value FROM person_addresses WHERE person_id = $1 AND kind = 1", {person}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    std::ranges::copy(numbers(rows.text(0)), std::back_inserter(all));
  }
}

Result<std::vector<PersonSuppression>> read(Transaction& tx, PersonId person) {
  std::vector<PersonSuppression> all;
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT person_id, business_id, source, detail, created_at FROM person_suppressions "
                         "WHERE person_id = $1 ORDER BY business_id",
                         {person}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    all.push_back({PersonId{rows.integer(0)}, std::string(rows.text(1)), std::string(rows.text(2)),
                   std::string(rows.text(3)), wall_from_micros(rows.integer(4))});
  }
}

Result<bool> insert(Transaction& tx, PersonId person, const PersonSuppression& e) {
  PH_TRY_ASSIGN(const auto added,
                tx.execute(kInsert, {person, e.business_id, e.source, e.detail, e.created_at}));
  return added == 1;
}

Suppression of_number(PhoneNumber number, const PersonSuppression& e) {
  return {number, e.business_id, e.source, e.detail, e.created_at};
}

bool made_by(const Suppression& entry, const std::vector<PersonSuppression>& own) {
  return std::ranges::any_of(own, [&](const PersonSuppression& e) {
    return e.business_id == entry.business_id && e.source == entry.source && e.created_at == entry.created_at;
  });
}

}  // namespace

Result<bool> add(Transaction& tx, const PersonSuppression& entry) {
  if (entry.source.empty()) return fail(ErrorCode::invalid_argument, "The opt-out has no source.", "source");
  PH_TRY_ASSIGN(const PersonId person, people_rows::follow_merges(tx, entry.person));
  PH_TRY_ASSIGN(const bool added, insert(tx, person, entry));
  PH_TRY_ASSIGN(const auto phones, numbers_of(tx, person));
  for (const PhoneNumber number : phones) {
    PH_TRY(suppressions::add(tx, of_number(number, entry)));
  }
  return added;
}

Result<bool> remove(Transaction& tx, PersonId id, std::string_view business_id) {
  PH_TRY_ASSIGN(const PersonId person, people_rows::follow_merges(tx, id));
  PH_TRY_ASSIGN(const auto gone,
                tx.execute("DELETE FROM person_suppressions WHERE person_id = $1 AND business_id = $2",
                           {person, business_id}));
  bool removed = gone > 0;
  PH_TRY_ASSIGN(const auto phones, numbers_of(tx, person));
  for (const PhoneNumber number : phones) {
    PH_TRY_ASSIGN(const bool one, suppressions::remove(tx, number, business_id));
    removed = removed || one;
  }
  return removed;
}

Result<bool> contains(Transaction& tx, PersonId id, std::string_view business_id) {
  PH_TRY_ASSIGN(const PersonId person, people_rows::follow_merges(tx, id));
  {
    PH_TRY_ASSIGN(
        auto rows,
        tx.query("SELECT 1 FROM person_suppressions WHERE person_id = $1 AND business_id IN ('', $2)",
                 {person, business_id}));
    PH_TRY_ASSIGN(const bool own, rows.next());
    if (own) return true;
  }
  PH_TRY_ASSIGN(const auto phones, numbers_of(tx, person));
  for (const PhoneNumber number : phones) {
    PH_TRY_ASSIGN(const bool found, suppressions::contains(tx, number, business_id));
    if (found) return true;
  }
  return false;
}

Result<std::vector<PersonSuppression>> of(Transaction& tx, PersonId id) {
  PH_TRY_ASSIGN(const PersonId person, people_rows::follow_merges(tx, id));
  return read(tx, person);
}

Result<> phone_gained(Transaction& tx, PersonId person, std::string_view digits) {
  PH_TRY_ASSIGN(const auto own, read(tx, person));
  if (own.empty()) return {};
  for (const PhoneNumber number : numbers(digits)) {
    for (const PersonSuppression& entry : own) {
      PH_TRY(suppressions::add(tx, of_number(number, entry)));
    }
  }
  return {};
}

Result<> phone_lost(Transaction& tx, PersonId person, std::string_view digits) {
  PH_TRY_ASSIGN(const auto own, read(tx, person));
  for (const PhoneNumber number : numbers(digits)) {
    PH_TRY_ASSIGN(const auto entries, suppressions::find_all(tx, number));
    for (const Suppression& entry : entries) {
      if (!is_personal(entry.source) && !made_by(entry, own)) continue;
      PH_TRY(insert(tx, person, {person, entry.business_id, entry.source, entry.detail, entry.created_at}));
      PH_TRY(suppressions::remove(tx, number, entry.business_id));
    }
  }
  return {};
}

Result<United> unite(Transaction& tx, PersonId kept, PersonId absorbed) {
  United united;
  PH_TRY_ASSIGN(const auto theirs, read(tx, absorbed));
  for (const PersonSuppression& entry : theirs) {
    PH_TRY_ASSIGN(const bool fresh, insert(tx, kept, entry));
    if (fresh) united.businesses.push_back(entry.business_id);
  }
  PH_TRY_ASSIGN(const auto own, read(tx, kept));
  if (own.empty()) return united;
  PH_TRY_ASSIGN(const auto phones, numbers_of(tx, kept));
  for (const PhoneNumber number : phones) {
    for (const PersonSuppression& entry : own) {
      PH_TRY_ASSIGN(const bool fresh, suppressions::add(tx, of_number(number, entry)));
      if (fresh) united.phones.emplace_back(number.digits(), entry.business_id);
    }
  }
  return united;
}

Result<> separate(Transaction& tx, PersonId kept, const United& united) {
  for (const std::string& business : united.businesses) {
    PH_TRY(tx.execute("DELETE FROM person_suppressions WHERE person_id = $1 AND business_id = $2",
                      {kept, business}));
  }
  for (const auto& [number, business] : united.phones) {
    PH_TRY(suppressions::remove(tx, PhoneNumber::from_digits(number), business));
  }
  return {};
}

}  // namespace posthorn::person_suppressions
