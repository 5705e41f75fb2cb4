#include "messaging/people_scope.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "messaging/people.h"
#include "messaging/people_claims.h"
#include "messaging/people_merge_record.h"
#include "messaging/people_rows.h"

namespace posthorn::people_scope {
namespace {

using channels::AddressKind;
using people_claims::Claimant;
using people_rows::Known;
using people_rows::Row;

// Strongest first: once two people are one, what they share besides is no question any more.
constexpr std::array kKinds = {AddressKind::bsuid, AddressKind::parent_bsuid, AddressKind::phone};

Result<std::vector<Account>> sharing(Transaction& tx, std::string_view scope) {
  PH_TRY_ASSIGN(std::vector<Account> all, accounts::list(tx));
  std::erase_if(all, [&](const Account& a) { return a.channel != "whatsapp" || portfolio_of(a) != scope; });
  return all;
}

Result<> check(const Account& account, std::string_view portfolio, bool with_others,
               const std::vector<Account>& leaving) {
  if (account.channel != "whatsapp") {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is an account of {}, whose people belong to the account alone. Portfolios "
                            "are for WhatsApp numbers.",
                            account.name, account.channel),
                "account");
  }
  const auto other =
      std::ranges::find_if(leaving, [&](const Account& a) { return a.business_id != account.business_id; });
  if (other == leaving.end()) return {};
  if (with_others && !portfolio.empty()) return {};
  if (with_others) {
    return fail(ErrorCode::invalid_argument,
                "Several business accounts cannot be without a portfolio together. Name the portfolio.",
                "portfolio");
  }
  return fail(ErrorCode::conflict,
              fmt::format("{} shares portfolio '{}' and its people with {} of business {}. Pass with_others "
                          "to move all of them together.",
                          account.name, portfolio_of(account), other->name, other->business_id),
              "portfolio");
}

class Move {
 public:
  Move(Transaction& tx, std::string from, std::string to, WallTime now)
      : tx_(tx), from_(std::move(from)), to_(std::move(to)), now_(now) {}

  Result<> run() {
    PH_TRY_ASSIGN(moved_.people,
                  tx_.execute("UPDATE people SET portfolio = $2 WHERE portfolio = $1 AND merged_into = 0",
                              {from_, to_}));
    PH_TRY(tx_.execute("UPDATE people SET portfolio = $2 WHERE portfolio = $1", {from_, to_}));
    for (const AddressKind kind : kKinds) {
      PH_TRY(rescope_free(kind));
    }
    for (const AddressKind kind : kKinds) {
      PH_TRY_ASSIGN(const std::vector<std::string> left, remaining(kind));
      for (const std::string& value : left) {
        PH_TRY(join(kind, value));
      }
      PH_TRY(tx_.execute("UPDATE person_former_addresses SET scope = $3 WHERE kind = $1 AND scope = $2",
                         {static_cast<int>(kind), from_, to_}));
    }
    return rescope_merges();
  }
  Moved take() { return std::move(moved_); }

 private:
  Row row(AddressKind kind, const std::string& scope, const std::string& value) const {
    return {kind, scope, value, "", {}};
  }

  // Addresses that nobody has in the new portfolio: nearly all.
  Result<> rescope_free(AddressKind kind) {
    PH_TRY(tx_.execute(
        "UPDATE person_addresses SET scope = $3 WHERE kind = $1 AND scope = $2 AND NOT EXISTS (SELECT 1 FROM "
        "person_addresses o WHERE o.kind = $1 AND o.scope = $3 AND o.value = person_addresses.value)",
        {static_cast<int>(kind), from_, to_}));
    return {};
  }

  Result<std::vector<std::string>> remaining(AddressKind kind) {
    std::vector<std::string> values;
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx_.query("SELECT value FROM person_addresses WHERE kind = $1 AND scope = $2 ORDER BY value",
                  {static_cast<int>(kind), from_}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) return values;
      values.emplace_back(rows.text(0));
    }
  }

  // Both portfolios know the address: the same person, or a number that one of two people has no longer.
  Result<> join(AddressKind kind, const std::string& value) {
    const Row old_row = row(kind, from_, value), new_row = row(kind, to_, value);
    PH_TRY_ASSIGN(std::optional<Known> leaving, people_rows::holder(tx_, old_row));
    PH_TRY_ASSIGN(std::optional<Known> there, people_rows::holder(tx_, new_row));
    if (!leaving || !there) return fail(ErrorCode::internal, "an address lost its person", "portfolio");
    if (leaving->id != there->id && !are_two(kind, *leaving, *there)) {
      Claimant claimant(tx_, *there, now_);
      PH_TRY(claimant.become_one_with(leaving->id, "portfolio"));
      PH_TRY(keep_latest_number(claimant));
      moved_.merged += static_cast<std::int64_t>(claimant.merged().size());
      PH_TRY_ASSIGN(leaving, people_rows::holder(tx_, old_row));
      PH_TRY_ASSIGN(there, people_rows::holder(tx_, new_row));
    }
    return leaving->id == there->id ? drop(old_row) : keep_later(*leaving, *there, old_row, new_row);
  }

  // The two may have known different numbers of one person.
  Result<> keep_latest_number(Claimant& claimant) {
    std::optional<Row> latest;
    for (const Row& a : claimant.person().addresses) {
      const bool number = a.kind == AddressKind::phone && a.scope == to_;
      if (number && (!latest || latest->valid_from < a.valid_from)) latest = a;
    }
    return latest && !claimant.merged().empty() ? claimant.let_go_others(*latest, "replaced") : Result<>();
  }

  // A user has one user id in a portfolio: whoever has another is somebody else.
  bool are_two(AddressKind kind, const Known& a, const Known& b) const {
    return kind == AddressKind::phone && a.holds_kind(AddressKind::bsuid, to_) &&
           b.holds_kind(AddressKind::bsuid, to_);
  }

  Result<> keep_later(const Known& leaving, const Known& there, const Row& old_row, const Row& new_row) {
    const Row in_old = *leaving.find(old_row), in_new = *there.find(new_row);
    if (in_old.valid_from <= in_new.valid_from) {
      PH_TRY(people_rows::retire(tx_, leaving.id, in_old, "new_owner", now_));
      return people_rows::append_event(tx_, now_, "person.identity_changed", leaving.id, "new_owner");
    }
    PH_TRY(people_rows::retire(tx_, there.id, in_new, "new_owner", now_));
    PH_TRY(people_rows::append_event(tx_, now_, "person.identity_changed", there.id, "new_owner"));
    PH_TRY(tx_.execute("UPDATE person_addresses SET scope = $4 WHERE kind = $1 AND scope = $2 AND value = $3",
                       {static_cast<int>(old_row.kind), from_, old_row.value, to_}));
    return {};
  }

  // The person has the address in the new portfolio already.
  Result<> drop(const Row& address) {
    PH_TRY(tx_.execute("DELETE FROM person_addresses WHERE kind = $1 AND scope = $2 AND value = $3",
                       {static_cast<int>(address.kind), from_, address.value}));
    return {};
  }

  // What undoing a merge puts back is in the new portfolio, too.
  Result<> rescope_merges() {
    std::vector<std::pair<std::int64_t, MergeRecord>> records;
    {
      PH_TRY_ASSIGN(SqlRows rows,
                    tx_.query("SELECT id, undo FROM person_merges WHERE undone_at IS NULL ORDER BY id"));
      while (true) {
        PH_TRY_ASSIGN(const bool more, rows.next());
        if (!more) break;
        PH_TRY_ASSIGN(MergeRecord record, MergeRecord::parse(rows.text(1)));
        if (rescope(record)) records.emplace_back(rows.integer(0), std::move(record));
      }
    }
    for (const auto& [id, record] : records) {
      PH_TRY(tx_.execute("UPDATE person_merges SET undo = $2 WHERE id = $1", {id, record.to_json()}));
    }
    return {};
  }

  bool rescope(MergeRecord& record) const {
    bool changed = false;
    for (auto* list : {&record.addresses, &record.former}) {
      for (MergedAddress& a : *list) {
        if (a.scope != from_ || people_rows::is_scoped(static_cast<AddressKind>(a.kind))) continue;
        a.scope = to_;
        changed = true;
      }
    }
    return changed;
  }

  Transaction& tx_;
  std::string from_, to_;
  WallTime now_;
  Moved moved_;
};

}  // namespace

Result<std::string> for_new_account(Transaction& tx, std::string_view business_id, std::string_view wanted) {
  PH_TRY_ASSIGN(const std::vector<Account> numbers, accounts::list_by_business(tx, business_id));
  const auto other = std::ranges::find(numbers, "whatsapp", &Account::channel);
  if (other == numbers.end() || other->portfolio == wanted) return std::string(wanted);
  if (wanted.empty()) return other->portfolio;
  return fail(
      ErrorCode::conflict,
      fmt::format("{} is a number of the same business account and {}. Leave 'portfolio' out, or call "
                  "set_channel_portfolio for {} first.",
                  other->name,
                  other->portfolio.empty() ? std::string("has no portfolio")
                                           : fmt::format("has portfolio '{}'", other->portfolio),
                  other->name),
      "portfolio");
}

Result<Moved> move(Transaction& tx, const Account& account, std::string_view portfolio, bool with_others,
                   WallTime now) {
  const std::string from = portfolio_of(account);
  if (portfolio == account.business_id) portfolio = {};  // what stands for having none
  const std::string to = portfolio.empty() ? account.business_id : std::string(portfolio);
  PH_TRY_ASSIGN(const std::vector<Account> leaving, sharing(tx, from));
  if (from == to) {
    Moved nothing;
    for (const Account& a : leaving) nothing.accounts.push_back(a.id);
    PH_TRY(check(account, portfolio, true, {}));
    return nothing;
  }
  PH_TRY(check(account, portfolio, with_others, leaving));
  for (const Account& a : leaving) {  // first: opt-outs look up whose people somebody is
    PH_TRY(tx.execute("UPDATE accounts SET portfolio = $2, updated_at = $3 WHERE id = $1",
                      {a.id, portfolio, now}));
  }
  Move people(tx, from, to, now);
  PH_TRY(people.run());
  Moved moved = people.take();
  for (const Account& a : leaving) moved.accounts.push_back(a.id);
  return moved;
}

}  // namespace posthorn::people_scope
