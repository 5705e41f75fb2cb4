// Signature Version 4 of Amazon Web Services (IAM user guide, "AWS Signature Version 4 for API requests"; S3
// API reference, "Authenticating Requests"). Pure: the clock is passed in.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/secret.h"
#include "core/time.h"
#include "platform/crypto.h"
#include "platform/http.h"
#include "platform/stream.h"

namespace posthorn {

struct AwsCredentials {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;                // empty: long-lived keys
  std::optional<WallTime> expires_at;  // nothing: never
};

// The Host header that HttpClient will send to this endpoint: the signature covers it.
std::string aws_host(const Endpoint& endpoint);

// What is signed, in its two steps; for tests and for comparing with what a service says it expected. `hash`
// is the hex SHA-256 of the body or UNSIGNED-PAYLOAD. The path counts as it is on the wire: S3 wants it
// encoded once, every other service normalised and encoded once more on top.
std::string aws_canonical_path(std::string_view wire_path, bool s3);
std::string aws_canonical_query(std::string_view wire_query);  // decoded, encoded strictly, sorted

// "20150830T123600Z"
std::string aws_time(WallTime t);

// Signs for one service in one Region. The derived key is kept until the day or the credentials change. Not
// thread-safe.
class AwsSigner {
 public:
  // `service` is the signing name, which is not always the host's: "ses" for email.{region}.amazonaws.com.
  AwsSigner(std::string region, std::string service);

  // Sets X-Amz-Date, X-Amz-Security-Token and, for S3, X-Amz-Content-Sha256, then Authorization over the body
  // and every header present, save those that proxies and clients change. `host` as in aws_host(). Sign again
  // for every attempt.
  void sign(HttpRequest& request, std::string_view host, const AwsCredentials& credentials, WallTime now);

  // The target of a request that anybody may make without credentials until now + expires (at most 7 days):
  // for S3, the body unsigned. Headers in `request` are signed: whoever uses the URL must send them verbatim.
  std::string presign(const HttpRequest& request, std::string_view host, const AwsCredentials& credentials,
                      WallTime now, Duration expires);

  // x-amz-signature of an S3 POST policy in base64; the day is that of x-amz-date in the policy.
  std::string sign_policy(std::string_view policy_base64, const AwsCredentials& credentials, WallTime now);

  // Hex SHA-256 of the canonical request that sign() signed last.
  const std::string& last_request_hash() const { return last_request_hash_; }
  const std::string& region() const { return region_; }

 private:
  std::string credential_scope(std::string_view day) const;
  std::string signature_of(std::string_view text, std::string_view day, const Secret& secret);
  std::string sign_canonical(std::string_view canonical, std::string_view time, const Secret& secret);

  std::string region_, service_;
  std::string key_day_;
  Secret key_secret_;
  std::optional<HmacSha256> key_;
  std::string last_request_hash_;
};

}  // namespace posthorn
