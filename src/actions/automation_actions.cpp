// Rules of automation: what there is, what is saved, and what would happen.
#include <algorithm>

#include <fmt/format.h>

#include "actions/automation_common.h"
#include "actions/common.h"
#include "actions/runner.h"
#include "automation/automation_forward.h"
#include "automation/automation_requests.h"
#include "automation/rule_defaults.h"
#include "platform/clock.h"

namespace posthorn {
namespace {

using automation::Rule;
using automation::RuleId;

json::object view(const Rule& rule) {
  json::object out;
  out["rule_id"] = rule.id.value;
  out["account_id"] = rule.account ? json::value(rule.account.value) : json::value(nullptr);
  out["name"] = rule.name;
  out["enabled"] = rule.enabled;
  out["rule"] = to_json(rule.definition);
  return out;
}

// The account that a parameter names; 0 when it is left out: every account.
Task<Result<json::value>> list(ActionContext c, Params p) {
  auto look = [account = p.text("account")](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const AccountId only, account_or_all(tx, account));
    PH_TRY_ASSIGN(const auto found, automation::list_rules(tx));
    json::array rules, problems, suggestions;
    for (const Rule& rule : found.rules) {
      if (!only || !rule.account || rule.account == only) rules.emplace_back(view(rule));
    }
    for (const std::string& problem : found.problems) problems.emplace_back(problem);
    for (const Rule& rule : automation::default_rules()) {
      const bool there = std::ranges::any_of(found.rules, [&](const Rule& r) { return r.name == rule.name; });
      if (there) continue;
      json::object suggestion;
      suggestion["name"] = rule.name;
      suggestion["rule"] = to_json(rule.definition);
      suggestions.emplace_back(std::move(suggestion));
    }
    json::object out;
    out["rules"] = std::move(rules);
    out["suggestions"] = std::move(suggestions);
    out["problems"] = std::move(problems);
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(look));
}

Result<automation::RuleDefinition> parse_definition(const Params& p) {
  auto definition = automation::parse_rule(json::value(p.object("rule")));
  if (!definition) {
    std::string& field = definition.error().field;
    field = field.empty() ? "rule" : "rule." + field;
  }
  return definition;
}

// The rule that is to be changed: by id, or by its name on this account; a new one otherwise.
Result<Rule> rule_to_change(Transaction& tx, RuleId id, AccountId account, const std::string& name) {
  if (id) return automation::get_rule(tx, id);
  PH_TRY_ASSIGN(const auto same, automation::find_rule(tx, account, name));
  return same ? *same : Rule{};
}

struct SaveRequest {
  RuleId id;
  std::string account, name;
  std::optional<bool> enabled;
  automation::RuleDefinition definition;
  std::shared_ptr<IdempotentCall> idempotent;
  WallTime now;
};
Result<json::value> store(Transaction& tx, const SaveRequest& request) {
  PH_TRY_ASSIGN(const AccountId account, account_or_all(tx, request.account));
  PH_TRY_ASSIGN(Rule rule, rule_to_change(tx, request.id, account, request.name));
  rule.account = account;
  rule.name = request.name;
  rule.enabled = request.enabled.value_or(rule.enabled);
  rule.definition = request.definition;
  PH_TRY(automation::check_rule(tx, account, rule.definition));
  PH_TRY_ASSIGN(rule.id, automation::save_rule(tx, rule, request.now));
  json::value answer(view(rule));
  PH_TRY(remember_answer(tx, request.idempotent, answer, request.now));
  return answer;
}

Task<Result<json::value>> save(ActionContext c, Params p) {
  SaveRequest request;
  request.id = RuleId{p.integer("rule_id")};
  request.account = p.text("account");
  request.name = p.text("name");
  if (p.has("enabled")) request.enabled = p.boolean("enabled");
  PH_CO_TRY_ASSIGN(request.definition, parse_definition(p));
  request.idempotent = c.idempotent;
  request.now = c.services->clock->wall_now();
  auto write = [request = std::move(request)](Transaction& tx) { return store(tx, request); };
  co_return co_await c.services->database->write(std::move(write));
}

Task<Result<json::value>> remove(ActionContext c, Params p) {
  const RuleId id{p.integer("rule_id")};
  auto write = [id](Transaction& tx) { return automation::delete_rule(tx, id); };
  PH_CO_TRY(co_await c.services->database->write(std::move(write)));
  json::object out;
  out["deleted"] = id.value;
  co_return json::value(std::move(out));
}

// A message as it might come, and what was before it.
struct DryRun {
  std::string account;
  std::vector<Rule> rules;  // empty: those that are stored
  automation::Situation situation;
  WallTime now;
};

DryRun dry_run_of(const Params& p, WallTime now) {
  DryRun run;
  run.account = p.text("account");
  run.now = p.time("at").value_or(now);
  automation::Situation& s = run.situation;
  s.message = MessageId{INT64_MAX};
  s.at = run.now;
  s.type = p.text("type");
  s.text = p.text("text");
  s.payload = p.text("reply_id");
  s.channel_id = "wamid.test";
  s.person_name = p.text("person_name");
  s.assigned = p.boolean("assigned");
  if (p.has("hours_since_last"))
    s.previous_inbound = run.now - std::chrono::hours(p.integer("hours_since_last"));
  for (const std::string_view media : {"image", "video", "audio", "voice", "document", "sticker"})
    if (s.type == media) s.attachments.push_back({AttachmentId{1}, true});
  return run;
}

json::object effect_view(const automation::Effect& effect) {
  json::object out;
  out["effect"] = to_string(effect.kind);
  out["author"] = effect.author;
  if (!effect.text.empty()) out["text"] = effect.text;
  if (!effect.menu.name.empty()) out["menu"] = effect.menu.name;
  if (!effect.emoji.empty()) out["emoji"] = effect.emoji;
  if (effect.to) out["to"] = effect.to.to_string();
  if (effect.conversation) out["conversation"] = effect.conversation.value;
  out["quote"] = effect.quote;
  return out;
}

Result<json::value> try_out(Transaction& tx, DryRun& run, const automation::DecisionLimits& limits) {
  PH_TRY_ASSIGN(const Account account, find_account(tx, run.account));
  automation::Situation& s = run.situation;
  s.account = account.id;
  s.account_name = account.name;
  s.channel = channel_of(account);
  s.window = {s.channel, s.at, s.at, {}};
  if (run.rules.empty()) {
    PH_TRY_ASSIGN(auto stored, automation::list_rules(tx));
    run.rules = std::move(stored.rules);
  }
  PH_TRY_ASSIGN(auto menus, automation::list_menus(tx));
  const automation::Decision decision =
      decide(s, run.rules, {}, automation::MenuBook(std::move(menus)), limits, run.now);
  json::array effects, rules;
  for (const auto& effect : decision.effects) {
    json::object one = effect_view(effect);
    if (effect.kind == automation::EffectKind::forward) {
      const auto target = automation::forward_target(tx, s, effect, run.now);
      if (!target) one["skipped"] = target.error().message;
    }
    effects.emplace_back(std::move(one));
  }
  for (const auto& judgement : decision.judgements) {
    const auto rule = std::ranges::find(run.rules, judgement.rule, &Rule::id);
    json::object one;
    one["rule_id"] = judgement.rule.value;
    one["name"] = rule->name;
    one["verdict"] = to_string(judgement.verdict);
    one["reason"] = explain(judgement.verdict);
    rules.emplace_back(std::move(one));
  }
  json::object out;
  out["effects"] = std::move(effects);
  out["rules"] = std::move(rules);
  return json::value(std::move(out));
}

Task<Result<json::value>> test(ActionContext c, Params p) {
  DryRun run = dry_run_of(p, c.services->clock->wall_now());
  const RuleId id{p.integer("rule_id")};
  if (p.has("rule")) {
    Rule rule;
    rule.name = "test";
    PH_CO_TRY_ASSIGN(rule.definition, parse_definition(p));
    run.rules.push_back(std::move(rule));
  } else if (id) {
    auto get = [id](Transaction& tx) { return automation::get_rule(tx, id); };
    PH_CO_TRY_ASSIGN(Rule rule, co_await c.services->database->read(std::move(get)));
    run.rules.push_back(std::move(rule));
  }
  for (Rule& rule : run.rules) rule.enabled = true;
  auto look = [run = std::move(run)](Transaction& tx) mutable {
    return try_out(tx, run, automation::DecisionLimits{});
  };
  co_return co_await c.services->database->read(std::move(look));
}

Parameter rule_parameter(Need need) {
  return {.name = "rule",
          .type = ParameterType::object,
          .need = need,
          .help = "the rule as docs/automation.md describes it"};
}

std::vector<Parameter> test_parameters() {
  return {
      account_parameter(),
      {.name = "rule_id",
       .type = ParameterType::integer,
       .help = "one stored rule, as if it were switched on",
       .min = 1},
      rule_parameter(Need::optional),
      {.name = "text",
       .help = "what the person writes",
       .fallback = "",
       .aliases = {"message_text", "messageText"}},
      {.name = "type", .help = "type of the message", .fallback = "text", .max = 50},
      {.name = "reply_id",
       .help = "id of the button or list row that was chosen",
       .fallback = "",
       .max = 256},
      {.name = "person_name", .help = "what the person is called", .fallback = "", .max = 200},
      {.name = "at", .type = ParameterType::time, .help = "when it comes; now when left out"},
      {.name = "hours_since_last",
       .type = ParameterType::integer,
       .help = "since the person's last message; the first contact when left out",
       .min = 0,
       .max = 100'000},
      {.name = "assigned",
       .type = ParameterType::boolean,
       .help = "a person has taken the conversation",
       .fallback = false},
  };
}

json::object example_rule() {
  return {{"when", {{"keywords", {"hours"}}, {"match", "contains"}}},
          {"do", json::array{json::object{{"effect", "text"}, {"text", "We are there from 9 to 5."}}}}};
}

}  // namespace

std::vector<Action> automation_actions() {
  return {
      {.name = "list_automation_rules",
       .category = "automation",
       .role = Role::viewer,
       .summary = "The rules, and those that could be added.",
       .parameters = {account_or_all_parameter()},
       .handler = list},
      {.name = "save_automation_rule",
       .category = "automation",
       .role = Role::marketer,
       .effect = Effect::mutates,
       .summary = "Makes a rule, or changes the one with this id or name; everything is checked first.",
       .parameters =
           {{.name = "name", .need = Need::required, .help = "its name", .min = 1, .max = 60},
            rule_parameter(Need::required),
            account_or_all_parameter(),
            {.name = "rule_id", .type = ParameterType::integer, .help = "the rule to change", .min = 1},
            {.name = "enabled",
             .type = ParameterType::boolean,
             .help = "on or off; a new rule is off, another stays as it is"}},
       .handler = save,
       .example = {{"name", "hours"}, {"enabled", true}, {"rule", example_rule()}},
       .keeps_answer = true},
      {.name = "delete_automation_rule",
       .category = "automation",
       .role = Role::marketer,
       .effect = Effect::mutates,
       .summary = "Deletes a rule.",
       .parameters = {{.name = "rule_id",
                       .type = ParameterType::integer,
                       .need = Need::required,
                       .help = "the rule",
                       .min = 1}},
       .handler = remove,
       .example = {{"rule_id", 1}}},
      {.name = "test_automation_rule",
       .category = "automation",
       .role = Role::viewer,
       .summary = "What one rule, or all of an account, would do with a message; nothing is sent.",
       .parameters = test_parameters(),
       .handler = test,
       .example = {{"text", "What are your hours?"}, {"rule", example_rule()}}},
  };
}

}  // namespace posthorn
