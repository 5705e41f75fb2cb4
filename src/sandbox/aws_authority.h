// Who vouches for the sandbox's SNS: a throw-away authority and the certificate that signs messages, both
// made anew in each process. Keys are not repeatable from a seed; their sizes are, so simulated runs keep
// their shape.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "core/time.h"

namespace posthorn::sandbox {

class AwsAuthority {
 public:
  // Certificates hold from a day before `now` for a year. Making keys takes about 0.2 s.
  AwsAuthority(std::string_view region, WallTime now);
  ~AwsAuthority();
  AwsAuthority(const AwsAuthority&) = delete;
  AwsAuthority& operator=(const AwsAuthority&) = delete;

  const std::string& ca_pem() const;           // for aws.sns_ca_file
  const std::string& certificate_pem() const;  // for sns.{region}.amazonaws.com
  // "/SimpleNotificationService-<32 hex digits of the certificate's hash>.pem"
  const std::string& certificate_path() const;
  // RSA PKCS #1 v1.5 over SHA-1 (version 1) or SHA-256 (version 2), as bytes.
  std::string sign(std::string_view text, int version) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posthorn::sandbox
