#include <cstdio>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/exit_codes.h"
#include "app/output.h"
#include "app/progress.h"
#include "core/json_text.h"

namespace posthorn {
namespace {

constexpr Duration kWatchInterval = std::chrono::milliseconds(500);

json::object with_id(std::int64_t id) {
  json::object out;
  out["id"] = id;
  return out;
}

struct Pair {
  std::string slot, value;
};

Result<Pair> split(const std::string& word, const char* option) {
  const auto equals = word.find('=');
  if (equals == std::string::npos || equals == 0)
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} wants VARIABLE=VALUE, such as body.1=name; got '{}'", option, word), option);
  return Pair{word.substr(0, equals), word.substr(equals + 1)};
}

Result<> add_sources(json::object& mapping, const std::vector<std::string>& words, const char* member,
                     const char* option) {
  for (const auto& word : words) {
    PH_TRY_ASSIGN(const auto pair, split(word, option));
    auto& source = mapping[pair.slot];
    if (!source.is_object()) source = json::object();
    source.as_object()[member] = pair.value;
  }
  return {};
}

Result<json::object> given_mapping(const CreateBroadcast& options) {
  json::object mapping;
  PH_TRY(add_sources(mapping, options.columns, "column", "--column"));
  PH_TRY(add_sources(mapping, options.constants, "constant", "--constant"));
  PH_TRY(add_sources(mapping, options.fallbacks, "fallback", "--fallback"));
  return mapping;
}

// What nobody said is proposed by the server from similar names.
Task<Result<json::object>> complete_mapping(CommandContext c, CreateBroadcast options,
                                            std::int64_t upload_id) {
  PH_CO_TRY_ASSIGN(auto mapping, given_mapping(options));
  json::object ask;
  ask["id"] = upload_id;
  ask["template_name"] = options.template_name;
  if (!options.language.empty()) ask["language"] = options.language;
  if (!options.account.empty()) ask["account"] = options.account;
  PH_CO_TRY_ASSIGN(const auto seen, co_await c.client->call("inspect_upload", std::move(ask)));
  const auto* proposed = seen.as_object().if_contains("proposed_mapping");
  if (proposed != nullptr && proposed->is_object()) {
    for (const auto& [slot, source] : proposed->get_object())
      if (!mapping.contains(slot)) mapping[slot] = source;
  }
  co_return mapping;
}

json::object draft(const CreateBroadcast& options, std::int64_t upload_id, json::object mapping) {
  json::object out;
  const std::pair<const char*, const std::string*> texts[] = {{"name", &options.name},
                                                              {"account", &options.account},
                                                              {"template_name", &options.template_name},
                                                              {"language", &options.language},
                                                              {"phone_column", &options.phone_column},
                                                              {"default_region", &options.region},
                                                              {"policy", &options.policy}};
  for (const auto& [name, value] : texts)
    if (!value->empty()) out[name] = *value;
  out["upload_id"] = upload_id;
  out["mapping"] = std::move(mapping);
  if (options.local_time) out["local_time"] = true;
  return out;
}

void print_broadcast(const CommandContext& c, const json::value& broadcast) {
  if (c.json) {
    print(json_text(broadcast) + "\n");
  } else {
    print(fields(broadcast.as_object()));
  }
}

Task<Result<std::int64_t>> download_to_file(CommandContext c, std::string target, std::string path) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  const auto unwritable = [path] {
    return fail(ErrorCode::internal, fmt::format("{} cannot be written", path), "output");
  };
  if (!file) co_return unwritable();
  Client::Sink sink = [&file, &unwritable](std::string_view piece) -> Result<> {
    file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (file) return {};
    return unwritable();
  };
  auto bytes = co_await c.client->download(std::move(target), std::move(sink));
  file.close();
  if (bytes && !file) co_return unwritable();
  co_return bytes;
}

// A file appears whole or not at all; an older one of that name stays until then.
Task<Result<std::int64_t>> download_whole(CommandContext c, std::string target, std::string path) {
  std::error_code error;
  const bool device = std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error);
  if (device) co_return co_await download_to_file(c, std::move(target), std::move(path));
  const auto unfinished = path + ".part";
  auto bytes = co_await download_to_file(c, std::move(target), unfinished);
  if (bytes) std::filesystem::rename(unfinished, path, error);
  if (!bytes || error) {
    std::error_code ignored;
    std::filesystem::remove(unfinished, ignored);
  }
  if (bytes && error)
    co_return fail(ErrorCode::internal, fmt::format("{} cannot be written: {}", path, error.message()),
                   "output");
  co_return bytes;
}

Result<> to_standard_output(std::string_view piece) {
  if (std::fwrite(piece.data(), 1, piece.size(), stdout) == piece.size() && std::fflush(stdout) == 0)
    return {};
  return fail(ErrorCode::internal, "standard output cannot be written", "output");
}

Task<Result<int>> download_to(CommandContext c, std::string target, std::string output) {
  if (output.empty() || output == "-") {
    Client::Sink sink = to_standard_output;
    PH_CO_TRY(co_await c.client->download(std::move(target), std::move(sink)));
    co_return kExitOk;
  }
  PH_CO_TRY_ASSIGN(const auto bytes, co_await download_whole(c, std::move(target), output));
  json::object written;
  written["file"] = output;
  written["bytes"] = bytes;
  print(c.json ? json_text(written) + "\n" : fmt::format("{} bytes written to {}\n", grouped(bytes), output));
  co_return kExitOk;
}

}  // namespace

Task<Result<int>> create_broadcast(CommandContext c, CreateBroadcast options) {
  auto upload_id = options.upload_id;
  if (options.file.empty() && upload_id == 0)
    co_return fail(ErrorCode::invalid_argument,
                   "recipients are missing: give --file FILE, or --upload ID of a file that is there already",
                   "file");
  if (!options.file.empty()) {
    PH_CO_TRY_ASSIGN(const auto upload, co_await c.client->upload(options.file));
    upload_id = JsonView(upload)["id"].integer_or(0);
  }
  if (options.name.empty()) options.name = options.template_name;
  PH_CO_TRY_ASSIGN(auto mapping, co_await complete_mapping(c, options, upload_id));
  auto parameters = draft(options, upload_id, std::move(mapping));
  PH_CO_TRY_ASSIGN(const auto created, co_await c.client->call("create_broadcast", std::move(parameters)));
  print_broadcast(c, created);
  co_return kExitOk;
}

Task<Result<int>> preflight_broadcast(CommandContext c, std::int64_t id, std::string problems_file) {
  PH_CO_TRY_ASSIGN(const auto summary, co_await c.client->call("preflight_broadcast", with_id(id)));
  print(c.json ? json_text(summary) + "\n" : preflight_text(summary));
  if (!problems_file.empty()) {
    const auto bytes =
        co_await download_whole(c, fmt::format("/api/broadcasts/{}/problems.csv", id), problems_file);
    if (!bytes) co_return std::unexpected(bytes.error());
    if (!c.json) print(fmt::format("  rejected and duplicate rows: {}\n", problems_file));
  }
  const JsonView view(summary);
  co_return view["blockers"].size() == 0 ? kExitOk : kExitRefused;
}

Task<Result<int>> preview_broadcast(CommandContext c, std::int64_t id, std::vector<std::int64_t> lines,
                                    std::int64_t count) {
  auto parameters = with_id(id);
  if (!lines.empty()) parameters["lines"] = json::array(lines.begin(), lines.end());
  parameters["count"] = count;
  PH_CO_TRY_ASSIGN(const auto answer, co_await c.client->call("preview_broadcast", std::move(parameters)));
  print(c.json ? json_text(answer) + "\n" : previews_text(answer));
  co_return kExitOk;
}

Task<Result<int>> test_broadcast(CommandContext c, std::int64_t id, std::string to, std::int64_t line) {
  auto parameters = with_id(id);
  parameters["to"] = to;
  parameters["line"] = line;
  PH_CO_TRY_ASSIGN(const auto queued, co_await c.client->call("test_broadcast", std::move(parameters)));
  json::object ask;
  ask["send_id"] = JsonView(queued)["send_id"].integer_or(0);
  ask["wait_seconds"] = 20;
  PH_CO_TRY_ASSIGN(const auto outcome, co_await c.client->call("get_send", std::move(ask)));
  print_broadcast(c, outcome);
  co_return JsonView(outcome)["submission"].string_or("") == "accepted" ? kExitOk : kExitUnaccepted;
}

Task<Result<int>> start_broadcast(CommandContext c, StartBroadcast options) {
  auto parameters = with_id(options.id);
  if (!options.at.empty()) parameters["at"] = options.at;
  parameters["acknowledge_warnings"] = options.acknowledge_warnings;
  PH_CO_TRY_ASSIGN(const auto started, co_await c.client->call("start_broadcast", std::move(parameters)));
  if (options.watch) co_return co_await watch_broadcast(c, options.id);
  print_broadcast(c, started);
  co_return kExitOk;
}

Task<Result<int>> change_broadcast(CommandContext c, std::string action, std::int64_t id) {
  PH_CO_TRY_ASSIGN(const auto changed, co_await c.client->call(std::move(action), with_id(id)));
  print_broadcast(c, changed);
  co_return kExitOk;
}

Task<Result<int>> watch_broadcast(CommandContext c, std::int64_t id) {
  auto style = is_terminal_output() ? ProgressDisplay::Style::bar : ProgressDisplay::Style::lines;
  if (c.json) style = ProgressDisplay::Style::json;
  ProgressDisplay progress(style);
  while (true) {
    PH_CO_TRY_ASSIGN(const auto broadcast, co_await c.client->call("get_broadcast", with_id(id)));
    const JsonView view(broadcast);
    const auto state = view["state"].string_or("");
    progress.show(broadcast, c.client->clock().now());
    if (state == "completed" || state == "cancelled" || state == "failed") {
      progress.finish(broadcast);
      const auto counters = view["counters"];
      const bool all =
          state == "completed" && counters["accepted"].integer_or(0) == counters["total"].integer_or(-1);
      co_return all ? kExitOk : kExitUnaccepted;
    }
    co_await c.client->clock().sleep_for(kWatchInterval);
  }
}

Task<Result<int>> report_broadcast(CommandContext c, std::int64_t id) {
  PH_CO_TRY_ASSIGN(const auto report, co_await c.client->call("get_broadcast_report", with_id(id)));
  print(c.json ? json_text(report) + "\n" : report_text(report));
  co_return kExitOk;
}

Task<Result<int>> export_broadcast(CommandContext c, std::int64_t id, bool problems, std::string output) {
  const auto target = fmt::format("/api/broadcasts/{}/{}.csv", id, problems ? "problems" : "report");
  co_return co_await download_to(c, target, std::move(output));
}

}  // namespace posthorn
