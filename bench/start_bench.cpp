// Starting, idling, and coming back after kill -9 in the middle of a broadcast: from the start of the process
// until it answers /readyz, until it takes a signed webhook, until a message reaches the simulated Meta.
//
// Usage: start_bench [starts [recipients]]
#include <cstdlib>

#include <fmt/format.h>

#include "platform/crypto.h"
#include "process.h"
#include "support.h"

namespace posthorn::bench {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr double kGoalStartMs = 300;
constexpr double kGoalIdleMb = 50;
constexpr double kGoalWebhookMs = 500;
constexpr double kGoalSendingMs = 2000;

struct Place {
  std::string folder;
  std::uint16_t port = 0;
  std::uint16_t meta_port = 0;
};

std::vector<std::string> serve_command(const Place& place) {
  const auto set = [](std::string_view key, std::string_view value) {
    return fmt::format("{}={}", key, value);
  };
  return {posthorn_binary(), "serve",
          "--set",           set("data_dir", place.folder + "/data"),
          "--set",           fmt::format("http.port={}", place.port),
          "--set",           set("log.file", place.folder + "/posthorn.log"),
          "--set",           fmt::format("graph.base_url=http://127.0.0.1:{}", place.meta_port),
          "--set",           set("whatsapp.app_secret", sandbox::kDefaultAppSecret),
          "--set",           set("whatsapp.verify_token", sandbox::kDefaultVerifyToken)};
}

double process_start_ms() {  // of the same program doing nothing: loading and relocation
  const auto began = std::chrono::steady_clock::now();
  Child child({posthorn_binary(), "version"});
  child.wait();
  return seconds_since(began) * 1e3;
}

void measure_start(int starts) {
  TemporaryFolder folder;
  const Place place{folder.path(), free_port(), free_port()};
  std::vector<double> again, nothing;
  double first = 0;
  double idle = 0;
  for (int i = 0; i <= starts; ++i) {
    const auto began = std::chrono::steady_clock::now();
    Child server(serve_command(place));
    const bool up = wait_for_ok(place.port, get_request("/readyz")) >= 0;
    const double ms = seconds_since(began) * 1e3;
    if (!up) throw std::runtime_error("the server did not become ready");
    if (i == 0) {
      first = ms;
      std::this_thread::sleep_for(std::chrono::seconds(2));
      idle = resident_mb(server.pid(), "VmRSS:");
    } else {
      again.push_back(ms);
      nothing.push_back(process_start_ms());
    }
  }
  const double started = median(again);
  print_figure({"process start until ready",
                fmt::format("{:.0f} ms (first start, new database: {:.0f} ms)", started, first),
                fmt::format("{:.0f} ms `posthorn version`", median(nothing)),
                fmt::format("{:.1f}", started / median(nothing)),
                fmt::format("{:.0f} ms: {}", kGoalStartMs,
                            std::max(started, first) <= kGoalStartMs ? "met" : "missed")});
  print_figure({"resident memory, idle", fmt::format("{:.0f} MB", idle), "", "",
                fmt::format("{:.0f} MB: {}", kGoalIdleMb, idle <= kGoalIdleMb ? "met" : "missed")});
}

// --- after a kill ---

std::string signed_webhook() {
  const std::string body = R"({"object":"whatsapp_business_account","entry":[]})";
  HmacSha256 sign{Secret(std::string(sandbox::kDefaultAppSecret))};
  return fmt::format(
      "POST /webhooks/whatsapp HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: "
      "application/json\r\n"
      "X-Hub-Signature-256: sha256={}\r\nContent-Length: {}\r\n\r\n{}",
      to_hex(sign(body)), body.size(), body);
}

std::int64_t messages_at_meta(std::uint16_t port) {
  std::string body;
  get(port, "/sandbox/ledger/summary", &body);
  const auto tree = parse_json(body);
  return tree ? JsonView(*tree)["accepted"].integer_or(-1) : -1;
}

Task<Result<>> begin_broadcast(Client& client, Place place, std::uint64_t recipients) {
  json::object number;
  number["name"] = "number";
  number["business_id"] = sandbox::kDefaultWaba;
  number["phone_number_id"] = sandbox::kDefaultFastNumber;
  number["token"] = sandbox::kDefaultToken;
  PH_CO_TRY(co_await client.call("add_channel", std::move(number)));
  const std::string path = place.folder + "/recipients.csv";
  PH_CO_TRY(write_sample_file(path, recipients));
  PH_CO_TRY_ASSIGN(const json::value upload, co_await client.upload(path));
  auto draft = sample_draft(JsonView(upload)["id"].integer_or(0), "number");
  PH_CO_TRY_ASSIGN(const json::value created, co_await client.call("create_broadcast", std::move(draft)));
  json::object start{{"id", JsonView(created)["id"].integer_or(0)}};
  PH_CO_TRY(co_await client.call("preflight_broadcast", start));
  start["acknowledge_warnings"] = true;
  PH_CO_TRY(co_await client.call("start_broadcast", std::move(start)));
  co_return Result<>();
}

bool start_broadcast_at(const Place& place, std::uint64_t recipients) {
  const auto body = [&](Client& client) { return begin_broadcast(client, place, recipients); };
  return run_client_of(place.folder + "/data", body);
}

double wait_for_message(const Place& place, std::int64_t before, SteadyTime began) {
  while (seconds_since(began) < 30) {
    if (messages_at_meta(place.meta_port) > before) return seconds_since(began) * 1e3;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return -1;
}

void measure_recovery(std::uint64_t recipients) {
  TemporaryFolder folder;
  const Place place{folder.path(), free_port(), free_port()};
  Child meta({posthorn_binary(), "sandbox", "--port", std::to_string(place.meta_port)});
  wait_for_ok(place.meta_port, get_request("/sandbox/ledger/summary"));
  {
    Child server(serve_command(place));
    wait_for_ok(place.port, get_request("/readyz"));
    if (!start_broadcast_at(place, recipients)) throw std::runtime_error("the broadcast did not start");
    std::this_thread::sleep_for(std::chrono::seconds(2));
    server.kill_now();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // what was in the sockets arrives
  const std::int64_t before = messages_at_meta(place.meta_port);
  const auto began = std::chrono::steady_clock::now();
  Child server(serve_command(place));
  if (wait_for_ok(place.port, signed_webhook()) < 0)
    throw std::runtime_error("no webhook was taken after the kill");
  const double webhook = seconds_since(began) * 1e3;
  const double sending = wait_for_message(place, before, began);
  const auto left = static_cast<std::int64_t>(recipients) - before;
  print_figure({fmt::format("webhook taken after kill -9 with {} still to send", left),
                fmt::format("{:.0f} ms", webhook), "", "",
                fmt::format("{:.0f} ms: {}", kGoalWebhookMs, webhook <= kGoalWebhookMs ? "met" : "missed")});
  print_figure({"sending again after kill -9", fmt::format("{:.0f} ms", sending), "", "",
                fmt::format("{:.0f} ms: {}", kGoalSendingMs,
                            sending >= 0 && sending <= kGoalSendingMs ? "met" : "missed")});
}

}  // namespace
}  // namespace posthorn::bench

int main(int argc, char** argv) {
  const int starts = argc > 1 ? std::atoi(argv[1]) : 5;
  const std::uint64_t recipients = argc > 2 ? std::stoull(argv[2]) : 50'000;
  posthorn::bench::measure_start(starts);
  posthorn::bench::measure_recovery(recipients);
  return 0;
}
