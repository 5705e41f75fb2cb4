// Profiles of Amazon's tools: which source wins, what each asks, and what is said when none has keys.
#include "channels/aws/credentials.h"
#include "channels/aws/profiles.h"
#include "core/time_text.h"
#include "unit/aws/aws_house.h"

namespace posthorn::aws {
namespace {

using testing::HasSubstr;

struct ProfileCase {
  const char* what;
  std::string credentials, config;  // the two files
  std::string profile;              // in the settings; empty: AWS_PROFILE is p
  std::string wanted;               // the access key id, or a part of the error
};

constexpr const char* kBase = "[base]\naws_access_key_id = BASE\naws_secret_access_key = s\n";
constexpr const char* kRole = "role_arn = arn:aws:iam::1:role/r\n";

class CredentialProfiles : public AwsHouse {
 protected:
  CredentialProfiles() { variables_ = {{"HOME", "/h"}, {"AWS_EC2_METADATA_DISABLED", "true"}}; }

  std::string in(Duration d) { return iso_time(client_.clock().wall_now() + d); }
  std::string key(CredentialOptions options = {}) {
    options.sts_endpoint = "http://aws/";
    const auto keys = run(credentials(std::move(options)).get());
    return keys ? keys->access_key_id : "none: " + keys.error().message;
  }
  void forget() {
    credentials_.reset();
    script_.answers.clear();
    script_.requests.clear();
  }
  // STS gives "STS" at the first call, "STS2" at the second.
  std::string look(const ProfileCase& c) {
    forget();
    for (const std::string id : {"STS", "STS2"})
      script_.add(200, "<AccessKeyId>" + id +
                           "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t" + id +
                           "</SessionToken><Expiration>" + in(1h) + "</Expiration>");
    if (c.profile.empty()) variables_["AWS_PROFILE"] = "p";
    files_.put("/h/.aws/credentials", c.credentials);
    files_.put("/h/.aws/config", c.config);
    CredentialOptions options;
    options.profile = c.profile;
    return key(std::move(options));
  }
  std::string signed_by(std::size_t request) const {
    return std::string(script_.requests.at(request).headers.get("Authorization"));
  }
};

TEST_F(CredentialProfiles, WhichSourceWins) {
  const std::string role = kRole, p = "[profile p]\n", keys = "aws_secret_access_key=s\naws_access_key_id=";
  const ProfileCase table[] = {
      {"keys in the credentials file", "[p]\n" + keys + "A", "", "", "A"},
      {"keys in the config file", "", p + keys + "C", "", "C"},
      {"the credentials file goes first", "[p]\n" + keys + "A", p + keys + "C", "", "A"},
      {"a program goes before the config file's keys", "", p + "credential_process = 'x\n" + keys + "C", "",
       "a credential_process that cannot be run: a quote is not closed"},
      {"a role with the keys of another profile", kBase, p + role + "source_profile = base", "", "STS"},
      {"a role goes before keys", kBase + ("[p]\n" + keys) + "A", p + role + "source_profile = base", "",
       "STS"},
      {"a role of a role", kBase,
       "[profile q]\n" + role + "source_profile = base\n" + p + role + "source_profile=q", "", "STS2"},
      {"its own keys", "[p]\n" + keys + "A", p + role + "source_profile = p", "", "STS"},
      {"the default profile", "", "[default]\n" + keys + "D", "default", "D"},
      {"the default profile by its long name", "",
       "[profile default]\n" + keys + "L\n[default]\n" + keys + "D", "default", "L"},
      {"a quoted name and comments", "", "# c\n[profile \"a b\"]\n" + keys + "Q # c", "a b", "Q"},
      {"settings below another one", "",
       p + "s3 =\n  aws_access_key_id = X\naws_access_key_id=Y\naws_secret_access_key=s", "", "Y"},
  };
  for (const ProfileCase& c : table) {
    const std::string got = look(c);
    variables_.erase("AWS_PROFILE");
    if (c.wanted.find(' ') == std::string::npos)
      EXPECT_EQ(got, c.wanted) << c.what;
    else
      EXPECT_THAT(got, HasSubstr(c.wanted)) << c.what;
  }
}

TEST_F(CredentialProfiles, WhatIsSaidWhenThereAreNone) {
  const std::string role = kRole, p = "[profile p]\n";
  const std::string sso = "sso_session = s\nsso_account_id = 1\nsso_role_name = r\n";
  const ProfileCase table[] = {
      {"a loop", "", "[profile q]\n" + role + "source_profile = p\n" + p + role + "source_profile=q", "",
       "leads back to itself"},
      {"MFA", kBase, p + role + "source_profile = base\nmfa_serial = arn:aws:iam::1:mfa/me", "",
       "profile p has mfa_serial, and nobody is here to type a code"},
      {"no source", "", p + role, "", "needs one of source_profile and credential_source"},
      {"two sources", kBase, p + role + "source_profile=base\ncredential_source=Environment", "",
       "needs one of source_profile and credential_source"},
      {"no such source profile", "", p + role + "source_profile = nobody", "", "there is no profile nobody"},
      {"a source without keys", "[base]\nx=y", p + role + "source_profile=base", "",
       "profile base has no access key"},
      {"a wrong credential_source", "", p + role + "credential_source = Luck", "",
       "must be Environment, EcsContainer"},
      {"an empty environment", "", p + role + "credential_source = Environment", "",
       "has no AWS_ACCESS_KEY_ID"},
      {"half a key", "[p]\naws_access_key_id=A", "", "",
       "only one of aws_access_key_id and aws_secret_access_key"},
      {"no such profile", kBase, "", "", "there is no profile p in /h/.aws/credentials or /h/.aws/config"},
      {"no such profile in the settings", kBase, "", "zz", "there is no profile zz"},
      {"a profile that says nothing", "", p + "region = eu-west-1", "",
       "Tried with profile p: settings (no aws.access_key_id), environment (no AWS_ACCESS_KEY_ID), role ("},
      {"SSO without a login", "", p + sso + "[sso-session s]\nsso_region = eu-west-1", "",
       "is not signed on: run `aws sso login --profile p`"},
      {"SSO with half its settings", "", p + "sso_account_id = 1", "", "needs sso_account_id, sso_role_name"},
      {"SSO with an unknown session", "", p + sso, "", "names sso_session s"},
      {"no token file", "", p + role + "web_identity_token_file = /none", "", "web identity: "},
  };
  for (const ProfileCase& c : table) {
    EXPECT_THAT(look(c),
                testing::AllOf(testing::StartsWith("none: no credentials for AWS"), HasSubstr(c.wanted)))
        << c.what;
    EXPECT_TRUE(script_.requests.empty()) << c.what;
    variables_.erase("AWS_PROFILE");
  }
}

TEST_F(CredentialProfiles, AssumeRoleIsSignedAndTellsEverything) {
  const std::string config = "[profile p]\nregion = eu-west-1\n" + std::string(kRole) +
                             "source_profile = base\nexternal_id = x y\nduration_seconds = 900\n"
                             "role_session_name = bridge\n";
  EXPECT_EQ(look({"", kBase, config, "", ""}), "STS");
  EXPECT_EQ(credentials_->source(), "role");
  EXPECT_EQ(script_.requests.at(0).body,
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
            "RoleSessionName=bridge&DurationSeconds=900&ExternalId=x%20y");
  EXPECT_THAT(signed_by(0),
              testing::AllOf(HasSubstr("Credential=BASE/"), HasSubstr("/eu-west-1/sts/aws4_request")));
  EXPECT_EQ(run(credentials_->get())->session_token.reveal(), "tSTS");
}

TEST_F(CredentialProfiles, ARoleOfARoleIsSignedWithTheFirstOnesKeys) {
  const std::string role = kRole;
  look({"", kBase,
        "[profile q]\n" + role + "source_profile = base\n[profile p]\n" + role + "source_profile=q", "", ""});
  EXPECT_THAT(signed_by(1), HasSubstr("Credential=STS/"));
  EXPECT_EQ(script_.requests.at(1).headers.get("X-Amz-Security-Token"), "tSTS");
}

TEST_F(CredentialProfiles, ADeniedRoleEndsTheSearch) {
  variables_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/";
  reach("169.254.170.2");
  look({"", kBase, "[profile p]\n" + std::string(kRole) + "source_profile = base", "", ""});
  forget();
  script_.add(
      403,
      "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>");
  script_.add(200, R"({"Code":"Success","AccessKeyId":"SOMEBODY","SecretAccessKey":"s"})");
  EXPECT_THAT(key(), HasSubstr("role: aws answered 403 AccessDenied: not you. Mend this source"));
  EXPECT_EQ(script_.requests.size(), 1U) << "another identity was tried";
}

TEST_F(CredentialProfiles, RolesAreRenewedBeforeTheirEnd) {
  look({"", kBase, "[profile p]\n" + std::string(kRole) + "source_profile = base", "", ""});
  world_.run_for(46min);
  EXPECT_EQ(run(credentials_->get())->access_key_id, "STS") << "14 minutes left: nobody waits";
  world_.run_for(5s);
  EXPECT_EQ(run(credentials_->get())->access_key_id, "STS2");
}

TEST_F(CredentialProfiles, TheSourceMayBeTheEnvironmentOrAnAgent) {
  const std::string config = "[profile p]\n" + std::string(kRole) + "credential_source = ";
  variables_["AWS_ACCESS_KEY_ID"] = "ENV";
  variables_["AWS_SECRET_ACCESS_KEY"] = "s";
  EXPECT_EQ(look({"", "", config + "Environment", "p", ""}), "STS");
  EXPECT_THAT(signed_by(0), HasSubstr("Credential=ENV/"));
  variables_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/";
  reach("169.254.170.2");
  forget();
  script_.add(200, R"({"AccessKeyId":"ECS","SecretAccessKey":"s","Token":"t"})");
  files_.put("/h/.aws/config", config + "EcsContainer");
  CredentialOptions options;
  options.profile = "p";
  EXPECT_THAT(key(std::move(options)), HasSubstr("none: ")) << "beyond the script's end STS fails";
  EXPECT_THAT(signed_by(1), HasSubstr("Credential=ECS/"));
}

TEST_F(CredentialProfiles, WebIdentityOfAProfile) {
  files_.put("/token", "eyJ\n");
  EXPECT_EQ(look({"", "", "[profile p]\n" + std::string(kRole) + "web_identity_token_file = /token", "", ""}),
            "STS");
  EXPECT_EQ(credentials_->source(), "web identity");
  EXPECT_TRUE(script_.requests.at(0).body.ends_with("&WebIdentityToken=eyJ")) << script_.requests.at(0).body;
}

TEST_F(CredentialProfiles, SsoByItsCachedToken) {
  reach("portal.sso.eu-west-1.amazonaws.com");
  const std::string config =
      "[profile p]\nsso_session = my-sso\nsso_account_id = 123\nsso_role_name = Admin\n[sso-session my-sso]\n"
      "sso_region = eu-west-1\nsso_start_url = https://x.awsapps.com/start\n";
  const std::string cache =
      "/h/.aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json";  // sha1sum of the name
  files_.put(cache, R"({"accessToken":"tok","expiresAt":")" + in(-1s) + R"("})");
  EXPECT_THAT(look({"", "", config, "", ""}),
              HasSubstr("is signed on no longer: run `aws sso login --profile p`"));
  files_.put(cache, R"({"accessToken":"tok","expiresAt":")" + in(1h) + R"("})");
  forget();
  const std::int64_t end = to_micros(client_.clock().wall_now() + 1h) / 1000;
  script_.add(
      200,
      R"({"roleCredentials":{"accessKeyId":"SSO","secretAccessKey":"s","sessionToken":"t","expiration":)" +
          std::to_string(end) + "}}");
  EXPECT_EQ(key(), "SSO");
  EXPECT_EQ(script_.requests.at(0).target, "/federation/credentials?role_name=Admin&account_id=123");
  EXPECT_EQ(script_.requests.at(0).headers.get("x-amz-sso_bearer_token"), "tok");
}

TEST_F(CredentialProfiles, ProgramsThatKnowKeys) {
  std::vector<std::string> asked;
  Result<std::string> said =
      R"({"Version":1,"AccessKeyId":"PRG","SecretAccessKey":"s","SessionToken":"t","Expiration":")" + in(1h) +
      R"("})";
  run_program_ = [&](std::vector<std::string> words, Duration) {
    asked = std::move(words);
    return said;
  };
  const ProfileCase asks{"", "", "[profile p]\ncredential_process = /bin/keys \"a b\" --x\n", "", ""};
  EXPECT_EQ(look(asks), "PRG");
  EXPECT_EQ(asked, (std::vector<std::string>{"/bin/keys", "a b", "--x"}));
  EXPECT_EQ(run(credentials_->get())->session_token.reveal(), "t");
  said = "{}";
  EXPECT_THAT(look(asks), HasSubstr("has a credential_process that gave no keys: its output is not"));
  said = fail(ErrorCode::unavailable, "/bin/keys ended with status 3");
  EXPECT_THAT(look(asks), HasSubstr("has a credential_process that failed: /bin/keys ended with status 3"));
}

}  // namespace
}  // namespace posthorn::aws
