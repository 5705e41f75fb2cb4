#include "broadcasts/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn {
namespace {

using testing::HasSubstr;

class Preflight : public testing::Test {
 protected:
  Preflight() {
    list_.rows = 1000;
    list_.accepted = 1000;
    list_.by_region["DE"] = 1000;
    list_.segments.push_back({0, 1, 1000});
    account_.name = "shop";
    account_.status = "CONNECTED";
    account_.messaging_tier = "TIER_10K";
    account_.throughput = 80;
    template_.facts.name = "offer";
    template_.body.text = "Hello";
    template_.facts.category = "MARKETING";
  }

  json::object assess() {
    PreflightFacts facts{list_, template_, whatsapp::check_sendable(template_), account_, options_};
    facts.used_24h = used_;
    facts.media_problem = media_problem_;
    facts.now = WallTime(std::chrono::hours(24 * 365 * 56));
    return assess_preflight(facts);
  }
  static std::vector<std::string> codes(const json::object& summary, std::string_view which) {
    std::vector<std::string> out;
    for (const json::value& v : summary.at(which).as_array()) out.emplace_back(v.at("code").as_string());
    return out;
  }

  CompileSummary list_;
  whatsapp::Template template_;
  Account account_;
  CampaignOptions options_;
  std::int64_t used_ = 0;
  std::optional<std::string> media_problem_;
};

TEST_F(Preflight, AllIsWell) {
  const json::object summary = assess();
  EXPECT_THAT(codes(summary, "blockers"), testing::IsEmpty());
  EXPECT_THAT(codes(summary, "warnings"), testing::IsEmpty());
  EXPECT_EQ(summary.at("accepted").to_number<int>(), 1000);
  EXPECT_DOUBLE_EQ(summary.at("seconds").to_number<double>(), 12.5);
  EXPECT_EQ(summary.at("budget").at("remaining").to_number<int>(), 10'000);
}

TEST_F(Preflight, TheBudgetCountsWhatWasUsedToday) {
  used_ = 9'500;
  EXPECT_THAT(codes(assess(), "warnings"), testing::ElementsAre("budget"));
}

TEST_F(Preflight, AnUnlimitedTierHasNoBudget) {
  account_.messaging_tier = "TIER_UNLIMITED";
  used_ = 900'000;
  EXPECT_THAT(codes(assess(), "warnings"), testing::IsEmpty());
}

TEST_F(Preflight, BlocksWhatCannotBeSent) {
  template_.facts.status = "PAUSED";
  account_.blocked_reason = "the token has expired";
  media_problem_ = "Meta does not have it";
  list_.accepted = 0;
  list_.segments.clear();
  EXPECT_THAT(codes(assess(), "blockers"),
              testing::UnorderedElementsAre("no_recipients", "template", "header_media", "account_blocked"));
}

TEST_F(Preflight, WarnsOfManyRejectedRowsAndOfMarketingToTheUS) {
  list_.problems[static_cast<std::size_t>(RowProblem::bad_phone)] = 300;
  list_.rows = 1300;
  list_.by_region["US"] = 12;
  const json::object summary = assess();
  EXPECT_THAT(codes(summary, "warnings"), testing::UnorderedElementsAre("many_rejected", "us_marketing"));
  EXPECT_EQ(summary.at("problems_by_reason").at("bad_phone").to_number<int>(), 300);
}

TEST_F(Preflight, QuietHoursMakeItLonger) {
  options_.local_time = true;
  options_.quiet = {0, 10 * 60};  // nobody is written to before ten o'clock
  list_.segments = {{0, 1, 500}, {-600, 501, 1000}};
  const WallTime midnight(std::chrono::hours(24 * 20'000));
  // East: opens at 10:00 UTC. West, ten hours behind: it is two in the afternoon there, open at once.
  EXPECT_NEAR(estimate_seconds(list_.segments, 100, options_, midnight), 10 * 3600 + 5, 0.01);
}

TEST(PreflightTier, KnowsMetasTiers) {
  EXPECT_EQ(tier_limit("TIER_250"), 250);
  EXPECT_EQ(tier_limit("TIER_100K"), 100'000);
  EXPECT_EQ(tier_limit("TIER_UNLIMITED"), std::nullopt);
  EXPECT_EQ(tier_limit(""), std::nullopt);
}

}  // namespace
}  // namespace posthorn
