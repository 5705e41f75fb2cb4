// Where the keys for AWS come from, and when they are renewed.
#include "channels/aws/credentials.h"

#include "channels/aws/profiles.h"
#include "core/time_text.h"
#include "unit/aws/aws_house.h"

namespace posthorn::aws {
namespace {

using testing::HasSubstr;

class CredentialsTest : public AwsHouse {
 protected:
  CredentialsTest() { variables_.clear(); }
  std::string key(CredentialOptions options = {}) {
    const auto keys = run(credentials(std::move(options)).get());
    return keys ? keys->access_key_id : "none: " + keys.error().message;
  }
  static std::string document(const std::string& id, const std::string& end) {
    return R"({"Code":"Success","AccessKeyId":")" + id +
           R"(","SecretAccessKey":"s","Token":"t","Expiration":")" + end + R"("})";
  }
  std::string in(Duration d) { return iso_time(client_.clock().wall_now() + d); }
};

TEST_F(CredentialsTest, SettingsComeFirst) {
  variables_ = {{"AWS_ACCESS_KEY_ID", "ENV"}, {"AWS_SECRET_ACCESS_KEY", "s"}};
  CredentialOptions options;
  options.access_key_id = "SET";
  options.secret_access_key = Secret("s");
  EXPECT_EQ(key(options), "SET");
  EXPECT_EQ(credentials_->source(), "settings");
}

TEST_F(CredentialsTest, TheEnvironmentUnlessAProfileIsNamed) {
  variables_ = {{"AWS_ACCESS_KEY_ID", "ENV"},
                {"AWS_SECRET_ACCESS_KEY", "s"},
                {"AWS_SESSION_TOKEN", "t"},
                {"HOME", "/h"}};
  files_.put("/h/.aws/credentials",
             "[default]\naws_access_key_id=DEF\naws_secret_access_key=s\n[p]\n"
             "aws_access_key_id = PRO \naws_secret_access_key = s\r\n");
  EXPECT_EQ(key(), "ENV");
  EXPECT_EQ(run(credentials_->get())->session_token.reveal(), "t");
  credentials_.reset();
  CredentialOptions options;
  options.profile = "p";
  EXPECT_EQ(key(options), "PRO");
  EXPECT_EQ(credentials_->source(), "shared credentials file");
}

TEST_F(CredentialsTest, WebIdentityThroughSts) {
  variables_ = {{"AWS_WEB_IDENTITY_TOKEN_FILE", "/token"}, {"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"}};
  files_.put("/token", "ey.J+/\n");
  script_.add(500);
  script_.add(200,
              "<R><Credentials><AccessKeyId>STS</AccessKeyId><SecretAccessKey>s&amp;</"
              "SecretAccessKey><SessionToken>t</"
              "SessionToken><Expiration>" +
                  in(1h) + "</Expiration></Credentials></R>");
  CredentialOptions options;
  options.sts_endpoint = "http://aws";
  EXPECT_EQ(key(options), "STS");
  EXPECT_EQ(run(credentials_->get())->secret_access_key.reveal(), "s&");
  EXPECT_EQ(script_.requests.at(1).body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
            "RoleSessionName="
            "posthorn&WebIdentityToken=ey.J%2B%2F");
  EXPECT_FALSE(script_.requests.at(1).headers.has("Authorization")) << "this call is not signed";
}

TEST_F(CredentialsTest, ContainerAgent) {
  reach("169.254.170.2");
  variables_ = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x"},
                {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/tok"}};
  files_.put("/tok", "Basic abc\n");
  script_.add(200, document("ECS", in(1h)));
  EXPECT_EQ(key(), "ECS");
  EXPECT_EQ(script_.requests.at(0).target, "/v2/x");
  EXPECT_EQ(script_.requests.at(0).headers.get("Authorization"), "Basic abc");
}

TEST_F(CredentialsTest, InstanceMetadataVersionTwo) {
  reach("169.254.169.254");
  script_.add(200, "TOKEN");
  script_.add(200, "my-role\n");
  script_.add(200, document("EC2", in(6h)));
  EXPECT_EQ(key(), "EC2");
  EXPECT_EQ(script_.requests.at(0).method + script_.requests.at(0).target, "PUT/latest/api/token");
  EXPECT_EQ(script_.requests.at(0).headers.get("X-aws-ec2-metadata-token-ttl-seconds"), "21600");
  EXPECT_EQ(script_.requests.at(2).target, "/latest/meta-data/iam/security-credentials/my-role");
  EXPECT_EQ(script_.requests.at(2).headers.get("X-aws-ec2-metadata-token"), "TOKEN");
}

TEST_F(CredentialsTest, WithoutAnySourceTheReasonsAreTold) {
  variables_ = {{"AWS_EC2_METADATA_DISABLED", "true"},
                {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.com/x"}};
  EXPECT_THAT(key(), HasSubstr("aws.access_key_id"));
  EXPECT_THAT(key(), HasSubstr("container: AWS_CONTAINER_CREDENTIALS_FULL_URI must be"));
  EXPECT_TRUE(script_.requests.empty());
}

TEST_F(CredentialsTest, RenewsInTheBackgroundThenWaitsThenKeepsTheOldOnes) {
  reach("169.254.170.2");
  variables_ = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/"}, {"AWS_EC2_METADATA_DISABLED", "true"}};
  script_.add(200, document("ONE", in(60min)));
  EXPECT_EQ(key(), "ONE");
  world_.run_for(44min);
  EXPECT_EQ(key(), "ONE");
  EXPECT_EQ(script_.requests.size(), 1U) << "16 minutes left: nothing to do";
  world_.run_for(2min);
  script_.add(200, document("TWO", in(60min)));
  EXPECT_EQ(key(), "ONE") << "14 minutes left: nobody waits";
  world_.run_for(5s);
  EXPECT_EQ(key(), "TWO");
  world_.run_for(51min);
  script_.add(200, document("THREE", in(60min)));
  EXPECT_EQ(key(), "THREE") << "9 minutes left: waited for";
  world_.run_for(55min);
  EXPECT_EQ(key(), "THREE") << "the source fails, the old ones are still good";
  world_.run_for(6min);
  EXPECT_THAT(key(), HasSubstr("none: ")) << "now they are not";
}

TEST_F(CredentialsTest, ManyCallersAskTheSourceOnce) {
  reach("169.254.170.2");
  variables_ = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/"}};
  script_.delay = 1s;
  script_.add(200, document("ONE", in(60min)));
  std::vector<std::optional<Result<AwsCredentials>>> out(20);
  for (auto& one : out) client_.spawn(store(credentials().get(), one));
  EXPECT_TRUE(
      world_.run_until([&] { return std::ranges::all_of(out, [](auto& o) { return o && *o; }); }, 5s));
  EXPECT_EQ(script_.requests.size(), 1U);
}

TEST(CredentialFormats, ContainerAddresses) {
  for (const char* good :
       {"https://example.com/x", "http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]/x",
        "http://169.254.170.2/x", "http://169.254.170.23/v1", "http://[fd00:ec2::23]/v1"})
    EXPECT_TRUE(check_container_uri(good)) << good;
  for (const char* bad : {"http://example.com/x", "http://169.254.169.254/x", "http://127.0.0.1.evil.com/",
                          "http://127.evil.1.2/", "ftp://localhost/", "", "http://10.0.0.1/"})
    EXPECT_FALSE(check_container_uri(bad)) << bad;
}

TEST(CredentialFormats, MalformedOnesAreRefused) {
  const auto keys_in = [](const std::string& ini) {
    return static_keys(Profiles(ini, "").find("default").credentials, "default");
  };
  for (const char* ini : {"", "[default]", "[default]\naws_access_key_id=a",
                          "[other]\naws_access_key_id=a\n"
                          "aws_secret_access_key=b",
                          "[default\naws_access_key_id", "]["})
    EXPECT_FALSE(keys_in(ini)) << ini;
  EXPECT_TRUE(keys_in("# x\n [default] \n aws_access_key_id = a\naws_secret_access_key=b=c"));
  for (const char* text :
       {"", "{}", "[]", R"({"accessToken":"a"})", R"({"accessToken":"a","expiresAt":"soon"})"})
    EXPECT_FALSE(read_sso_token(text)) << text;
  for (const char* text :
       {"", "{}", "[1]", R"({"roleCredentials":{"accessKeyId":"a","secretAccessKey":"s"}})"})
    EXPECT_FALSE(read_sso_answer(text)) << text;
  for (const char* text : {"", "{}", "[]", R"({"Version":2,"AccessKeyId":"a","SecretAccessKey":"b"})",
                           R"({"Version":1,"AccessKeyId":"a"})"})
    EXPECT_FALSE(read_process_output(text)) << text;
  for (const char* text :
       {"", "{}", "[]", R"({"Code":"Failed","AccessKeyId":"a","SecretAccessKey":"b"})",
        R"({"AccessKeyId":"a"})", R"({"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"soon"})"})
    EXPECT_FALSE(read_credential_json(text)) << text;
  EXPECT_FALSE(read_sts_answer("<html>"));
  EXPECT_FALSE(read_sts_answer(
      "<AccessKeyId>a</AccessKeyId><SecretAccessKey>b</SecretAccessKey><Expiration>x</Expiration>"));
}

}  // namespace
}  // namespace posthorn::aws
