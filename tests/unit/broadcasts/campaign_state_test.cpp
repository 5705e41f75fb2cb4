#include "broadcasts/campaign_state.h"

#include <gtest/gtest.h>

namespace posthorn {
namespace {

constexpr CampaignState kAll[] = {
    CampaignState::draft,     CampaignState::preflighting, CampaignState::ready,
    CampaignState::scheduled, CampaignState::running,      CampaignState::paused,
    CampaignState::completed, CampaignState::cancelled,    CampaignState::failed};
constexpr CampaignEvent kEvents[] = {CampaignEvent::preflight_started, CampaignEvent::preflight_passed,
                                     CampaignEvent::preflight_failed,  CampaignEvent::edited,
                                     CampaignEvent::scheduled,         CampaignEvent::start_time_reached,
                                     CampaignEvent::started,           CampaignEvent::paused,
                                     CampaignEvent::resumed,           CampaignEvent::cancelled,
                                     CampaignEvent::all_settled,       CampaignEvent::damaged};

TEST(CampaignState, NamesRoundTrip) {
  for (const CampaignState state : kAll) EXPECT_EQ(campaign_state_from(to_string(state)), state);
  EXPECT_EQ(campaign_state_from("sleeping"), std::nullopt);
}

TEST(CampaignState, OrdinaryLife) {
  struct Step {
    CampaignEvent event;
    CampaignState after;
  };
  const Step life[] = {{CampaignEvent::preflight_started, CampaignState::preflighting},
                       {CampaignEvent::preflight_passed, CampaignState::ready},
                       {CampaignEvent::scheduled, CampaignState::scheduled},
                       {CampaignEvent::start_time_reached, CampaignState::running},
                       {CampaignEvent::paused, CampaignState::paused},
                       {CampaignEvent::resumed, CampaignState::running},
                       {CampaignEvent::all_settled, CampaignState::completed}};
  CampaignState state = CampaignState::draft;
  for (const Step& step : life) {
    const auto next = next_state(state, step.event);
    ASSERT_TRUE(next) << to_string(state);
    EXPECT_EQ(*next, step.after);
    state = *next;
  }
}

TEST(CampaignState, NothingIsSentWithoutPreflight) {
  for (const CampaignState state : {CampaignState::draft, CampaignState::preflighting}) {
    EXPECT_FALSE(next_state(state, CampaignEvent::started));
    EXPECT_FALSE(next_state(state, CampaignEvent::scheduled));
    EXPECT_FALSE(next_state(state, CampaignEvent::start_time_reached));
  }
}

TEST(CampaignState, EditingAlwaysNeedsAnotherPreflight) {
  for (const CampaignState state : kAll) {
    const auto next = next_state(state, CampaignEvent::edited);
    if (next) EXPECT_EQ(*next, CampaignState::draft);
  }
}

TEST(CampaignState, EveryLivingStateButPreflightCanBeCancelledAndTheDeadStayDead) {
  for (const CampaignState state : kAll) {
    const bool can = !is_terminal(state) && state != CampaignState::preflighting;
    EXPECT_EQ(next_state(state, CampaignEvent::cancelled).has_value(), can) << to_string(state);
  }
  for (const CampaignState dead : {CampaignState::cancelled, CampaignState::failed}) {
    for (const CampaignEvent event : kEvents) EXPECT_FALSE(next_state(dead, event));
  }
}

TEST(CampaignState, RefusalSaysWhatIsPossible) {
  const auto refused = next_state(CampaignState::draft, CampaignEvent::started);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(refused.error().message, "the broadcast is draft and cannot be started; run pre-flight first");
}

}  // namespace
}  // namespace posthorn
