#include "channels/aws/profiles.h"

#include <algorithm>
#include <array>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>

#include "channels/aws/credentials.h"
#include "core/json.h"
#include "core/time_text.h"
#include "platform/crypto.h"

namespace posthorn::aws {
namespace {

using Sections = std::map<std::string, Settings>;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; });
  return out;
}

// " #" and " ;" begin a comment behind a value.
std::string_view without_comment(std::string_view value) {
  for (std::size_t at = 1; at < value.size(); ++at)
    if ((value[at] == '#' || value[at] == ';') && (value[at - 1] == ' ' || value[at - 1] == '\t'))
      return trimmed(value.substr(0, at));
  return value;
}

// Settings below one without a value, indented, belong to it ("s3 ="): nothing here reads them.
Sections read_ini(std::string_view text) {
  Sections out;
  Settings* section = nullptr;
  bool nested = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view raw = text.substr(0, end), line = trimmed(raw);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      const std::size_t close = line.find(']');
      nested = false;
      section =
          close == std::string_view::npos ? nullptr : &out[std::string(trimmed(line.substr(1, close - 1)))];
      continue;
    }
    const std::size_t equals = line.find('=');
    const bool indented = raw.front() == ' ' || raw.front() == '\t';
    if (section == nullptr || equals == std::string_view::npos || (nested && indented)) continue;
    const std::string_view value = without_comment(trimmed(line.substr(equals + 1)));
    nested = value.empty();
    (*section)[lower(trimmed(line.substr(0, equals)))] = std::string(value);
  }
  return out;
}

// "profile x", 'profile "x y"' → the name; nothing for another kind of section.
std::optional<std::string> named(std::string_view section, std::string_view kind) {
  if (!section.starts_with(kind) || section.size() == kind.size()) return std::nullopt;
  const char next = section[kind.size()];
  if (next != ' ' && next != '\t') return std::nullopt;
  std::string_view name = trimmed(section.substr(kind.size()));
  if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
  return std::string(name);
}

std::string value_in(const Settings& settings, std::string_view name) {
  const auto found = settings.find(name);
  return found == settings.end() ? std::string() : found->second;
}

}  // namespace

std::string Profile::get(std::string_view setting) const {
  const std::string first = value_in(credentials, setting);
  return first.empty() ? value_in(config, setting) : first;
}

Profiles::Profiles(std::string_view credentials_file, std::string_view config_file)
    : credentials_(read_ini(credentials_file)) {
  for (auto& [section, settings] : read_ini(config_file)) {
    if (const auto profile = named(section, "profile"))
      config_[*profile] = settings;
    else if (const auto session = named(section, "sso-session"))
      sessions_[*session] = settings;
    else if (section == "default")
      config_.try_emplace(section, settings);  // "profile default" goes before it
  }
}

Profile Profiles::find(const std::string& name) const {
  Profile out{.name = name};
  if (const auto found = credentials_.find(name); found != credentials_.end()) {
    out.known = true;
    out.credentials = found->second;
  }
  if (const auto found = config_.find(name); found != config_.end()) {
    out.known = true;
    out.config = found->second;
  }
  return out;
}

Settings Profiles::sso_session(const std::string& name) const {
  const auto found = sessions_.find(name);
  return found == sessions_.end() ? Settings() : found->second;
}

Result<AwsCredentials> static_keys(const Settings& settings, const std::string& profile) {
  AwsCredentials out;
  out.access_key_id = value_in(settings, "aws_access_key_id");
  out.secret_access_key = Secret(value_in(settings, "aws_secret_access_key"));
  out.session_token = Secret(value_in(settings, "aws_session_token"));
  if (out.access_key_id.empty() && out.secret_access_key.empty())
    return fail(ErrorCode::not_found, fmt::format("profile {} has no access key", profile));
  if (out.access_key_id.empty() || out.secret_access_key.empty())
    return fail(
        ErrorCode::unauthenticated,
        fmt::format("profile {} has only one of aws_access_key_id and aws_secret_access_key", profile));
  return out;
}

std::string sso_cache_name(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  std::size_t size = 0;
  EVP_Q_digest(nullptr, "SHA1", nullptr, text.data(), text.size(), digest.data(), &size);
  return to_hex(std::string_view(reinterpret_cast<const char*>(digest.data()), size)) + ".json";
}

Result<SsoToken> read_sso_token(std::string_view text) {
  PH_TRY_ASSIGN(const json::value root, parse_json(text));
  const JsonView view(root);
  SsoToken out{.access_token = Secret(std::string(view["accessToken"].string_or("")))};
  const Result<WallTime> end = parse_iso_time(view["expiresAt"].string_or(""));
  if (out.access_token.empty() || !end)
    return fail(ErrorCode::unauthenticated, "the cached token has no accessToken or no expiresAt");
  out.expires_at = *end;
  return out;
}

Result<AwsCredentials> read_sso_answer(std::string_view text) {
  PH_TRY_ASSIGN(const json::value root, parse_json(text));
  const JsonView keys = JsonView(root)["roleCredentials"];
  AwsCredentials out;
  out.access_key_id = keys["accessKeyId"].string_or("");
  out.secret_access_key = Secret(std::string(keys["secretAccessKey"].string_or("")));
  out.session_token = Secret(std::string(keys["sessionToken"].string_or("")));
  const Result<std::int64_t> end = keys["expiration"].integer();  // milliseconds
  if (out.access_key_id.empty() || out.secret_access_key.empty() || !end)
    return fail(ErrorCode::unauthenticated, "the answer of the SSO portal has no key or no end");
  out.expires_at = WallTime(std::chrono::milliseconds(*end));
  return out;
}

Result<AwsCredentials> read_process_output(std::string_view text) {
  PH_TRY_ASSIGN(json::value root, parse_json(text));
  if (!root.is_object() || JsonView(root)["Version"].integer().value_or(0) != 1)
    return fail(ErrorCode::unauthenticated, "its output is not a JSON object with \"Version\": 1");
  // The format of the container agent but for the name of the token.
  json::object& keys = root.as_object();
  if (const json::value* token = keys.if_contains("SessionToken")) keys["Token"] = *token;
  return read_credential_json(json::serialize(root));
}

}  // namespace posthorn::aws
