#include "messaging/messaging_window.h"

#include <algorithm>

namespace posthorn {
namespace {

constexpr Duration kStandard = std::chrono::hours(24);
constexpr Duration kHumanAgent = std::chrono::hours(24 * 7);

WallTime after(WallTime since, Duration window) {
  return since == WallTime{} ? WallTime{} : since + window;
}

}  // namespace

MessagingWindow messaging_window(const WindowFacts& facts) {
  MessagingWindow window;
  if (facts.channel == channels::Channel::whatsapp) {
    window.free_form_until = after(facts.last_inbound, kStandard);
    window.free_of_charge_until = facts.free_until;
    return window;
  }
  const WallTime last = std::max(facts.last_inbound, facts.last_action);
  window.free_form_until = after(last, kStandard);
  window.human_agent_until = after(last, kHumanAgent);
  return window;
}

}  // namespace posthorn
