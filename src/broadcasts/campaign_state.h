// The campaign state machine: a pure function of state and event.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace posthorn {

enum class CampaignState {
  draft,         // made, not checked
  preflighting,  // the upload is being compiled
  ready,         // checked; may be started
  scheduled,     // starts by itself at start_at
  running,
  paused,     // by a person or by itself; `state_reason` says why
  completed,  // every recipient has a terminal submission state
  cancelled,
  failed,  // cannot go on (its list is gone or damaged)
};

std::string_view to_string(CampaignState state);
std::optional<CampaignState> campaign_state_from(std::string_view text);
constexpr bool is_terminal(CampaignState s) {
  return s == CampaignState::completed || s == CampaignState::cancelled || s == CampaignState::failed;
}

enum class CampaignEvent {
  preflight_started,
  preflight_passed,
  preflight_failed,
  edited,
  scheduled,
  start_time_reached,
  started,
  paused,
  resumed,
  cancelled,
  all_settled,
  damaged,
};

// The next state, or `conflict` with a sentence that says what is possible now instead.
Result<CampaignState> next_state(CampaignState state, CampaignEvent event);

}  // namespace posthorn
