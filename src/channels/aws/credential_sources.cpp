#include "channels/aws/credential_sources.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "channels/aws/aws_error.h"

namespace posthorn::aws {
namespace {

constexpr std::size_t kMaxFile = 1024 * 1024;
constexpr Duration kLocalTimeout = std::chrono::seconds(2);

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

// Refusals say why; everything else that these addresses answer may hold secrets.
std::string told(const std::string& host, const HttpResponse& answer) {
  const AwsError error = read_error(answer);
  return fmt::format("{} answered {} {}{}{}", host, answer.status, error.code, error.code.empty() ? "" : ": ",
                     error.code.empty() ? "" : error.message);
}

}  // namespace

CredentialSources::CredentialSources(Credentials::Ports ports, CredentialOptions options)
    : ports_(std::move(ports)), options_(std::move(options)) {}

std::string CredentialSources::variable(const std::string& name) const {
  return ports_.environment(name).value_or("");
}

std::string CredentialSources::home_file(const std::string& variable_name, std::string_view name) const {
  std::string path = variable(variable_name);
  const std::string home = variable("HOME");
  if (path.starts_with("~/")) path = home + path.substr(1);
  if (!path.empty()) return path;
  return home.empty() ? std::string() : fmt::format("{}/.aws/{}", home, name);
}

std::span<const CredentialSources::Source> CredentialSources::sources() {
  using C = CredentialSources;
  static constexpr auto kSources = std::to_array<Source>({
      {"settings", "aws.access_key_id", &C::configured},
      {"environment", "AWS_ACCESS_KEY_ID", &C::environment},
      {"role", "role_arn with source_profile or credential_source", &C::role},
      {"web identity", "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN", &C::web_identity},
      {"SSO", "sso_session or sso_start_url, sso_account_id and sso_role_name", &C::sso},
      {"shared credentials file", "aws_access_key_id", &C::shared_file},
      {"credential_process", "credential_process", &C::process},
      {"config file", "aws_access_key_id", &C::config_file},
      {"container", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI", &C::container},
      {"instance", "metadata (AWS_EC2_METADATA_DISABLED is true)", &C::instance},
  });
  return kSources;
}

Task<Result<Found>> CredentialSources::find() {
  const Result<> profiles = co_await read_profiles();
  std::string reasons;
  for (const Source& source : sources()) {
    const bool needs_no_profile = source.name == "settings" || source.name == "environment";
    if (!profiles && !needs_no_profile) co_return std::unexpected(profiles.error());
    Outcome outcome = co_await (this->*source.ask)();
    if (!outcome) {
      reasons += fmt::format("{}{} (no {})", reasons.empty() ? "" : ", ", source.name, source.needs);
      continue;
    }
    if (*outcome) co_return Found{.keys = **std::move(outcome), .source = std::string(source.name)};
    co_return fail(
        ErrorCode::unauthenticated,
        fmt::format("no credentials for AWS: {}: {}. Mend this source, or set aws.access_key_id and "
                    "aws.secret_access_key, which go before all others. Tried before it with profile {}: {}",
                    source.name, outcome->error().message, profile_, reasons.empty() ? "nothing" : reasons));
  }
  co_return fail(
      ErrorCode::unauthenticated,
      fmt::format(
          "no credentials for AWS: set aws.access_key_id and aws.secret_access_key, or one of the usual "
          "sources. Tried with profile {}: {}",
          profile_, reasons));
}

Task<CredentialSources::Outcome> CredentialSources::configured() {
  if (options_.access_key_id.empty()) co_return std::nullopt;
  if (options_.secret_access_key.empty())
    co_return fail(ErrorCode::unauthenticated, "aws.secret_access_key is missing");
  AwsCredentials keys;
  keys.access_key_id = options_.access_key_id;
  keys.secret_access_key = options_.secret_access_key;
  keys.session_token = options_.session_token;
  co_return keys;
}

Task<CredentialSources::Outcome> CredentialSources::environment() {
  if (!options_.profile.empty()) co_return std::nullopt;
  co_return co_await keys_in_environment();
}

Task<CredentialSources::Outcome> CredentialSources::keys_in_environment() {
  AwsCredentials keys;
  keys.access_key_id = variable("AWS_ACCESS_KEY_ID");
  keys.secret_access_key = Secret(variable("AWS_SECRET_ACCESS_KEY"));
  keys.session_token = Secret(variable("AWS_SESSION_TOKEN"));
  if (keys.access_key_id.empty()) co_return std::nullopt;
  if (keys.secret_access_key.empty())
    co_return fail(ErrorCode::unauthenticated, "AWS_SECRET_ACCESS_KEY is missing");
  co_return keys;
}

Task<CredentialSources::Outcome> CredentialSources::role() {
  const Profile profile = present();
  if (!assumes_role(profile)) co_return std::nullopt;
  std::vector<std::string> path;
  co_return co_await assume(profile, std::move(path));
}

// The environment's unless a profile was named in the settings.
Task<CredentialSources::Outcome> CredentialSources::web_identity() {
  std::string file = variable("AWS_WEB_IDENTITY_TOKEN_FILE"), role = variable("AWS_ROLE_ARN");
  if (options_.profile.empty() && !file.empty() && !role.empty()) {
    std::string session = variable("AWS_ROLE_SESSION_NAME");
    co_return co_await identify(std::move(file), std::move(role), std::move(session));
  }
  const Profile profile = present();
  if (!has_web_identity(profile)) co_return std::nullopt;
  file = profile.get("web_identity_token_file");
  role = profile.get("role_arn");
  std::string session = profile.get("role_session_name");
  co_return co_await identify(std::move(file), std::move(role), std::move(session));
}

Task<CredentialSources::Outcome> CredentialSources::sso() {
  const Profile profile = present();
  if (!signs_on(profile)) co_return std::nullopt;
  co_return co_await sign_on(profile);
}

Task<CredentialSources::Outcome> CredentialSources::shared_file() {
  const Profile profile = present();
  Result<AwsCredentials> keys = static_keys(profile.credentials, profile.name);
  if (!keys && keys.error().code == ErrorCode::not_found) co_return std::nullopt;
  co_return keys;
}

Task<CredentialSources::Outcome> CredentialSources::process() {
  const Profile profile = present();
  if (profile.get("credential_process").empty()) co_return std::nullopt;
  co_return co_await run(profile);
}

Task<CredentialSources::Outcome> CredentialSources::config_file() {
  const Profile profile = present();
  Result<AwsCredentials> keys = static_keys(profile.config, profile.name);
  if (!keys && keys.error().code == ErrorCode::not_found) co_return std::nullopt;
  co_return keys;
}

Task<Result<Secret>> CredentialSources::container_token() {
  const std::string file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (file.empty()) co_return Secret(variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
  PH_CO_TRY_ASSIGN(std::string token, co_await read_file(file));
  co_return Secret(trimmed(std::move(token)));
}

Task<CredentialSources::Outcome> CredentialSources::container() {
  const std::string relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) co_return std::nullopt;
  std::string url = relative.empty() ? full : "http://169.254.170.2" + relative;
  if (const Result<> good = check_container_uri(url); !good) co_return std::unexpected(good.error());
  const Result<Secret> token = co_await container_token();
  if (!token) co_return std::unexpected(token.error());
  HttpRequest request;
  if (!token->empty()) request.headers.set("Authorization", token->reveal());
  const Result<std::string> answer = co_await ask(std::move(url), std::move(request), kLocalTimeout, 3);
  if (!answer) co_return std::unexpected(answer.error());
  co_return read_credential_json(*answer);
}

// Instance metadata, version 2 only: a token first.
Task<CredentialSources::Outcome> CredentialSources::instance() {
  if (variable("AWS_EC2_METADATA_DISABLED") == "true") co_return std::nullopt;
  std::string base = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (base.empty()) base = "http://169.254.169.254";
  if (base.ends_with('/')) base.pop_back();
  HttpRequest for_token;
  for_token.method = "PUT";
  for_token.headers.set("X-aws-ec2-metadata-token-ttl-seconds", "21600");
  const Result<std::string> token =
      co_await ask(base + "/latest/api/token", std::move(for_token), kLocalTimeout, 1);
  if (!token) co_return std::unexpected(token.error());
  HttpRequest request;
  request.headers.set("X-aws-ec2-metadata-token", trimmed(*token));
  const std::string folder = base + "/latest/meta-data/iam/security-credentials/";
  const Result<std::string> role = co_await ask(folder, request, kLocalTimeout, 2);
  if (!role) co_return std::unexpected(role.error());
  const std::string name = role->substr(0, role->find_first_of("\r\n"));
  const Result<std::string> answer = co_await ask(folder + percent_encode(name), request, kLocalTimeout, 2);
  if (!answer) co_return std::unexpected(answer.error());
  co_return read_credential_json(*answer);
}

Task<Result<std::string>> CredentialSources::read_file(std::string path) {
  PH_CO_TRY_ASSIGN(const std::unique_ptr<FileReader> file, co_await ports_.files.open(path));
  if (file->size() > kMaxFile) co_return fail(ErrorCode::too_large, path + " is too large");
  std::string text(static_cast<std::size_t>(file->size()), '\0');
  std::size_t at = 0;
  while (at < text.size()) {
    const std::span<char> rest(text.data() + at, text.size() - at);
    PH_CO_TRY_ASSIGN(const std::size_t n, co_await file->read_at(at, rest));
    if (n == 0) break;
    at += n;
  }
  text.resize(at);
  co_return text;
}

// The body of a 200.
Task<Result<std::string>> CredentialSources::ask(std::string url, HttpRequest request, Duration timeout,
                                                 int attempts) {
  PH_CO_TRY_ASSIGN(const ParsedUrl parsed, parse_url(url));
  request.target = parsed.target;
  Error last{ErrorCode::unavailable, "not asked"};
  for (int i = 0; i < attempts; ++i) {
    auto answer = co_await ports_.http.send(parsed.endpoint, request, timeout);
    if (answer && answer->status == 200) co_return std::move(answer->body);
    const std::string host = parsed.endpoint.host;
    last = answer ? Error{ErrorCode::unavailable, told(host, *answer)}
                  : Error{ErrorCode::unavailable, fmt::format("{}: {}", host, answer.error().error.message)};
    if (answer && answer->status < 500 && answer->status != 429) break;
  }
  co_return std::unexpected(std::move(last));
}

}  // namespace posthorn::aws
