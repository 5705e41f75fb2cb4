#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "app/exit_codes.h"
#include "app/output.h"
#include "app/run.h"
#include "app/small_files.h"
#include "app/stored_secrets.h"
#include "broadcasts/campaign_store.h"
#include "core/json_text.h"
#include "platform/config.h"
#include "platform/real_clock.h"
#include "platform/real_files.h"
#include "platform/real_random.h"
#include "platform/runtime.h"
#include "storage/backup.h"
#include "storage/backup_database.h"

namespace posthorn {
namespace {

struct RestorePorts {
  Files& files;
  Random& random;
  WallTime now;
};

struct Restored {
  BackupReport report;
  std::string key_path;  // whose key opened the secrets; empty: none was given or wanted
  int secrets = 0;       // opened
  ForgottenSecrets forgotten;
};

json::object restore_view(const Restored& restored) {
  json::object out;
  out["schema_version"] = restored.report.schema_version;
  out["database_bytes"] = restored.report.database_bytes;
  out["database_sha256"] = restored.report.database_sha256;
  out["blobs"] = restored.report.blobs;
  out["blob_bytes"] = restored.report.blob_bytes;
  out["master_key"] = restored.key_path;
  out["secrets_opened"] = restored.secrets;
  out["tokens_forgotten"] = restored.forgotten.tokens;
  out["webhook_secrets_forgotten"] = restored.forgotten.endpoints;
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

Error no_master_key(const std::string& path) {
  return {
      ErrorCode::not_found,
      fmt::format("{} is missing, and nothing was changed. A backup holds tokens and webhook secrets sealed "
                  "with the master key of the server that it was made on, and does not hold that key: copy "
                  "that server's master.key to {} (or name it with --master-key FILE) and restore again. "
                  "Is it lost for good, --without-secrets restores all but the secrets: each token must be "
                  "stored again, each webhook endpoint gets a new secret",
                  path, path),
      "master_key"};
}

Error another_master_key(const std::string& path, const std::string& what) {
  return {
      ErrorCode::conflict,
      fmt::format("{} is not the master key that this backup was sealed with: {}. Nothing was changed. Put "
                  "the master.key of the server that the backup was made on in its place (or name it with "
                  "--master-key FILE); --without-secrets restores without it",
                  path, what),
      "master_key"};
}

// How many secrets of the backup the key at `path` opens: all, or it is an error.
Task<Result<int>> open_with(RestorePorts ports, std::string backup, std::string path) {
  auto key = co_await read_master_key(ports.files, path);
  if (!key && key.error().code == ErrorCode::not_found) co_return std::unexpected(no_master_key(path));
  if (!key) co_return std::unexpected(key.error());
  const SecretBox box(*std::move(key), ports.random);
  int opened = 0;
  auto look = [&box, &opened](Transaction& tx) -> Result<> {
    PH_TRY_ASSIGN(opened, open_stored_secrets(tx, box));
    return {};
  };
  const auto looked = look_into_database(backup + "/posthorn.db", look);
  if (!looked && looked.error().code == ErrorCode::data_loss)
    co_return std::unexpected(another_master_key(path, looked.error().message));
  if (!looked) co_return std::unexpected(looked.error());
  co_return opened;
}

Task<Result<Restored>> verify_only(RestorePorts ports, RestoreOptions options) {
  Restored out;
  PH_CO_TRY_ASSIGN(out.report, co_await verify_backup(ports.files, options.backup));
  out.key_path = options.master_key;
  if (!out.key_path.empty()) {
    PH_CO_TRY_ASSIGN(out.secrets, co_await open_with(ports, options.backup, options.master_key));
  }
  co_return out;
}

// The key's place in the data folder; a copy of the named one is put there, unless another is there already.
Task<Result<>> place_key(RestorePorts ports, std::string from, std::string to) {
  if (from == to) co_return Result<>();
  PH_CO_TRY_ASSIGN(auto text, co_await read_small_file(ports.files, from));
  const auto present = co_await read_small_file(ports.files, to);
  if (present && *present == text) co_return Result<>();
  if (present)
    co_return fail(ErrorCode::conflict,
                   fmt::format("{} holds another key than {}: restore into an empty data folder", to, from),
                   "master_key");
  co_return co_await write_small_file(ports.files, to, std::move(text));
}

Task<Result<Restored>> restore(RestorePorts ports, RestoreOptions options) {
  PH_CO_TRY_ASSIGN(const auto config, load_config(options.serve.config_file, options.serve.overrides));
  const auto place = config.data_dir + "/master.key";
  Restored out;
  // First of all, whether it can be of use: a database whose secrets do not open keeps a server from
  // starting.
  if (!options.without_secrets) {
    out.key_path = options.master_key.empty() ? place : options.master_key;
    PH_CO_TRY_ASSIGN(out.secrets, co_await open_with(ports, options.backup, out.key_path));
  }
  PH_CO_TRY(ports.files.make_folders(config.data_dir));
  if (!out.key_path.empty()) {
    PH_CO_TRY(co_await place_key(ports, out.key_path, place));
  }
  BlobStore blobs(ports.files, config.data_dir + "/blobs");
  PH_CO_TRY(blobs.prepare());
  auto adjust = [now = ports.now, forget = options.without_secrets, &out](Transaction& tx) -> Result<> {
    if (forget) {
      PH_TRY_ASSIGN(out.forgotten, forget_stored_secrets(tx, now));
    }
    PH_TRY(tx.execute("DELETE FROM web_sessions"));  // who was signed in then is nobody now
    return pause_running(tx, now);
  };
  PH_CO_TRY_ASSIGN(out.report, co_await restore_backup(ports.files, options.backup, blobs,
                                                       config.database.path, std::move(adjust)));
  co_return out;
}

Task<> restore_and_stop(Runtime& runtime, RestorePorts ports, RestoreOptions options, int& code) {
  const bool verify = options.verify_only;
  const auto restored = verify ? co_await verify_only(ports, options) : co_await restore(ports, options);
  if (restored) {
    const auto view = restore_view(*restored);
    print(options.json ? json_text(view) + "\n" : fields(view));
    if (verify && restored->key_path.empty() && !options.json)
      print("The secrets were not tried: name the master key of the server with --master-key FILE.\n");
    code = kExitOk;
  } else {
    print_error(restored.error(), options.json);
    code = verify ? static_cast<int>(kExitUnhealthy) : exit_code(restored.error());
  }
  runtime.stop();
}

}  // namespace

int run_restore(const RestoreOptions& options) {
  Runtime runtime;
  RealFiles files;
  RealRandom random;
  RealClock clock(runtime.executor());
  const RestorePorts ports{files, random, clock.wall_now()};
  int code = kExitFailure;
  asio::co_spawn(runtime.executor(), restore_and_stop(runtime, ports, options, code), asio::detached);
  runtime.run();
  return code;
}

}  // namespace posthorn
