// About the server itself: what it can do, how it is, who did what.
#include <algorithm>

#include <fmt/format.h>

#include "actions/account_runtime.h"
#include "actions/common.h"
#include "actions/describe.h"
#include "actions/doctor.h"
#include "actions/views.h"
#include "core/time_text.h"
#include "messaging/media_fetcher.h"
#include "platform/clock.h"
#include "storage/backup.h"

namespace posthorn {
namespace {

constexpr const char* kCategory = "system";

Task<Result<json::value>> ping(ActionContext c, Params) {
  const auto now = c.services->clock->wall_now();
  json::object out;
  out["status"] = "ok";
  out["version"] = c.services->facts.version;
  out["time"] = iso_time(now);
  out["up_seconds"] =
      std::chrono::duration_cast<std::chrono::seconds>(now - c.services->facts.started_at).count();
  out["role"] = to_string(c.role);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> help(ActionContext c, Params p) {
  if (p.has("name")) {
    PH_CO_TRY_ASSIGN(const Action* action, c.services->registry->get(p.text("name")));
    co_return json::value(describe_action(*action));
  }
  json::array all;
  for (const auto& action : c.services->registry->actions()) all.emplace_back(describe_action(action));
  json::object out;
  out["usage"] = "POST /api/actions/<name> with the parameters as a JSON object";
  out["total"] = all.size();
  out["actions"] = std::move(all);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> list_actions(ActionContext c, Params p) {
  const auto wanted = p.text("category");
  const auto categories = c.services->registry->categories();
  if (!wanted.empty() && std::ranges::find(categories, wanted) == categories.end())
    co_return fail(
        ErrorCode::not_found,
        fmt::format("there is no category '{}'; choose from {}", wanted, fmt::join(categories, ", ")),
        "category");
  json::object by_category;
  std::int64_t total = 0;
  for (const auto& action : c.services->registry->actions()) {
    if (!wanted.empty() && action.category != wanted) continue;
    if (!by_category.contains(action.category)) by_category[action.category] = json::array();
    by_category[action.category].as_array().emplace_back(action.name);
    ++total;
  }
  json::object out;
  out["total"] = total;
  out["actions_by_category"] = std::move(by_category);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> throughput(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(const auto account, co_await find_account(c, p.text("account")));
  json::object out;
  out["account"] = account.name;
  out["phone_number_id"] = account.sender_id;
  out["business_id"] = account.business_id;
  out["level"] = account.throughput_level;
  out["messages_per_second"] = account.throughput;
  out["messaging_tier"] = account.messaging_tier;
  out["blocked_reason"] = account.blocked_reason;
  if (const auto rate = c.services->accounts->rate(account.id)) {
    out["current_per_second"] = rate->current;
    out["queued"] = rate->queued;
    out["in_flight"] = rate->in_flight;
  }
  co_return json::value(std::move(out));
}

Task<Result<json::value>> doctor(ActionContext c, Params) {
  const auto checks = co_await check_everything(*c.services);
  json::object out;
  out["ok"] = all_well(checks);
  out["checks"] = views_of(checks);
  co_return json::value(std::move(out));
}

Task<Result<json::value>> list_audit(ActionContext c, Params p) {
  const auto limit = p.integer("limit");
  auto look = [before = p.integer("before_id"), limit](Transaction& tx) {
    return audit::list(tx, before, static_cast<int>(limit));
  };
  PH_CO_TRY_ASSIGN(auto entries, co_await c.services->database->read(std::move(look)));
  co_return json::value(page("entries", views(entries), limit));
}

Task<Result<json::value>> verify_audit(ActionContext c, Params) {
  auto look = [](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const auto checked, audit::verify(tx));
    PH_TRY_ASSIGN(const auto last, audit::last_hash(tx));
    json::object out;
    out["checked"] = checked;
    out["last_hash"] = last;
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(look));
}

bool is_folder_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](char ch) {
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '-' ||
           ch == '_' || ch == '.';
  });
}

Task<Result<json::value>> create_backup(ActionContext c, Params p) {
  auto name = p.text("name");
  if (name.empty()) {
    name = iso_time(c.services->clock->wall_now());
    std::erase(name, ':');
  }
  if (!is_folder_name(name))
    co_return fail(ErrorCode::invalid_argument, "name may hold letters, digits, dot, dash and underscore",
                   "name");
  const auto folder = c.services->facts.data_folder + "/backups/" + name;
  PH_CO_TRY(c.services->files->make_folders(c.services->facts.data_folder + "/backups"));
  std::shared_ptr<void> kept;  // what is deleted meanwhile would be missing
  if (c.services->media != nullptr) kept = c.services->media->keep_files();
  PH_CO_TRY_ASSIGN(const auto report, co_await write_backup(*c.services->files, *c.services->blobs,
                                                            c.services->facts.database_path, folder));
  json::object out;
  out["folder"] = folder;
  out["schema_version"] = report.schema_version;
  out["database_bytes"] = report.database_bytes;
  out["database_sha256"] = report.database_sha256;
  out["blobs"] = report.blobs;
  out["blob_bytes"] = report.blob_bytes;
  out["note"] = fmt::format(
      "{}/master.key is not part of it: keep a copy of that file apart; the tokens and secrets "
      "in the backup open with no other key",
      c.services->facts.data_folder);
  co_return json::value(std::move(out));
}

Action reading(std::string name, Role role, std::string summary, std::vector<Parameter> parameters,
               ActionHandler handler) {
  return {.name = std::move(name),
          .category = kCategory,
          .role = role,
          .summary = std::move(summary),
          .parameters = std::move(parameters),
          .handler = handler};
}

}  // namespace

std::vector<Action> system_actions() {
  const Parameter action_name = {.name = "name", .help = "one action; all when left out", .max = 80};
  const Parameter category = {.name = "category", .help = "only this category", .fallback = "", .max = 80};
  const Parameter folder = {.name = "name",
                            .help = "name of the folder under <data folder>/backups; the time when left out",
                            .fallback = "",
                            .max = 100};
  return {
      reading("ping", Role::viewer, "Whether the server answers; its version and time, and your role.", {},
              ping),
      reading("help", Role::viewer, "What an action does and takes.", {action_name}, help),
      reading("list_actions", Role::viewer, "Names of all actions by category.", {category}, list_actions),
      reading("get_throughput_limits", Role::viewer,
              "A number's granted rate, the rate in use now, its tier and its queue.", {account_parameter()},
              throughput),
      reading("doctor", Role::admin,
              "Checks everything that could stop sending: Meta, tokens, webhooks, clock, disk, database.", {},
              doctor),
      reading("list_audit", Role::admin, "Who did what, newest first.",
              {before_parameter(), limit_parameter(50, 1000)}, list_audit),
      reading("verify_audit", Role::admin,
              "Walks the audit's chain of hashes and names the first entry that does not fit.", {},
              verify_audit),
      {.name = "create_backup",
       .category = kCategory,
       .role = Role::admin,
       .effect = Effect::mutates,
       .summary = "Writes a consistent copy of the database and all files, but not of master.key, while the "
                  "server works.",
       .parameters = {folder},
       .handler = create_backup,
       .example = {{"name", "before-upgrade"}}},
  };
}

}  // namespace posthorn
