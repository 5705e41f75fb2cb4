// Incoming events that could not be applied.
#include "actions/common.h"
#include "actions/views.h"

namespace posthorn {
namespace {

Task<Result<json::value>> list(ActionContext c, Params p) {
  const auto limit = p.integer("limit");
  PH_CO_TRY_ASSIGN(auto parked,
                   co_await c.services->parked->list_parked(p.integer("before_id"), static_cast<int>(limit)));
  co_return json::value(page("parked", views(parked), limit));
}

Task<Result<json::value>> replay(ActionContext c, Params p) {
  std::vector<std::int64_t> ids;
  for (const auto& id : p.list("ids")) {
    if (!id.is_int64()) co_return fail(ErrorCode::invalid_argument, "ids must be numbers", "ids");
    ids.push_back(id.get_int64());
  }
  PH_CO_TRY_ASSIGN(const auto outcome, co_await c.services->parked->replay_parked(std::move(ids)));
  json::object out;
  out["applied"] = outcome.applied;
  out["parked_again"] = outcome.parked_again;
  co_return json::value(std::move(out));
}

Task<Result<json::value>> replay_range(ActionContext c, Params p) {
  JournalRange range;
  if (p.has("from_id")) range.from_id = p.integer("from_id");
  if (p.has("to_id")) range.to_id = p.integer("to_id");
  range.since = p.time("since");
  range.until = p.time("until");
  if (!range.from_id && !range.since)
    co_return fail(ErrorCode::invalid_argument,
                   "name the first body (from_id) or the time it begins at (since)", "from_id");
  PH_CO_TRY_ASSIGN(const auto outcome, co_await c.services->parked->replay_journal(range));
  json::object out;
  out["bodies"] = outcome.bodies;
  out["first_id"] = outcome.first_id;
  out["last_id"] = outcome.last_id;
  co_return json::value(std::move(out));
}

}  // namespace

std::vector<Action> intake_actions() {
  const Parameter from = {.name = "from_id", .type = ParameterType::integer, .help = "first body", .min = 1};
  const Parameter to = {.name = "to_id", .type = ParameterType::integer, .help = "last body", .min = 1};
  const Parameter since = {
      .name = "since", .type = ParameterType::time, .help = "received at this time or later"};
  const Parameter until = {.name = "until", .type = ParameterType::time, .help = "received up to this time"};
  const Parameter ids = {.name = "ids", .type = ParameterType::list, .help = "which ones; all when left out"};
  return {
      {.name = "list_parked_events",
       .category = "intake",
       .role = Role::viewer,
       .summary = "Incoming events that could not be applied, with reason and verbatim body, newest first.",
       .parameters = {before_parameter(), limit_parameter(20, 200)},
       .handler = list},
      {.name = "replay_parked_events",
       .category = "intake",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Tries parked events again, after the cause was removed.",
       .parameters = {ids},
       .handler = replay,
       .example = {{"ids", {12, 13}}}},
      {.name = "replay_journal",
       .category = "intake",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Applies bodies of the journal again; what was applied before changes nothing.",
       .parameters = {from, to, since, until},
       .handler = replay_range,
       .example = {{"since", "2026-03-29T09:00:00Z"}}},
  };
}

}  // namespace posthorn
