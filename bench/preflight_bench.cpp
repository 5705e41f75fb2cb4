// A large recipient file through the real pre-flight: a server as an operator runs it, the file uploaded over
// HTTP, every row normalised, checked against the template, deduplicated and compiled into the list that
// would be sent. Time, and resident memory over idle. Beside it: our CSV reader only parsing, and `sqlite3
// .import` where it is installed.
//
// Usage: preflight_bench [rows]
#include <cstdlib>
#include <fstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "app/run.h"
#include "broadcasts/csv_reader.h"
#include "process.h"
#include "support.h"

namespace posthorn::bench {
namespace {

constexpr double kGoalSeconds = 3;
constexpr double kGoalMb = 64;

struct Measured {
  double upload = 0, preflight = 0;  // seconds
  double idle_mb = 0, upload_mb = 0, preflight_mb = 0;
  std::int64_t accepted = 0;
};

void make_file(const std::string& path, std::uint64_t rows) {
  std::ofstream out(path, std::ios::binary);
  out << "name,phone,city,voucher,amount,language\n";
  for (std::uint64_t i = 0; i < rows; ++i) {
    out << fmt::format("Firstname{} Lastname,+49 {} {:07},\"Frankfurt, Main\",VOUCHER-{:06},{}.99,de\n", i,
                       151 + i / 10'000'000 % 5, (i * 7'654'321) % 10'000'000, i, i % 100);
  }
}

double parse_only(const std::string& path) {
  const auto start = std::chrono::steady_clock::now();
  std::size_t cells = 0;
  CsvReader reader({}, [&](const CsvRow& row) {
    cells += row.cells.size();
    return true;
  });
  std::ifstream in(path, std::ios::binary);
  std::string buffer(1024 * 1024, '\0');
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
    if (!reader.feed(std::string_view(buffer).substr(0, static_cast<std::size_t>(in.gcount())))) return 0;
  }
  return reader.finish() && cells > 0 ? seconds_since(start) : 0;
}

// 0 when the command line of SQLite is not installed.
double sqlite_import(const std::string& path, const std::string& folder) {
  const auto command =
      fmt::format("sqlite3 {}/import.db '.mode csv' '.import {} recipients' >/dev/null 2>&1", folder, path);
  const auto start = std::chrono::steady_clock::now();
  return std::system(command.c_str()) == 0 ? seconds_since(start) : 0;
}

Task<Result<>> measure(Client& client, std::string path, int pid, Measured& out) {
  co_await client.clock().sleep_for(std::chrono::seconds(1));
  out.idle_mb = resident_mb(pid, "VmRSS:");
  reset_peak(pid);
  auto start = std::chrono::steady_clock::now();
  PH_CO_TRY_ASSIGN(const json::value upload, co_await client.upload(path));
  out.upload = seconds_since(start);
  out.upload_mb = resident_mb(pid, "VmHWM:") - out.idle_mb;
  auto draft = sample_draft(JsonView(upload)["id"].integer_or(0), "sandbox-fast");
  PH_CO_TRY_ASSIGN(const json::value created, co_await client.call("create_broadcast", std::move(draft)));
  json::object which{{"id", JsonView(created)["id"].integer_or(0)}};
  reset_peak(pid);
  start = std::chrono::steady_clock::now();
  PH_CO_TRY(co_await client.call("preflight_broadcast", which));
  out.preflight = seconds_since(start);
  out.preflight_mb = resident_mb(pid, "VmHWM:") - out.idle_mb;
  PH_CO_TRY_ASSIGN(const json::value checked, co_await client.call("get_broadcast", which));
  out.accepted = JsonView(checked)["counters"]["total"].integer_or(0);
  co_return Result<>();
}

Task<> run(Runtime& runtime, Client& client, std::string path, int pid, Measured& out, bool& ok) {
  const Result<> done = co_await measure(client, std::move(path), pid, out);
  if (!done) fmt::print(stderr, "failed: {} {}\n", done.error().message, done.error().field);
  ok = done.has_value();
  runtime.stop();
}

bool measure_server(const std::string& folder, const std::string& path, Measured& out) {
  const auto port = free_port();
  Child server({posthorn_binary(), "serve", "--sandbox", "--set", "data_dir=" + folder + "/data", "--set",
                fmt::format("http.port={}", port), "--set", "log.file=" + folder + "/posthorn.log"});
  if (wait_for_ok(port, get_request("/readyz")) < 0) return false;
  ClientOptions where;
  where.data_dir = folder + "/data";
  Runtime runtime;
  RealClock clock(runtime.executor());
  RealNetwork network(runtime.executor());
  auto target = find_server(where);
  if (!target) return false;
  Client client(network, clock, runtime.executor(), *std::move(target));
  bool ok = false;
  asio::co_spawn(runtime.executor(), run(runtime, client, path, server.pid(), out, ok), asio::detached);
  runtime.run();
  return ok;
}

}  // namespace
}  // namespace posthorn::bench

int main(int argc, char** argv) {
  using namespace posthorn::bench;
  const std::uint64_t rows = argc > 1 ? std::stoull(argv[1]) : 1'000'000;
  TemporaryFolder folder;
  const std::string path = folder.path() + "/recipients.csv";
  make_file(path, rows);
  const double parsing = parse_only(path);
  const double importing = sqlite_import(path, folder.path());
  Measured m;
  if (!measure_server(folder.path(), path, m)) return 1;
  const double total = m.upload + m.preflight;
  const std::string others =
      importing > 0 ? fmt::format("{:.2f} s CSV reader only, {:.2f} s sqlite3 .import", parsing, importing)
                    : fmt::format("{:.2f} s CSV reader only", parsing);
  print_figure({fmt::format("pre-flight of {} rows ({} accepted)", rows, m.accepted),
                fmt::format("{:.2f} s", m.preflight), others,
                fmt::format("{:.1f}", m.preflight / (importing > 0 ? importing : parsing)),
                fmt::format("{:.0f} s: {}", kGoalSeconds, m.preflight <= kGoalSeconds ? "met" : "missed")});
  print_figure({"upload over HTTP and pre-flight together",
                fmt::format("{:.2f} s (upload {:.2f})", total, m.upload), "", "",
                fmt::format("{:.0f} s: {}", kGoalSeconds, total <= kGoalSeconds ? "met" : "missed")});
  const double grown = std::max(m.upload_mb, m.preflight_mb);
  print_figure({"memory over idle during upload / pre-flight",
                fmt::format("+{:.0f} / +{:.0f} MB", m.upload_mb, m.preflight_mb),
                fmt::format("{:.0f} MB idle, with sandbox", m.idle_mb),
                fmt::format("{:.1f}", (grown + m.idle_mb) / m.idle_mb),
                fmt::format("+{:.0f} MB: {}", kGoalMb, grown <= kGoalMb ? "met" : "missed")});
  return 0;
}
