#include "broadcasts/rate_card.h"

#include <cmath>

#include <fmt/format.h>

#include "platform/toml.h"

namespace posthorn {
namespace {

constexpr double kMostPerMessage = 100.0;  // above this it is surely a typing error

struct CategoryField {
  std::string_view key;   // in the file
  std::string_view meta;  // as Meta names the category
  std::optional<std::int64_t> CountryRates::* field;
};
constexpr CategoryField kCategories[] = {
    {"marketing", "MARKETING", &CountryRates::marketing},
    {"utility", "UTILITY", &CountryRates::utility},
    {"authentication", "AUTHENTICATION", &CountryRates::authentication},
};

std::unexpected<Error> wrong(std::string_view file, const toml::node& node, std::string message,
                             std::string field) {
  return fail(ErrorCode::invalid_argument, fmt::format("{}:{}: {}", file, node.source().begin.line, message),
              std::move(field));
}

Result<CountryRates> parse_rates(const toml::table& table, std::string_view file, const std::string& path) {
  CountryRates out;
  for (const auto& [key, node] : table) {
    const CategoryField* found = nullptr;
    for (const CategoryField& c : kCategories) {
      if (c.key == key.str()) found = &c;
    }
    const std::string field = path + "." + std::string(key.str());
    if (found == nullptr)
      return wrong(file, node, "unknown category; use marketing, utility or authentication", field);
    const auto price = node.value<double>();
    if (!price || *price < 0 || *price > kMostPerMessage) {
      return wrong(file, node, "a price must be a number from 0 to 100 in the card's currency", field);
    }
    out.*(found->field) = std::llround(*price * 1e6);
  }
  return out;
}

Result<> parse_countries(const toml::table& table, std::string_view file, RateCard& card) {
  for (const auto& [code, node] : table) {
    const std::string path = "rates." + std::string(code.str());
    if (code.str().size() != 2 || !node.is_table()) {
      return wrong(file, node, "expected a table named by a two-letter country code, like [rates.DE]", path);
    }
    PH_TRY_ASSIGN(card.countries[std::string(code.str())], parse_rates(*node.as_table(), file, path));
  }
  return {};
}

Result<> parse_member(std::string_view key, const toml::node& node, std::string_view file, RateCard& card) {
  if (key == "valid_from" && node.is_date()) {
    const toml::date& date = node.as_date()->get();
    card.valid_from = fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
  } else if (key == "currency" && node.is_string()) {
    card.currency = node.as_string()->get();
  } else if (key == "source" && node.is_string()) {
    card.source = node.as_string()->get();
  } else if (key == "default" && node.is_table()) {
    PH_TRY_ASSIGN(card.fallback, parse_rates(*node.as_table(), file, "default"));
  } else if (key == "rates" && node.is_table()) {
    return parse_countries(*node.as_table(), file, card);
  } else {
    return wrong(
        file, node,
        "unknown key or wrong type; a rate card has valid_from (a date), currency, source, default, rates",
        std::string(key));
  }
  return {};
}

std::optional<std::int64_t> price_of(const CountryRates& rates, std::string_view category) {
  for (const CategoryField& c : kCategories) {
    if (c.meta == category) return rates.*(c.field);
  }
  return std::nullopt;
}

}  // namespace

Result<RateCard> parse_rate_card(std::string_view text, std::string_view file_name) {
  const toml::parse_result parsed = toml::parse(text, file_name);
  if (!parsed) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}:{}: {}", file_name, parsed.error().source().begin.line,
                            parsed.error().description()));
  }
  RateCard card;
  for (const auto& [key, node] : parsed.table()) {
    PH_TRY(parse_member(key.str(), node, file_name, card));
  }
  if (card.valid_from.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: the date is missing; add a line like valid_from = 2026-10-01", file_name),
                "valid_from");
  }
  if (card.currency.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: the currency is missing; add currency = \"USD\"", file_name), "currency");
  }
  return card;
}

CostEstimate estimate_cost(const RateCard& card, std::string_view category,
                           const std::map<std::string, std::uint64_t>& recipients_by_region) {
  CostEstimate out;
  for (const auto& [region, count] : recipients_by_region) {
    const auto country = card.countries.find(region);
    std::optional<std::int64_t> price;
    if (country != card.countries.end()) price = price_of(country->second, category);
    if (!price) price = price_of(card.fallback, category);
    if (!price) {
      out.without_price += count;
      continue;
    }
    out.priced += count;
    out.micros += *price * static_cast<std::int64_t>(count);
  }
  return out;
}

}  // namespace posthorn
