// How many recipients of a broadcast have come how far.
#pragma once
#include <cstdint>

#include "core/json.h"

namespace posthorn {

struct CampaignCounters {
  std::int64_t total = 0, queued = 0, intents = 0, accepted = 0, rejected = 0, deferred = 0, unknown = 0,
               unknown_final = 0, suppressed = 0, cancelled = 0, expired = 0;
  std::int64_t sent = 0, delivered = 0, read = 0, failed = 0, held = 0;
};

json::object to_json(const CampaignCounters& counters);  // each by its name

}  // namespace posthorn
