// Requests per second of our HTTP client against our HTTP server on loopback, each on a thread of its own;
// printed beside a bare echo of the same bytes over the same streams, which is what the HTTP layer is
// measured against.
#include <chrono>
#include <cstdlib>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "platform/http_client.h"
#include "platform/http_server.h"
#include "platform/real_clock.h"
#include "platform/real_network.h"
#include "platform/runtime.h"

namespace posthorn {
namespace {

struct Load {
  int connections = 64;
  int exchanges = 300'000;  // in total
  int started = 0;
  int finished = 0;
  int failed = 0;
};

HttpRequest make_request() {
  HttpRequest request;
  request.method = "POST";
  request.target = "/v25.0/106540352242922/messages";
  request.headers.add("Content-Type", "application/json");
  request.headers.add("Authorization", "Bearer EAAG0123456789012345678901234567890123456789");
  request.body = std::string(400, 'x');
  return request;
}

Task<> answer(HttpExchange& exchange) {
  const auto body = co_await exchange.read_body(1 << 20);
  HttpResponse response;
  response.status = body ? 200 : 400;
  response.headers.add("Content-Type", "application/json");
  response.body =
      R"({"messaging_product":"whatsapp","contacts":[{"input":"491701234567","wa_id":"491701234567"}]})";
  co_await exchange.respond(std::move(response));
}

Task<> caller(HttpClient& client, Endpoint server, Load& load, Runtime& runtime) {
  while (load.started < load.exchanges) {
    ++load.started;
    const auto reply = co_await client.send(server, make_request(), std::chrono::seconds(10));
    if (!reply || reply->status != 200) ++load.failed;
    if (++load.finished == load.exchanges) runtime.stop();
  }
}

Task<> echo_connection(std::unique_ptr<Stream> stream) {
  std::vector<char> buffer(4096);
  for (;;) {
    const auto got = co_await stream->read_some(buffer);
    if (!got || *got == 0) co_return;
    const std::span<const char> back(buffer.data(), 250);
    const auto put = co_await stream->write_some(back);
    if (!put) co_return;
  }
}

Task<> echo_server(Listener& listener, Executor executor) {
  for (;;) {
    auto stream = co_await listener.accept();
    if (!stream) co_return;
    asio::co_spawn(executor, echo_connection(std::move(*stream)), asio::detached);
  }
}

Task<> echo_caller(Network& network, Endpoint server, Load& load, Runtime& runtime) {
  auto stream = co_await network.connect(server, std::chrono::seconds(5));
  const std::string request(630, 'x');
  std::vector<char> buffer(4096);
  while (stream && load.started < load.exchanges) {
    ++load.started;
    const auto put = co_await (*stream)->write_some(request);
    const auto got = co_await (*stream)->read_some(buffer);
    if (!put || !got || *got == 0) ++load.failed;
    if (++load.finished == load.exchanges) runtime.stop();
  }
}

double per_second(Runtime& runtime, const Load& load) {
  const auto start = std::chrono::steady_clock::now();
  runtime.run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (load.failed > 0) fmt::print("{} of {} exchanges failed\n", load.failed, load.finished);
  return load.finished / took.count();
}

double run_echo(Load load) {
  Runtime server;
  RealNetwork server_network(server.executor());
  auto listener = *server_network.listen("127.0.0.1", 0);
  asio::co_spawn(server.executor(), echo_server(*listener, server.executor()), asio::detached);
  const Endpoint endpoint{"127.0.0.1", listener->port(), false};
  std::thread thread([&] { server.run(); });
  Runtime runtime;
  RealNetwork network(runtime.executor());
  for (int i = 0; i < load.connections; ++i) {
    asio::co_spawn(runtime.executor(), echo_caller(network, endpoint, load, runtime), asio::detached);
  }
  const double rate = per_second(runtime, load);
  server.stop();
  thread.join();
  return rate;
}

double run_http(Load load) {
  Runtime server_runtime;
  RealClock server_clock(server_runtime.executor());
  RealNetwork server_network(server_runtime.executor());
  auto listener = *server_network.listen("127.0.0.1", 0);
  HttpServer server(std::move(listener), server_clock, server_runtime.executor(), answer);
  server.start();
  const Endpoint endpoint{"127.0.0.1", server.port(), false};
  std::thread thread([&] { server_runtime.run(); });
  Runtime runtime;
  RealClock clock(runtime.executor());
  RealNetwork network(runtime.executor());
  HttpClient client(network, clock, runtime.executor());
  for (int i = 0; i < load.connections; ++i) {
    asio::co_spawn(runtime.executor(), caller(client, endpoint, load, runtime), asio::detached);
  }
  const double rate = per_second(runtime, load);
  server_runtime.stop();
  thread.join();
  return rate;
}

}  // namespace
}  // namespace posthorn

// Usage: http_bench [connections [exchanges]]
int main(int argc, char** argv) {
  posthorn::Load load;
  if (argc > 1) load.connections = std::atoi(argv[1]);
  if (argc > 2) load.exchanges = std::atoi(argv[2]);
  const double echo = posthorn::run_echo(load);
  const double http = posthorn::run_http(load);
  fmt::print("connections {}: echo {:.0f}/s (baseline), HTTP {:.0f}/s, ratio {:.2f}\n", load.connections,
             echo, http, http / echo);
}
