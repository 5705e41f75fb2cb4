// Message templates as Meta last told us about them.
#include <fmt/format.h>

#include "actions/common.h"
#include "actions/template_sync.h"
#include "actions/views.h"

namespace posthorn {
namespace {

json::array strings(const std::vector<std::string>& list) {
  return json::array(list.begin(), list.end());
}

Task<Result<json::value>> list(ActionContext c, Params p) {
  TemplateFilter filter;
  if (p.has("account")) {
    PH_CO_TRY_ASSIGN(auto account, co_await find_business(c, p.text("account")));
    filter.business_id = account.business_id;
  }
  filter.status = p.text("status");
  filter.category = p.text("category");
  filter.language = p.text("language");
  filter.name_contains = p.text("search");
  filter.limit = static_cast<int>(p.integer("limit"));
  filter.offset = static_cast<int>(p.integer("offset"));
  auto look = [filter](Transaction& tx) { return templates::list(tx, filter); };
  PH_CO_TRY_ASSIGN(auto found, co_await c.services->database->read(std::move(look)));
  json::object out;
  out["next_offset"] = static_cast<int>(found.size()) < filter.limit
                           ? json::value(nullptr)
                           : json::value(filter.offset + filter.limit);
  out["templates"] = views(found);
  co_return json::value(std::move(out));
}

json::array slots_view(const whatsapp::Template& parsed) {
  json::array out;
  for (const auto& slot : whatsapp::variables(parsed)) {
    json::object one;
    one["name"] = slot.name;
    one["type"] = whatsapp::to_string(slot.type);
    one["label"] = slot.label;
    one["required"] = slot.required;
    one["max_length"] = slot.max_length;
    one["example"] = slot.example;
    out.emplace_back(std::move(one));
  }
  return out;
}

json::array problems_view(const whatsapp::Template& parsed) {
  json::array out;
  for (const auto& problem : whatsapp::check_sendable(parsed)) {
    json::object one;
    one["blocks"] = problem.blocks;
    one["message"] = problem.message;
    out.emplace_back(std::move(one));
  }
  return out;
}

Task<Result<json::value>> get(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(auto account, co_await find_business(c, p.text("account")));
  auto look = [business = account.business_id, name = p.text("name"), language = p.text("language")](
                  Transaction& tx) { return templates::get(tx, business, name, language); };
  PH_CO_TRY_ASSIGN(auto stored, co_await c.services->database->read(std::move(look)));
  PH_CO_TRY_ASSIGN(auto parsed, parse_stored(stored));
  auto out = view(stored);
  out["variables"] = slots_view(parsed);
  out["problems"] = problems_view(parsed);
  out["components"] = std::move(parsed.components);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> sync(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(auto account, co_await find_business(c, p.text("account")));
  PH_CO_TRY_ASSIGN(auto outcome, co_await sync_templates(*c.services, account));
  json::object out;
  out["business_id"] = account.business_id;
  out["total"] = outcome.total;
  out["added"] = outcome.added;
  out["changed"] = outcome.changed;
  out["missing"] = strings(outcome.missing);
  out["unreadable"] = strings(outcome.unreadable);
  co_return json::value(std::move(out));
}

// The same action under the name that older clients use.
Action also_as(Action action, std::string name) {
  action.summary = fmt::format("Older name of {}: {}", action.name, action.summary);
  action.name = std::move(name);
  return action;
}

std::vector<Parameter> filter_parameters() {
  return {account_parameter(),
          {.name = "status", .help = "such as APPROVED or PAUSED", .max = 40},
          {.name = "category",
           .help = "MARKETING, UTILITY or AUTHENTICATION",
           .choices = {"MARKETING", "UTILITY", "AUTHENTICATION"}},
          {.name = "language", .help = "such as en_US", .max = 20},
          {.name = "search", .help = "part of the name", .max = 200},
          limit_parameter(100, 1000),
          {.name = "offset",
           .type = ParameterType::integer,
           .help = "next_offset of the page before",
           .fallback = 0,
           .min = 0,
           .max = 1'000'000}};
}

}  // namespace

std::vector<Action> template_actions() {
  const Parameter language = {.name = "language",
                              .help = "language of the template",
                              .fallback = "en_US",
                              .max = 20,
                              .aliases = {"languageCode"}};
  const Parameter name = {.name = "name",
                          .need = Need::required,
                          .help = "its name",
                          .max = 512,
                          .aliases = {"template_name", "templateName"}};
  const Action list_all = {.name = "list_templates",
                           .category = "templates",
                           .role = Role::viewer,
                           .summary = "Templates by name and language, as last synced.",
                           .parameters = filter_parameters(),
                           .handler = list,
                           .example = {{"status", "APPROVED"}}};
  const Action sync_all = {.name = "sync_templates",
                           .category = "templates",
                           .role = Role::marketer,
                           .effect = Effect::mutates,
                           .summary = "Reads all templates of the number's business account from Meta.",
                           .parameters = {account_parameter()},
                           .handler = sync};
  return {
      list_all,
      {.name = "get_template",
       .category = "templates",
       .role = Role::viewer,
       .summary =
           "One template with its components, the variables to fill in, and what stands against sending it.",
       .parameters = {account_parameter(), name, language},
       .handler = get,
       .example = {{"name", "order_update"}}},
      sync_all,
      also_as(list_all, "get_templates"),
      also_as(sync_all, "refresh_templates"),
  };
}

}  // namespace posthorn
