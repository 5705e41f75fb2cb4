// The sandbox's own verifier against AWS's published examples, and against requests that must not pass.
#include "sandbox/aws_signature_check.h"

#include <functional>

#include <gtest/gtest.h>

#include "platform/aws_signature.h"

namespace posthorn::sandbox {
namespace {

using Kind = AwsRefusal::Kind;
constexpr auto kSuiteTime = std::chrono::sys_days{std::chrono::year(2015) / 8 / 30} + std::chrono::hours(12) +
                            std::chrono::minutes(36);
constexpr auto kOwnTime = std::chrono::sys_days{std::chrono::year(2026) / 1 / 2} + std::chrono::hours(3) +
                          std::chrono::minutes(4) + std::chrono::seconds(5);
constexpr auto kS3Time = std::chrono::sys_days{std::chrono::year(2013) / 5 / 24};

AwsGate suite_gate(std::string service) {
  AwsGate gate;
  gate.access_key_id = "AKIDEXAMPLE";
  gate.secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  gate.region = "us-east-1";
  gate.service = std::move(service);
  return gate;
}

AwsGate s3_gate() {
  AwsGate gate = suite_gate("s3");
  gate.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  gate.secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  return gate;
}

HttpRequest made(std::string method, std::string target,
                 std::vector<std::pair<std::string, std::string>> headers) {
  HttpRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  for (auto& [name, value] : headers) request.headers.add(name, std::move(value));
  return request;
}

void authorise(HttpRequest& request, const AwsGate& gate, std::string_view day, std::string_view names,
               std::string_view signature) {
  request.headers.set("Authorization", "AWS4-HMAC-SHA256 Credential=" + gate.access_key_id + "/" +
                                           std::string(day) + "/us-east-1/" + gate.service +
                                           "/aws4_request, SignedHeaders=" + std::string(names) +
                                           ", Signature=" + std::string(signature));
}

struct Example {
  std::string name, method, target, body, names, signature;
  std::vector<std::pair<std::string, std::string>> headers;
};

// AWS's Signature Version 4 test suite.
TEST(AwsSignatureCheck, TakesThePublishedSuite) {
  const std::vector<Example> examples = {
      {"plain",
       "GET",
       "/",
       "",
       "host;x-amz-date",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
       {}},
      {"unsorted query",
       "GET",
       "/?Param2=value2&Param1=value1",
       "",
       "host;x-amz-date",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
       {}},
      {"UTF-8 in a name",
       "GET",
       "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
       "",
       "host;x-amz-date",
       "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
       {}},
      {"equal names",
       "GET",
       "/?Param1=value2&Param1=value1",
       "",
       "host;x-amz-date",
       "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
       {}},
      {"double slashes",
       "GET",
       "//example//",
       "",
       "host;x-amz-date",
       "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
       {}},
      {"inner spaces",
       "GET",
       "/",
       "",
       "host;my-header1;my-header2;x-amz-date",
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
       {{"My-Header1", "value1"}, {"My-Header2", "\"a   b   c\""}}},
      {"a header three times",
       "GET",
       "/",
       "",
       "host;my-header1;x-amz-date",
       "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
       {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}}},
      {"a form",
       "POST",
       "/",
       "Param1=value1",
       "content-type;host;x-amz-date",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
       {{"Content-Type", "application/x-www-form-urlencoded"}}},
  };
  for (const Example& e : examples) {
    const AwsGate gate = suite_gate("service");
    HttpRequest request = made(e.method, e.target, e.headers);
    request.body = e.body;
    request.headers.set("Host", "example.amazonaws.com");
    request.headers.set("X-Amz-Date", "20150830T123600Z");
    authorise(request, gate, "20150830", e.names, e.signature);
    const AwsVerdict verdict = check_aws_signature(gate, request, kSuiteTime);
    EXPECT_TRUE(verdict) << e.name << ": " << (verdict ? "" : verdict.error().canonical_request);
  }
}

TEST(AwsSignatureCheck, EncodesThePathOfServicesTwice) {
  const AwsGate gate = suite_gate("connect");
  HttpRequest request =
      made("GET", "/contacts/arn%3Aaws%3Ax/y",
           {{"Host", "connect.us-east-1.amazonaws.com"}, {"X-Amz-Date", "20260102T030405Z"}});
  authorise(request, gate, "20260102", "host;x-amz-date",
            "1b0a71908cfb7088b3c5d2feccc412eb103460ac4ff98215f33e2d0fb59e5014");
  EXPECT_TRUE(check_aws_signature(gate, request, kOwnTime));
}

// S3 API reference, "Examples: Signature calculations" and "Authenticating requests: using query parameters".
TEST(AwsSignatureCheck, TakesTheExamplesOfS3) {
  const AwsGate gate = s3_gate();
  const std::string empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  HttpRequest get = made("GET", "/test.txt",
                         {{"Host", "examplebucket.s3.amazonaws.com"},
                          {"Range", "bytes=0-9"},
                          {"X-Amz-Content-Sha256", empty},
                          {"X-Amz-Date", "20130524T000000Z"}});
  authorise(get, gate, "20130524", "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_TRUE(check_aws_signature(gate, get, kS3Time));
  HttpRequest lifecycle = made("GET", "/?lifecycle",
                               {{"Host", "examplebucket.s3.amazonaws.com"},
                                {"X-Amz-Content-Sha256", empty},
                                {"X-Amz-Date", "20130524T000000Z"}});
  authorise(lifecycle, gate, "20130524", "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  EXPECT_TRUE(check_aws_signature(gate, lifecycle, kS3Time));
  HttpRequest presigned = made(
      "GET",
      "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-"
      "1%2Fs3%2F"
      "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
      "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
      {{"Host", "examplebucket.s3.amazonaws.com"}});
  EXPECT_TRUE(check_aws_signature(gate, presigned, kS3Time));
  EXPECT_TRUE(check_aws_signature(gate, presigned, kS3Time + std::chrono::hours(23)));
  const AwsVerdict late = check_aws_signature(gate, presigned, kS3Time + std::chrono::hours(25));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, Kind::expired);
  presigned.target.replace(presigned.target.find("test.txt"), 8, "rest.txt");
  EXPECT_FALSE(check_aws_signature(gate, presigned, kS3Time));
}

HttpRequest good() {
  HttpRequest request =
      made("POST", "/v1/whatsapp/send?a=1", {{"Host", "h:81"}, {"Content-Type", "application/json"}});
  request.body = "{}";
  AwsCredentials keys;
  keys.access_key_id = "AKIDEXAMPLE";
  keys.secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  AwsSigner("us-east-1", "social-messaging").sign(request, "h:81", keys, kOwnTime);
  return request;
}

TEST(AwsSignatureCheck, RefusesWhatIsNotQuiteRight) {
  struct Bad {
    std::string name;
    Kind kind;
    std::function<void(HttpRequest&, AwsGate&)> spoil;
  };
  const auto edit = [](HttpRequest& r, std::string_view from, std::string_view to) {
    std::string text(r.headers.get("Authorization"));
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    r.headers.set("Authorization", text.replace(at, from.size(), to));
  };
  const std::vector<Bad> table = {
      {"no signature", Kind::missing,
       [](HttpRequest& r, AwsGate&) { r.headers.set("Authorization", "Bearer x"); }},
      {"another method", Kind::mismatch, [](HttpRequest& r, AwsGate&) { r.method = "PUT"; }},
      {"another path", Kind::mismatch, [](HttpRequest& r, AwsGate&) { r.target = "/v1/whatsapp/sent?a=1"; }},
      {"another query", Kind::mismatch, [](HttpRequest& r, AwsGate&) { r.target = "/v1/whatsapp/send?a=2"; }},
      {"another body", Kind::mismatch, [](HttpRequest& r, AwsGate&) { r.body = "{} "; }},
      {"another host", Kind::mismatch, [](HttpRequest& r, AwsGate&) { r.headers.set("Host", "h:82"); }},
      {"another secret", Kind::mismatch,
       [](HttpRequest&, AwsGate& g) {
         g.secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
       }},
      {"another key", Kind::unknown_key, [](HttpRequest&, AwsGate& g) { g.access_key_id = "AKIDOTHER"; }},
      {"another Region", Kind::incomplete, [](HttpRequest&, AwsGate& g) { g.region = "eu-west-1"; }},
      {"another service", Kind::incomplete, [](HttpRequest&, AwsGate& g) { g.service = "sqs"; }},
      {"a session token nobody wants", Kind::bad_token,
       [](HttpRequest& r, AwsGate&) { r.headers.set("X-Amz-Security-Token", "t"); }},
      {"no session token", Kind::bad_token, [](HttpRequest&, AwsGate& g) { g.session_token = Secret("t"); }},
      {"an unsigned x-amz header", Kind::incomplete,
       [](HttpRequest& r, AwsGate&) { r.headers.set("X-Amz-Target", "t"); }},
      {"the type unsigned", Kind::incomplete,
       [&](HttpRequest& r, AwsGate&) { edit(r, "content-type;host", "host"); }},
      {"the host unsigned", Kind::incomplete,
       [&](HttpRequest& r, AwsGate&) { edit(r, "content-type;host;", "content-type;"); }},
      {"names out of order", Kind::incomplete,
       [&](HttpRequest& r, AwsGate&) { edit(r, "content-type;host", "host;content-type"); }},
      {"a name in upper case", Kind::incomplete,
       [&](HttpRequest& r, AwsGate&) { edit(r, "=content", "=Content"); }},
      {"a signed header that is missing", Kind::incomplete,
       [&](HttpRequest& r, AwsGate&) { edit(r, "=content-type;", "=content-type;date;"); }},
      {"another day in the scope", Kind::incomplete,
       [&](HttpRequest& r, AwsGate&) { edit(r, "/20260102/", "/20260103/"); }},
      {"a scope cut short", Kind::incomplete,
       [&](HttpRequest& r, AwsGate&) { edit(r, "/aws4_request", ""); }},
      {"no time", Kind::incomplete,
       [](HttpRequest& r, AwsGate&) { r.headers.set("X-Amz-Date", "20260102"); }},
      {"no such day", Kind::incomplete,
       [&](HttpRequest& r, AwsGate&) {
         edit(r, "/20260102/", "/20260231/");
         r.headers.set("X-Amz-Date", "20260231T030405Z");
       }},
      {"a signature cut short", Kind::mismatch,
       [](HttpRequest& r, AwsGate&) {
         std::string text(r.headers.get("Authorization"));
         text.pop_back();
         r.headers.set("Authorization", text);
       }},
  };
  AwsGate gate = suite_gate("social-messaging");
  ASSERT_TRUE(check_aws_signature(gate, good(), kOwnTime));
  for (const Bad& bad : table) {
    HttpRequest request = good();
    AwsGate own = gate;
    bad.spoil(request, own);
    const AwsVerdict verdict = check_aws_signature(own, request, kOwnTime);
    ASSERT_FALSE(verdict) << bad.name;
    EXPECT_EQ(static_cast<int>(verdict.error().kind), static_cast<int>(bad.kind))
        << bad.name << ": " << verdict.error().message;
  }
}

TEST(AwsSignatureCheck, LooksAtTheClock) {
  const AwsGate gate = suite_gate("social-messaging");
  for (const auto& [offset, good_time] :
       std::vector<std::pair<int, bool>>{{-301, false}, {-299, true}, {299, true}, {301, false}}) {
    const AwsVerdict verdict = check_aws_signature(gate, good(), kOwnTime + std::chrono::seconds(offset));
    EXPECT_EQ(verdict.has_value(), good_time) << offset;
    if (!verdict) EXPECT_EQ(verdict.error().kind, Kind::expired);
  }
}

TEST(AwsSignatureCheck, S3WantsTheHashOfTheBody) {
  AwsGate gate = suite_gate("s3");
  AwsCredentials keys;
  keys.access_key_id = "AKIDEXAMPLE";
  keys.secret_access_key = gate.secret_access_key;
  HttpRequest request = made("PUT", "/bucket/a%20b", {{"Host", "h"}});
  request.body = "bytes";
  AwsSigner("us-east-1", "s3").sign(request, "h", keys, kOwnTime);
  EXPECT_TRUE(check_aws_signature(gate, request, kOwnTime));
  HttpRequest other = request;
  other.body = "other";
  const AwsVerdict changed = check_aws_signature(gate, other, kOwnTime);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().kind, Kind::mismatch);
  HttpRequest without = made("PUT", "/bucket/a%20b", {{"Host", "h"}, {"X-Amz-Date", "20260102T030405Z"}});
  authorise(without, gate, "20260102", "host;x-amz-date", std::string(64, '0'));
  const AwsVerdict verdict = check_aws_signature(gate, without, kOwnTime);
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().kind, Kind::incomplete);
}

}  // namespace
}  // namespace posthorn::sandbox
