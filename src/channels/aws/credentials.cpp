#include "channels/aws/credentials.h"

#include <exception>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "channels/aws/credential_sources.h"
#include "platform/waiter.h"

namespace posthorn::aws {
namespace {

constexpr Duration kRenewBefore = std::chrono::minutes(15);
constexpr Duration kWaitBefore = std::chrono::minutes(10);
constexpr Duration kFailurePause =
    std::chrono::seconds(10);  // a source that fails is not asked for each call

}  // namespace

struct Credentials::Impl {
  Ports ports;
  CredentialSources sources;
  std::optional<Found> present = {};
  std::optional<Error> failure = {};
  MonotonicTime failed_until{};
  bool renewing = false, refused = false;
  std::vector<std::shared_ptr<Waiter<int>>> waiting = {};

  Duration left() const {
    if (!present->keys.expires_at) return Duration::max();
    return *present->keys.expires_at - ports.clock.wall_now();
  }
  bool valid() const { return present && !refused && left() > Duration::zero(); }
  bool pausing() const { return failure && ports.clock.now() < failed_until; }

  void note(Result<Found> found) {
    if (found) {
      present = *std::move(found);
      failure.reset();
      refused = false;
      return;
    }
    failure = std::move(found).error();
    failed_until = ports.clock.now() + kFailurePause;
    ports.log.warning("aws.credentials_failed", {{"reason", failure->message}});
  }

  static Task<> renew(std::shared_ptr<Impl> self) {
    co_await asio::post(self->ports.executor,
                        asio::use_awaitable);  // who began this must wait before it ends
    try {
      self->note(co_await self->sources.find());
    } catch (const std::exception& broken) {
      self->note(fail(ErrorCode::internal, broken.what()));
    }
    self->renewing = false;
    const auto woken = std::exchange(self->waiting, {});
    for (const auto& waiter : woken) waiter->complete(0);
  }

  static void begin(const std::shared_ptr<Impl>& self) {
    if (std::exchange(self->renewing, true)) return;
    asio::co_spawn(self->ports.executor, renew(self), asio::detached);
  }

  static Task<Result<AwsCredentials>> get(std::shared_ptr<Impl> self) {
    if (!self->valid() || self->left() < kRenewBefore) {
      if (!self->pausing()) begin(self);
    }
    const bool wait = self->renewing && (!self->valid() || self->left() < kWaitBefore);
    if (wait) {
      auto waiter = std::make_shared<Waiter<int>>();
      self->waiting.push_back(waiter);
      co_await Waiter<int>::wait(waiter, 0);
    }
    if (self->valid()) co_return self->present->keys;
    if (self->failure) co_return std::unexpected(*self->failure);
    co_return fail(ErrorCode::unauthenticated,
                   "the credentials for AWS have expired and their source has no newer ones");
  }
};

Credentials::Credentials(Ports ports, CredentialOptions options)
    : impl_(std::make_shared<Impl>(
          Impl{.ports = ports, .sources = CredentialSources(ports, std::move(options))})) {}
Credentials::~Credentials() = default;

Task<Result<AwsCredentials>> Credentials::get() {
  return Impl::get(impl_);
}

void Credentials::expired() {
  impl_->refused = true;
}

std::string Credentials::source() const {
  return impl_->present ? impl_->present->source : std::string();
}

}  // namespace posthorn::aws
