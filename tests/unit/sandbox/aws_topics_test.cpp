// The sandbox's SNS: signatures, confirmation, repetition, and what somebody hostile posts.
#include "aws_fixture.h"
#include "platform/base64.h"
#include "platform/certificates.h"

namespace posthorn::sandbox {
namespace {

using testing::HasSubstr;

std::string to_sign(const js::object& m) {
  std::string out;
  const bool notification = m.at("Type") == "Notification";
  const std::vector<std::string_view> names =
      notification
          ? std::vector<std::string_view>{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
          : std::vector<std::string_view>{"Message", "MessageId", "SubscribeURL", "Timestamp",
                                          "Token",   "TopicArn",  "Type"};
  for (const std::string_view name : names)
    if (const js::value* v = m.if_contains(name))
      out += std::string(name) + "\n" + std::string(v->as_string()) + "\n";
  return out;
}

class AwsTopicsTest : public AwsTest {
 protected:
  bool genuine(const js::object& m) {
    const auto certificate =
        SigningCertificate::from_pem(sandbox->cloud().topics().authority().certificate_pem());
    EXPECT_TRUE(certificate);
    const SignatureHash hash = m.at("SignatureVersion") == "1" ? SignatureHash::sha1 : SignatureHash::sha256;
    return certificate->verifies(to_sign(m), *from_base64(text(m, "Signature")), hash);
  }
  std::vector<std::string> messages() const {
    std::vector<std::string> out;
    for (const SnsPost& p : posts) out.push_back(text(p.body, "Message"));
    return out;
  }
};

TEST_F(AwsTopicsTest, ASubscriptionCountsOnceItIsConfirmedByASignedCall) {
  open_shop();
  ASSERT_EQ(control("POST", "/subscribe", {{"endpoint", kEndpoint}}).status, 200);
  settle();
  ASSERT_EQ(posts.size(), 1U);
  const js::object body = posts.front().body;
  EXPECT_EQ(posts.front().type, "SubscriptionConfirmation");
  EXPECT_EQ(posts.front().subscription, "");
  EXPECT_TRUE(genuine(body));
  EXPECT_THAT(text(body, "SubscribeURL"), HasSubstr("Action=ConfirmSubscription"));
  control("POST", "/publish", {{"message", "too early"}});
  settle();
  EXPECT_EQ(posts.size(), 1U);

  EXPECT_EQ(confirm("wrong").status, 400);
  EXPECT_THAT(confirm("wrong").text, HasSubstr("<Code>InvalidParameter</Code>"));
  EXPECT_EQ(confirm(text(body, "Token"), "arn:aws:sns:eu-central-1:123456789012:other").status, 404);
  const Reply confirmed = confirm(text(body, "Token"));
  EXPECT_EQ(confirmed.status, 200);
  EXPECT_THAT(confirmed.text, HasSubstr("<SubscriptionArn>" + aws.topic_arn("whatsapp-events") + ":"));
  EXPECT_EQ(stats("sns").at("confirmed").as_int64(), 1);
  EXPECT_TRUE(control("GET", "").body.at("subscriptions").at(0).at("guarded").as_bool());
  control("POST", "/publish", {{"message", "now"}});
  settle();
  ASSERT_EQ(posts.size(), 2U);
  EXPECT_EQ(text(posts[1].body, "Message"), "now");
  EXPECT_EQ(posts[1].type, "Notification");
  EXPECT_TRUE(genuine(posts[1].body));
}

TEST_F(AwsTopicsTest, AnUnsignedOrWronglySignedConfirmationIsRefused) {
  const std::string form = "Action=ConfirmSubscription&Version=2010-03-31&TopicArn=x&Token=y";
  const std::map<std::string, std::string> type = {{"Content-Type", "application/x-www-form-urlencoded"}};
  const Reply unsigned_call = perform(request("POST", "/", form, type));
  EXPECT_EQ(unsigned_call.status, 403);
  EXPECT_THAT(unsigned_call.text, HasSubstr("<Code>MissingAuthenticationToken</Code>"));
  aws.secret_access_key = Secret("another");
  const Reply forged = sns(form);
  EXPECT_EQ(forged.status, 403);
  EXPECT_THAT(forged.text, HasSubstr("<Code>SignatureDoesNotMatch</Code>"));
  EXPECT_EQ(stats("refused_signatures").at("missing").as_int64(), 1);
  EXPECT_EQ(stats("refused_signatures").at("mismatch").as_int64(), 1);
}

TEST_F(AwsTopicsTest, TheCertificateLeadsToTheAuthorityAndNamesTheHost) {
  const std::string url(control("GET", "").body.at("certificate_url").as_string());
  EXPECT_THAT(url, testing::MatchesRegex("http://meta.test/SimpleNotificationService-[0-9a-f]+\\.pem"));
  const Reply pem = call("GET", url.substr(16), "", "");
  ASSERT_EQ(pem.status, 200);
  const auto certificate = SigningCertificate::from_pem(pem.text);
  ASSERT_TRUE(certificate);
  EXPECT_TRUE(certificate->valid_at(meta.clock().wall_now()));
  const Reply ca = control("GET", "/ca.pem");
  EXPECT_THAT(ca.text, HasSubstr("BEGIN CERTIFICATE"));
  const std::string path = testing::TempDir() + "/sandbox-ca.pem";
  FILE* file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fwrite(ca.text.data(), 1, ca.text.size(), file);
  std::fclose(file);
  const auto roots = CertificateRoots::load(path);
  ASSERT_TRUE(roots);
  const std::vector<std::string> names = {"sns.eu-central-1.amazonaws.com"},
                                 others = {"sns.us-east-1.amazonaws.com"};
  const auto chain = certificate->check(*roots, names, meta.clock().wall_now());
  ASSERT_TRUE(chain) << chain.error().message;
  EXPECT_EQ(*chain, SigningCertificate::Chain::complete);
  EXPECT_FALSE(certificate->check(*roots, others, meta.clock().wall_now()));
  EXPECT_EQ(call("GET", "/SimpleNotificationService-00.pem", "", "").status, 404);
}

TEST_F(AwsTopicsTest, RepeatsAsSnsDoes) {
  struct Case {
    std::vector<int> answers;
    std::size_t attempts;
    int acknowledged, refused, given_up;
  };
  subscribe();
  for (const Case& c : std::vector<Case>{{{200}, 1, 1, 0, 0},
                                         {{503, 500, 200}, 3, 1, 0, 0},
                                         {{404}, 1, 0, 1, 0},
                                         {{429}, 1, 0, 1, 0},
                                         {{500, 500, 500, 500, 200}, 4, 0, 0, 1}}) {
    const js::value before = stats("sns");
    const auto grown = [&](const char* name) {
      return stats("sns").at(name).as_int64() - before.at(name).as_int64();
    };
    posts.clear();
    answers = c.answers;
    const MonotonicTime began = world.now();
    control("POST", "/publish", {{"message", "m"}});
    settle();
    EXPECT_EQ(posts.size(), c.attempts);
    for (const SnsPost& p : posts) EXPECT_EQ(p.body, posts.front().body);  // the same message each time
    EXPECT_EQ(grown("acknowledged"), c.acknowledged);
    EXPECT_EQ(grown("refused"), c.refused);
    EXPECT_EQ(grown("given_up"), c.given_up);
    EXPECT_GE(world.now() - began, std::chrono::seconds(20) * (c.attempts - 1));
  }
}

TEST_F(AwsTopicsTest, WhatIsHostileIsSignedAsItSays) {
  subscribe();
  struct Case {
    std::string form;
    bool fits;
    std::function<bool(const js::object&)> looks;
  };
  const WallTime now = meta.clock().wall_now();
  const auto topic = aws.topic_arn("whatsapp-events");
  const std::vector<Case> cases = {
      {"genuine", true, [&](const js::object& m) { return text(m, "TopicArn") == topic; }},
      {"forged", false, [&](const js::object& m) { return text(m, "TopicArn") == topic; }},
      {"foreign", true, [&](const js::object& m) { return text(m, "TopicArn") == aws.foreign_topic_arn(); }},
      {"stale", true,
       [&](const js::object& m) {
         return text(m, "Timestamp") < aws_timestamp(now - std::chrono::minutes(90));
       }},
      {"early", true,
       [&](const js::object& m) {
         return text(m, "Timestamp") > aws_timestamp(now + std::chrono::minutes(30));
       }},
      {"oversize", true, [](const js::object& m) { return text(m, "Message").size() > 2'500'000; }},
      {"elsewhere", true,
       [](const js::object& m) { return !text(m, "SigningCertURL").starts_with("http://meta.test/"); }},
      {"version_1", true, [](const js::object& m) { return text(m, "SignatureVersion") == "1"; }}};
  for (const Case& c : cases) {
    posts.clear();
    answers = {c.form == "genuine" ? 200 : 403};
    ASSERT_EQ(control("POST", "/publish", {{"message", "m"}, {"as", c.form}}).status, 200) << c.form;
    settle();
    ASSERT_EQ(posts.size(), 1U) << c.form;
    EXPECT_EQ(genuine(posts[0].body), c.fits) << c.form;
    EXPECT_TRUE(c.looks(posts[0].body)) << c.form;
    const js::value form = stats("sns").at("forms").at(c.form);
    EXPECT_EQ(form.at(c.form == "genuine" ? "accepted" : "refused").as_int64(), c.form == "genuine" ? 2 : 1)
        << c.form;
  }
  EXPECT_EQ(control("POST", "/publish", {{"message", "m"}, {"as", "evil"}}).status, 400);
}

TEST_F(AwsTopicsTest, DisturbsOnPurpose) {
  subscribe();
  ASSERT_EQ(
      control("POST", "/chaos", {{"sns", js::object{{"duplicate", 1}, {"reorder", 0.5}, {"forged", 1}}}})
          .status,
      200);
  EXPECT_EQ(control("POST", "/chaos", {{"sns", js::object{{"duplicate", 2}}}}).status, 400);
  std::vector<std::string> sent;
  for (int i = 0; i < 20; ++i) {
    sent.push_back("message " + std::to_string(i));
    control("POST", "/publish", {{"message", sent.back()}});
  }
  settle();
  std::vector<std::string> first;
  for (const SnsPost& p : posts)
    if (genuine(p.body) && std::ranges::find(first, text(p.body, "Message")) == first.end())
      first.push_back(text(p.body, "Message"));
  EXPECT_EQ(posts.size(), 80U);  // genuine and forged, each twice
  EXPECT_NE(first, sent);        // out of order
  EXPECT_THAT(first, testing::UnorderedElementsAreArray(sent));
  control("DELETE", "/chaos");
  posts.clear();
  control("POST", "/publish", {{"message", "calm"}});
  settle();
  EXPECT_EQ(posts.size(), 1U);
}

TEST_F(AwsTopicsTest, AGuardedSubscriptionCannotBeEndedByALink) {
  subscribe();
  control("POST", "/publish", {{"message", "m"}});
  settle();
  const std::string link = text(posts.at(0).body, "UnsubscribeURL");
  EXPECT_EQ(call("GET", link.substr(16), "", "").status, 403);
  EXPECT_EQ(stats("sns").at("links_followed").as_int64(), 1);
  posts.clear();
  ASSERT_EQ(control("POST", "/unsubscribe", {{"endpoint", kEndpoint}}).status, 200);
  settle();
  ASSERT_EQ(posts.size(), 1U);
  EXPECT_EQ(posts[0].type, "UnsubscribeConfirmation");
  EXPECT_TRUE(genuine(posts[0].body));
  control("POST", "/publish", {{"message", "nobody"}});
  settle();
  EXPECT_EQ(posts.size(), 1U);
  EXPECT_EQ(control("POST", "/unsubscribe", {{"endpoint", kEndpoint}}).status, 404);
}

TEST_F(AwsTopicsTest, ANumbersEventsGoTheWayItIsToldTo) {
  subscribe();
  sandbox->set_callback("");
  struct Case {
    std::string via;
    std::size_t posts;
  };
  for (const Case& c : std::vector<Case>{{"meta", 0}, {"aws", 1}, {"both", 1}}) {
    posts.clear();
    ASSERT_EQ(control("POST", "/via", {{"number", kDefaultNumber}, {"via", c.via}}).status, 200);
    ASSERT_TRUE(sandbox->send_from_phone(4915112345678, R"({"type":"text","text":"by )" + c.via + "\"}",
                                         kDefaultNumber));
    ASSERT_TRUE(
        sandbox->send_from_phone(4915112345678, R"({"type":"text","text":"meta"})", kDefaultFastNumber));
    settle();
    ASSERT_EQ(posts.size(), c.posts) << c.via;
    if (posts.empty()) continue;
    const js::value event = js::parse(text(posts[0].body, "Message"));
    EXPECT_EQ(event.at("context").at("MetaPhoneNumberIds").at(0).at("metaPhoneNumberId"),
              js::value(kDefaultNumber));
    EXPECT_EQ(event.at("aws_account_id"), js::value(aws.account));
    const js::value entry = js::parse(event.at("whatsAppWebhookEntry").as_string());
    EXPECT_EQ(entry.at("id"), js::value(kDefaultWaba));
    EXPECT_EQ(entry.at("changes").at(0).at("value").at("messages").at(0).at("text").at("body"),
              js::value("by " + c.via));
  }
  EXPECT_EQ(control("POST", "/via", {{"via", "pigeon"}}).status, 400);
  EXPECT_EQ(control("POST", "/via", {{"via", "aws"}, {"number", "1"}}).status, 404);
}

TEST_F(AwsTopicsTest, BothWaysAreUsedAtOnce) {
  subscribe();
  sandbox->set_callback("http://shop:8080/webhooks/whatsapp");
  control("POST", "/via", {{"via", "both"}});
  ASSERT_TRUE(sandbox->send_from_phone(4915112345678, R"({"type":"text","text":"hello"})"));
  settle();
  ASSERT_EQ(posts.size(), 2U);
  EXPECT_EQ(std::ranges::count_if(posts, [](const SnsPost& p) { return p.type == "Notification"; }), 1);
  EXPECT_EQ(std::ranges::count_if(posts, [](const SnsPost& p) { return p.body.contains("entry"); }), 1);
}

TEST_F(AwsTopicsTest, TheEventIsOfTheDocumentedShape) {
  const WallTime at{std::chrono::milliseconds(1767323045123)};
  EXPECT_EQ(aws_timestamp(at), "2026-01-02T03:04:05.123Z");
  const js::value event = js::parse(render_eum_event(aws, "1", "2", R"({"id":"1"})", "m", at));
  EXPECT_EQ(event.at("whatsAppWebhookEntry"), R"({"id":"1"})");
  EXPECT_EQ(event.at("message_timestamp"), "2026-01-02T03:04:05.123000000Z");
  EXPECT_EQ(event.at("context").at("MetaWabaIds").at(0).at("arn"), js::value(aws_waba_arn(aws, "1")));
  EXPECT_THAT(aws_number_arn(aws, "2"),
              testing::MatchesRegex(
                  "arn:aws:social-messaging:eu-central-1:123456789012:phone-number-id/[0-9a-f]{32}"));
}

}  // namespace
}  // namespace posthorn::sandbox
