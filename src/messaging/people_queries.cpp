// Reading people: one, a page, a search; and how to address them.
#include <algorithm>

#include <fmt/format.h>

#include "core/phone_spelling.h"
#include "messaging/people.h"
#include "messaging/people_names.h"
#include "messaging/people_rows.h"

namespace posthorn {

using channels::AddressKind;

std::string Person::display_name(const std::vector<PersonAddress>& addresses) const {
  for (const std::string* text : {&given_name, &name, &username}) {
    if (!text->empty()) return *text;
  }
  const auto phone = std::ranges::find(addresses, AddressKind::phone, &PersonAddress::kind);
  if (phone != addresses.end()) return "+" + phone->shown;
  return addresses.empty() ? fmt::format("#{}", id.value) : addresses.front().shown;
}

namespace people {
namespace {

constexpr int kMaxPage = 500;
constexpr std::size_t kMaxGivenName = 200;  // bytes
constexpr std::size_t kMinPhoneDigits = 3;  // fewer are no start of a number worth a look
constexpr std::size_t kMinUserId = 4;       // "DE.1"

#define PH_SELECT_PERSON                                                                                  \
  "SELECT id, portfolio, name, given_name, username, profile, profile_at, profile_until, profile_error, " \
  "profile_picture, merged_into, created_at, updated_at FROM people "
constexpr std::string_view kById = PH_SELECT_PERSON "WHERE id = $1";
constexpr std::string_view kPage =
    PH_SELECT_PERSON "WHERE id < $1 AND merged_into = 0 ORDER BY id DESC LIMIT $2";
#undef PH_SELECT_PERSON
constexpr std::string_view kAddresses =
    "SELECT kind, scope, value, shown, valid_from, 0 FROM person_addresses WHERE person_id = $1 "
    "ORDER BY CASE kind WHEN 1 THEN 1 WHEN 3 THEN 2 ELSE 0 END, valid_from DESC, scope, value";
constexpr std::string_view kFormerAddresses =
    "SELECT kind, scope, value, '', valid_from, valid_to FROM person_former_addresses WHERE person_id = $1 "
    "ORDER BY valid_to DESC, kind, scope, value";
constexpr std::string_view kByAddress =
    "SELECT person_id FROM person_addresses WHERE kind = $1 AND scope = $2 AND value >= $3 AND value < $4 "
    "ORDER BY value LIMIT $5";

Person read_person(SqlRows& r) {
  Person p;
  p.id = PersonId{r.integer(0)};
  std::string* const texts[] = {&p.portfolio, &p.name, &p.given_name, &p.username, &p.profile};
  for (int i = 0; i < 5; ++i) *texts[i] = r.text(i + 1);
  p.profile_at = wall_from_micros(r.integer(6));
  p.profile_until = wall_from_micros(r.integer(7));
  p.profile_error = r.text(8);
  p.profile_picture = r.text(9);
  p.merged_into = PersonId{r.integer(10)};
  p.created_at = wall_from_micros(r.integer(11));
  p.updated_at = wall_from_micros(r.integer(12));
  return p;
}

Result<std::vector<PersonAddress>> read_addresses(Result<SqlRows> found, bool former) {
  PH_TRY_ASSIGN(auto rows, std::move(found));
  std::vector<PersonAddress> all;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    PersonAddress& a = all.emplace_back();
    a.kind = static_cast<AddressKind>(rows.integer(0));
    a.scope = rows.text(1);
    a.value = rows.text(2);
    a.shown = rows.text(3).empty() ? a.value : std::string(rows.text(3));
    a.valid_from = wall_from_micros(rows.integer(4));
    if (former) a.valid_to = wall_from_micros(rows.integer(5));
  }
}

Result<> check_limit(int limit) {
  if (limit >= 1 && limit <= kMaxPage) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("'limit' is {}, but must be between 1 and {}.", limit, kMaxPage), "limit");
}

// Where user ids and numbers are unique: one entry a portfolio.
Result<std::vector<std::string>> scopes(Transaction& tx) {
  std::vector<std::string> all;
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT DISTINCT CASE WHEN portfolio = '' THEN business_id ELSE portfolio END "
                         "FROM accounts ORDER BY 1"));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    all.emplace_back(rows.text(0));
  }
}

// The digits of something that looks like a phone number; empty if it does not.
std::string phone_digits(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      digits += c;
    } else if (std::string_view("+-. ()/").find(c) == std::string_view::npos) {
      return {};
    }
  }
  if (digits.starts_with("00")) digits.erase(0, 2);
  return digits.size() < kMinPhoneDigits ? std::string() : digits;
}

class Search {
 public:
  Search(Transaction& tx, int limit) : tx_(tx), limit_(static_cast<std::size_t>(limit)) {}

  Result<> by_address(AddressKind kind, const std::vector<std::string>& prefixes) {
    PH_TRY_ASSIGN(const auto all, scopes(tx_));
    for (const std::string& scope : all) {
      for (const std::string& prefix : prefixes) {
        PH_TRY(in_scope(kind, scope, prefix));
      }
    }
    return {};
  }

  Result<> by_name(std::string_view text) {
    PH_TRY_ASSIGN(const auto ids,
                  people_names::find(tx_, people_names::words(text), static_cast<int>(limit_)));
    for (const PersonId id : ids) {
      PH_TRY(add(id));
    }
    return {};
  }

  std::vector<Person> take() { return std::move(found_); }

 private:
  Result<> in_scope(AddressKind kind, const std::string& scope, const std::string& prefix) {
    std::vector<PersonId> ids;
    const std::string end = people_names::end_of_prefix(prefix);
    PH_TRY_ASSIGN(auto rows, tx_.query(kByAddress, {static_cast<int>(kind), scope, prefix, end, limit_}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      ids.push_back(PersonId{rows.integer(0)});
    }
    for (const PersonId id : ids) {
      PH_TRY(add(id));
    }
    return {};
  }

  Result<> add(PersonId id) {
    if (found_.size() >= limit_ || std::ranges::find(found_, id, &Person::id) != found_.end()) return {};
    PH_TRY_ASSIGN(Person person, get(tx_, id));
    found_.push_back(std::move(person));
    return {};
  }

  Transaction& tx_;
  std::size_t limit_;
  std::vector<Person> found_;
};

bool looks_like_user_id(std::string_view text) {
  const auto letter = [](char c) { return c >= 'A' && c <= 'Z'; };
  return text.size() >= kMinUserId && letter(text[0]) && letter(text[1]) && text[2] == '.';
}

// The newest address of a kind, as the channel spells it.
std::string newest(const std::vector<PersonAddress>& all, AddressKind kind, const Account& account) {
  const std::string scope = scope_of(kind, account);
  const auto found =
      std::ranges::find_if(all, [&](const PersonAddress& a) { return a.kind == kind && a.scope == scope; });
  return found == all.end() ? std::string() : found->shown;
}

}  // namespace

Result<Person> get(Transaction& tx, PersonId id) {
  PH_TRY_ASSIGN(const PersonId own, people_rows::follow_merges(tx, id));
  PH_TRY_ASSIGN(auto rows, tx.query(kById, {own}));
  PH_TRY(rows.next());
  return read_person(rows);
}

Result<std::vector<PersonAddress>> addresses(Transaction& tx, PersonId id) {
  PH_TRY_ASSIGN(const PersonId own, people_rows::follow_merges(tx, id));
  return read_addresses(tx.query(kAddresses, {own}), false);
}

Result<std::vector<PersonAddress>> former_addresses(Transaction& tx, PersonId id) {
  PH_TRY_ASSIGN(const PersonId own, people_rows::follow_merges(tx, id));
  return read_addresses(tx.query(kFormerAddresses, {own}), true);
}

Result<> rename(Transaction& tx, PersonId id, std::string_view given_name, WallTime now) {
  if (given_name.size() > kMaxGivenName) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("The name has {} bytes; give one of at most {}.", given_name.size(), kMaxGivenName),
        "name");
  }
  PH_TRY_ASSIGN(const PersonId own, people_rows::follow_merges(tx, id));
  PH_TRY_ASSIGN(
      const auto changed,
      tx.execute("UPDATE people SET given_name = $2, updated_at = $3 WHERE id = $1 AND given_name <> $2",
                 {own, given_name, now}));
  if (changed == 0) return {};
  PH_TRY(people_rows::index_names(tx, own));
  return people_rows::append_event(tx, now, "person.updated", own);
}

Result<PersonPage> list(Transaction& tx, std::int64_t before, int limit) {
  PH_TRY(check_limit(limit));
  PH_TRY_ASSIGN(auto rows, tx.query(kPage, {before == 0 ? INT64_MAX : before, limit + 1}));
  PersonPage page;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return page;
    if (page.people.size() == static_cast<std::size_t>(limit)) break;
    page.people.push_back(read_person(rows));
  }
  page.next = page.people.back().id.value;
  return page;
}

Result<std::vector<Person>> search(Transaction& tx, std::string_view text, int limit) {
  PH_TRY(check_limit(limit));
  Search search(tx, limit);
  const std::string digits = phone_digits(text);
  if (!digits.empty()) {
    PH_TRY(search.by_address(AddressKind::phone, canonical_phone_prefixes(digits)));
  }
  if (looks_like_user_id(text)) {
    PH_TRY(search.by_address(AddressKind::bsuid, {std::string(text)}));
    PH_TRY(search.by_address(AddressKind::parent_bsuid, {std::string(text)}));
  }
  PH_TRY(search.by_name(text));
  return search.take();
}

Result<std::vector<PersonMerge>> merges(Transaction& tx, PersonId id, int limit) {
  PH_TRY(check_limit(limit));
  PH_TRY_ASSIGN(const PersonId own, people_rows::follow_merges(tx, id));
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT id, absorbed, at, actor, reason FROM person_merges WHERE kept = $1 AND "
                         "undone_at IS NULL ORDER BY id DESC LIMIT $2",
                         {own, limit}));
  std::vector<PersonMerge> all;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    all.push_back({rows.integer(0), PersonId{rows.integer(1)}, wall_from_micros(rows.integer(2)),
                   std::string(rows.text(3)), std::string(rows.text(4))});
  }
}

Result<SendAddress> send_address(Transaction& tx, const Account& account, PersonId id) {
  PH_TRY_ASSIGN(const auto all, addresses(tx, id));
  SendAddress to;
  if (account.channel == "instagram") {
    to.user_id = newest(all, AddressKind::instagram_scoped, account);
  } else if (account.channel == "messenger") {
    to.user_id = newest(all, AddressKind::page_scoped, account);
  } else {
    to.phone = newest(all, AddressKind::phone, account);
    to.user_id = newest(all, AddressKind::bsuid, account);
    if (to.user_id.empty()) to.user_id = newest(all, AddressKind::parent_bsuid, account);
  }
  return to;
}

}  // namespace people
}  // namespace posthorn
