#include "broadcasts/preflight.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/time_text.h"

namespace posthorn {
namespace {

struct Tier {
  std::string_view name;
  std::int64_t people;
};
constexpr std::array kTiers{Tier{"TIER_50", 50},    Tier{"TIER_250", 250},    Tier{"TIER_1K", 1'000},
                            Tier{"TIER_2K", 2'000}, Tier{"TIER_10K", 10'000}, Tier{"TIER_100K", 100'000}};

json::object point(std::string_view code, std::string message) {
  return {{"code", code}, {"message", std::move(message)}};
}

class Assessment {
 public:
  explicit Assessment(const PreflightFacts& facts) : f_(facts) {}

  json::object run() {
    count_rows();
    describe_template();
    check_account();
    check_budget();
    estimate_time();
    price();
    out_["warnings"] = std::move(warnings_);
    out_["blockers"] = std::move(blockers_);
    out_["checked_at"] = iso_time(f_.now);
    return std::move(out_);
  }

 private:
  void warn(std::string_view code, std::string message) {
    warnings_.push_back(point(code, std::move(message)));
  }
  void block(std::string_view code, std::string message) {
    blockers_.push_back(point(code, std::move(message)));
  }

  void count_rows() {
    const CompileSummary& list = f_.list;
    out_["rows"] = list.rows;
    out_["accepted"] = list.accepted;
    out_["rejected"] = list.rejected();
    out_["duplicates"] = list.duplicates();
    out_["opted_out"] = list.opted_out();
    json::object reasons;
    for (std::size_t i = 0; i < kRowProblems; ++i) {
      if (list.problems[i] > 0) reasons[to_string(static_cast<RowProblem>(i))] = list.problems[i];
    }
    out_["problems_by_reason"] = std::move(reasons);
    json::object regions;
    for (const auto& [region, count] : list.by_region) regions[region.empty() ? "unknown" : region] = count;
    out_["by_region"] = std::move(regions);
    json::array columns;
    for (const std::string& column : list.columns) columns.push_back(json::value(column));
    out_["columns"] = std::move(columns);
    out_["phone_column"] = list.phone_column;
    if (list.accepted == 0) {
      block("no_recipients",
            "no row of the file can be sent to; download the problem rows to see why, correct the file and "
            "upload it again");
    } else if (list.rejected() * 5 > list.rows) {
      warn("many_rejected",
           fmt::format("{} of {} rows were rejected; check the phone column and the default region",
                       list.rejected(), list.rows));
    }
  }

  void describe_template() {
    const whatsapp::TemplateFacts& t = f_.message_template.facts;
    out_["template"] = json::object{{"name", t.name},
                                    {"language", t.language},
                                    {"status", t.status},
                                    {"category", t.category},
                                    {"quality", t.quality}};
    for (const whatsapp::TemplateProblem& problem : f_.template_problems) {
      if (problem.blocks)
        block("template", problem.message);
      else
        warn("template", problem.message);
    }
    if (f_.media_problem) block("header_media", *f_.media_problem);
    const auto us = f_.list.by_region.find("US");
    if (t.category == "MARKETING" && us != f_.list.by_region.end()) {
      warn("us_marketing", fmt::format("{} recipients have US numbers; Meta does not deliver marketing "
                                       "templates to them (error 131049)",
                                       us->second));
    }
  }

  void check_account() {
    const Account& a = f_.account;
    if (a.blocked())
      block("account_blocked", fmt::format("the number {} cannot send: {}", a.name, a.blocked_reason));
    if (a.status != "CONNECTED" && a.status != "UNKNOWN" && !a.status.empty()) {
      warn("number_status", fmt::format("Meta reports the number as {}; sending may be refused", a.status));
    }
    if (a.quality == "RED") {
      warn("number_quality", "the number's quality is RED; more complaints can get it restricted");
    }
  }

  void check_budget() {
    const auto limit = tier_limit(f_.account.messaging_tier);
    json::object budget{{"tier", f_.account.messaging_tier}, {"used_24h", f_.used_24h}};
    if (limit) {
      const std::int64_t left = std::max<std::int64_t>(0, *limit - f_.used_24h);
      budget["limit"] = *limit;
      budget["remaining"] = left;
      if (static_cast<std::int64_t>(f_.list.accepted) > left) {
        warn("budget", fmt::format("Meta lets this business reach {} more people in 24 hours, the list has "
                                   "{}; the rest will fail or "
                                   "be held back. Send it in parts or ask Meta for a higher limit",
                                   left, f_.list.accepted));
      }
    } else if (f_.account.messaging_tier.empty()) {
      warn("budget_unknown", "Meta has not told this number's messaging limit; run `posthorn channel check`");
    }
    out_["budget"] = std::move(budget);
  }

  void estimate_time() {
    const double rate = f_.account.throughput * f_.rate_headroom;
    const double seconds = estimate_seconds(f_.list.segments, rate, f_.options, f_.now);
    out_["rate_per_second"] = rate;
    out_["seconds"] = seconds;
    out_["finishes_at"] = iso_time(f_.now + Duration(static_cast<std::int64_t>(seconds * 1e6)));
  }

  void price() {
    if (f_.rates == nullptr) {
      out_["cost"] = nullptr;
      return;
    }
    const CostEstimate cost = estimate_cost(*f_.rates, f_.message_template.facts.category, f_.list.by_region);
    out_["cost"] = json::object{{"amount", static_cast<double>(cost.micros) / 1e6},
                                {"currency", f_.rates->currency},
                                {"rates_of", f_.rates->valid_from},
                                {"priced", cost.priced},
                                {"without_price", cost.without_price}};
    if (cost.without_price > 0) {
      warn("price_unknown",
           fmt::format("the rate card has no price for {} recipients; their cost is not in the estimate",
                       cost.without_price));
    }
  }

  const PreflightFacts& f_;
  json::object out_;
  json::array warnings_, blockers_;
};

}  // namespace

std::optional<std::int64_t> tier_limit(std::string_view tier) {
  for (const Tier& t : kTiers) {
    if (t.name == tier) return t.people;
  }
  return std::nullopt;
}

double estimate_seconds(const std::vector<ListSegment>& segments, double rate, const CampaignOptions& options,
                        WallTime now) {
  if (rate <= 0) return 0;
  struct Part {
    WallTime opens;
    double rows;
  };
  std::vector<Part> parts;
  for (const ListSegment& s : segments) {
    const WallTime opens = options.local_time ? next_allowed_send(now, s.key, options.quiet) : now;
    parts.push_back({opens, static_cast<double>(s.rows())});
  }
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.opens < b.opens; });
  double end = 0;
  for (const Part& part : parts) {
    const double opens = std::chrono::duration<double>(part.opens - now).count();
    end = std::max(end, opens) + part.rows / rate;
  }
  return end;
}

json::object assess_preflight(const PreflightFacts& facts) {
  return Assessment(facts).run();
}

}  // namespace posthorn
