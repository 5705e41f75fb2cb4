#include "app/stored_secrets.h"

#include <string>
#include <vector>

#include <fmt/format.h>

#include "messaging/accounts.h"

namespace posthorn {
namespace {

struct SealedText {
  std::string what, sealed, context;
};

// Each query gives a name for people, the sealed text and its context; the tables in the order of their age.
struct Shelf {
  const char* table;
  const char* query;
};
constexpr Shelf kShelves[] = {
    {"settings",
     "SELECT 'the key ' || name, value, 'settings.' || name FROM settings WHERE name IN ('token_key', "
     "'link_key') "
     "ORDER BY name"},
    {"accounts",
     "SELECT 'the token of ' || name, sealed_token, 'accounts.token.' || sender_id FROM accounts "
     "WHERE sealed_token <> '' ORDER BY id"},
    {"webhook_endpoints",
     "SELECT 'the secret of webhook endpoint ' || id, sealed_secret, 'webhook_endpoints.secret.' || id "
     "FROM webhook_endpoints WHERE sealed_secret <> '' ORDER BY id"},
    {"webhook_endpoints",
     "SELECT 'the previous secret of webhook endpoint ' || id, sealed_previous, "
     "'webhook_endpoints.secret.' || id FROM webhook_endpoints WHERE sealed_previous <> '' ORDER BY id"}};

Result<bool> has_table(Transaction& tx, const char* table) {
  PH_TRY_ASSIGN(auto rows, tx.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1",
                                    {std::string(table)}));
  return rows.next();
}

Result<std::vector<SealedText>> sealed_texts(Transaction& tx) {
  std::vector<SealedText> out;
  for (const Shelf& shelf : kShelves) {
    PH_TRY_ASSIGN(const bool there, has_table(tx, shelf.table));
    if (!there) continue;
    PH_TRY_ASSIGN(auto rows, tx.query(shelf.query));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      out.push_back({std::string(rows.text(0)), std::string(rows.text(1)), std::string(rows.text(2))});
    }
  }
  return out;
}

}  // namespace

Result<int> open_stored_secrets(Transaction& tx, const SecretBox& box) {
  PH_TRY_ASSIGN(const auto all, sealed_texts(tx));
  for (const SealedText& one : all) {
    const auto opened = box.open(one.sealed, one.context);
    if (!opened) return fail(ErrorCode::data_loss, fmt::format("{} cannot be opened", one.what));
  }
  return static_cast<int>(all.size());
}

Result<ForgottenSecrets> forget_stored_secrets(Transaction& tx, WallTime now) {
  ForgottenSecrets out;
  PH_TRY(tx.execute("DELETE FROM settings WHERE name IN ('token_key', 'link_key')"));
  const std::string no_token =
      "The token was forgotten when a backup was restored without its master key: store it again with "
      "set_channel_token (posthorn channel token).";
  PH_TRY_ASSIGN(const auto all, accounts::list(tx));
  for (const Account& account : all) {
    if (account.sealed_token.empty()) continue;
    PH_TRY(accounts::replace_token(tx, account.id, "", now));
    if (account.transport == "aws") continue;  // sent for by AWS: it needs none
    PH_TRY(accounts::block(tx, account.id, BlockKind::token, no_token, now));
    ++out.tokens;
  }
  const std::string no_secret =
      "its secret was forgotten when a backup was restored without its master key: rotate the secret, then "
      "enable the endpoint";
  PH_TRY_ASSIGN(
      out.endpoints,
      tx.execute("UPDATE webhook_endpoints SET sealed_secret = '', sealed_previous = '', enabled = 0, "
                 "disabled_reason = $1, updated_at = $2",
                 {no_secret, now}));
  return out;
}

}  // namespace posthorn
