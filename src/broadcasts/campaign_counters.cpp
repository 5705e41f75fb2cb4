#include "broadcasts/campaign_counters.h"

namespace posthorn {

json::object to_json(const CampaignCounters& c) {
  return {{"total", c.total},           {"queued", c.queued},
          {"intents", c.intents},       {"accepted", c.accepted},
          {"rejected", c.rejected},     {"deferred", c.deferred},
          {"unknown", c.unknown},       {"unknown_final", c.unknown_final},
          {"suppressed", c.suppressed}, {"cancelled", c.cancelled},
          {"expired", c.expired},       {"sent", c.sent},
          {"delivered", c.delivered},   {"read", c.read},
          {"failed", c.failed},         {"held", c.held}};
}

}  // namespace posthorn
