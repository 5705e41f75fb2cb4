// What the broadcast room needs from the rest of the house.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>

#include "broadcasts/rate_card.h"
#include "channels/whatsapp/graph_client.h"
#include "core/phone_number.h"
#include "messaging/dispatcher.h"
#include "messaging/upload_once.h"
#include "platform/clock.h"
#include "platform/files.h"
#include "platform/log.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace posthorn {

// All of it must outlive the service. The functions return nullptr for accounts that are not known (any
// more).
struct CampaignPorts {
  Database& database;
  BlobStore& blobs;
  Files& files;
  Clock& clock;
  Log& log;
  Executor executor;
  UploadOnce& uploads;
  std::function<Dispatcher*(AccountId)> dispatcher;
  std::function<whatsapp::GraphClient*(AccountId)> graph;
};

struct CampaignDefaults {
  Region region;  // for numbers without country code; empty: none
  std::uint64_t max_rows = 10'000'000;
  double rate_headroom = 0.985;   // as the pacer's
  std::optional<RateCard> rates;  // none: no cost estimates
};

}  // namespace posthorn
