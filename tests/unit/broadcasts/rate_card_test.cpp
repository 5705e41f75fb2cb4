#include "broadcasts/rate_card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn {
namespace {

constexpr std::string_view kCard = R"(
valid_from = 2026-10-01
currency = "USD"
[default]
marketing = 0.06
[rates.DE]
marketing = 0.1365
utility = 0.055
)";

TEST(RateCard, PricesByCountryThenDefault) {
  const auto card = parse_rate_card(kCard, "rates.toml");
  ASSERT_TRUE(card) << card.error().message;
  EXPECT_EQ(card->valid_from, "2026-10-01");
  const CostEstimate cost = estimate_cost(*card, "MARKETING", {{"DE", 1000}, {"FR", 10}, {"", 1}});
  EXPECT_EQ(cost.micros, 1000 * 136'500 + 11 * 60'000);
  EXPECT_EQ(cost.priced, 1011U);
  EXPECT_EQ(cost.without_price, 0U);
}

TEST(RateCard, SaysWhatHasNoPrice) {
  const auto card = parse_rate_card(kCard, "rates.toml");
  ASSERT_TRUE(card);
  const CostEstimate cost = estimate_cost(*card, "UTILITY", {{"DE", 2}, {"FR", 3}});
  EXPECT_EQ(cost.micros, 110'000);
  EXPECT_EQ(cost.without_price, 3U);
}

struct BadCard {
  const char* text;
  const char* message;
};

TEST(RateCard, RefusesWithPlaceAndAdvice) {
  const BadCard cards[] = {
      {"currency = \"USD\"", "valid_from"},
      {"valid_from = 2026-10-01", "currency"},
      {"valid_from = 2026-10-01\ncurrency = \"USD\"\n[rates.DE]\nmarketing = -1",
       "rates.toml:4: a price must be"},
      {"valid_from = 2026-10-01\ncurrency = \"USD\"\n[rates.DE]\nmarketing = 1000", "0 to 100"},
      {"valid_from = 2026-10-01\ncurrency = \"USD\"\n[rates.DE]\nmarketting = 1", "unknown category"},
      {"valid_from = 2026-10-01\ncurrency = \"USD\"\n[rates.Germany]\nmarketing = 1",
       "two-letter country code"},
      {"valid_from = 2026-10-01\ncurrency = \"USD\"\nprices = 1", "rates.toml:3: unknown key"},
      {"valid_from = ", "rates.toml:1"},
  };
  for (const BadCard& bad : cards) {
    const auto card = parse_rate_card(bad.text, "rates.toml");
    ASSERT_FALSE(card) << bad.text;
    EXPECT_THAT(card.error().message, testing::HasSubstr(bad.message));
  }
}

}  // namespace
}  // namespace posthorn
