#include "messaging/send_token.h"

#include <gtest/gtest.h>

namespace posthorn {
namespace {

TokenMint mint() {
  return TokenMint(Secret(std::string(32, 'k')));
}

TEST(SendToken, GoesRoundAndReadsAsDocumented) {
  TokenMint m = mint();
  const SendToken token{AccountId{7}, CampaignId{123}, 9'999'999, 12};
  const std::string text = m.make(token);
  EXPECT_TRUE(text.starts_with("v1.7.123.9999999.12."));
  EXPECT_EQ(text.size(), std::string_view("v1.7.123.9999999.12.").size() + 22);
  EXPECT_LE(text.size(), 512U);  // Meta's limit for biz_opaque_callback_data
  EXPECT_EQ(m.verify(text), token);
}

TEST(SendToken, LargestNumbersFit) {
  TokenMint m = mint();
  const auto most = std::numeric_limits<std::int64_t>::max();
  const SendToken token{AccountId{most}, CampaignId{most}, most, 1'000'000};
  EXPECT_EQ(m.verify(m.make(token)), token);
}

TEST(SendToken, AnyChangedByteIsRefused) {
  TokenMint m = mint();
  const std::string text = m.make({AccountId{1}, CampaignId{2}, 3, 4});
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char c : {'0', 'A', '.', '\0'}) {
      std::string changed = text;
      if (changed[i] == c) continue;
      changed[i] = c;
      EXPECT_EQ(m.verify(changed), std::nullopt) << changed;
    }
  }
}

TEST(SendToken, CutOrExtendedIsRefused) {
  TokenMint m = mint();
  const std::string text = m.make({AccountId{1}, CampaignId{2}, 3, 4});
  for (std::size_t length = 0; length < text.size(); ++length)
    EXPECT_EQ(m.verify(text.substr(0, length)), std::nullopt);
  EXPECT_EQ(m.verify(text + "A"), std::nullopt);
  EXPECT_EQ(m.verify(" " + text), std::nullopt);
}

TEST(SendToken, BadInput) {
  TokenMint m = mint();
  const std::string mac(22, 'A');
  for (const std::string& text :
       {std::string(), std::string("v1."), "v1.1.2.3." + mac, "v1.1.2.3.4.5." + mac, "v2.1.2.3.4." + mac,
        "v1.-1.2.3.4." + mac, "v1.01.2.3.4." + mac, "v1.1..3.4." + mac,
        "v1.99999999999999999999.2.3.4." + mac, std::string(100'000, '1'), std::string("order-4711"),
        std::string("{\"id\":1}")}) {
    EXPECT_EQ(m.verify(text), std::nullopt) << text.substr(0, 60);
  }
}

TEST(SendToken, AnotherKeyIsAnotherMint) {
  TokenMint a = mint();
  TokenMint b(Secret(std::string(32, 'x')));
  EXPECT_EQ(b.verify(a.make({AccountId{1}, CampaignId{2}, 3, 4})), std::nullopt);
}

}  // namespace
}  // namespace posthorn
