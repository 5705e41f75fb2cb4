// What ./run shows: the bundled sample through the whole product, against the sandbox in this process.
#include <filesystem>
#include <fstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "app/exit_codes.h"
#include "app/output.h"
#include "app/run.h"
#include "app/server.h"
#include "app/small_files.h"
#include "broadcasts/sample_data.h"
#include "core/time_text.h"
#include "platform/real_clock.h"
#include "platform/real_files.h"
#include "platform/real_network.h"
#include "platform/runtime.h"
#include "sandbox/sandbox.h"

namespace posthorn {
namespace {

constexpr Duration kStatusesWait = std::chrono::seconds(5);
constexpr const char* kTemplate = "spring_sale";

Result<> write_sample(const std::string& path, std::uint64_t recipients) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  SampleShape shape;
  shape.accepted = recipients;
  auto write = [&file, &path](std::string_view piece) -> Result<> {
    file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (file) return {};
    return fail(ErrorCode::resource_exhausted, fmt::format("{} cannot be written", path));
  };
  PH_TRY(write_sample_recipients(shape, write));
  file.close();
  return {};
}

json::object draft(std::int64_t upload_id) {
  const auto source = [](const char* kind, const char* value, const char* fallback) {
    json::object out;
    out[kind] = value;
    if (fallback != nullptr) out["fallback"] = fallback;
    return out;
  };
  json::object mapping;
  mapping["header.text"] = source("constant", "Spring Sale", nullptr);
  mapping["body.1"] = source("column", "name", "there");
  mapping["body.2"] = source("constant", "the end of the month", nullptr);
  mapping["body.3"] = source("column", "voucher", "SPRING");
  mapping["body.4"] = source("column", "amount", "10 %");
  json::object out;
  out["name"] = "Spring sale (sample)";
  out["account"] = "sandbox-fast";
  out["upload_id"] = upload_id;
  out["template_name"] = kTemplate;
  out["default_region"] = "DE";
  out["mapping"] = std::move(mapping);
  return out;
}

// The sandbox's ledger is the judge: what every phone was really sent.
int verdict(sandbox::Sandbox& meta, std::uint64_t recipients, int watched) {
  const auto totals = meta.ledger().totals();
  const bool exactly_once = totals.accepted == recipients && totals.phones == recipients &&
                            totals.duplicate_tokens == 0 && totals.duplicate_phone_subject == 0;
  print(fmt::format("\nThe sandbox's ledger: {} messages to {} phones, {} sent twice, {} missing: {}\n",
                    grouped(static_cast<std::int64_t>(totals.accepted)),
                    grouped(static_cast<std::int64_t>(totals.phones)), totals.duplicate_phone_subject,
                    grouped(static_cast<std::int64_t>(recipients) - static_cast<std::int64_t>(totals.phones)),
                    exactly_once ? "every recipient exactly once" : "NOT every recipient exactly once"));
  if (!exactly_once) return kExitFailure;
  return watched;
}

Task<Result<int>> broadcast_sample(Server& server, CommandContext c, DemoOptions options) {
  const auto path = server.data_folder() + "/sample-recipients.csv";
  PH_CO_TRY(write_sample(path, options.recipients));
  print(fmt::format("\nUploading {} …\n", path));
  PH_CO_TRY_ASSIGN(const auto upload, co_await c.client->upload(path));
  PH_CO_TRY_ASSIGN(const auto created,
                   co_await c.client->call("create_broadcast", draft(JsonView(upload)["id"].integer_or(0))));
  const auto id = JsonView(created)["id"].integer_or(0);
  print(fmt::format("Checking every row against the template {} …\n", kTemplate));
  PH_CO_TRY_ASSIGN(const int checked, co_await preflight_broadcast(c, id));
  if (checked != kExitOk) co_return checked;
  print(fmt::format("\nWatch it in a browser (opens once, within 15 minutes):\n  {}\n\n",
                    server.login_url(fmt::format("/broadcasts/{}", id))));
  StartBroadcast start;
  start.id = id;
  start.acknowledge_warnings = true;
  start.watch = true;
  PH_CO_TRY_ASSIGN(const int watched, co_await start_broadcast(c, start));
  co_await c.client->clock().sleep_for(kStatusesWait);  // the last statuses are on their way
  PH_CO_TRY(co_await report_broadcast(c, id));
  co_return verdict(*server.sandbox(), options.recipients, watched);
}

Task<Result<int>> run_in_server(Server& server, Client& client, DemoOptions options) {
  CommandContext context;
  context.client = &client;
  PH_CO_TRY_ASSIGN(const int code, co_await broadcast_sample(server, context, options));
  if (options.once) co_return code;
  print(fmt::format("\nPosthorn goes on serving. Open it once, within 15 minutes:\n  {}\nCtrl-C ends it.\n",
                    server.login_url("/")));
  while (co_await server.runtime().next_signal() == Signal::hangup) continue;
  co_return code;
}

Task<> demo(Server& server, DemoOptions options, int& code) {
  auto& runtime = server.runtime();
  const auto started = co_await server.start();
  if (!started) {
    print_error(started.error(), false);
    code = exit_code(started.error());
    co_await server.stop();
    runtime.stop();
    co_return;
  }
  ClientOptions client_options;
  client_options.server = server.url();
  client_options.data_dir = server.data_folder();
  RealNetwork network(runtime.executor());
  RealClock clock(runtime.executor());
  auto target = find_server(client_options);
  Result<int> outcome = fail(ErrorCode::internal, "");
  if (target) {
    Client client(network, clock, runtime.executor(), *std::move(target));
    outcome = co_await run_in_server(server, client, options);
  } else {
    outcome = std::unexpected(target.error());
  }
  if (!outcome) print_error(outcome.error(), false);
  code = outcome ? *outcome : exit_code(outcome.error());
  co_await server.stop();
  runtime.stop();
}

bool is_set(const ServeOptions& options, std::string_view key) {
  for (const auto& [name, value] : options.overrides)
    if (name == key) return true;
  return false;
}

// Unless told otherwise: a folder of its own for each demonstration, any free port, and a quiet log beside
// the data. Returns the folder that was chosen; empty if it was given.
std::string add_demo_defaults(ServeOptions& serve) {
  asio::io_context unused;
  RealClock clock(unused.get_executor());
  auto stamp = iso_time(clock.wall_now());
  std::erase(stamp, ':');
  const auto folder = "data/demo-" + stamp;
  const bool given = is_set(serve, "data_dir");
  const std::pair<const char*, std::string> defaults[] = {{"data_dir", folder},
                                                          {"log.file", folder + "/posthorn.log"}};
  for (const auto& [key, value] : defaults)
    if (!is_set(serve, key)) serve.overrides.emplace_back(key, value);
  return given ? std::string() : folder;
}

// A demonstration that went well and is over leaves nothing behind; every other one leaves its data to look
// at.
void tidy_up(const std::string& folder, const DemoOptions& options, int code) {
  if (folder.empty()) return;
  std::error_code error;
  if (options.once && code == kExitOk) std::filesystem::remove_all(folder, error);
  if (std::filesystem::exists(folder, error))
    print(
        fmt::format("\nThe data and the log of this demonstration are in {}; delete the folder when you have "
                    "seen enough.\n",
                    folder));
}

int serve_demo(const DemoOptions& options, Config config) {
  ServerOptions server_options;
  server_options.config = std::move(config);
  server_options.sandbox = true;
  server_options.port_may_move = !is_set(options.serve, "http.port");
  Server server(std::move(server_options));
  int code = kExitFailure;
  asio::co_spawn(server.runtime().executor(), demo(server, options, code), asio::detached);
  server.runtime().run();
  return code;
}

}  // namespace

int run_demo(DemoOptions options) {
  const auto folder = add_demo_defaults(options.serve);
  auto config = load_config(options.serve.config_file, options.serve.overrides);
  if (!config) {
    print_error(config.error(), false);
    return exit_code(config.error());
  }
  const int code = serve_demo(options, *std::move(config));
  tidy_up(folder, options, code);
  return code;
}

}  // namespace posthorn
