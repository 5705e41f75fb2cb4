// The sandbox's STS: temporary keys for its roles (AWS STS API reference, version 2011-06-15). They open
// every service of the sandbox until they end.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/secret.h"
#include "core/time.h"
#include "platform/clock.h"
#include "sandbox/aws_config.h"
#include "sandbox/aws_query.h"
#include "sandbox/dice.h"

namespace posthorn::sandbox {

struct IssuedKeys {
  std::string access_key_id, role, session;
  Secret secret_access_key, session_token;
  WallTime ends_at{};
};

struct StsStats {
  std::uint64_t roles = 0, web_identities = 0, refused = 0;  // AssumeRole, AssumeRoleWithWebIdentity
};

class AwsTokens {
 public:
  AwsTokens(const AwsConfig& config, Clock& clock, Dice& dice)
      : config_(config), clock_(clock), dice_(dice) {}

  void clear();
  // Is this a call that bears no signature?
  static bool unsigned_call(const HttpRequest& request);
  // A call of STS whose signature, if it needs one, was found good. `caller`: the access key that signed.
  HttpResponse call(const HttpRequest& request, std::string_view caller);
  // nullptr: none that this has issued.
  const IssuedKeys* find(std::string_view access_key_id) const;
  const StsStats& stats() const { return stats_; }

 private:
  using Reply = std::expected<std::string, HttpResponse>;
  Reply assume_role(const AwsForm& form);
  Reply assume_with_web_identity(const AwsForm& form);
  Reply issue(const AwsForm& form);
  Reply who(std::string_view caller) const;

  const AwsConfig& config_;
  Clock& clock_;
  Dice& dice_;
  std::map<std::string, IssuedKeys, std::less<>> issued_;
  StsStats stats_;
};

}  // namespace posthorn::sandbox
