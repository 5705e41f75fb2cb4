// What messages cost, from a dated rate card: a TOML file that the operator keeps (docs/rate-card.md).
//
//   valid_from = 2026-10-01
//   currency = "USD"
//   source = "Meta's rate card of 1 October 2026"
//   [default]                       # countries not named below
//   marketing = 0.0604
//   [rates.DE]
//   marketing = 0.1365
//   utility = 0.055
//   authentication = 0.055
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace posthorn {

// Money is counted in millionths of the currency's unit.
struct CountryRates {
  std::optional<std::int64_t> marketing, utility, authentication;
};

struct RateCard {
  std::string valid_from;  // "2026-10-01"
  std::string currency;
  std::string source;
  CountryRates fallback;
  std::map<std::string, CountryRates, std::less<>> countries;  // ISO 3166-1 alpha-2
};

// Errors name line or key: unknown keys, negative or absurd prices (over 100 per message), missing date or
// currency.
Result<RateCard> parse_rate_card(std::string_view toml, std::string_view file_name);

struct CostEstimate {
  std::int64_t micros = 0;   // for the recipients with a known price
  std::uint64_t priced = 0;  // recipients
  std::uint64_t without_price = 0;
};
// `category` as Meta names it: MARKETING, UTILITY, AUTHENTICATION.
CostEstimate estimate_cost(const RateCard& card, std::string_view category,
                           const std::map<std::string, std::uint64_t>& recipients_by_region);

}  // namespace posthorn
