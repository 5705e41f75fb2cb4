// One source of credentials after the other. Used by credentials.cpp only.
#pragma once
#include <optional>

#include "channels/aws/credentials.h"

namespace posthorn::aws {

struct Found {
  AwsCredentials keys;
  std::string source;
};

// Asks the sources in order until one has keys.
class CredentialSources {
 public:
  CredentialSources(Credentials::Ports ports, CredentialOptions options);
  Task<Result<Found>> find();

 private:
  using Outcome = std::optional<Result<AwsCredentials>>;  // nothing: this source is not set up
  Task<Outcome> configured();
  Task<Outcome> environment();
  Task<Outcome> web_identity();
  Task<Outcome> shared_file();
  Task<Outcome> container();
  Task<Outcome> instance();

  std::string variable(const std::string& name) const;
  Task<Result<std::string>> read_file(std::string path);
  Task<Result<std::string>> ask(std::string url, HttpRequest request, Duration timeout, int attempts);
  Task<Result<Secret>> container_token();

  Credentials::Ports ports_;
  CredentialOptions options_;
};

}  // namespace posthorn::aws
