#include "messaging/webhook_proof.h"

#include <gtest/gtest.h>

namespace posthorn {
namespace {

constexpr AccountId kA{1}, kB{2};

TEST(WebhookProof, NothingKnownProvesNothing) {
  EXPECT_FALSE(WebhookProof().proves(kA, 100));
}

TEST(WebhookProof, TwentyStatusesForLaterSendsOfTheSameNumber) {
  WebhookProof proof;
  for (int i = 1; i <= 40; ++i) proof.accepted(kA, 100 + i);
  for (int i = 1; i <= 19; ++i) proof.status(kA, 100 + i, 1000 + i);
  EXPECT_FALSE(proof.proves(kA, 100));
  proof.status(kA, 120, 1020);
  EXPECT_TRUE(proof.proves(kA, 100));
  EXPECT_FALSE(proof.proves(kA, 101));  // one of the twenty is not later
  EXPECT_FALSE(proof.proves(kB, 100));
}

TEST(WebhookProof, StatusesForEarlierSendsDoNotCount) {
  WebhookProof proof;
  for (int i = 1; i <= 40; ++i) proof.accepted(kA, 200 + i);
  for (int i = 1; i <= 100; ++i) proof.status(kA, 50 + i % 40, 1000 + i);
  EXPECT_FALSE(proof.proves(kA, 100));
}

// The last row of a campaign: nothing was sent after it, but statuses keep coming.
TEST(WebhookProof, AtTheEndOfACampaignStatusesSinceAreEnough) {
  WebhookProof proof;
  for (int i = 1; i <= 40; ++i) proof.accepted(kA, 50 + i);
  for (int i = 1; i <= 20; ++i) proof.status(kA, 50 + i, 1000 + i);
  EXPECT_TRUE(proof.proves(kA, 100));
  EXPECT_FALSE(proof.proves(kA, 1010));  // eleven of them came before
}

}  // namespace
}  // namespace posthorn
