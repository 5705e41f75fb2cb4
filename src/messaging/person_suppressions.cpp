#include "messaging/person_suppressions.h"

#include <algorithm>
#include <array>

#include "core/phone_spelling.h"
#include "messaging/people_rows.h"
#include "messaging/suppressions.h"

namespace posthorn::person_suppressions {
namespace {

constexpr std::string_view kInsert =
    "INSERT INTO person_suppressions (person_id, business_id, source, detail, created_at) VALUES ($1, $2, "
    "$3, $4, $5) "
    "ON CONFLICT (person_id, business_id) DO NOTHING";

// What people decide themselves; all else names a number, not whoever holds it.
bool is_personal(std::string_view source) {
  return source == "keyword" || source == "user_preferences" || source == "error_131050";
}

// Entries of a number in at most three spellings, of the businesses whose people the person is one of. The
// same number may stand for somebody else in another portfolio.
constexpr std::string_view kOfNumber =
    "SELECT s.phone, s.business_id, s.source, s.detail, s.created_at FROM suppressions s WHERE s.phone IN "
    "($2, $3, $4) AND (s.business_id = '' OR EXISTS (SELECT 1 FROM people p JOIN accounts a ON "
    "a.business_id = s.business_id WHERE p.id = $1 AND p.portfolio = CASE WHEN a.portfolio = '' THEN "
    "a.business_id ELSE a.portfolio END)) ORDER BY s.phone, s.business_id";

// Whether there is anything to do when the person gets the number: for strangers there hardly ever is.
constexpr std::string_view kConcerned =
    "SELECT EXISTS (SELECT 1 FROM person_suppressions WHERE person_id = $1) OR EXISTS (SELECT 1 FROM "
    "suppressions WHERE phone IN ($2, $3, $4))";

// Of every portfolio.
constexpr std::string_view kHolders =
    "SELECT DISTINCT person_id FROM person_addresses WHERE kind = 1 AND value = $1 AND scope IN (SELECT CASE "
    "WHEN portfolio = '' THEN business_id ELSE portfolio END FROM accounts) ORDER BY person_id";

Result<std::vector<PhoneNumber>> numbers_of(Transaction& tx, PersonId person) {
  std::vector<PhoneNumber> all;
  PH_TRY_ASSIGN(
      auto rows,
      tx.query("SELECT DISTINCT value FROM person_addresses WHERE person_id = $1 AND kind = 1", {person}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    std::ranges::copy(suppressions::spellings_of(rows.text(0)), std::back_inserter(all));
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

std::array<std::uint64_t, 3> three_spellings(std::string_view digits) {
  std::array<std::uint64_t, 3> spellings{};
  const auto known = suppressions::spellings_of(digits);
  for (std::size_t i = 0; i < std::min(known.size(), spellings.size()); ++i) spellings[i] = known[i].digits();
  return spellings;
}

Result<bool> concerned(Transaction& tx, PersonId person, std::string_view digits) {
  const auto spellings = three_spellings(digits);
  PH_TRY_ASSIGN(auto rows, tx.query(kConcerned, {person, spellings[0], spellings[1], spellings[2]}));
  PH_TRY(rows.next());
  return rows.integer(0) != 0;
}

Result<std::vector<Suppression>> read_number(Transaction& tx, PersonId person, std::string_view digits) {
  const auto spellings = three_spellings(digits);
  std::vector<Suppression> all;
  PH_TRY_ASSIGN(auto rows, tx.query(kOfNumber, {person, spellings[0], spellings[1], spellings[2]}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    all.push_back({PhoneNumber::from_digits(static_cast<std::uint64_t>(rows.integer(0))),
                   std::string(rows.text(1)), std::string(rows.text(2)), std::string(rows.text(3)),
                   wall_from_micros(rows.integer(4))});
  }
}

PersonSuppression of_person(PersonId person, const Suppression& e) {
  return {person, e.business_id, e.source, e.detail, e.created_at};
}

Suppression of_number(PhoneNumber number, const PersonSuppression& e) {
  return {number, e.business_id, e.source, e.detail, e.created_at};
}

// Times of the last words; the epoch: none.
struct Choice {
  PersonId person;
  std::string business_id;
  WallTime stopped_at{}, started_at{};
};

// The later times stay.
Result<> keep_choice(Transaction& tx, const Choice& c) {
  PH_TRY(
      tx.execute("INSERT INTO marketing_choices (person_id, business_id, stopped_at, started_at) VALUES ($1, "
                 "$2, $3, $4) "
                 "ON CONFLICT (person_id, business_id) DO UPDATE SET "
                 "stopped_at = CASE WHEN excluded.stopped_at > marketing_choices.stopped_at THEN "
                 "excluded.stopped_at ELSE "
                 "marketing_choices.stopped_at END, "
                 "started_at = CASE WHEN excluded.started_at > marketing_choices.started_at THEN "
                 "excluded.started_at ELSE "
                 "marketing_choices.started_at END",
                 {c.person, c.business_id, c.stopped_at, c.started_at}));
  return {};
}

Result<Choice> choice_of(Transaction& tx, PersonId person, std::string_view business_id) {
  Choice out{person, std::string(business_id)};
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT stopped_at, started_at FROM marketing_choices WHERE person_id = $1 "
                         "AND business_id = $2",
                         {person, business_id}));
  PH_TRY_ASSIGN(const bool any, rows.next());
  if (!any) return out;
  out.stopped_at = wall_from_micros(rows.integer(0));
  out.started_at = wall_from_micros(rows.integer(1));
  return out;
}

Result<> unite_choices(Transaction& tx, PersonId kept, PersonId absorbed) {
  std::vector<Choice> theirs;
  {
    PH_TRY_ASSIGN(auto rows,
                  tx.query("SELECT business_id, stopped_at, started_at FROM marketing_choices WHERE "
                           "person_id = $1 ORDER BY business_id",
                           {absorbed}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      theirs.push_back({kept, std::string(rows.text(0)), wall_from_micros(rows.integer(1)),
                        wall_from_micros(rows.integer(2))});
    }
  }
  for (const Choice& choice : theirs) {
    PH_TRY(keep_choice(tx, choice));
  }
  return {};
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

Result<bool> opt_out(Transaction& tx, const PersonSuppression& entry, WallTime said_at) {
  PH_TRY_ASSIGN(const PersonId person, people_rows::follow_merges(tx, entry.person));
  PH_TRY(keep_choice(tx, {person, entry.business_id, said_at, WallTime{}}));
  PH_TRY_ASSIGN(const Choice last, choice_of(tx, person, entry.business_id));
  return last.started_at > said_at ? Result<bool>(false) : add(tx, entry);
}

Result<bool> opt_in(Transaction& tx, PersonId id, std::string_view business_id, WallTime said_at) {
  PH_TRY_ASSIGN(const PersonId person, people_rows::follow_merges(tx, id));
  PH_TRY(keep_choice(tx, {person, std::string(business_id), WallTime{}, said_at}));
  PH_TRY_ASSIGN(const Choice last, choice_of(tx, person, business_id));
  return last.stopped_at > said_at ? Result<bool>(false) : remove(tx, person, business_id);
}

Result<bool> wanted_since(Transaction& tx, PersonId id, std::string_view business_id, WallTime said_at) {
  PH_TRY_ASSIGN(const PersonId person, people_rows::follow_merges(tx, id));
  PH_TRY_ASSIGN(const Choice last, choice_of(tx, person, business_id));
  return last.started_at > said_at;
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

Result<bool> remove_number(Transaction& tx, PhoneNumber phone, std::string_view business_id) {
  bool removed = false;
  PH_TRY_ASSIGN(removed, suppressions::remove(tx, phone, business_id));
  for (const PhoneNumber spelling : suppressions::spellings_of(phone.to_digits())) {
    PH_TRY_ASSIGN(const bool one, suppressions::remove(tx, spelling, business_id));
    removed = removed || one;
  }
  std::vector<PersonId> holders;
  {
    PH_TRY_ASSIGN(auto rows, tx.query(kHolders, {canonical_phone(phone.to_digits())}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      holders.push_back(PersonId{rows.integer(0)});
    }
  }
  for (const PersonId holder : holders) {
    PH_TRY_ASSIGN(const bool one, remove(tx, holder, business_id));
    removed = removed || one;
  }
  return removed;
}

Result<> phone_gained(Transaction& tx, PersonId person, std::string_view digits) {
  PH_TRY_ASSIGN(const bool any, concerned(tx, person, digits));
  if (!any) return {};
  PH_TRY_ASSIGN(const auto of_its_holder, read_number(tx, person, digits));
  for (const Suppression& entry : of_its_holder) {
    if (!is_personal(entry.source)) continue;
    PH_TRY(add(tx, of_person(person, entry)));
  }
  PH_TRY_ASSIGN(const auto own, read(tx, person));
  if (own.empty()) return {};
  for (const PhoneNumber number : suppressions::spellings_of(digits)) {
    for (const PersonSuppression& entry : own) {
      PH_TRY(suppressions::add(tx, of_number(number, entry)));
    }
  }
  return {};
}

Result<> phone_lost(Transaction& tx, PersonId person, std::string_view digits) {
  PH_TRY_ASSIGN(const auto entries, read_number(tx, person, digits));
  if (entries.empty()) return {};
  PH_TRY_ASSIGN(const auto own, read(tx, person));
  PH_TRY_ASSIGN(const auto left, numbers_of(tx, person));
  for (const Suppression& entry : entries) {
    if (!is_personal(entry.source) && !made_by(entry, own)) continue;
    if (std::ranges::find(left, entry.phone) != left.end()) continue;  // of another portfolio, still theirs
    PH_TRY(add(tx, of_person(person, entry)));
    PH_TRY(suppressions::remove(tx, entry.phone, entry.business_id));
  }
  return {};
}

Result<United> unite(Transaction& tx, PersonId kept, PersonId absorbed) {
  United united;
  PH_TRY(unite_choices(tx, kept, absorbed));
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
