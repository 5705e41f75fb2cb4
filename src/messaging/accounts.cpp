#include "messaging/accounts.h"

#include <fmt/format.h>

namespace posthorn {

std::string_view to_string(BlockKind kind) {
  switch (kind) {
    case BlockKind::token:
      return "token";
    case BlockKind::ban:
      return "ban";
    case BlockKind::messaging:
      return "messaging";
    case BlockKind::connection:
      return "connection";
    case BlockKind::other:
      return "other";
  }
  return "other";
}

channels::Channel channel_of(const Account& account) {
  if (account.channel == "instagram") return channels::Channel::instagram;
  if (account.channel == "messenger") return channels::Channel::messenger;
  return channels::Channel::whatsapp;
}

}  // namespace posthorn

namespace posthorn::accounts {

namespace {

constexpr int kMaxThroughput = 10'000;

#define PH_SELECT_ACCOUNT                                                                                   \
  "SELECT id, channel, name, business_id, sender_id, display_number, verified_name, sealed_token, status, " \
  "quality, "                                                                                               \
  "throughput, throughput_level, messaging_tier, blocked_reason, created_at, updated_at, portfolio, "       \
  "login, transport, transport_id FROM accounts "
constexpr std::string_view kById = PH_SELECT_ACCOUNT "WHERE id = $1";
constexpr std::string_view kByName = PH_SELECT_ACCOUNT "WHERE name = $1";
constexpr std::string_view kBySender = PH_SELECT_ACCOUNT "WHERE sender_id = $1";
constexpr std::string_view kByBusiness = PH_SELECT_ACCOUNT "WHERE business_id = $1 ORDER BY id";
constexpr std::string_view kAll = PH_SELECT_ACCOUNT "ORDER BY id";
#undef PH_SELECT_ACCOUNT

Account row(SqlRows& r) {
  Account a;
  a.id = AccountId{r.integer(0)};
  std::string* const texts[] = {&a.channel,      &a.name,           &a.business_id,
                                &a.sender_id,    &a.display_number, &a.verified_name,
                                &a.sealed_token, &a.status,         &a.quality};
  for (int i = 0; i < 9; ++i) *texts[i] = r.text(i + 1);
  a.throughput = static_cast<int>(r.integer(10));
  a.throughput_level = r.text(11);
  a.messaging_tier = r.text(12);
  a.blocked_reason = r.text(13);
  a.created_at = wall_from_micros(r.integer(14));
  a.updated_at = wall_from_micros(r.integer(15));
  a.portfolio = r.text(16);
  a.login = r.text(17);
  a.transport = r.text(18);
  a.transport_id = r.text(19);
  return a;
}

Result<std::vector<Account>> read_all(Result<SqlRows> found) {
  PH_TRY_ASSIGN(auto rows, std::move(found));
  std::vector<Account> result;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return result;
    result.push_back(row(rows));
  }
}

Result<std::optional<Account>> read_one(Result<SqlRows> found) {
  PH_TRY_ASSIGN(auto all, read_all(std::move(found)));
  if (all.empty()) return std::nullopt;
  return std::move(all.front());
}

Result<> check_new(Transaction& tx, const NewAccount& a) {
  const std::pair<const char*, const std::string&> required[] = {{"channel", a.channel},
                                                                 {"name", a.name},
                                                                 {"business_id", a.business_id},
                                                                 {"sender_id", a.sender_id},
                                                                 {"token", a.sealed_token}};
  for (const auto& [field, value] : required) {
    if (value.empty())
      return fail(ErrorCode::invalid_argument, fmt::format("'{}' is missing. Give it and try again.", field),
                  field);
  }
  PH_TRY_ASSIGN(const auto same_name, read_one(tx.query(kByName, {a.name})));
  if (same_name) {
    return fail(ErrorCode::conflict,
                fmt::format("There is an account named '{}' already. Choose another name.", a.name), "name");
  }
  PH_TRY_ASSIGN(const auto same_sender, find_by_sender(tx, a.sender_id));
  if (same_sender) {
    return fail(
        ErrorCode::conflict,
        fmt::format("Phone number id {} is set up already, as account '{}'.", a.sender_id, same_sender->name),
        "sender_id");
  }
  return {};
}

Result<> expect_one(Result<std::int64_t> changed, AccountId id) {
  PH_TRY_ASSIGN(const auto n, std::move(changed));
  if (n == 1) return {};
  return fail(ErrorCode::not_found, fmt::format("There is no account {}.", id.value), "account");
}

// The reasons of all blocks, oldest first, as people read them.
Result<> tell_blocks(Transaction& tx, AccountId id, WallTime now) {
  std::string words;
  {
    PH_TRY_ASSIGN(auto rows, tx.query("SELECT reason FROM account_blocks WHERE account_id = $1 "
                                      "ORDER BY since, kind",
                                      {id}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      if (!words.empty()) words += ' ';
      words += rows.text(0);
    }
  }
  return expect_one(
      tx.execute("UPDATE accounts SET blocked_reason = $2, updated_at = $3 WHERE id = $1", {id, words, now}),
      id);
}

}  // namespace

std::string seal_token(SecretBox& box, std::string_view sender_id, const Secret& token) {
  return box.seal(token, fmt::format("accounts.token.{}", sender_id));
}

Result<Secret> open_token(const SecretBox& box, const Account& account) {
  return box.open(account.sealed_token, fmt::format("accounts.token.{}", account.sender_id));
}

Result<Account> add(Transaction& tx, const NewAccount& a, WallTime now) {
  PH_TRY(check_new(tx, a));
  PH_TRY(
      tx.execute("INSERT INTO accounts (channel, name, business_id, sender_id, display_number, "
                 "verified_name, sealed_token, "
                 "created_at, updated_at, portfolio, login, transport, transport_id) "
                 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12)",
                 {a.channel, a.name, a.business_id, a.sender_id, a.display_number, a.verified_name,
                  a.sealed_token, now, a.portfolio, a.login, a.transport, a.transport_id}));
  return get_by_name(tx, a.name);
}

Result<Account> get(Transaction& tx, AccountId id) {
  PH_TRY_ASSIGN(auto found, read_one(tx.query(kById, {id})));
  if (found) return std::move(*found);
  return fail(ErrorCode::not_found, fmt::format("There is no account {}.", id.value), "account");
}

Result<Account> get_by_name(Transaction& tx, std::string_view name) {
  PH_TRY_ASSIGN(auto found, read_one(tx.query(kByName, {name})));
  if (found) return std::move(*found);
  PH_TRY_ASSIGN(const auto known, list(tx));
  std::string names;
  for (const Account& a : known) names += (names.empty() ? "" : ", ") + a.name;
  return fail(ErrorCode::not_found,
              fmt::format("There is no account named '{}'. Known: {}.", name,
                          names.empty() ? "none yet; add one with 'posthorn channel add'" : names),
              "account");
}

Result<std::optional<Account>> find_by_sender(Transaction& tx, std::string_view sender_id) {
  return read_one(tx.query(kBySender, {sender_id}));
}

Result<std::vector<Account>> list(Transaction& tx) {
  return read_all(tx.query(kAll));
}

Result<std::vector<Account>> list_by_business(Transaction& tx, std::string_view business_id) {
  return read_all(tx.query(kByBusiness, {business_id}));
}

Result<> update(Transaction& tx, AccountId id, const AccountUpdate& u, WallTime now) {
  if (u.throughput && (*u.throughput < 1 || *u.throughput > kMaxThroughput)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("A throughput of {} messages a second is not between 1 and {}.", *u.throughput,
                            kMaxThroughput),
                "throughput");
  }
  return expect_one(
      tx.execute(
          "UPDATE accounts SET display_number = coalesce($2, display_number), verified_name = coalesce($3, "
          "verified_name), "
          "status = coalesce($4, status), quality = coalesce($5, quality), throughput = coalesce($6, "
          "throughput), "
          "throughput_level = coalesce($7, throughput_level), messaging_tier = coalesce($8, messaging_tier), "
          "updated_at = $9 WHERE id = $1",
          {id, u.display_number, u.verified_name, u.status, u.quality, u.throughput, u.throughput_level,
           u.messaging_tier, now}),
      id);
}

Result<> replace_token(Transaction& tx, AccountId id, std::string_view sealed_token, WallTime now) {
  return expect_one(tx.execute("UPDATE accounts SET sealed_token = $2, updated_at = $3 WHERE id = $1",
                               {id, sealed_token, now}),
                    id);
}

Result<> block(Transaction& tx, AccountId id, BlockKind kind, std::string_view reason, WallTime now) {
  if (reason.empty())
    return fail(ErrorCode::invalid_argument, "Give the reason why the account is blocked.", "reason");
  PH_TRY(get(tx, id));
  PH_TRY(
      tx.execute("INSERT INTO account_blocks (account_id, kind, reason, since) VALUES ($1, $2, $3, $4) "
                 "ON CONFLICT (account_id, kind) DO UPDATE SET reason = excluded.reason",
                 {id, to_string(kind), reason, now}));
  return tell_blocks(tx, id, now);
}

Result<> lift(Transaction& tx, AccountId id, BlockKind kind, WallTime now) {
  PH_TRY(tx.execute("DELETE FROM account_blocks WHERE account_id = $1 AND kind = $2", {id, to_string(kind)}));
  return tell_blocks(tx, id, now);
}

Result<> unblock(Transaction& tx, AccountId id, WallTime now) {
  PH_TRY(tx.execute("DELETE FROM account_blocks WHERE account_id = $1", {id}));
  return tell_blocks(tx, id, now);
}

}  // namespace posthorn::accounts
