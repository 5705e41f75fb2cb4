// The two files in which Amazon's tools keep profiles (AWS SDKs and Tools reference guide, "Using shared
// config and credentials files"). Pure.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "core/result.h"
#include "platform/aws_signature.h"

namespace posthorn::aws {

using Settings = std::map<std::string, std::string, std::less<>>;  // names in lower case

// One profile: what either file says.
struct Profile {
  std::string name;
  bool known = false;  // has a section in one of them
  Settings credentials, config;

  // The credentials file goes before the other one. Empty: neither.
  std::string get(std::string_view setting) const;
};

class Profiles {
 public:
  Profiles() = default;
  // Lines that make no sense are passed over, as by Amazon's tools.
  Profiles(std::string_view credentials_file, std::string_view config_file);

  Profile find(const std::string& name) const;
  Settings sso_session(const std::string& name) const;  // empty: there is none

 private:
  std::map<std::string, Settings> credentials_, config_, sessions_;
};

// Its aws_access_key_id and so on. not_found: it has none; unauthenticated: half a key.
Result<AwsCredentials> static_keys(const Settings& settings, const std::string& profile);

// The name of the file in ~/.aws/sso/cache that `aws sso login` writes: the SHA-1 of the session's name or,
// without a session, of the start URL.
std::string sso_cache_name(std::string_view session_or_url);

// Such a file, and what the portal answers to it.
struct SsoToken {
  Secret access_token;
  WallTime expires_at{};
};
Result<SsoToken> read_sso_token(std::string_view json);
Result<AwsCredentials> read_sso_answer(std::string_view json);
Result<AwsCredentials> read_process_output(std::string_view json);  // Version must be 1

}  // namespace posthorn::aws
