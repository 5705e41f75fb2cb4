// What people do to a running product: prepare and start a broadcast, pause it, cancel it, put right what
// stopped it. Each action is a coroutine on the product's process; a crash ends it without an answer, and the
// person tries again.
#pragma once
#include <functional>
#include <string>

#include "broadcasts/campaign_state.h"
#include "product.h"

namespace posthorn::simulation {

inline constexpr const char* kTemplateName = "simulation_offer";
inline constexpr const char* kTemplateLanguage = "en_US";

enum class Wish { none, pause, resume, cancel };

// Filled when the action ends. What an action refers to must outlive its process.
struct Answer {
  bool done = false;
  std::string problem;  // empty: it worked
};

// An upload of `recipients` rows, made into a broadcast, checked and started.
Task<> start_broadcast(Product* product, int recipients, bool at_least_once, CampaignId* id, Answer* answer);
// Resuming first lifts a block of the account. A wish that is already fulfilled is no problem.
Task<> fulfil(Product* product, CampaignId id, Wish wish, Answer* answer);
// Other messages of the same number: their statuses prove that webhooks arrive, without which nothing unknown
// may be given up (I8).
Task<> send_traffic(Product* product, int batch);
Task<> look(Product* product, CampaignId id, Campaign* out);

}  // namespace posthorn::simulation
