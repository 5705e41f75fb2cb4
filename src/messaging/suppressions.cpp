#include "messaging/suppressions.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "core/phone_spelling.h"

namespace posthorn::suppressions {

namespace {

constexpr int kMaxPage = 10'000;
constexpr std::size_t kMaxDigits = 15;  // E.164
constexpr std::size_t kAtOnce = 64;  // numbers of one look-up; fewer are filled up with 0, which nobody has
constexpr std::string_view kInsert =
    "INSERT INTO suppressions (phone, business_id, source, detail, created_at) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (phone, business_id) DO NOTHING";

std::array<SqlArg, 5> arguments(const Suppression& e) {
  return {SqlArg(e.phone.digits()), SqlArg(e.business_id), SqlArg(e.source), SqlArg(e.detail),
          SqlArg(e.created_at)};
}

Suppression row(SqlRows& r) {
  return {PhoneNumber::from_digits(static_cast<std::uint64_t>(r.integer(0))), std::string(r.text(1)),
          std::string(r.text(2)), std::string(r.text(3)), wall_from_micros(r.integer(4))};
}

// A place in the list: "<phone>/<business>".
Result<std::pair<std::uint64_t, std::string>> parse_place(std::string_view text) {
  if (text.empty()) return std::pair<std::uint64_t, std::string>(0, "");
  const std::size_t slash = text.find('/');
  std::uint64_t phone = 0;
  const char* end = text.data() + (slash == std::string_view::npos ? text.size() : slash);
  const auto parsed = std::from_chars(text.data(), end, phone);
  if (slash == std::string_view::npos || parsed.ptr != end || parsed.ec != std::errc()) {
    return fail(ErrorCode::invalid_argument,
                "'after' is not a place in this list. Pass 'next' of the page before, unchanged.", "after");
  }
  return std::pair(phone, std::string(text.substr(slash + 1)));
}

std::string look_up_many() {
  std::string sql = "SELECT DISTINCT phone FROM suppressions WHERE business_id IN ('', $1) AND phone IN (";
  for (std::size_t i = 0; i < kAtOnce; ++i) sql += fmt::format("{}${}", i == 0 ? "" : ", ", i + 2);
  return sql + ")";
}

}  // namespace

std::vector<PhoneNumber> spellings_of(std::string_view digits) {
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

Result<bool> add(Transaction& tx, const Suppression& entry) {
  PH_TRY_ASSIGN(const auto added, add_many(tx, {&entry, 1}));
  return added == 1;
}

Result<std::int64_t> add_many(Transaction& tx, std::span<const Suppression> entries) {
  const auto bad =
      std::ranges::find_if(entries, [](const Suppression& e) { return !e.phone || e.source.empty(); });
  if (bad != entries.end()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("Entry {} of the suppressions has no phone number or no source.",
                            bad - entries.begin() + 1),
                bad->phone ? "source" : "phone");
  }
  std::array<SqlArg, 5> args;
  auto bind = [&](std::size_t i) -> std::span<const SqlArg> {
    args = arguments(entries[i]);
    return args;
  };
  return tx.execute_many(kInsert, entries.size(), bind);
}

Result<bool> add_spellings(Transaction& tx, const Suppression& entry) {
  PH_TRY_ASSIGN(const bool added, add(tx, entry));
  Suppression other = entry;
  for (const PhoneNumber spelling : spellings_of(entry.phone.to_digits())) {
    other.phone = spelling;
    PH_TRY(add(tx, other));
  }
  return added;
}

Result<bool> remove(Transaction& tx, PhoneNumber phone, std::string_view business_id) {
  PH_TRY_ASSIGN(const auto removed,
                tx.execute("DELETE FROM suppressions WHERE phone = $1 AND business_id = $2",
                           {phone.digits(), business_id}));
  return removed == 1;
}

Result<std::optional<Suppression>> find(Transaction& tx, PhoneNumber phone, std::string_view business_id) {
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT phone, business_id, source, detail, created_at FROM suppressions "
                         "WHERE phone = $1 AND business_id IN ('', $2) ORDER BY business_id DESC LIMIT 1",
                         {phone.digits(), business_id}));
  PH_TRY_ASSIGN(const bool any, rows.next());
  if (!any) return std::nullopt;
  return row(rows);
}

Result<std::vector<Suppression>> find_all(Transaction& tx, PhoneNumber phone) {
  PH_TRY_ASSIGN(auto rows, tx.query("SELECT phone, business_id, source, detail, created_at FROM suppressions "
                                    "WHERE phone = $1 ORDER BY business_id",
                                    {phone.digits()}));
  std::vector<Suppression> found;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return found;
    found.push_back(row(rows));
  }
}

Result<bool> contains(Transaction& tx, PhoneNumber phone, std::string_view business_id) {
  PH_TRY_ASSIGN(const auto found, find(tx, phone, business_id));
  return found.has_value();
}

Result<std::vector<std::uint64_t>> among(Transaction& tx, std::span<const std::uint64_t> phones,
                                         std::string_view business_id) {
  static const std::string sql = look_up_many();
  std::vector<std::uint64_t> found;
  std::array<SqlArg, kAtOnce + 1> args;
  args[0] = SqlArg(business_id);
  for (std::size_t from = 0; from < phones.size(); from += kAtOnce) {
    for (std::size_t i = 0; i < kAtOnce; ++i)
      args[i + 1] = from + i < phones.size() ? SqlArg(phones[from + i]) : SqlArg(0);
    PH_TRY_ASSIGN(auto rows, tx.query(sql, args));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      found.push_back(static_cast<std::uint64_t>(rows.integer(0)));
    }
  }
  std::ranges::sort(found);
  return found;
}

Result<std::vector<PhoneNumber>> all_phones(Transaction& tx, std::string_view business_id) {
  PH_TRY_ASSIGN(
      auto rows,
      tx.query("SELECT DISTINCT phone FROM suppressions WHERE business_id IN ('', $1) ORDER BY phone",
               {business_id}));
  std::vector<PhoneNumber> result;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return result;
    result.push_back(PhoneNumber::from_digits(static_cast<std::uint64_t>(rows.integer(0))));
  }
}

Result<SuppressionPage> list(Transaction& tx, std::string_view after, int limit) {
  if (limit < 1 || limit > kMaxPage) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'limit' is {}, but must be between 1 and {}.", limit, kMaxPage), "limit");
  }
  PH_TRY_ASSIGN(const auto place, parse_place(after));
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT phone, business_id, source, detail, created_at FROM suppressions "
                         "WHERE (phone, business_id) > ($1, $2) ORDER BY phone, business_id LIMIT $3",
                         {place.first, place.second, limit + 1}));
  SuppressionPage page;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return page;
    if (page.entries.size() == static_cast<std::size_t>(limit)) break;
    page.entries.push_back(row(rows));
  }
  page.next = fmt::format("{}/{}", page.entries.back().phone.digits(), page.entries.back().business_id);
  return page;
}

Result<std::int64_t> count(Transaction& tx) {
  PH_TRY_ASSIGN(auto rows, tx.query("SELECT count(*) FROM suppressions"));
  PH_TRY(rows.next());
  return rows.integer(0);
}

}  // namespace posthorn::suppressions
