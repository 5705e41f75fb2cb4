// Signature Version 4 against published vectors: the signature suite, the IAM and S3 documentation's
// examples, and requests on which three independent signers agree.
#include "platform/aws_signature.h"

#include <gmock/gmock.h>

#include "core/time_text.h"
#include "platform/base64.h"

namespace posthorn {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

const WallTime kSuiteTime = *parse_iso_time("2015-08-30T12:36:00Z");
const WallTime kS3Time = *parse_iso_time("2013-05-24T00:00:00Z");
const WallTime kOurTime = *parse_iso_time("2026-01-02T03:04:05Z");

AwsCredentials suite_keys() {
  AwsCredentials keys;
  keys.access_key_id = "AKIDEXAMPLE";
  keys.secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  return keys;
}

AwsCredentials s3_keys() {
  AwsCredentials keys;
  keys.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  keys.secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  return keys;
}

using Headers = std::vector<std::pair<std::string, std::string>>;

HttpRequest request_of(std::string method, std::string target, const Headers& headers = {},
                       std::string body = {}) {
  HttpRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.body = std::move(body);
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  return request;
}

struct Vector {
  HttpRequest request;
  std::string token;
  std::string request_hash, signature;
};

class Suite : public testing::TestWithParam<Vector> {};

TEST_P(Suite, Signs) {
  AwsSigner signer("us-east-1", "service");
  HttpRequest request = GetParam().request;
  AwsCredentials keys = suite_keys();
  keys.session_token = Secret(GetParam().token);
  signer.sign(request, "example.amazonaws.com", keys, kSuiteTime);
  EXPECT_EQ(signer.last_request_hash(), GetParam().request_hash) << request.target;
  EXPECT_THAT(std::string(request.headers.get("Authorization")),
              EndsWith("Signature=" + GetParam().signature));
}

INSTANTIATE_TEST_SUITE_P(
    Published, Suite,
    testing::Values(
        Vector{request_of("GET", "/"), "", "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63",
               "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        Vector{request_of("GET", "/?Param2=value2&Param1=value1"), "",
               "816cd5b414d056048ba4f7c5386d6e0533120fb1fcfa93762cf0fc39e2cf19e0",
               "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        Vector{request_of("GET", "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1"), "",
               "868294f5c38bd141c4972a373a76654f1418a8e4fc18b2e7903ae45e8ae0ec71",
               "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
        Vector{request_of("GET", "/?Param1=value2&Param1=value1"), "",
               "c968629d70850097a2d8781c9bf7edcb988b04cac14cca9be4acc3595f884606",
               "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
        Vector{request_of("GET", "/example space/"), "",
               "63ee75631ed7234ae61b5f736dfc7754cdccfedbff4b5128a915706ee9390d86",
               "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
        Vector{request_of("GET", "//example//"), "",
               "cb96b4ac96d501f7c5c15bc6d67b3035061cfced4af6585ad927f7e6c985c015",
               "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
        Vector{request_of("GET", "/", {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}), "",
               "a726db9b0df21c14f559d0a978e563112acb1b9e05476f0a6a1c7d68f28605c7",
               "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
        Vector{request_of("GET", "/",
                          {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}}),
               "", "dc7f04a3abfde8d472b0ab1a418b741b7c67174dad1551b4117b15527fbe966c",
               "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
        Vector{
            request_of("POST", "/", {{"Content-Type", "application/x-www-form-urlencoded"}}, "Param1=value1"),
            "", "42a5e5bb34198acb3e84da4f085bb7927f2bc277ca766e6d19c73c2154021281",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
        Vector{request_of("GET", "/"), "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
               "067b36aa60031588cea4a4cde1f21215227a047690c72247f1d70b32fbbfad2b",
               "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"}));

TEST(AwsSignature, IamExample) {
  AwsSigner signer("us-east-1", "iam");
  HttpRequest request = request_of("GET", "/?Action=ListUsers&Version=2010-05-08",
                                   {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}});
  signer.sign(request, "iam.amazonaws.com", suite_keys(), kSuiteTime);
  EXPECT_EQ(signer.last_request_hash(), "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
  EXPECT_EQ(request.headers.get("Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

struct S3Vector {
  HttpRequest request;
  std::string signature;
};
class S3Examples : public testing::TestWithParam<S3Vector> {};

TEST_P(S3Examples, Signs) {
  AwsSigner signer("us-east-1", "s3");
  HttpRequest request = GetParam().request;
  signer.sign(request, "examplebucket.s3.amazonaws.com", s3_keys(), kS3Time);
  EXPECT_THAT(std::string(request.headers.get("Authorization")),
              EndsWith("Signature=" + GetParam().signature))
      << request.target;
  EXPECT_TRUE(request.headers.has("X-Amz-Content-Sha256"));
}

INSTANTIATE_TEST_SUITE_P(
    Documented, S3Examples,
    testing::Values(S3Vector{request_of("GET", "/test.txt", {{"Range", "bytes=0-9"}}),
                             "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
                    S3Vector{request_of("PUT", "/test%24file.text",
                                        {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                         {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                                        "Welcome to Amazon S3."),
                             "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
                    S3Vector{request_of("GET", "/?lifecycle"),
                             "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
                    S3Vector{request_of("GET", "/?max-keys=2&prefix=J"),
                             "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"}));

TEST(AwsSignature, PresignedGet) {
  AwsSigner signer("us-east-1", "s3");
  const std::string target = signer.presign(request_of("GET", "/test.txt"), "examplebucket.s3.amazonaws.com",
                                            s3_keys(), kS3Time, std::chrono::hours(24));
  EXPECT_EQ(target,
            "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%"
            "2Fus-east-1"
            "%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&"
            "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(AwsSignature, PresignedPutSignsItsContentTypeAndCarriesTheToken) {
  AwsSigner signer("eu-central-1", "s3");
  AwsCredentials keys = suite_keys();
  keys.session_token = Secret("a/b=");
  const HttpRequest put = request_of("PUT", "/u/a%20b", {{"Content-Type", "image/png"}});
  const std::string target =
      signer.presign(put, "b.s3.eu-central-1.amazonaws.com", keys, kOurTime, std::chrono::minutes(5));
  EXPECT_THAT(target, HasSubstr("&X-Amz-Security-Token=a%2Fb%3D&X-Amz-SignedHeaders=content-type%3Bhost&"));
  EXPECT_THAT(target, testing::StartsWith("/u/a%20b?X-Amz-Algorithm="));
  const HttpRequest other = request_of("PUT", "/u/a%20b", {{"Content-Type", "text/html"}});
  EXPECT_NE(target, signer.presign(other, "b.s3.eu-central-1.amazonaws.com", keys, kOurTime,
                                   std::chrono::minutes(5)));
}

TEST(AwsSignature, PostPolicy) {
  const std::string policy =
      R"({"expiration":"2026-01-02T04:04:05Z","conditions":[{"bucket":"b"},["starts-with","$key","u/"],["content-length-range",1,1000],{"x-amz-algorithm":"AWS4-HMAC-SHA256"},{"x-amz-credential":"AKIDEXAMPLE/20260102/us-east-1/s3/aws4_request"},{"x-amz-date":"20260102T030405Z"}]})";
  ASSERT_EQ(policy.size(), 270U);
  AwsSigner signer("us-east-1", "s3");
  EXPECT_EQ(signer.sign_policy(to_base64(policy), suite_keys(), kOurTime),
            "bb2f56f0098d4d60876c7569e44ebdeebc2ed2300d3b395e9c5d30d351ffb704");
}

TEST(AwsSignature, RequestsOnWhichThreeSignersAgree) {
  AwsSigner connect("us-east-1", "connect");
  HttpRequest put = request_of(
      "PUT", "/contact/chat", {{"Content-Type", "application/json"}},
      R"({"InstanceId":"11111111-2222-3333-4444-555555555555","ContactFlowId":"66666666-7777-8888-9999-000000000000","ParticipantDetails":{"DisplayName":"Zoë"},"InitialMessage":{"ContentType":"text/plain","Content":"hola"},"ClientToken":"mid.1"})");
  ASSERT_EQ(put.body.size(), 237U);
  AwsCredentials keys = suite_keys();
  keys.session_token = Secret("TOKENVALUE");
  connect.sign(put, "connect.us-east-1.amazonaws.com", keys, kOurTime);
  EXPECT_THAT(std::string(put.headers.get("Authorization")),
              EndsWith("Signature=92358d88865a8be3096b08179b1f3dd988ae6d424c974716b2f1d1042a4a8788"));

  AwsSigner social("us-east-1", "social-messaging");
  HttpRequest remove =
      request_of("DELETE",
                 "/v1/whatsapp/media?originationPhoneNumberId=arn%3Aaws%3Asocial-messaging%3Aus-east-1%3A1"
                 "%3Aphone-number-id%2Fab&mediaId=123");
  social.sign(remove, "social-messaging.us-east-1.amazonaws.com", suite_keys(), kOurTime);
  EXPECT_THAT(std::string(remove.headers.get("Authorization")),
              EndsWith("Signature=7d67034bf387520a07afab36bf93f370bfb60c30f8bf11fab1b9e4506c09b8f6"));

  HttpRequest twice = request_of("GET", "/contacts/arn%3Aaws%3Ax/y");
  connect.sign(twice, "connect.us-east-1.amazonaws.com", suite_keys(), kOurTime);
  EXPECT_THAT(std::string(twice.headers.get("Authorization")),
              EndsWith("Signature=1b0a71908cfb7088b3c5d2feccc412eb103460ac4ff98215f33e2d0fb59e5014"));
}

TEST(AwsSignature, TheDerivedKeyFollowsDayAndSecret) {
  AwsSigner kept("us-east-1", "service");
  HttpRequest first = request_of("GET", "/");
  kept.sign(first, "h", suite_keys(), kSuiteTime);
  for (const auto& [keys, time] : {std::pair(s3_keys(), kSuiteTime), std::pair(suite_keys(), kOurTime),
                                   std::pair(suite_keys(), kSuiteTime)}) {
    HttpRequest again = request_of("GET", "/"), fresh = request_of("GET", "/");
    kept.sign(again, "h", keys, time);
    AwsSigner other("us-east-1", "service");
    other.sign(fresh, "h", keys, time);
    EXPECT_EQ(again.headers.get("Authorization"), fresh.headers.get("Authorization"));
  }
}

TEST(AwsSignature, SigningAgainReplacesWhatWasSigned) {
  AwsSigner signer("us-east-1", "service");
  HttpRequest request = request_of("GET", "/", {{"User-Agent", "x"}, {"Content-Length", "0"}});
  signer.sign(request, "h", suite_keys(), kOurTime);
  signer.sign(request, "h", suite_keys(), kSuiteTime);
  EXPECT_EQ(request.headers.count("Authorization"), 1U);
  EXPECT_EQ(request.headers.count("X-Amz-Date"), 1U);
  EXPECT_THAT(std::string(request.headers.get("Authorization")), HasSubstr("SignedHeaders=host;x-amz-date,"));
}

TEST(AwsSignature, CanonicalPathsAndQueries) {
  EXPECT_EQ(aws_canonical_path("/a=b/c%20d//../e", true), "/a%3Db/c%20d//../e");
  EXPECT_EQ(aws_canonical_path("/a/./b/../c%3A", false), "/a/c%253A");
  EXPECT_EQ(aws_canonical_path("/../..", false), "/");
  EXPECT_EQ(aws_canonical_path("", false), "/");
  EXPECT_EQ(aws_canonical_query("b=2&a&a=%2b&a=+&B=/:"), "B=%2F%3A&a=&a=%2B&a=%2B&b=2");
  EXPECT_EQ(aws_canonical_query(""), "");
  EXPECT_EQ(aws_canonical_query("&&x=%7e"), "x=~");
}

TEST(AwsSignature, HostsAsHttpClientSendsThem) {
  EXPECT_EQ(aws_host(Endpoint{.host = "sqs.eu-central-1.amazonaws.com", .port = 443, .tls = true}),
            "sqs.eu-central-1.amazonaws.com");
  EXPECT_EQ(aws_host(Endpoint{.host = "127.0.0.1", .port = 4566, .tls = false}), "127.0.0.1:4566");
  EXPECT_EQ(aws_host(Endpoint{.host = "::1", .port = 443, .tls = false}), "[::1]:443");
}

TEST(Base64, BothWays) {
  for (const auto& [plain, text] : {std::pair("", ""), std::pair("f", "Zg=="), std::pair("fo", "Zm8="),
                                    std::pair("foo", "Zm9v"), std::pair("\xfb\xff", "+/8=")}) {
    EXPECT_EQ(to_base64(plain), text);
    EXPECT_EQ(from_base64(text).value_or("?"), plain);
  }
  for (const char* bad : {"Zg", "Zg=", "Z===", "-_8=", "Zm9v\n", "Z g="})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

}  // namespace
}  // namespace posthorn
