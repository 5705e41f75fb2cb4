#include "load.h"

#include <array>
#include <span>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "platform/crypto.h"
#include "support.h"

namespace posthorn::bench {
namespace {

constexpr int kConnections = 128;

}  // namespace

Generator::Generator(const std::vector<std::string>& requests, Endpoint server, double per_second)
    : requests_(requests),
      server_(std::move(server)),
      interval_us_(1e6 / per_second),
      latencies_(requests.size(), 0) {
  for (int i = 0; i < kConnections; ++i) asio::co_spawn(runtime_.executor(), connection(), asio::detached);
  thread_ = std::thread([this] { runtime_.run(); });
}

Generator::~Generator() {
  runtime_.stop();
  if (thread_.joinable()) thread_.join();
}

Task<> Generator::connection() {
  auto stream = co_await network_.connect(server_, std::chrono::seconds(5));
  if (++connected_ == kConnections) began_ = clock_.now() + std::chrono::milliseconds(20);
  while (began_ == MonotonicTime{}) co_await clock_.sleep_for(std::chrono::milliseconds(1));
  while (next_ < requests_.size()) {
    const std::size_t mine = next_++;
    const MonotonicTime due =
        began_ + Duration(static_cast<Duration::rep>(interval_us_ * static_cast<double>(mine)));
    if (due > clock_.now()) co_await clock_.sleep_until(due);
    const bool good = stream && co_await exchange(**stream, requests_[mine]);
    latencies_[mine] = static_cast<double>((clock_.now() - due).count()) / 1e3;
    if (!good) ++failed_;
    if (finished_.load() + 1 == requests_.size())
      took_ = static_cast<double>((clock_.now() - began_).count()) / 1e6;
    ++finished_;
  }
}

Task<bool> Generator::exchange(Stream& stream, std::string_view request) {
  while (!request.empty()) {
    const auto n = co_await stream.write_some(request);
    if (!n) co_return false;
    request.remove_prefix(*n);
  }
  std::array<char, 1024> buffer;
  std::size_t held = 0;
  while (true) {
    const std::span<char> room(buffer.data() + held, buffer.size() - held);
    const auto n = co_await stream.read_some(room);
    if (!n || *n == 0) co_return false;
    held += *n;
    const std::string_view answer(buffer.data(), held);
    if (answer.ends_with("\r\n\r\n"))
      co_return answer.starts_with("HTTP/1.1 200");  // no server here adds a body
  }
}

Measured summarise(Generator& generator) {
  Measured out;
  auto& latencies = generator.latencies();
  out.p50 = percentile(latencies, 0.5);
  out.p99 = percentile(latencies, 0.99);
  out.worst = percentile(latencies, 1);
  out.rate = static_cast<double>(latencies.size()) / generator.seconds();
  out.failed = generator.failed();
  return out;
}

Measured measure_baseline(const std::vector<std::string>& requests, double per_second) {
  StaticServer server("");
  Generator generator(requests, server.endpoint(), per_second);
  while (!generator.done()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return summarise(generator);
}

struct WebhookSigner::Impl {
  HmacSha256 sign{Secret(std::string(sandbox::kDefaultAppSecret))};
};

WebhookSigner::WebhookSigner() : impl_(std::make_unique<Impl>()) {}
WebhookSigner::~WebhookSigner() = default;

std::string WebhookSigner::request(std::string_view body) {
  return fmt::format(
      "POST /webhooks/whatsapp HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: facebookexternalua\r\nAccept: "
      "*/*\r\n"
      "Content-Type: application/json\r\nX-Hub-Signature-256: sha256={}\r\nContent-Length: {}\r\n\r\n{}",
      to_hex(impl_->sign(body)), body.size(), body);
}

Endpoint endpoint_of(const std::string& url) {
  return parse_url(url)->endpoint;
}

}  // namespace posthorn::bench
