// Messages of people at a fixed rate, one in each webhook, signed as Meta signs them: how long until each is
// acknowledged, which is not before it is on disk, and whether every one is stored exactly once, with its
// person and conversation. 2 % come twice. Beside it: the same load on a server that only answers 200.
//
// Usage: message_bench [per_second [seconds [people]]]
#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "message_load.h"

namespace posthorn::bench {
namespace {

constexpr double kGoalMs = 25;
constexpr double kReached = 0.99;  // share of the rate that counts as sustained

struct Shape {
  double per_second = 20'000;
  double seconds = 60;
  MessageLoad load{0, 50'000, 1, "BENCH"};
};

// Processor time of a message, search index and generator included, and the share of the core's time in which
// it was ready while others had the processors.
struct Spent {
  double all_us = 0, core_us = 0, held_up = 0;
};

Task<Result<>> measure(Product product, const std::vector<std::string>& requests, Shape shape, Measured& out,
                       Spent& spent) {
  PH_CO_TRY(co_await ensure_number(product));
  const ThreadTime core = thread_time();
  const double all = processor_seconds(::getpid());
  PH_CO_TRY_ASSIGN(out,
                   co_await send_messages(product, requests, shape.per_second, shape.load.messages, nullptr));
  const auto per_message = [&](double seconds) {
    return seconds * 1e6 / static_cast<double>(shape.load.messages);
  };
  const ThreadTime after = thread_time();
  const double running = after.running - core.running;
  const double waiting = after.waiting - core.waiting;
  spent.all_us = per_message(processor_seconds(::getpid()) - all);
  spent.core_us = per_message(running);
  spent.held_up = waiting / (running + waiting);
  co_return Result<>();
}

void print(const Shape& shape, std::size_t requests, const Measured& ours, const Measured& baseline,
           const Spent& spent) {
  const bool met = ours.p99 <= kGoalMs && ours.failed == 0 && ours.rate >= shape.per_second * kReached;
  print_figure({fmt::format("{} message webhooks of {} people at {:.0f}/s, acknowledged when durable",
                            requests, shape.load.people, ours.rate),
                fmt::format("p99 {:.1f} ms (median {:.1f}, worst {:.1f}), {} refused", ours.p99, ours.p50,
                            ours.worst, ours.failed),
                fmt::format("p99 {:.1f} ms (median {:.1f}, {:.0f}/s) server that only answers 200",
                            baseline.p99, baseline.p50, baseline.rate),
                fmt::format("{:.1f}", ours.p99 / baseline.p99),
                fmt::format("{:.0f} ms at {:.0f}/s: {}", kGoalMs, shape.per_second, met ? "met" : "missed")});
  print_figure({"the same, each stored exactly once after the last acknowledgement",
                fmt::format("{:.0f} ms", ours.lag_ms), "", "", ""});
  print_figure(
      {"processor time of a message, generator included",
       fmt::format("{:.0f} µs, {:.0f} of them in the core, which was held up for {:.0f} % of its time",
                   spent.all_us, spent.core_us, spent.held_up * 100),
       "", "", ""});
}

}  // namespace
}  // namespace posthorn::bench

int main(int argc, char** argv) {
  using namespace posthorn::bench;
  Shape shape;
  if (argc > 1) shape.per_second = std::atof(argv[1]);
  if (argc > 2) shape.seconds = std::atof(argv[2]);
  if (argc > 3) shape.load.people = std::max<std::int64_t>(std::atoll(argv[3]), 1);
  shape.load.messages = static_cast<std::int64_t>(shape.per_second * shape.seconds);
  const std::vector<std::string> requests = message_requests(shape.load);
  Measured ours;
  Spent spent;
  {
    TemporaryFolder folder;
    MetaThread meta;
    const ProductOptions options{folder.path() + "/data", meta.url()};
    const auto body = [&](posthorn::bench::Product product) {
      return measure(product, requests, shape, ours, spent);
    };
    if (!run_product(options, body)) return 1;
  }
  print(shape, requests.size(), ours, measure_baseline(requests, shape.per_second), spent);
  return 0;
}
