#include "broadcasts/campaign_state.h"

#include <array>
#include <span>

#include <fmt/format.h>

namespace posthorn {
namespace {

using S = CampaignState;
using E = CampaignEvent;

struct StateName {
  S state;
  std::string_view name;
  std::string_view possible_now;  // for the sentence that refuses an event
};

constexpr std::array kStates{
    StateName{S::draft, "draft", "run pre-flight first"},
    StateName{S::preflighting, "preflighting", "wait until pre-flight has ended"},
    StateName{S::ready, "ready", "start it, edit it or cancel it"},
    StateName{S::scheduled, "scheduled", "wait for its start time, start it now, edit it or cancel it"},
    StateName{S::running, "running", "pause it or cancel it"},
    StateName{S::paused, "paused", "resume it or cancel it"},
    StateName{S::completed, "completed", "read its report; to send again, create a new broadcast"},
    StateName{S::cancelled, "cancelled", "read its report; to send again, create a new broadcast"},
    StateName{S::failed, "failed", "read its report; to send again, create a new broadcast"},
};

struct Transition {
  S from;
  E event;
  S to;
};

constexpr std::array kTransitions{
    Transition{S::draft, E::edited, S::draft},
    Transition{S::draft, E::preflight_started, S::preflighting},
    Transition{S::draft, E::cancelled, S::cancelled},
    Transition{S::preflighting, E::preflight_passed, S::ready},
    Transition{S::preflighting, E::preflight_failed, S::draft},
    Transition{S::ready, E::edited, S::draft},
    Transition{S::ready, E::preflight_started, S::preflighting},
    Transition{S::ready, E::scheduled, S::scheduled},
    Transition{S::ready, E::started, S::running},
    Transition{S::ready, E::cancelled, S::cancelled},
    Transition{S::ready, E::damaged, S::failed},
    Transition{S::scheduled, E::edited, S::draft},
    Transition{S::scheduled, E::scheduled, S::scheduled},
    Transition{S::scheduled, E::started, S::running},
    Transition{S::scheduled, E::start_time_reached, S::running},
    Transition{S::scheduled, E::paused, S::paused},
    Transition{S::scheduled, E::cancelled, S::cancelled},
    Transition{S::scheduled, E::damaged, S::failed},
    Transition{S::running, E::paused, S::paused},
    Transition{S::running, E::cancelled, S::cancelled},
    Transition{S::running, E::all_settled, S::completed},
    Transition{S::running, E::damaged, S::failed},
    Transition{S::paused, E::paused, S::paused},
    Transition{S::paused, E::resumed, S::running},
    Transition{S::paused, E::cancelled, S::cancelled},
    Transition{S::paused, E::all_settled, S::completed},
    Transition{S::paused, E::damaged, S::failed},
    Transition{S::completed, E::resumed,
               S::running},  // after unknown rows were put back by an audited choice
};

std::string_view to_words(E event) {
  switch (event) {
    case E::preflight_started:
      return "checked";
    case E::preflight_passed:
    case E::preflight_failed:
      return "given a pre-flight result";
    case E::edited:
      return "edited";
    case E::scheduled:
      return "scheduled";
    case E::start_time_reached:
    case E::started:
      return "started";
    case E::paused:
      return "paused";
    case E::resumed:
      return "resumed";
    case E::cancelled:
      return "cancelled";
    case E::all_settled:
      return "completed";
    case E::damaged:
      return "stopped";
  }
  return "changed";
}

const StateName& entry_of(S state) {
  for (const StateName& entry : kStates) {
    if (entry.state == state) return entry;
  }
  return kStates.front();
}

}  // namespace

std::string_view to_string(CampaignState state) {
  return entry_of(state).name;
}

std::optional<CampaignState> campaign_state_from(std::string_view text) {
  for (const StateName& entry : kStates) {
    if (entry.name == text) return entry.state;
  }
  return std::nullopt;
}

Result<CampaignState> next_state(CampaignState state, CampaignEvent event) {
  for (const Transition& t : kTransitions) {
    if (t.from == state && t.event == event) return t.to;
  }
  const StateName& entry = entry_of(state);
  return fail(ErrorCode::conflict, fmt::format("the broadcast is {} and cannot be {}; {}", entry.name,
                                               to_words(event), entry.possible_now));
}

}  // namespace posthorn
