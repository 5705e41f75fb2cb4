#include "messaging/opt_outs.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "core/json_writer.h"
#include "messaging/people.h"
#include "messaging/person_suppressions.h"
#include "messaging/suppressions.h"
#include "storage/event_log.h"

namespace posthorn::opt_outs {
namespace {

constexpr std::uint64_t kLastNumber = 999'999'999'999'999;  // E.164: fifteen digits
constexpr std::string_view kDetail = "refused marketing messages";

Result<std::optional<PersonId>> person_of_number(Transaction& tx, const Account& account, PhoneNumber phone) {
  return people::find(tx, account, {{channels::AddressKind::phone, phone.to_digits()}});
}

Result<std::optional<PersonId>> person_of(Transaction& tx, const Account& account, const Refusal& refusal,
                                          PhoneNumber phone) {
  if (!refusal.send.campaign) {
    PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT c.person_id FROM messages m JOIN conversations c ON c.id = "
                                         "m.conversation_id WHERE m.send_row = $1 AND c.person_id <> 0",
                                         {refusal.send.row_no}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    if (found) return PersonId{rows.integer(0)};
  }
  if (!phone) return std::nullopt;
  return person_of_number(tx, account, phone);
}

}  // namespace

Result<bool> refused(Transaction& tx, const Refusal& refusal) {
  const Result<Account> account = accounts::get(tx, refusal.account);
  if (!account && account.error().code == ErrorCode::not_found) return false;
  if (!account) return std::unexpected(account.error());
  const auto phone = PhoneNumber::from_digits(refusal.phone <= kLastNumber ? refusal.phone : 0);
  const std::string source = fmt::format("error_{}", refusal.code);
  PH_TRY_ASSIGN(const std::optional<PersonId> person, person_of(tx, *account, refusal, phone));
  bool fresh = false;
  const WallTime said_at = refusal.sent_at == WallTime{} ? refusal.at : std::min(refusal.sent_at, refusal.at);
  if (person) {
    PH_TRY_ASSIGN(const bool outdated,
                  person_suppressions::wanted_since(tx, *person, account->business_id, said_at));
    if (outdated) return false;
    const PersonSuppression entry{*person, account->business_id, source, std::string(kDetail), refusal.at};
    PH_TRY_ASSIGN(fresh, person_suppressions::opt_out(tx, entry, said_at));
    if (fresh) {
      PH_TRY(note(tx, *person, account->id, source, true, refusal.at));
    }
  }
  if (!phone) return fresh;
  const Suppression entry{phone, account->business_id, source, std::string(kDetail), refusal.at};
  PH_TRY_ASSIGN(const bool listed, suppressions::add_spellings(tx, entry));
  return fresh || (listed && !person);
}

Result<bool> refuses(Transaction& tx, const Account& account, PhoneNumber phone) {
  PH_TRY_ASSIGN(const bool listed, suppressions::contains(tx, phone, account.business_id));
  if (listed) return true;
  PH_TRY_ASSIGN(const std::optional<PersonId> person, person_of_number(tx, account, phone));
  if (!person) return false;
  return person_suppressions::contains(tx, *person, account.business_id);
}

Result<> note(Transaction& tx, PersonId person, AccountId account, std::string_view source, bool stop,
              WallTime now) {
  std::string data;
  JsonWriter(data)
      .begin_object()
      .member("person_id", person.value)
      .member("account_id", account.value)
      .member("source", source)
      .end_object();
  return events::note(tx, now, stop ? "contact.opted_out" : "contact.opted_in",
                      fmt::format("person:{}", person.value), data);
}

}  // namespace posthorn::opt_outs
