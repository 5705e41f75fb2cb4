// How fast virtual time passes: events per second of sleeping coroutines, and HTTP exchanges through
// simulated pipes, beside a loop that only posts handlers to an io_context (the baseline).
#include <chrono>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "platform/http_client.h"
#include "platform/http_server.h"
#include "platform/simulated/process.h"

namespace posthorn {
namespace {

using simulated::Process;
using simulated::World;

struct Repost {
  asio::io_context& context;
  int& left;
  void operator()() const {
    if (--left > 0) asio::post(context, *this);
  }
};

template <class Run>
double seconds(Run run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Task<> sleeper(Clock& clock, Random& random, int& left) {
  while (left > 0) {
    co_await clock.sleep_for(Duration(1 + random.below(1000)));
    --left;
  }
}

Task<> answer(HttpExchange& exchange) {
  HttpResponse response;
  response.body = "ok";
  co_await exchange.respond(std::move(response));
}

Task<> caller(HttpClient& client, int& left) {
  const Endpoint endpoint{"server", 80, false};
  while (left > 0) {
    HttpRequest request;
    const auto reply = co_await client.send(endpoint, std::move(request), std::chrono::seconds(5));
    if (reply) --left;
  }
}

double posts_per_second(int count) {
  asio::io_context context(1);
  int left = count;
  asio::post(context, Repost{context, left});
  return count / seconds([&] { context.run(); });
}

double sleeps_per_second(int count) {
  World world(1);
  Process process(world, "sleepers");
  int left = count;
  for (int i = 0; i < 64; ++i) process.spawn(sleeper(process.clock(), process.random(), left));
  const double took = seconds([&] { world.run_until([&] { return left <= 0; }, std::chrono::hours(24)); });
  return static_cast<double>(world.handlers_run()) / took;
}

double exchanges_per_second(int count, double& handlers) {
  World world(1);
  Process server_process(world, "server");
  Process client_process(world, "client");
  auto listener = *server_process.network().listen("::", 80);
  HttpServer server(std::move(listener), server_process.clock(), server_process.executor(), answer);
  server.start();
  HttpClient client(client_process.network(), client_process.clock(), client_process.executor());
  int left = count;
  for (int i = 0; i < 64; ++i) client_process.spawn(caller(client, left));
  const double took = seconds([&] { world.run_until([&] { return left <= 0; }, std::chrono::hours(24)); });
  handlers = static_cast<double>(world.handlers_run()) / took;
  return count / took;
}

}  // namespace
}  // namespace posthorn

int main() {
  const double posts = posthorn::posts_per_second(3'000'000);
  const double sleeps = posthorn::sleeps_per_second(2'000'000);
  double handlers = 0;
  const double exchanges = posthorn::exchanges_per_second(200'000, handlers);
  fmt::print(
      "bare posts {:.2f} M/s (baseline); sleeps {:.2f} M handlers/s, ratio {:.2f}; HTTP {:.0f} exchanges/s, "
      "{:.2f} M "
      "handlers/s\n",
      posts / 1e6, sleeps / 1e6, sleeps / posts, exchanges, handlers / 1e6);
}
