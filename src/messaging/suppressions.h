// Who must not receive marketing. SQL only: every function works inside the caller's transaction.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/phone_number.h"
#include "core/time.h"
#include "storage/database.h"

namespace posthorn {

struct Suppression {
  PhoneNumber phone;
  std::string business_id;  // empty: for all businesses
  std::string source;       // 'keyword', 'user_preferences', 'error_131050', 'import', 'operator'
  std::string detail;
  WallTime created_at;
};

struct SuppressionPage {
  std::vector<Suppression> entries;  // by phone, then business
  std::string next;                  // pass as `after`; empty at the end
};

namespace suppressions {

// Every spelling of the number, the canonical one first; those that are no E.164 number are left out.
std::vector<PhoneNumber> spellings_of(std::string_view digits);

// True if it is new; the first source and time stay otherwise.
Result<bool> add(Transaction& tx, const Suppression& entry);
Result<std::int64_t> add_many(Transaction& tx, std::span<const Suppression> entries);  // how many are new
// The same for the number in every spelling (core/phone_spelling.h): lists are matched digit by digit. True
// if the number as given is new.
Result<bool> add_spellings(Transaction& tx, const Suppression& entry);
Result<bool> remove(Transaction& tx, PhoneNumber phone,
                    std::string_view business_id);  // false if there was none
// True for an entry of this business or of all businesses.
Result<bool> contains(Transaction& tx, PhoneNumber phone, std::string_view business_id);
Result<std::optional<Suppression>> find(Transaction& tx, PhoneNumber phone, std::string_view business_id);
// Every entry of the number, of whichever business.
Result<std::vector<Suppression>> find_all(Transaction& tx, PhoneNumber phone);
// Those of `phones` that have an entry of this business or of all; ascending. For many numbers at once.
Result<std::vector<std::uint64_t>> among(Transaction& tx, std::span<const std::uint64_t> phones,
                                         std::string_view business_id);
// Every suppressed number of the business (and of all), ascending and without repeats, for a merge against a
// list.
Result<std::vector<PhoneNumber>> all_phones(Transaction& tx, std::string_view business_id);
Result<SuppressionPage> list(Transaction& tx, std::string_view after, int limit);  // limit 1 to 10,000
Result<std::int64_t> count(Transaction& tx);

}  // namespace suppressions
}  // namespace posthorn
