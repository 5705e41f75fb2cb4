// What the sandbox costs by itself, in processor time of its one thread: for a signed message webhook of load
// mode, and for a send that it accepts. On the other side are threads that do as little as they can. A judge
// that were slower than the judged would measure itself.
#include <atomic>
#include <cstdlib>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include "platform/http_client.h"
#include "platform/http_server.h"
#include "platform/real_clock.h"
#include "platform/real_network.h"
#include "platform/real_random.h"
#include "platform/runtime.h"
#include "sandbox/sandbox.h"

namespace posthorn {
namespace {

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
constexpr int kSenders = 32;

double thread_seconds() {
  rusage used{};
  getrusage(RUSAGE_THREAD, &used);
  const auto seconds = [](timeval t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Answers 200 to every request of at least one connection. Requests end where their Content-Length says.
class Sink {
 public:
  Sink() : listener_(*network_.listen("127.0.0.1", 0)) {
    asio::co_spawn(runtime_.executor(), accept(), asio::detached);
    thread_ = std::thread([this] { runtime_.run(); });
  }
  ~Sink() {
    runtime_.stop();
    thread_.join();
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/webhooks/whatsapp", listener_->port()); }

 private:
  Task<> accept() {
    for (;;) {
      auto stream = co_await listener_->accept();
      if (!stream) co_return;
      asio::co_spawn(runtime_.executor(), answer(std::move(*stream)), asio::detached);
    }
  }
  static std::size_t length_of(std::string_view held) {  // of the first request; 0: not all of it is here
    const std::size_t head = held.find("\r\n\r\n");
    const std::size_t field = held.find("Content-Length: ");
    if (head == std::string_view::npos || field > head) return head == std::string_view::npos ? 0 : head + 4;
    const std::size_t whole = head + 4 + static_cast<std::size_t>(std::atol(held.data() + field + 16));
    return whole <= held.size() ? whole : 0;
  }
  static Task<> answer(std::unique_ptr<Stream> stream) {
    std::string held, out;
    std::vector<char> buffer(16 * 1024);
    for (;;) {
      const auto got = co_await stream->read_some(buffer);
      if (!got || *got == 0) co_return;
      held.append(buffer.data(), *got);
      out.clear();
      for (std::size_t n = length_of(held); n > 0; n = length_of(held)) {
        held.erase(0, n);
        out += kOk;
      }
      const std::span<const char> bytes(out.data(), out.size());
      if (out.empty()) continue;
      const auto put = co_await stream->write_some(bytes);
      if (!put) co_return;
    }
  }

  Runtime runtime_;
  RealNetwork network_{runtime_.executor()};
  std::unique_ptr<Listener> listener_;
  std::thread thread_;
};

std::string send_request(std::int64_t i) {
  const std::string body = fmt::format(
      R"({{"messaging_product":"whatsapp","recipient_type":"individual","to":"+49151{:08}","type":"template","biz_opaque_callback_data":"v1.1.17.{}.1.0123456789abcdefABCDEF","template":{{"name":"order_update","language":{{"code":"en_US"}},"components":[{{"type":"body","parameters":[{{"type":"text","text":"A-{}"}}]}}]}}}})",
      i, i, i);
  return fmt::format(
      "POST /v25.0/106540352242922/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\n"
      "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      sandbox::kDefaultToken, body.size(), body);
}

// Sends at a fixed pace over a few connections, each waiting for its answer.
class Sender {
 public:
  Sender(std::uint16_t port, std::int64_t messages, double per_second)
      : server_{"127.0.0.1", port, false}, messages_(messages), interval_us_(1e6 / per_second) {
    for (int i = 0; i < kSenders; ++i) asio::co_spawn(runtime_.executor(), connection(), asio::detached);
    thread_ = std::thread([this] { runtime_.run(); });
  }
  ~Sender() {
    runtime_.stop();
    thread_.join();
  }
  bool done() const { return accepted + refused >= messages_; }

  std::atomic<std::int64_t> accepted = 0, refused = 0;

 private:
  Task<> connection() {
    auto stream = co_await network_.connect(server_, std::chrono::seconds(5));
    if (began_ == MonotonicTime{}) began_ = clock_.now();
    std::vector<char> buffer(4096);
    while (stream && next_ < messages_) {
      const std::int64_t mine = next_++;
      const MonotonicTime due =
          began_ + Duration(static_cast<Duration::rep>(interval_us_ * static_cast<double>(mine)));
      if (due > clock_.now()) co_await clock_.sleep_until(due);
      const std::string request = send_request(mine);
      const std::span<const char> bytes(request);
      const auto put = co_await (*stream)->write_some(bytes);
      const auto got = co_await (*stream)->read_some(buffer);
      const bool good = put && got && std::string_view(buffer.data(), *got).starts_with("HTTP/1.1 200");
      ++(good ? accepted : refused);
    }
  }

  Endpoint server_;
  std::int64_t messages_, next_ = 0;
  double interval_us_;
  MonotonicTime began_{};
  Runtime runtime_;
  RealClock clock_{runtime_.executor()};
  RealNetwork network_{runtime_.executor()};
  std::thread thread_;
};

// A call of the control API without a socket.
class Call final : public HttpExchange {
 public:
  Call(std::string method, std::string target, std::string body) : body_(std::move(body)) {
    request_.method = std::move(method);
    request_.target = std::move(target);
  }
  const HttpRequest& request() const override { return request_; }
  std::string peer_address() const override { return "127.0.0.1"; }
  Task<Result<std::string>> read_body(std::size_t) override { co_return body_; }
  Task<Result<std::size_t>> read_body_some(std::span<char>) override { co_return std::size_t{0}; }
  Task<Result<>> respond(HttpResponse response) override {
    answer = std::move(response.body);
    co_return Result<>();
  }
  Task<Result<>> begin_stream(HttpResponse) override { co_return Result<>(); }
  Task<Result<>> write_chunk(std::string_view) override { co_return Result<>(); }
  std::string answer;

 private:
  HttpRequest request_;
  std::string body_;
};

struct World {
  Runtime runtime;
  RealClock clock{runtime.executor()};
  RealRandom random;
  RealNetwork network{runtime.executor()};
  HttpClient client{network, clock, runtime.executor()};
  sandbox::Sandbox meta;

  static sandbox::SandboxConfig unlimited() {
    sandbox::SandboxConfig config = sandbox::default_config();
    config.limits.throughput = false;
    config.limits.portfolio_daily_users = 0;
    return config;
  }
  World() : meta(unlimited(), clock, random, client, runtime.executor()) { meta.start(); }
  ~World() { meta.stop(); }

  boost::json::value control(std::string method, std::string path, std::string body = {}) {
    Call call(std::move(method), "/sandbox/" + path, std::move(body));
    runtime.context().restart();  // it may have run out of work
    asio::co_spawn(runtime.executor(), meta.handle(call), asio::detached);
    while (call.answer.empty()) runtime.context().run_one();
    runtime.context().poll();
    return boost::json::parse(call.answer);
  }
};

void measure_webhooks(int per_second, int seconds, int batch) {
  Sink sink;
  World world;
  world.meta.set_callback(sink.url());
  world.control("POST", "load",
                fmt::format(R"({{"messages_per_second":{},"seconds":{},"phones":20000,"batch":{}}})",
                            per_second, seconds, batch));
  const double before = thread_seconds();
  boost::json::value report;
  do {
    world.runtime.context().run_for(std::chrono::milliseconds(200));
    report = world.control("GET", "load");
  } while (report.at("running").as_bool());
  const double used = thread_seconds() - before;
  const double acknowledged = report.at("acknowledged").to_number<double>();
  fmt::print("webhooks: {} asked for a second, {} in a POST: {:.1f} µs of processor time each, {}\n",
             per_second, batch, used / acknowledged * 1e6, boost::json::serialize(report));
}

void measure_sends(int per_second, int seconds) {
  Sink sink;
  World world;
  world.meta.set_callback(sink.url());
  HttpServer server(*world.network.listen("127.0.0.1", 0), world.clock, world.runtime.executor(),
                    [&](HttpExchange& x) { return world.meta.handle(x); });
  server.start();
  const double before = thread_seconds();
  const MonotonicTime began = world.clock.now();
  const std::int64_t messages = std::int64_t{per_second} * seconds;
  Sender sender(server.port(), messages, per_second);
  while (!sender.done()) world.runtime.context().run_for(std::chrono::milliseconds(50));
  const double used = thread_seconds() - before;
  const double took = static_cast<double>((world.clock.now() - began).count()) / 1e6;
  const auto totals = world.meta.webhook_stats();
  fmt::print(
      "sends: {} asked for a second: {:.1f} µs of processor time each, {:.0f} a second accepted, {} refused, "
      "{} "
      "status updates acknowledged meanwhile\n",
      per_second, used / static_cast<double>(messages) * 1e6, static_cast<double>(sender.accepted) / took,
      sender.refused.load(), totals.acknowledged);
  server.stop();
}

}  // namespace
}  // namespace posthorn

// Usage: sandbox_bench [per second [seconds]]
int main(int argc, char** argv) {
  const int per_second = argc > 1 ? std::atoi(argv[1]) : 20'000;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 5;
  posthorn::measure_webhooks(per_second, seconds, 1);
  posthorn::measure_webhooks(per_second, seconds, 10);
  posthorn::measure_sends(per_second, seconds);
}
