// Endpoints of webhooks out: who is told, of what, and what became of it.
#include <algorithm>

#include "actions/common.h"
#include "actions/views.h"
#include "actions/webhook_common.h"
#include "automation/webhook_deliveries.h"
#include "automation/webhook_dispatcher.h"
#include "automation/webhook_signature.h"
#include "core/time_text.h"
#include "messaging/event_kinds.h"
#include "platform/clock.h"

namespace posthorn {
namespace {

constexpr std::int64_t kMostWaiting = 10'000;  // counted exactly up to here
constexpr int kAddTries = 5;

json::object endpoint_view(const WebhookEndpoint& e, WallTime now) {
  json::object out;
  out["id"] = e.id.value;
  out["url"] = e.url;
  out["description"] = e.description;
  json::array kinds;
  for (const auto& kind : e.kinds) kinds.emplace_back(kind);
  out["kinds"] = std::move(kinds);
  out["business_id"] = e.business_id.empty() ? json::value(nullptr) : json::value(e.business_id);
  out["enabled"] = e.enabled;
  out["disabled_reason"] = e.disabled_reason.empty() ? json::value(nullptr) : json::value(e.disabled_reason);
  out["failing_since"] = time_or_null(e.failing_since);
  out["failures"] = e.failures;
  const bool rotating = !e.sealed_previous.empty() && now < e.previous_until;
  out["previous_secret_until"] = time_or_null(rotating ? e.previous_until : WallTime{});
  out["created_at"] = iso_time(e.created_at);
  return out;
}

// The secret is sealed for the endpoint's id before the transaction; if another endpoint takes that id first,
// again.
Task<Result<json::value>> add_endpoint(ActionContext c, WebhookEndpoint endpoint, Secret secret) {
  PH_CO_TRY_ASSIGN(WebhooksOut * running, webhooks_out(c));
  PH_CO_TRY(running->check_url(endpoint.url));
  if (secret.empty()) secret = new_webhook_secret(*c.services->random);
  PH_CO_TRY(check_webhook_secret(secret));
  const WallTime now = c.services->clock->wall_now();
  Result<WebhookEndpoint> added = fail(ErrorCode::conflict, "no id was free");
  for (int i = 0; i < kAddTries && !added; ++i) {
    auto next = [](Transaction& tx) { return webhook_endpoints::next_id(tx); };
    PH_CO_TRY_ASSIGN(endpoint.id, co_await c.services->database->read(std::move(next)));
    endpoint.sealed_secret = seal_webhook_secret(*c.services->secrets, endpoint.id, secret);
    auto add = [endpoint, now](Transaction& tx) { return webhook_endpoints::add(tx, endpoint, now); };
    added = co_await c.services->database->write(std::move(add));
    if (!added && added.error().code != ErrorCode::conflict) co_return std::unexpected(added.error());
  }
  if (!added) co_return std::unexpected(added.error());
  running->wake();
  auto view = endpoint_view(*added, now);
  view["secret"] = secret.reveal();
  co_return json::value(std::move(view));
}

Task<Result<json::value>> create(ActionContext c, Params p) {
  WebhookEndpoint endpoint;
  endpoint.url = p.text("url");
  endpoint.description = p.text("description");
  endpoint.business_id = p.text("business_id");
  PH_CO_TRY_ASSIGN(endpoint.kinds, event_kinds_from(p, "kinds"));
  Secret secret(p.text("secret"));
  co_return co_await add_endpoint(c, std::move(endpoint), std::move(secret));
}

// Meta's webhook fields as kinds of ours.
std::vector<std::string> kinds_of_fields(const std::vector<std::string>& fields) {
  std::vector<std::string> kinds;
  for (const auto& field : fields) {
    if (field == "messages") {
      kinds.insert(kinds.end(), {"message.*", "conversation.*", "person.*", "contact.*"});
    } else if (field == "statuses") {
      kinds.emplace_back("message.status");
    } else if (field.starts_with("message_template") || field.starts_with("template")) {
      kinds.emplace_back("template.*");
    } else if (field.starts_with("account") || field.starts_with("phone_number")) {
      kinds.emplace_back("account.*");
    } else {
      kinds.push_back(field);
    }
  }
  std::ranges::sort(kinds);
  kinds.erase(std::ranges::unique(kinds).begin(), kinds.end());
  return kinds;
}

Task<Result<json::value>> register_webhook(ActionContext c, Params p) {
  WebhookEndpoint endpoint;
  endpoint.url = p.text("webhook_url");
  endpoint.business_id = p.text("meta_waba_id");
  endpoint.description = "register_webhook";
  const auto fields = p.texts("subscribed_events");
  endpoint.kinds = kinds_of_fields(fields);
  PH_CO_TRY(EventKinds::parse(endpoint.kinds));
  PH_CO_TRY_ASSIGN(auto added, co_await add_endpoint(c, std::move(endpoint), Secret()));
  json::array events;
  for (const auto& field : fields) events.emplace_back(field);
  added.get_object()["subscribed_events"] = std::move(events);
  added.get_object()["status"] = "ACTIVE";
  co_return added;
}

Task<Result<json::value>> list(ActionContext c, Params) {
  auto read = [now = c.services->clock->wall_now()](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const auto all, webhook_endpoints::list(tx));
    json::array endpoints;
    for (const auto& endpoint : all) {
      auto view = endpoint_view(endpoint, now);
      PH_TRY_ASSIGN(view["waiting"], webhook_deliveries::waiting(tx, endpoint.id, kMostWaiting));
      endpoints.push_back(std::move(view));
    }
    json::object out;
    out["endpoints"] = std::move(endpoints);
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(read));
}

Result<json::value> show(Transaction& tx, WebhookEndpointId id, WallTime now) {
  PH_TRY_ASSIGN(const auto endpoint, webhook_endpoints::get(tx, id));
  auto view = endpoint_view(endpoint, now);
  PH_TRY_ASSIGN(view["waiting"], webhook_deliveries::waiting(tx, id, kMostWaiting));
  return json::value(std::move(view));
}

WebhookEndpointId endpoint_id(const Params& p) {
  return WebhookEndpointId{p.integer("id")};
}

Task<Result<json::value>> get(ActionContext c, Params p) {
  auto read = [id = endpoint_id(p), now = c.services->clock->wall_now()](Transaction& tx) {
    return show(tx, id, now);
  };
  co_return co_await c.services->database->read(std::move(read));
}

Task<Result<json::value>> update(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(WebhooksOut * running, webhooks_out(c));
  WebhookEndpointUpdate change;
  if (p.has("url")) {
    change.url = p.text("url");
    PH_CO_TRY(running->check_url(*change.url));
  }
  if (p.has("description")) change.description = p.text("description");
  if (p.has("business_id")) change.business_id = p.text("business_id");
  if (p.has("kinds")) {
    PH_CO_TRY_ASSIGN(change.kinds, event_kinds_from(p, "kinds"));
  }
  auto write = [id = endpoint_id(p), change = std::move(change),
                now = c.services->clock->wall_now()](Transaction& tx) -> Result<json::value> {
    PH_TRY(webhook_endpoints::update(tx, id, change, now));
    return show(tx, id, now);
  };
  const auto updated = co_await c.services->database->write(std::move(write));
  running->wake();
  co_return updated;
}

Task<Result<json::value>> remove(ActionContext c, Params p) {
  auto write = [id = endpoint_id(p)](Transaction& tx) { return webhook_endpoints::remove(tx, id); };
  PH_CO_TRY(co_await c.services->database->write(std::move(write)));
  json::object out;
  out["deleted"] = p.integer("id");
  co_return json::value(std::move(out));
}

Task<Result<json::value>> enable(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(WebhooksOut * running, webhooks_out(c));
  auto write = [id = endpoint_id(p),
                now = c.services->clock->wall_now()](Transaction& tx) -> Result<json::value> {
    PH_TRY(webhook_endpoints::enable(tx, id, now));
    return show(tx, id, now);
  };
  const auto enabled = co_await c.services->database->write(std::move(write));
  running->wake();
  co_return enabled;
}

Task<Result<json::value>> disable(ActionContext c, Params p) {
  auto write = [id = endpoint_id(p), reason = p.text("reason"),
                now = c.services->clock->wall_now()](Transaction& tx) -> Result<json::value> {
    PH_TRY(webhook_endpoints::disable(tx, id, reason, now));
    return show(tx, id, now);
  };
  co_return co_await c.services->database->write(std::move(write));
}

Task<Result<json::value>> rotate(ActionContext c, Params p) {
  Secret secret(p.text("secret"));
  if (secret.empty()) secret = new_webhook_secret(*c.services->random);
  PH_CO_TRY(check_webhook_secret(secret));
  const auto id = endpoint_id(p);
  const WallTime now = c.services->clock->wall_now();
  const WallTime until = now + std::chrono::hours(p.integer("overlap_hours"));
  auto write = [id, until, now, sealed = seal_webhook_secret(*c.services->secrets, id, secret)](
                   Transaction& tx) { return webhook_endpoints::replace_secret(tx, id, sealed, until, now); };
  PH_CO_TRY(co_await c.services->database->write(std::move(write)));
  json::object out;
  out["id"] = id.value;
  out["secret"] = secret.reveal();
  out["previous_secret_until"] = iso_time(until);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> test(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(WebhooksOut * running, webhooks_out(c));
  PH_CO_TRY_ASSIGN(const auto answer, co_await running->test(endpoint_id(p)));
  json::object out;
  out["ok"] = answer.status >= 200 && answer.status < 300;
  out["status"] = answer.status == 0 ? json::value(nullptr) : json::value(answer.status);
  out["error"] = answer.error.empty() ? json::value(nullptr) : json::value(answer.error);
  out["milliseconds"] = std::chrono::duration_cast<std::chrono::milliseconds>(answer.took).count();
  co_return json::value(std::move(out));
}

Parameter secret_parameter() {
  return {.name = "secret",
          .help = "whsec_ and base64 of 24 to 64 bytes; made when left out",
          .fallback = "",
          .max = 200,
          .secret = true};
}

Parameter url_parameter(Need need) {
  return {.name = "url",
          .need = need,
          .help = "where to; https unless the configuration allows the host",
          .min = 1,
          .max = 2048};
}

std::vector<Action> endpoint_actions() {
  const Parameter description = {.name = "description", .help = "for people", .fallback = "", .max = 500};
  const Parameter business = {.name = "business_id",
                              .help = "only events of this business account; all when left out",
                              .fallback = "",
                              .max = 100,
                              .aliases = {"meta_waba_id"}};
  Parameter new_description = description, new_business = business;
  new_description.fallback = new_business.fallback = nullptr;
  const Parameter reason = {
      .name = "reason", .help = "why, for people", .fallback = "by its operator", .max = 500};
  const Parameter overlap = {.name = "overlap_hours",
                             .type = ParameterType::integer,
                             .help = "for so long the old secret signs as well",
                             .fallback = 24,
                             .min = 0,
                             .max = 24 * 30};
  const auto id = id_parameter("endpoint");
  const json::object example_id = {{"id", 1}};
  return {
      {.name = "create_webhook_endpoint",
       .category = "webhooks",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Tells another program of what happens from now on. The signing secret is shown this once.",
       .parameters = {url_parameter(Need::required), event_kinds_parameter(json::array{"*"}), description,
                      business, secret_parameter()},
       .handler = create,
       .example = {{"url", "https://shop.example.org/hooks"}, {"kinds", {"message.*", "contact.opted_out"}}},
       .secret_answer = true},
      {.name = "list_webhook_endpoints",
       .category = "webhooks",
       .role = Role::admin,
       .summary = "Endpoints with their state and how much waits for each.",
       .handler = list},
      {.name = "get_webhook_endpoint",
       .category = "webhooks",
       .role = Role::admin,
       .summary = "One endpoint.",
       .parameters = {id},
       .handler = get,
       .example = example_id},
      {.name = "update_webhook_endpoint",
       .category = "webhooks",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Changes address, kinds or description; what is left out stays.",
       .parameters = {id, url_parameter(Need::optional), event_kinds_parameter(nullptr), new_description,
                      new_business},
       .handler = update,
       .example = {{"id", 1}, {"kinds", {"message.received"}}}},
      {.name = "delete_webhook_endpoint",
       .category = "webhooks",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Ends an endpoint together with what waits for it.",
       .parameters = {id},
       .handler = remove,
       .example = example_id},
      {.name = "enable_webhook_endpoint",
       .category = "webhooks",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary =
           "Sends again what waits and what happens from now on; what happened meanwhile can be replayed.",
       .parameters = {id},
       .handler = enable,
       .example = example_id},
      {.name = "disable_webhook_endpoint",
       .category = "webhooks",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Sends nothing to an endpoint any more; what waits is kept.",
       .parameters = {id, reason},
       .handler = disable,
       .example = example_id},
      {.name = "rotate_webhook_secret",
       .category = "webhooks",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Makes a new signing secret, shown this once; the old one signs as well for a while.",
       .parameters = {id, overlap, secret_parameter()},
       .handler = rotate,
       .example = example_id,
       .secret_answer = true},
      {.name = "test_webhook_endpoint",
       .category = "webhooks",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Sends one signed test and says what was answered.",
       .parameters = {id},
       .handler = test,
       .example = example_id},
  };
}

Action register_action() {
  const Parameter business = {.name = "meta_waba_id",
                              .need = Need::required,
                              .help = "only events of this business account",
                              .min = 1,
                              .max = 100,
                              .aliases = {"business_id"}};
  const Parameter url = {.name = "webhook_url",
                         .need = Need::required,
                         .help = "where to",
                         .min = 1,
                         .max = 2048,
                         .aliases = {"url"}};
  const Parameter token = {
      .name = "verify_token",
      .help = "taken for compatibility; deliveries are signed with the secret in the answer",
      .fallback = "",
      .max = 500,
      .secret = true};
  const Parameter fields = {
      .name = "subscribed_events",
      .type = ParameterType::list,
      .help = "Meta's webhook fields, or kinds of events",
      .fallback = json::array{"messages", "statuses", "message_template_status_update", "account_update"},
      .max = 100};
  return {.name = "register_webhook",
          .category = "webhooks",
          .role = Role::admin,
          .effect = Effect::mutates,
          .summary = "create_webhook_endpoint for one business account, with Meta's names of webhook fields.",
          .parameters = {business, url, token, fields},
          .handler = register_webhook,
          .example = {{"meta_waba_id", "1347766229904230"}, {"webhook_url", "https://example.com/hook"}},
          .secret_answer = true};
}

}  // namespace

std::vector<Action> webhook_endpoint_actions() {
  auto all = endpoint_actions();
  all.push_back(register_action());
  return all;
}

}  // namespace posthorn
