// One source of credentials after the other. Used by credentials.cpp only.
#pragma once
#include <optional>
#include <span>

#include "channels/aws/credentials.h"
#include "channels/aws/profiles.h"

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
  struct Source {
    std::string_view name, needs;  // what is missing where it is not set up
    Task<Outcome> (CredentialSources::*ask)();
  };
  static std::span<const Source> sources();

  Task<Outcome> configured();
  Task<Outcome> environment();
  Task<Outcome> keys_in_environment();
  Task<Outcome> role();
  Task<Outcome> web_identity();
  Task<Outcome> sso();
  Task<Outcome> shared_file();
  Task<Outcome> process();
  Task<Outcome> config_file();
  Task<Outcome> container();
  Task<Outcome> instance();

  // credential_profiles.cpp: what one profile says, by whatever means.
  Task<Result<>> read_profiles();
  Profile present() const { return profiles_.find(profile_); }
  Task<Result<AwsCredentials>> keys_of(Profile profile, std::vector<std::string> path);
  Task<Result<AwsCredentials>> assume(Profile profile, std::vector<std::string> path);
  Task<Result<AwsCredentials>> source_of(Profile profile, std::vector<std::string> path);
  Task<Result<AwsCredentials>> named_source(std::string name, std::string profile);
  Task<Result<AwsCredentials>> identify(std::string token_file, std::string role, std::string session);
  Task<Result<AwsCredentials>> sign_on(Profile profile);
  Task<Result<AwsCredentials>> run(Profile profile);
  Task<Result<AwsCredentials>> ask_sts(std::string form, std::optional<AwsCredentials> signer,
                                       std::string region);

  std::string variable(const std::string& name) const;
  std::string home_file(const std::string& variable_name, std::string_view name) const;
  Task<Result<std::string>> read_file(std::string path);
  Task<Result<std::string>> ask(std::string url, HttpRequest request, Duration timeout, int attempts);
  Task<Result<Secret>> container_token();

  Credentials::Ports ports_;
  CredentialOptions options_;
  Profiles profiles_;
  std::string profile_;  // the one in use
};

// Does a profile have what the source of that kind needs?
bool assumes_role(const Profile& profile);
bool has_web_identity(const Profile& profile);
bool signs_on(const Profile& profile);

}  // namespace posthorn::aws
