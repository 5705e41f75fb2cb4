// What pre-flight says about a broadcast: a pure function of the facts that were gathered.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broadcasts/campaign_options.h"
#include "broadcasts/rate_card.h"
#include "broadcasts/recipient_compiler.h"
#include "channels/whatsapp/template.h"
#include "core/json.h"
#include "core/time.h"
#include "messaging/accounts.h"

namespace posthorn {

// The portfolio's limit of unique people reached in a moving 24 hours for one of Meta's tiers; nothing if the
// tier is unlimited or not known. Source: Meta's messaging limits reference (TIER_250 … TIER_UNLIMITED).
std::optional<std::int64_t> tier_limit(std::string_view tier);

struct PreflightFacts {
  const CompileSummary& list;
  const whatsapp::Template& message_template;
  std::vector<whatsapp::TemplateProblem> template_problems;
  const Account& account;
  const CampaignOptions& options;
  std::int64_t used_24h = 0;                 // people reached by the portfolio in the last 24 hours
  double rate_headroom = 1;                  // share of the granted rate that is used
  const RateCard* rates = nullptr;           // none configured
  std::optional<std::string> media_problem;  // of the header media, for people
  WallTime now;
};

// Members: rows, accepted, rejected, rejected_by_reason, duplicates, opted_out, by_region, columns,
// phone_column, template, budget, rate_per_second, seconds, finishes_at, cost, warnings, blockers,
// checked_at. Blockers forbid the start; warnings have to be acknowledged.
json::object assess_preflight(const PreflightFacts& facts);

// How long `rows` of each segment take at `rate` when each segment may only be sent outside the quiet hours.
// Seconds from `now` to the last message.
double estimate_seconds(const std::vector<ListSegment>& segments, double rate, const CampaignOptions& options,
                        WallTime now);

}  // namespace posthorn
