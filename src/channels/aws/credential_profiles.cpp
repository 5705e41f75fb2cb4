// What profiles say beyond keys: roles, identities, single sign-on, programs.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "channels/aws/credential_sources.h"

namespace posthorn::aws {
namespace {

constexpr Duration kStsTimeout = std::chrono::seconds(10), kProgramTimeout = std::chrono::seconds(60);
constexpr std::size_t kLongestPath = 8;  // profiles that lead to one another

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string form(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields)
    if (!value.empty()) out += (out.empty() ? "" : "&") + name + "=" + percent_encode(value);
  return out;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

std::unexpected<Error> in_profile(const Profile& profile, std::string_view what) {
  return fail(ErrorCode::unauthenticated, fmt::format("profile {} {}", profile.name, what));
}

std::string suffix_of(std::string_view region) {
  return region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

// Where the profile's single sign-on is: of its sso_session, or in itself as older ones have it.
struct SignOn {
  std::string region, cache_key;
};
Result<SignOn> sign_on_of(const Profile& profile, const Profiles& profiles) {
  const std::string session = profile.get("sso_session");
  SignOn out{.region = profile.get("sso_region"), .cache_key = profile.get("sso_start_url")};
  if (!session.empty()) {
    const Settings settings = profiles.sso_session(session);
    const auto region = settings.find("sso_region");
    if (region == settings.end())
      return in_profile(profile,
                        fmt::format("names sso_session {}, which the config file does not have with an "
                                    "sso_region",
                                    session));
    out = SignOn{.region = region->second, .cache_key = session};
  }
  if (out.region.empty() || out.cache_key.empty() || profile.get("sso_account_id").empty() ||
      profile.get("sso_role_name").empty())
    return in_profile(
        profile, "needs sso_account_id, sso_role_name, and sso_session or sso_start_url with sso_region");
  return out;
}

}  // namespace

bool has_web_identity(const Profile& profile) {
  return !profile.get("web_identity_token_file").empty() && !profile.get("role_arn").empty();
}

bool assumes_role(const Profile& profile) {
  return !profile.get("role_arn").empty() && !has_web_identity(profile);
}

bool signs_on(const Profile& profile) {
  return !profile.get("sso_session").empty() || !profile.get("sso_start_url").empty() ||
         !profile.get("sso_account_id").empty();
}

// Anew for each search: tools change these files.
Task<Result<>> CredentialSources::read_profiles() {
  std::string credentials, config;
  const std::array<std::pair<std::string, std::string*>, 2> files = {
      std::pair{home_file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), &credentials},
      std::pair{home_file("AWS_CONFIG_FILE", "config"), &config}};
  for (const auto& [path, text] : files) {
    if (path.empty()) continue;
    Result<std::string> read = co_await read_file(path);
    if (read) *text = *std::move(read);
    if (!read && read.error().code != ErrorCode::not_found) co_return std::unexpected(read.error());
  }
  profiles_ = Profiles(credentials, config);
  profile_ = options_.profile;
  for (const char* name : {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"})
    if (profile_.empty()) profile_ = variable(name);
  const bool named = !profile_.empty();
  if (!named) profile_ = "default";
  if (named && !present().known)
    co_return fail(ErrorCode::unauthenticated,
                   fmt::format("no credentials for AWS: there is no profile {} in {} or {}", profile_,
                               files[0].first.empty() ? "~/.aws/credentials" : files[0].first,
                               files[1].first.empty() ? "~/.aws/config" : files[1].first));
  co_return Result<>();
}

// By whatever means the profile has; in the order of the sources.
Task<Result<AwsCredentials>> CredentialSources::keys_of(Profile profile, std::vector<std::string> path) {
  if (!profile.known)
    co_return fail(ErrorCode::unauthenticated, fmt::format("there is no profile {}", profile.name));
  if (assumes_role(profile)) co_return co_await assume(profile, std::move(path));
  if (has_web_identity(profile)) {
    std::string file = profile.get("web_identity_token_file"), role = profile.get("role_arn"),
                session = profile.get("role_session_name");
    co_return co_await identify(std::move(file), std::move(role), std::move(session));
  }
  if (signs_on(profile)) co_return co_await sign_on(profile);
  Result<AwsCredentials> keys = static_keys(profile.credentials, profile.name);
  if (keys || keys.error().code != ErrorCode::not_found) co_return keys;
  if (!profile.get("credential_process").empty()) co_return co_await run(profile);
  co_return static_keys(profile.config, profile.name);
}

Task<Result<AwsCredentials>> CredentialSources::assume(Profile profile, std::vector<std::string> path) {
  if (!profile.get("mfa_serial").empty())
    co_return in_profile(profile, "has mfa_serial, and nobody is here to type a code: use a role without it");
  if (std::ranges::find(path, profile.name) != path.end() || path.size() >= kLongestPath)
    co_return in_profile(profile, "leads back to itself by source_profile");
  path.push_back(profile.name);
  PH_CO_TRY_ASSIGN(AwsCredentials source, co_await source_of(profile, std::move(path)));
  const std::string session = profile.get("role_session_name");
  const Fields fields = {{"Action", "AssumeRole"},
                         {"Version", "2011-06-15"},
                         {"RoleArn", profile.get("role_arn")},
                         {"RoleSessionName", session.empty() ? "posthorn" : session},
                         {"DurationSeconds", profile.get("duration_seconds")},
                         {"ExternalId", profile.get("external_id")}};
  std::optional<AwsCredentials> signer = std::move(source);
  co_return co_await ask_sts(form(fields), std::move(signer), profile.get("region"));
}

// Whose keys sign the call for the role's.
Task<Result<AwsCredentials>> CredentialSources::source_of(Profile profile, std::vector<std::string> path) {
  const std::string other = profile.get("source_profile"), named = profile.get("credential_source");
  if (other.empty() == named.empty())
    co_return in_profile(profile, "has role_arn and needs one of source_profile and credential_source");
  if (!named.empty()) co_return co_await named_source(named, profile.name);
  if (other != profile.name) {
    Profile next = profiles_.find(other);
    co_return co_await keys_of(std::move(next), std::move(path));
  }
  // Its own keys, as Amazon's tools allow.
  Result<AwsCredentials> keys = static_keys(profile.credentials, profile.name);
  if (!keys) keys = static_keys(profile.config, profile.name);
  co_return keys;
}

Task<Result<AwsCredentials>> CredentialSources::named_source(std::string name, std::string profile) {
  static constexpr auto kNames = std::to_array<Source>(
      {{"Environment", "AWS_ACCESS_KEY_ID", &CredentialSources::keys_in_environment},
       {"EcsContainer", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", &CredentialSources::container},
       {"Ec2InstanceMetadata", "instance metadata", &CredentialSources::instance}});
  const auto found = std::ranges::find(kNames, name, &Source::name);
  if (found == kNames.end())
    co_return fail(
        ErrorCode::unauthenticated,
        fmt::format("profile {}: credential_source must be Environment, EcsContainer or Ec2InstanceMetadata",
                    profile));
  Outcome outcome = co_await (this->*found->ask)();
  if (outcome) co_return *std::move(outcome);
  co_return fail(ErrorCode::unauthenticated,
                 fmt::format("profile {}: credential_source {} has no {}", profile, name, found->needs));
}

// The file is read again each time: Kubernetes replaces it.
Task<Result<AwsCredentials>> CredentialSources::identify(std::string token_file, std::string role,
                                                         std::string session) {
  PH_CO_TRY_ASSIGN(std::string token, co_await read_file(token_file));
  const Fields fields = {{"Action", "AssumeRoleWithWebIdentity"},
                         {"Version", "2011-06-15"},
                         {"RoleArn", role},
                         {"RoleSessionName", session.empty() ? "posthorn" : session},
                         {"WebIdentityToken", trimmed(std::move(token))}};
  std::optional<AwsCredentials> nobody;
  co_return co_await ask_sts(form(fields), std::move(nobody), present().get("region"));
}

Task<Result<AwsCredentials>> CredentialSources::ask_sts(std::string fields,
                                                        std::optional<AwsCredentials> signer,
                                                        std::string profile_region) {
  const std::string region = options_.region.empty() ? profile_region : options_.region;
  std::string url = options_.sts_endpoint;
  if (url.empty())
    url = region.empty() ? "https://sts.amazonaws.com"
                         : fmt::format("https://sts.{}.{}", region, suffix_of(region));
  while (url.ends_with('/')) url.pop_back();
  PH_CO_TRY_ASSIGN(const ParsedUrl parsed, parse_url(url));
  HttpRequest request;
  request.method = "POST";
  request.target = parsed.target;
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.body = std::move(fields);
  if (signer) {
    AwsSigner sign(region.empty() ? "us-east-1" : region, "sts");
    sign.sign(request, aws_host(parsed.endpoint), *signer, ports_.clock.wall_now());
  }
  PH_CO_TRY_ASSIGN(const std::string answer,
                   co_await ask(std::move(url), std::move(request), kStsTimeout, 3));
  co_return read_sts_answer(answer);
}

// With the token that `aws sso login` left: nobody is here to sign on in a browser.
Task<Result<AwsCredentials>> CredentialSources::sign_on(Profile profile) {
  PH_CO_TRY_ASSIGN(const SignOn where, sign_on_of(profile, profiles_));
  const std::string again = fmt::format("run `aws sso login --profile {}`", profile.name);
  const Result<std::string> cached =
      co_await read_file(variable("HOME") + "/.aws/sso/cache/" + sso_cache_name(where.cache_key));
  if (!cached) co_return in_profile(profile, "is not signed on: " + again);
  const Result<SsoToken> token = read_sso_token(*cached);
  if (!token || token->expires_at <= ports_.clock.wall_now())
    co_return in_profile(profile, "is signed on no longer: " + again);
  HttpRequest request;
  request.headers.set("x-amz-sso_bearer_token", token->access_token.reveal());
  std::string url =
      fmt::format("https://portal.sso.{}.{}/federation/credentials?role_name={}&account_id={}", where.region,
                  suffix_of(where.region), percent_encode(profile.get("sso_role_name")),
                  percent_encode(profile.get("sso_account_id")));
  PH_CO_TRY_ASSIGN(const std::string answer,
                   co_await ask(std::move(url), std::move(request), kStsTimeout, 3));
  co_return read_sso_answer(answer);
}

Task<Result<AwsCredentials>> CredentialSources::run(Profile profile) {
  Result<std::vector<std::string>> words = split_command(profile.get("credential_process"));
  if (!words)
    co_return in_profile(profile, "has a credential_process that cannot be run: " + words.error().message);
  auto output = std::make_shared<Result<std::string>>(std::string());
  std::move_only_function<void()> work = [output, run = ports_.run_program, words = *std::move(words)] {
    *output = run(words, kProgramTimeout);
  };
  co_await ports_.files.run_blocking(std::move(work));
  if (!*output)
    co_return in_profile(profile, "has a credential_process that failed: " + output->error().message);
  const Result<AwsCredentials> keys = read_process_output(**output);
  if (!keys)
    co_return in_profile(profile, "has a credential_process that gave no keys: " + keys.error().message);
  co_return *keys;
}

}  // namespace posthorn::aws
