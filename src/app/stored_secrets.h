// The secrets that a database holds sealed: whether a master key opens them, and how to go on without it.
#pragma once
#include "platform/crypto.h"
#include "storage/database.h"

namespace posthorn {

// Opens every one with `box`; how many there are. data_loss names the first that does not open. Reads
// databases of every schema version, unmigrated.
Result<int> open_stored_secrets(Transaction& tx, const SecretBox& box);

// Forgets what only the lost key could open: numbers are blocked until their token is stored again, endpoints
// of webhooks are switched off until they get a new secret, and the keys that the server draws itself are
// drawn anew. How many tokens and endpoints that were.
struct ForgottenSecrets {
  std::int64_t tokens = 0, endpoints = 0;
};
Result<ForgottenSecrets> forget_stored_secrets(Transaction& tx, WallTime now);

}  // namespace posthorn
