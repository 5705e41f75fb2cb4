// Header media of a broadcast: goes up to Meta once, and is checked before anything is sent.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "broadcasts/campaign_message.h"
#include "broadcasts/campaign_ports.h"
#include "broadcasts/campaign_store.h"
#include "messaging/accounts.h"

namespace posthorn {

struct MediaRule {
  std::string_view extension;  // lower case, with the dot
  std::string_view mime_type;
  std::uint64_t limit;  // bytes
};
// By file name. Source of types and limits: Meta's Cloud API media reference.
const MediaRule* media_rule(std::string_view file_name);

// Uploads what the plan takes from our own files (or finds it uploaded already) and puts the media ids into
// plan.mapping.
Task<Result<>> resolve_uploads(CampaignPorts ports, Account account, MessagePlan* plan);

// For a constant media id: does Meta still have it? A sentence for people if not; nothing if all is well or
// unknowable.
Task<std::optional<std::string>> check_media(CampaignPorts ports, Account account, MessagePlan plan);

}  // namespace posthorn
