// Is a call to Amazon signed as Signature Version 4 asks (IAM user guide, "AWS Signature Version 4 for API
// requests"; S3 API reference, "Authenticating Requests")? Strict where the services are, and stricter where
// a lax client only happens to work: every x-amz-* header and the content type must be signed.
//
// Shares no code with the product's signer, which it judges.
#pragma once
#include <expected>
#include <string>
#include <string_view>

#include "core/secret.h"
#include "core/time.h"
#include "platform/http.h"

namespace posthorn::sandbox {

// Whom a call is addressed to and whose calls are let in.
struct AwsGate {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  // empty: calls must have none
  std::string region, service;
  Duration clock_tolerance = std::chrono::minutes(5);
};

struct AwsRefusal {
  enum class Kind {
    missing,       // no signature at all
    incomplete,    // not in the form it must have, or something is not signed that must be
    unknown_key,   // of nobody
    bad_token,     // session token missing, wrong or superfluous
    expired,       // by the clock
    mismatch,      // does not fit the request
    expired_token  // temporary keys beyond their end
  };
  Kind kind = Kind::missing;
  std::string message;
  std::string string_to_sign, canonical_request;  // of a mismatch
};

inline constexpr std::size_t kAwsRefusals = 7;

using AwsVerdict = std::expected<void, AwsRefusal>;

// The request with its body, as it came. A signature in the query (a presigned URL) counts for S3 only.
AwsVerdict check_aws_signature(const AwsGate& gate, const HttpRequest& request, WallTime now);

}  // namespace posthorn::sandbox
