// Signatures, the schedule, kinds and addresses: what webhooks out compute without a world.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "automation/webhook_schedule.h"
#include "automation/webhook_sender.h"
#include "automation/webhook_signature.h"
#include "messaging/event_kinds.h"
#include "platform/crypto.h"
#include "platform/simulated/process.h"
#include "platform/simulated/world.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

// The example of the specification's documentation and its libraries' tests.
TEST(WebhookSignature, IsThatOfThePublishedExample) {
  const Secret secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  EXPECT_EQ(sign_webhook(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookSignature, DependsOnEveryPart) {
  const Secret secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const auto whole = sign_webhook(secret, "id", 1, "body");
  EXPECT_NE(whole, sign_webhook(secret, "ie", 1, "body"));
  EXPECT_NE(whole, sign_webhook(secret, "id", 2, "body"));
  EXPECT_NE(whole, sign_webhook(secret, "id", 1, "bodi"));
  EXPECT_NE(whole, sign_webhook(Secret("whsec_NfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "id", 1, "body"));
}

TEST(WebhookSignature, NewSecretsAreValidAndDiffer) {
  simulated::SeededRandom random(7);
  const auto one = new_webhook_secret(random), other = new_webhook_secret(random);
  EXPECT_TRUE(check_webhook_secret(one));
  EXPECT_THAT(one.reveal(), StartsWith("whsec_"));
  EXPECT_NE(one.reveal(), other.reveal());
}

TEST(WebhookSignature, RefusesWhatIsNoSecret) {
  for (const auto* text :
       {"", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_*fKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_"}) {
    const auto checked = check_webhook_secret(Secret(text));
    ASSERT_FALSE(checked) << text;
    EXPECT_EQ(checked.error().field, "secret");
  }
}

TEST(WebhookSchedule, WaitsLongerAfterEachFailure) {
  const std::vector<Duration> expected = {5s, 30s, 2min, 10min, 30min, 1h, 2h, 4h, 4h, 4h};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(webhook_pause(static_cast<int>(i) + 1, 0), expected[i]) << i;
    const auto longest = webhook_pause(static_cast<int>(i) + 1, 0.999);
    EXPECT_GT(longest, expected[i]);
    EXPECT_LE(longest, expected[i] + expected[i] / 5);
  }
}

TEST(WebhookSchedule, ProbesADownEndpointAtMostOnceAMinute) {
  EXPECT_EQ(webhook_probe_pause(kFailuresUntilDown - 1), 0s);
  EXPECT_EQ(webhook_probe_pause(kFailuresUntilDown), 1s);
  EXPECT_EQ(webhook_probe_pause(kFailuresUntilDown + 2), 4s);
  EXPECT_EQ(webhook_probe_pause(1'000'000), 1min);
}

TEST(WebhookSchedule, UnderstandsRetryAfter) {
  const WallTime now = std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min;
  EXPECT_EQ(parse_retry_after("120", now), 120s);
  EXPECT_EQ(parse_retry_after("0", now), 0s);
  EXPECT_EQ(parse_retry_after("99999999999", now), kLongestWebhookPause);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), 37s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1993 08:49:37 GMT", now), 0s);
  for (const auto* bad :
       {"", "-1", "soon", "1.5", "Sun, 36 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET"})
    EXPECT_EQ(parse_retry_after(bad, now), std::nullopt) << bad;
}

TEST(EventKindsTest, MatchExactlyOrByBeginning) {
  const auto kinds = EventKinds::parse_list("message.*, call.updated");
  ASSERT_TRUE(kinds);
  EXPECT_TRUE(kinds->matches("message.received"));
  EXPECT_TRUE(kinds->matches("call.updated"));
  EXPECT_FALSE(kinds->matches("call.updated.more"));
  EXPECT_FALSE(kinds->matches("messages.received"));
  EXPECT_FALSE(kinds->matches("message"));
  EXPECT_TRUE(EventKinds::parse_list("*")->matches("anything.at.all"));
  EXPECT_TRUE(EventKinds::parse_list("")->matches("anything.at.all"));
}

TEST(EventKindsTest, RefusesWhatIsNoKind) {
  for (const auto* text :
       {"message received", "Message.*", "*.received", ".message", "message.", "a,,b", "mess*"}) {
    const auto kinds = EventKinds::parse_list(text);
    ASSERT_FALSE(kinds) << text;
    EXPECT_THAT(kinds.error().field, StartsWith("kinds[")) << text;
  }
}

class WebhookTargets : public testing::Test {
 protected:
  ~WebhookTargets() override { process_.crash(); }
  Result<> check(const std::string& url, const std::vector<std::string>& allowed = {}) {
    network_ = std::move(WebhookNetwork::make(process_.network(), process_.clock(), allowed).value());
    HttpWebhookSender sender(*network_, process_.clock(), process_.executor(), 5s);
    return sender.check(url);
  }
  simulated::World world_{1};
  simulated::Process process_{world_, "posthorn"};
  std::unique_ptr<WebhookNetwork> network_;
};

TEST_F(WebhookTargets, PrivateOnesAreRefused) {
  for (const auto* url :
       {"http://shop.example.org/", "https://127.0.0.1/", "https://10.1.2.3/", "https://192.168.0.1:8443/",
        "https://169.254.169.254/latest/meta-data", "https://[::1]/", "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/", "https://2130706433/", "https://0x7f.1/", "https://127.1/",
        "https://0.0.0.0/", "https://user@example.org/", "ftp://example.org/", "example.org",
        "https://100.64.0.1/"}) {
    const auto checked = check(url);
    ASSERT_FALSE(checked) << url;
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument) << url;
  }
  EXPECT_TRUE(check("https://shop.example.org/hooks?a=b"));
  EXPECT_TRUE(check("https://shop.example.org:8443/hooks"));
}

TEST_F(WebhookTargets, TheOperatorMayAllowSome) {
  EXPECT_TRUE(check("http://127.0.0.1:9000/", {"127.0.0.0/8"}));
  EXPECT_TRUE(check("http://shop.internal/", {"shop.internal"}));
  EXPECT_FALSE(check("http://other.internal/", {"shop.internal"}));
  EXPECT_FALSE(check("http://10.0.0.1/", {"127.0.0.0/8"}));
  EXPECT_FALSE(WebhookNetwork::make(process_.network(), process_.clock(), {"10.0.0.0/99"}));
}

}  // namespace
}  // namespace posthorn
