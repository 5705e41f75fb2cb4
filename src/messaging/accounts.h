// Our identities (WhatsApp phone numbers, Instagram accounts, Pages) as rows. SQL only: every function works
// inside the caller's transaction.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channels/conversation_events.h"
#include "core/ids.h"
#include "core/secret.h"
#include "core/time.h"
#include "platform/crypto.h"
#include "storage/database.h"

namespace posthorn {

struct Account {
  AccountId id;
  std::string channel;      // 'whatsapp', 'instagram' or 'messenger'
  std::string name;         // the operator's handle, unique
  std::string business_id;  // WABA id; Instagram, Messenger: as sender_id
  std::string sender_id;    // phone number id, Instagram account id or Page id; unique
  std::string display_number;
  std::string verified_name;
  std::string sealed_token;      // open with open_token()
  std::string status;            // Meta's word: CONNECTED, …; UNKNOWN until the first check
  std::string quality;           // GREEN, YELLOW, RED, UNKNOWN
  int throughput = 80;           // granted messages per second
  std::string throughput_level;  // STANDARD, HIGH, NOT_APPLICABLE
  std::string messaging_tier;    // TIER_250 … TIER_UNLIMITED; empty: not known
  std::string blocked_reason;    // for people; non-empty: nothing may be sent
  WallTime created_at;
  WallTime updated_at;
  std::string login = "facebook";   // how Meta is reached: 'facebook', or 'instagram' for Instagram Login
  std::string transport = "graph";  // 'graph', or 'aws' for a number linked to AWS End User Messaging Social
  std::string transport_id = {};    // aws: the phone number id or ARN there
  std::string portfolio = {};  // Meta business portfolio: scope of user ids; empty: business_id stands for it
  bool blocked() const { return !blocked_reason.empty(); }
};

// What keeps an account from sending, and so what lets it send again. A person can lift all of them.
enum class BlockKind {
  token,       // token or its permissions: a new token
  ban,         // Meta disabled the account: Meta reinstates it
  messaging,   // Meta restricted whom the account may write to: a person, after Meta's date
  connection,  // the account was taken off the app or the platform: it is connected again
  other,       // payment, registration, set-up, …: a person
};
std::string_view to_string(BlockKind kind);

struct NewAccount {
  std::string channel = "whatsapp";
  std::string name;
  std::string business_id;
  std::string sender_id;
  std::string display_number = {};
  std::string verified_name = {};
  std::string sealed_token;  // from seal_token()
  std::string portfolio = {};
  std::string login = "facebook";
  std::string transport = "graph";
  std::string transport_id = {};
};

// What a sync or a webhook may tell about an account; absent fields stay as they are.
struct AccountUpdate {
  std::optional<std::string> display_number = {};
  std::optional<std::string> verified_name = {};
  std::optional<std::string> status = {};
  std::optional<std::string> quality = {};
  std::optional<int> throughput = {};  // 1 to 10,000 messages per second
  std::optional<std::string> throughput_level = {};
  std::optional<std::string> messaging_tier = {};
};

// The channel that accounts.channel names; WhatsApp for what is unknown.
channels::Channel channel_of(const Account& account);

namespace accounts {

// The envelope is bound to the sender id: it cannot be moved to another account. Seal on the core's thread,
// before the transaction (the box draws randomness).
std::string seal_token(SecretBox& box, std::string_view sender_id, const Secret& token);
Result<Secret> open_token(const SecretBox& box, const Account& account);

// conflict when name or sender id is taken; invalid_argument names the field.
Result<Account> add(Transaction& tx, const NewAccount& account, WallTime now);
Result<Account> get(Transaction& tx, AccountId id);                   // not_found
Result<Account> get_by_name(Transaction& tx, std::string_view name);  // not_found lists what exists
Result<std::optional<Account>> find_by_sender(Transaction& tx, std::string_view sender_id);
Result<std::vector<Account>> list(Transaction& tx);  // by id
Result<std::vector<Account>> list_by_business(Transaction& tx, std::string_view business_id);

Result<> update(Transaction& tx, AccountId id, const AccountUpdate& update, WallTime now);
Result<> replace_token(Transaction& tx, AccountId id, std::string_view sealed_token, WallTime now);
// A second block of the same kind replaces the reason.
Result<> block(Transaction& tx, AccountId id, BlockKind kind, std::string_view reason, WallTime now);
// Lifts blocks of this kind only: the account may still be blocked for another cause.
Result<> lift(Transaction& tx, AccountId id, BlockKind kind, WallTime now);
Result<> unblock(Transaction& tx, AccountId id, WallTime now);  // lifts all

}  // namespace accounts
}  // namespace posthorn
