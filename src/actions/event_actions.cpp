// The event log: what happened, in order.
#include <algorithm>
#include <set>

#include "actions/common.h"
#include "automation/webhook_body.h"
#include "messaging/event_pages.h"

namespace posthorn {
namespace {

constexpr int kScan = 10'000;  // events looked at for one call

Result<EventKinds> kinds_of(const Params& p) {
  const auto texts = p.texts("kinds");
  if (texts.size() != p.list("kinds").size())
    return fail(ErrorCode::invalid_argument, "kinds must be texts such as message.*", "kinds");
  return EventKinds::parse(texts);
}

Task<Result<json::value>> list(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(const auto kinds, kinds_of(p));
  auto read = [kinds, given = p.has("after"), after = EventId{p.integer("after")},
               limit = static_cast<int>(p.integer("limit"))](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const auto last, events::last_position(tx));
    const EventId begin = given ? after : EventId{std::max<std::int64_t>(last.value - limit, 0)};
    PH_TRY_ASSIGN(const auto page, read_event_page(tx, begin, kinds, limit, kScan));
    json::array found;
    for (const auto& event : page.events) found.push_back(event_view(event));
    json::object out;
    out["events"] = std::move(found);
    out["next_after"] = page.next.value;
    out["more"] = page.more;
    out["oldest"] = page.oldest.value;
    out["newest"] = page.newest.value;
    out["gap"] = given && page.gap;
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(read));
}

// Newest first, as its callers know it.
Result<json::value> find_newest(Transaction& tx, const std::string& business, const std::string& type,
                                int limit) {
  PH_TRY_ASSIGN(const auto last, events::last_position(tx));
  PH_TRY_ASSIGN(auto found, events::read_after(tx, EventId{std::max<std::int64_t>(last.value - kScan / 5, 0)},
                                               kScan / 5));
  std::ranges::reverse(found);
  WebhookBodies bodies(tx);
  std::set<std::string> types;
  json::array shown;
  for (const auto& event : found) {
    types.insert(event.kind);
    if (static_cast<int>(shown.size()) == limit) break;
    if (!type.empty() && event.kind != type && !event.kind.starts_with(type + ".")) continue;
    if (!business.empty()) {
      PH_TRY_ASSIGN(const auto body, bodies.of(event));
      if (body.business_id != business) continue;
    }
    shown.push_back(event_view(event));
  }
  json::object out;
  out["count"] = shown.size();
  out["events"] = std::move(shown);
  json::array available;
  for (const auto& one : types) available.emplace_back(one);
  out["available_event_types"] = std::move(available);
  return json::value(std::move(out));
}

Task<Result<json::value>> newest(ActionContext c, Params p) {
  std::string type = p.text("event_type");
  if (type == "messages") type = "message";
  auto read = [business = p.text("meta_waba_id"), type, limit = static_cast<int>(p.integer("limit"))](
                  Transaction& tx) { return find_newest(tx, business, type, limit); };
  co_return co_await c.services->database->read(std::move(read));
}

}  // namespace

std::vector<Action> event_actions() {
  const Parameter after = {.name = "after",
                           .type = ParameterType::integer,
                           .help = "`next_after` of the page before; the newest when left out",
                           .min = 0};
  const Parameter kinds = {.name = "kinds",
                           .type = ParameterType::list,
                           .help = "kinds of events: message.received, message.*; all when left out",
                           .fallback = json::array(),
                           .max = 100};
  const Parameter business = {.name = "meta_waba_id",
                              .help = "only of this business account",
                              .fallback = "",
                              .max = 100,
                              .aliases = {"business_id"}};
  const Parameter type = {
      .name = "event_type", .help = "only of this kind, such as message", .fallback = "", .max = 100};
  return {
      {.name = "list_events",
       .category = "events",
       .role = Role::viewer,
       .summary = "What happened, oldest first, page by page; GET /events streams the same.",
       .parameters = {after, kinds, limit_parameter(100, 1000)},
       .handler = list,
       .example = {{"after", 0}, {"kinds", {"message.*"}}}},
      {.name = "get_webhook_events",
       .category = "events",
       .role = Role::viewer,
       .summary = "The newest events, newest first, with the kinds that occur.",
       .parameters = {business, type, limit_parameter(50, 500)},
       .handler = newest},
  };
}

}  // namespace posthorn
