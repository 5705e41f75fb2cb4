// API keys and one-time links.
#include "actions/common.h"
#include "actions/views.h"

namespace posthorn {
namespace {

Task<Result<json::value>> create(ActionContext c, Params p) {
  const auto role = role_from(p.text("role")).value_or(Role::viewer);
  PH_CO_TRY_ASSIGN(auto created, co_await c.services->keys->create_key(p.text("name"), role));
  auto out = view(created.info);
  out["key"] = created.key.reveal();
  co_return json::value(std::move(out));
}

Task<Result<json::value>> list(ActionContext c, Params) {
  PH_CO_TRY_ASSIGN(auto keys, co_await c.services->keys->list_keys());
  json::object out;
  out["keys"] = views(keys);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> revoke(ActionContext c, Params p) {
  PH_CO_TRY(co_await c.services->keys->revoke_key(p.text("name")));
  json::object out;
  out["revoked"] = p.text("name");
  co_return json::value(std::move(out));
}

Task<Result<json::value>> login_link(ActionContext c, Params p) {
  const auto role = role_from(p.text("role")).value_or(Role::viewer);
  json::object out;
  out["path"] = c.services->keys->make_login_path(role, p.text("next"), c.actor);
  out["minutes"] = 15;
  co_return json::value(std::move(out));
}

}  // namespace

std::vector<Action> key_actions() {
  const Parameter name = {
      .name = "name", .need = Need::required, .help = "who uses the key", .min = 1, .max = 100};
  const Parameter role = {.name = "role",
                          .help = "what it may do",
                          .fallback = "viewer",
                          .choices = {"viewer", "agent", "marketer", "admin"}};
  const Parameter next = {
      .name = "next", .help = "page to open after it, such as /broadcasts/7", .fallback = "/", .max = 200};
  return {
      {.name = "create_key",
       .category = "keys",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Makes an API key. It is shown this once; only its hash is kept.",
       .parameters = {name, role},
       .handler = create,
       .example = {{"name", "shop"}, {"role", "agent"}},
       .secret_answer = true},
      {.name = "list_keys",
       .category = "keys",
       .role = Role::admin,
       .summary = "API keys with role and last use, without the keys themselves.",
       .handler = list},
      {.name = "revoke_key",
       .category = "keys",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Ends a key and the browser sessions that its links opened; requests are refused from this "
                  "moment.",
       .parameters = {name},
       .handler = revoke,
       .example = {{"name", "shop"}}},
      {.name = "create_login_link",
       .category = "keys",
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Makes a link that opens the web page once, within 15 minutes, with the given role.",
       .parameters = {role, next},
       .handler = login_link,
       .example = {{"role", "marketer"}},
       .secret_answer = true},
  };
}

}  // namespace posthorn
