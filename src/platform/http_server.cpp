#include "platform/http_server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "platform/http_connection.h"

namespace posthorn {
namespace {

constexpr Duration kSweepEvery = std::chrono::seconds(1);
constexpr Duration kAcceptPause = std::chrono::milliseconds(50);  // when the system has run out of something

}  // namespace

struct HttpServer::Impl {
  Impl(std::unique_ptr<Listener> l, std::shared_ptr<HttpServerCore> c)
      : listener(std::move(l)), core(std::move(c)) {}

  void stop();
  void admit(const std::shared_ptr<Impl>& self, std::unique_ptr<Stream> stream);
  static Task<> accept_loop(std::shared_ptr<Impl> self);
  static Task<> sweep_loop(std::shared_ptr<Impl> self);

  std::unique_ptr<Listener> listener;
  std::shared_ptr<HttpServerCore> core;
  bool sweeping = false;
};

void HttpServer::Impl::stop() {
  if (core->stopped) return;
  core->stopped = true;
  listener->close();
  for (HttpConnection* connection : core->connections) connection->close();
}

// Over the limit the newcomer is closed at once: those who are being served come first.
void HttpServer::Impl::admit(const std::shared_ptr<Impl>& self, std::unique_ptr<Stream> stream) {
  if (core->connections.size() >= core->limits.max_connections) return;
  auto connection = std::make_shared<HttpConnection>(core, std::move(stream));
  asio::co_spawn(core->executor, HttpConnection::serve(std::move(connection)), asio::detached);
  if (!std::exchange(sweeping, true)) asio::co_spawn(core->executor, sweep_loop(self), asio::detached);
}

Task<> HttpServer::Impl::accept_loop(std::shared_ptr<Impl> self) {
  while (!self->core->stopped) {
    auto accepted = co_await self->listener->accept();
    if (self->core->stopped) co_return;
    if (accepted) {
      self->admit(self, std::move(*accepted));
    } else if (accepted.error().code == ErrorCode::cancelled) {
      co_return;
    } else {
      co_await self->core->clock.sleep_for(kAcceptPause);
    }
  }
}

// Runs only while there are connections, so that an idle server sleeps.
Task<> HttpServer::Impl::sweep_loop(std::shared_ptr<Impl> self) {
  HttpServerCore& core = *self->core;
  while (!core.stopped && !core.connections.empty()) {
    co_await core.clock.sleep_for(kSweepEvery);
    if (core.stopped) co_return;
    const MonotonicTime now = core.now();
    for (HttpConnection* connection : core.connections) connection->sweep(now);
  }
  self->sweeping = false;
}

HttpServer::HttpServer(std::unique_ptr<Listener> listener, Clock& clock, Executor executor,
                       HttpHandler handler, HttpServerLimits limits)
    : impl_(std::make_shared<Impl>(
          std::move(listener),
          std::make_shared<HttpServerCore>(clock, std::move(executor), std::move(handler), limits))) {}

HttpServer::~HttpServer() {
  stop();
}

void HttpServer::start() {
  asio::co_spawn(impl_->core->executor, Impl::accept_loop(impl_), asio::detached);
}

void HttpServer::stop() {
  impl_->stop();
}

std::uint16_t HttpServer::port() const {
  return impl_->listener->port();
}

std::size_t HttpServer::connections() const {
  return impl_->core->connections.size();
}

}  // namespace posthorn
