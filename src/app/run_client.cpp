#include <fstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "app/exit_codes.h"
#include "app/output.h"
#include "app/run.h"
#include "broadcasts/campaign_store.h"
#include "platform/config.h"
#include "platform/environment.h"
#include "platform/real_clock.h"
#include "platform/real_files.h"
#include "platform/real_network.h"
#include "platform/runtime.h"
#include "storage/backup.h"

namespace posthorn {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string chosen(const std::string& option, const char* variable, const std::string& file) {
  if (!option.empty()) return option;
  if (auto value = environment_variable(variable)) return *value;
  return first_line(file);
}

Task<> run_command(Runtime& runtime, const std::function<Task<Result<int>>(CommandContext)>& command,
                   CommandContext context, int& code) {
  const auto outcome = co_await command(context);
  if (outcome) {
    code = *outcome;
  } else {
    print_error(outcome.error(), context.json);
    code = exit_code(outcome.error());
  }
  runtime.stop();
}

json::object backup_view(const BackupReport& report) {
  json::object out;
  out["schema_version"] = report.schema_version;
  out["database_bytes"] = report.database_bytes;
  out["database_sha256"] = report.database_sha256;
  out["blobs"] = report.blobs;
  out["blob_bytes"] = report.blob_bytes;
  return out;
}

// A backup is older than what was sent after it: nothing goes on before a person has looked.
Result<> pause_running(Transaction& tx, WallTime now) {
  PH_TRY_ASSIGN(const auto running, campaigns::in_states(tx, {CampaignState::running}));
  for (const auto& campaign : running) {
    PH_TRY(campaigns::apply(
        tx, campaign.id, CampaignEvent::paused,
        "restored from a backup: recipients reached after the backup are not marked; check before resuming",
        now));
  }
  return {};
}

Task<Result<BackupReport>> restore(Files& files, RestoreOptions options, WallTime now) {
  if (options.verify_only) co_return co_await verify_backup(files, options.backup);
  PH_CO_TRY_ASSIGN(const auto config, load_config(options.serve.config_file, options.serve.overrides));
  PH_CO_TRY(files.make_folders(config.data_dir));
  BlobStore blobs(files, config.data_dir + "/blobs");
  PH_CO_TRY(blobs.prepare());
  auto adjust = [now](Transaction& tx) { return pause_running(tx, now); };
  co_return co_await restore_backup(files, options.backup, blobs, config.database.path, std::move(adjust));
}

Task<> restore_and_stop(Runtime& runtime, Files& files, RestoreOptions options, WallTime now, int& code) {
  const auto report = co_await restore(files, options, now);
  if (report) {
    const auto view = backup_view(*report);
    print(options.json ? json::serialize(view) + "\n" : fields(view));
    code = kExitOk;
  } else {
    print_error(report.error(), options.json);
    code = options.verify_only ? kExitUnhealthy : exit_code(report.error());
  }
  runtime.stop();
}

}  // namespace

Result<ClientTarget> find_server(const ClientOptions& options) {
  auto folder = options.data_dir;
  if (folder.empty()) folder = environment_variable("POSTHORN_DATA_DIR").value_or("data");
  ClientTarget target;
  target.url = chosen(options.server, "POSTHORN_SERVER", folder + "/server.url");
  target.key = Secret(chosen(options.key, "POSTHORN_KEY", folder + "/cli.key"));
  while (target.url.ends_with('/')) target.url.pop_back();
  if (target.url.empty())
    return fail(ErrorCode::unavailable,
                fmt::format("no server is known: start one with `posthorn serve`, run this where its data "
                            "folder is ({}), or give --server and --key",
                            folder),
                "server");
  if (target.key.empty())
    return fail(ErrorCode::unauthenticated, "no API key: give --key or set POSTHORN_KEY", "key");
  return target;
}

int run_client(const ClientOptions& options,
               const std::function<Task<Result<int>>(CommandContext)>& command) {
  auto target = find_server(options);
  if (!target) {
    print_error(target.error(), options.json);
    return exit_code(target.error());
  }
  Runtime runtime;
  RealClock clock(runtime.executor());
  RealNetwork network(runtime.executor());
  Client client(network, clock, runtime.executor(), *std::move(target));
  CommandContext context;
  context.client = &client;
  context.json = options.json;
  int code = kExitFailure;
  asio::co_spawn(runtime.executor(), run_command(runtime, command, context, code), asio::detached);
  runtime.run();
  return code;
}

int run_restore(const RestoreOptions& options) {
  Runtime runtime;
  RealFiles files;
  RealClock clock(runtime.executor());
  int code = kExitFailure;
  asio::co_spawn(runtime.executor(), restore_and_stop(runtime, files, options, clock.wall_now(), code),
                 asio::detached);
  runtime.run();
  return code;
}

}  // namespace posthorn
