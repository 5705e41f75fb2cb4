#include "messaging/webhook_proof.h"

#include <gtest/gtest.h>

namespace posthorn {
namespace {

constexpr AccountId kA{1}, kB{2};
constexpr CampaignId kC{7};

class WebhookProofTest : public testing::Test {
 protected:
  WebhookProof proof;
  void accepted(std::int64_t row, std::int64_t intent_at) { proof.accepted(kA, {kC, row}, intent_at); }
  void status(std::int64_t row, std::int64_t intent_at, std::int64_t received_at) {
    proof.status(kA, {kC, row}, intent_at, received_at);
  }
};

TEST_F(WebhookProofTest, NothingKnownProvesNothing) {
  EXPECT_FALSE(proof.proves(kA, 100));
  EXPECT_FALSE(proof.suggests(kA, 100, 100));
}

TEST_F(WebhookProofTest, TwentyStatusesForLaterSendsOfTheSameNumber) {
  for (int i = 1; i <= 40; ++i) accepted(i, 100 + i);
  for (int i = 1; i <= 19; ++i) status(i, 100 + i, 1000 + i);
  EXPECT_FALSE(proof.proves(kA, 100));
  status(20, 120, 1020);
  EXPECT_TRUE(proof.proves(kA, 100));
  EXPECT_FALSE(proof.proves(kA, 101));  // one of the twenty is not later
  EXPECT_FALSE(proof.proves(kB, 100));
}

TEST_F(WebhookProofTest, SentDeliveredAndReadOfOneSendCountOnce) {
  for (int i = 1; i <= 40; ++i) accepted(i, 100 + i);
  for (int i = 1; i <= 19; ++i) {
    for (int kind = 0; kind < 3; ++kind) status(i, 100 + i, 1000 + i + 100 * kind);
  }
  EXPECT_FALSE(proof.proves(kA, 100));
}

TEST_F(WebhookProofTest, StatusesForEarlierSendsDoNotCount) {
  for (int i = 1; i <= 40; ++i) accepted(i, 200 + i);
  for (int i = 1; i <= 40; ++i) status(100 + i, 50 + i, 1000 + i);
  EXPECT_FALSE(proof.proves(kA, 100));
}

TEST_F(WebhookProofTest, FewLaterSendsProveWhenEachHasItsStatus) {
  for (int i = 1; i <= 3; ++i) accepted(i, 100 + i);
  status(1, 101, 1001);
  status(2, 102, 1002);
  EXPECT_FALSE(proof.proves(kA, 100));
  status(3, 103, 1003);
  EXPECT_TRUE(proof.proves(kA, 100));
}

// The last row of a campaign: nothing was sent after it, but statuses keep coming.
TEST_F(WebhookProofTest, AtTheEndOfACampaignStatusesSinceAreEnough) {
  for (int i = 1; i <= 40; ++i) accepted(i, 50 + i);
  for (int i = 1; i <= 20; ++i) status(i, 50 + i, 1000 + i);
  EXPECT_TRUE(proof.proves(kA, 100));
  EXPECT_FALSE(proof.proves(kA, 1010));  // ten of them came before
}

TEST_F(WebhookProofTest, OneStatusSinceSuggestsWhereLittleIsSent) {
  accepted(1, 90);
  status(1, 90, 150);
  EXPECT_FALSE(proof.proves(kA, 100));
  EXPECT_TRUE(proof.suggests(kA, 100, 100));
  EXPECT_FALSE(proof.suggests(kA, 100, 150));
  EXPECT_FALSE(proof.suggests(kB, 100, 100));
}

// A number that sends much and hears little has a broken path, not a quiet one.
TEST_F(WebhookProofTest, OneStatusForManyLaterSendsSuggestsNothing) {
  for (int i = 1; i <= 20; ++i) accepted(i, 100 + i);
  status(1, 101, 150);
  EXPECT_FALSE(proof.suggests(kA, 100, 100));
}

}  // namespace
}  // namespace posthorn
