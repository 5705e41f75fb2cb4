// Signatures of webhooks as the Standard Webhooks specification 1.0 has them (symmetric, version v1):
// HMAC-SHA256 over
// "<webhook-id>.<webhook-timestamp>.<body>", secrets "whsec_" + base64 of 24 to 64 bytes. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/secret.h"
#include "platform/random.h"

namespace posthorn {

Secret new_webhook_secret(Random& random);  // 32 random bytes
// invalid_argument (field "secret") if it is none.
Result<> check_webhook_secret(const Secret& secret);

// "v1,<base64>". The secret must be a valid one. `timestamp` in seconds since the Unix epoch.
std::string sign_webhook(const Secret& secret, std::string_view webhook_id, std::int64_t timestamp,
                         std::string_view body);

}  // namespace posthorn
