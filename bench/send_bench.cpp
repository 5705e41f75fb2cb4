// A broadcast as fast as it goes: the whole product, durable intents and outcomes in a real database, real
// sockets, a simulated Meta on a thread of its own. Beside it: a plain load generator (our HTTP client,
// nothing written down) against a server that always answers the same, and against the simulated Meta.
//
// Usage: send_bench [recipients [runs]]
//        send_bench --serve            keeps the static server up until standard input ends, for other load
//        generators
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "support.h"

namespace posthorn::bench {
namespace {

constexpr double kGoal = 25'000;
constexpr int kConnections = 64;
constexpr std::string_view kAnswer =
    R"({"messaging_product":"whatsapp","contacts":[{"input":"+491701234567","wa_id":"491701234567"}],)"
    R"("messages":[{"id":"wamid.HBgMNDkxNzAxMjM0NTY3FQIAERgSQzVGRDY3NDcxMjM0NTY3ODkwAA==","message_status":"accepted"}]})";

struct Run {
  double per_second = 0;
  double processor_us = 0;  // of one message, product and simulated Meta together
  double core_us = 0;       // of one message, the product's core thread alone
  double held_up = 0;       // share of the time that the core thread was ready while others had the processor
  std::uint64_t accepted = 0, twice = 0;
};

struct Load {
  int left = 0, finished = 0, total = 0, failed = 0;
};

HttpRequest send_request(int number) {
  HttpRequest request;
  request.method = "POST";
  request.target = fmt::format("/v25.0/{}/messages", sandbox::kDefaultFastNumber);
  request.headers.add("Content-Type", "application/json");
  request.headers.add("Authorization", "Bearer " + std::string(sandbox::kDefaultToken));
  request.body = fmt::format(
      R"({{"messaging_product":"whatsapp","recipient_type":"individual","to":"+49151{:08}","type":"template",)"
      R"("biz_opaque_callback_data":"v1.1.1.{}.1.abcdefghijklmnopqrstuv","template":{{"name":"spring_sale","language":)"
      R"({{"code":"en_US"}},"components":[{{"type":"header","parameters":[{{"type":"text","text":"Spring Sale"}}]}},)"
      R"({{"type":"body","parameters":[{{"type":"text","text":"Anna"}},{{"type":"text","text":"the end of the month"}},)"
      R"({{"type":"text","text":"SPRING"}},{{"type":"text","text":"10 %"}}]}}]}}}})",
      number, number);
  return request;
}

Task<> caller(HttpClient& client, Endpoint server, Load& load, Runtime& runtime) {
  while (load.left > 0) {
    HttpRequest request = send_request(load.left--);
    const auto reply = co_await client.send(server, std::move(request), std::chrono::seconds(30));
    if (!reply || reply->status != 200) ++load.failed;
    if (++load.finished == load.total) runtime.stop();
  }
}

// Requests per second without any durability.
double generate(const Endpoint& server, int requests) {
  Runtime runtime;
  RealClock clock(runtime.executor());
  RealNetwork network(runtime.executor());
  HttpClient client(network, clock, runtime.executor());
  Load load{requests, 0, requests, 0};
  for (int i = 0; i < std::min(kConnections, requests); ++i) {
    asio::co_spawn(runtime.executor(), caller(client, server, load, runtime), asio::detached);
  }
  const auto start = std::chrono::steady_clock::now();
  runtime.run();
  if (load.failed > 0) fmt::print(stderr, "{} of {} requests failed\n", load.failed, requests);
  return requests / seconds_since(start);
}

Task<Result<>> send_all(Product product, MetaThread& meta, std::string folder, std::uint64_t recipients,
                        bool statuses, Run& run) {
  PH_CO_TRY_ASSIGN(const std::int64_t id, co_await prepare_broadcast(product, folder, recipients));
  meta.set_callback(statuses ? product.server->url() + "/webhooks/whatsapp" : std::string());
  const double processor = processor_seconds(::getpid());
  const ThreadTime core = thread_time();
  const auto began = std::chrono::steady_clock::now();
  PH_CO_TRY(co_await start_broadcast(product, id));
  PH_CO_TRY_ASSIGN(const double took, co_await wait_for_end(product, id, began));
  run.per_second = static_cast<double>(recipients) / took;
  run.processor_us = (processor_seconds(::getpid()) - processor) * 1e6 / static_cast<double>(recipients);
  run.core_us = (thread_time().running - core.running) * 1e6 / static_cast<double>(recipients);
  run.held_up = (thread_time().waiting - core.waiting) / took;
  co_return Result<>();
}

Run broadcast(std::uint64_t recipients, bool statuses) {
  TemporaryFolder folder;
  MetaThread meta;
  Run run;
  const ProductOptions options{folder.path() + "/data", meta.url()};
  if (!run_product(options, [&](Product product) {
        return send_all(product, meta, folder.path(), recipients, statuses, run);
      })) {
    std::exit(1);
  }
  meta.stop();
  const auto totals = meta.meta().ledger().totals();
  run.accepted = totals.accepted;
  run.twice = totals.duplicate_phone_subject;
  return run;
}

// The middle one of several; a ledger that disagrees ends the program.
Run middle(std::uint64_t recipients, bool statuses, int runs) {
  std::vector<Run> all;
  for (int i = 0; i < runs; ++i) {
    all.push_back(broadcast(recipients, statuses));
    if (all.back().accepted == recipients && all.back().twice == 0) continue;
    fmt::print(stderr, "the ledger shows {} messages to {} recipients, {} twice\n", all.back().accepted,
               recipients, all.back().twice);
    std::exit(1);
  }
  std::sort(all.begin(), all.end(), [](const Run& a, const Run& b) { return a.per_second < b.per_second; });
  return all[all.size() / 2];
}

void print_run(std::string_view name, std::uint64_t recipients, const Run& run, double baseline,
               double goal) {
  print_figure(
      {fmt::format("broadcast of {}, {}", recipients, name),
       fmt::format(
           "{:.0f}/s ({:.2f} s; {:.0f} µs of processor each, {:.0f} in the core; core held up {:.0f} %)",
           run.per_second, static_cast<double>(recipients) / run.per_second, run.processor_us, run.core_us,
           run.held_up * 100),
       fmt::format("{:.0f}/s load generator, static server", baseline),
       fmt::format("{:.2f}", run.per_second / baseline),
       fmt::format("{:.0f}/s: {}", goal, run.per_second >= goal ? "met" : "missed")});
}

int serve_until_end_of_input() {
  StaticServer server{std::string(kAnswer)};
  std::cout << "http://127.0.0.1:" << server.endpoint().port << std::endl;
  for (std::string line; std::getline(std::cin, line);) continue;
  return 0;
}

}  // namespace
}  // namespace posthorn::bench

int main(int argc, char** argv) {
  using namespace posthorn;
  using namespace posthorn::bench;
  if (argc > 1 && std::string_view(argv[1]) == "--serve") return serve_until_end_of_input();
  const std::uint64_t recipients = argc > 1 ? std::stoull(argv[1]) : 50'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 3;
  double baseline = 0;
  {
    StaticServer server{std::string(kAnswer)};
    baseline = generate(server.endpoint(), static_cast<int>(recipients));
  }
  {
    MetaThread meta;
    const auto url = parse_url(meta.url());
    const double reached = generate(url->endpoint, static_cast<int>(recipients));
    print_figure({"load generator against the sandbox, nothing durable", fmt::format("{:.0f}/s", reached),
                  fmt::format("{:.0f}/s load generator, static server", baseline),
                  fmt::format("{:.2f}", reached / baseline), "20000/s: the sandbox is never the bottleneck"});
  }
  print_run("no statuses", recipients, middle(recipients, false, runs), baseline, kGoal);
  print_run("statuses coming back", recipients, middle(recipients, true, runs), baseline, kGoal);
  return 0;
}
