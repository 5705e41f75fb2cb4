// Where the keys for AWS come from, in the order of Amazon's own tools (AWS SDKs and Tools reference guide,
// "Standardized credential providers"; the AWS CLI's order): settings, environment, a profile that assumes a
// role, web identity, SSO, shared credentials file, credential_process, config file, container, instance.
//
// A source that is set up and fails ends the search, as there: the next one would be somebody else's
// identity.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/secret.h"
#include "platform/async.h"
#include "platform/aws_signature.h"
#include "platform/clock.h"
#include "platform/files.h"
#include "platform/http_client.h"
#include "platform/log.h"
#include "platform/programs.h"

namespace posthorn::aws {

struct CredentialOptions {
  std::string access_key_id;  // given in the settings; empty: look for them
  Secret secret_access_key;
  Secret session_token;
  std::string profile;  // named in the settings: the environment's keys are passed over, as Amazon's tools do
  std::string region;   // of STS; empty: the profile's, else the one server for all
  std::string sts_endpoint;  // instead of the Region's own; empty: that
};

class Credentials {
 public:
  using Environment = std::function<std::optional<std::string>(const std::string&)>;
  struct Ports {
    HttpClient& http;
    Clock& clock;
    Files& files;
    Log& log;
    Executor executor;
    Environment environment;
    // Blocks; called on a thread for that. For credential_process.
    std::function<Result<std::string>(std::vector<std::string>, Duration)> run_program =
        posthorn::run_program;
  };
  Credentials(Ports ports, CredentialOptions options);
  ~Credentials();

  // Temporary keys are renewed from 15 minutes before their end, and waited for from 10 minutes before; the
  // old ones serve on if that fails while they are valid. unauthenticated: no source has keys; the
  // message tells what was looked for, or which source failed and why.
  Task<Result<AwsCredentials>> get();
  void expired();              // a service said so: the next get() asks the source again
  std::string source() const;  // where the present ones are from: "environment", …; empty before the first

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// The sources' formats; pure.
Result<AwsCredentials> read_sts_answer(std::string_view xml);
Result<AwsCredentials> read_credential_json(std::string_view text);  // of container and instance
// Only https, this machine, and the addresses of ECS and EKS agents.
Result<> check_container_uri(std::string_view uri);

}  // namespace posthorn::aws
