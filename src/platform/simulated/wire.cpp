#include "platform/simulated/wire.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "platform/address_range.h"
#include "platform/simulated/pipe.h"

namespace posthorn::simulated {
namespace {

bool is_local(std::string_view host) {
  return host == "127.0.0.1" || host == "localhost" || host == "::1";
}
bool is_any(std::string_view address) {
  return address == "0.0.0.0" || address == "::" || is_local(address);
}

Error failure(ErrorCode code, std::string_view step, const Endpoint& endpoint, std::string_view why) {
  return {code, fmt::format("{}: {}:{}: {}", step, endpoint.host, endpoint.port, why)};
}

}  // namespace

// The network as one process sees it.
class ProcessNetwork final : public Network {
 public:
  ProcessNetwork(Wire& wire, std::uint64_t owner, std::string name, Clock& clock)
      : wire_(wire), owner_(owner), name_(std::move(name)), clock_(clock) {}

  Task<Result<std::unique_ptr<Stream>>> connect(Endpoint endpoint, Duration timeout) override {
    std::string host = is_local(endpoint.host) ? name_ : endpoint.host;
    if (wire_.lookups_.contains(host)) host = wire_.look_up(host).front();
    co_return co_await dial(std::move(host), std::move(endpoint), timeout);
  }

  Task<Result<std::vector<std::string>>> resolve(std::string host, Duration timeout) override {
    if (canonical_address(host)) co_return std::vector<std::string>(1, host);
    const LinkConfig link = wire_.link(host);
    const Duration round_trip = wire_.latency(link) + wire_.latency(link);
    co_await clock_.sleep_for(std::min(round_trip, timeout));
    Endpoint endpoint;
    endpoint.host = host;
    if (round_trip > timeout) {
      co_return std::unexpected(failure(ErrorCode::deadline_exceeded, "dns", endpoint, "no answer in time"));
    }
    auto found = wire_.look_up(host);
    if (found.empty()) {
      co_return std::unexpected(failure(ErrorCode::unavailable, "dns", endpoint, "unknown host"));
    }
    co_return found;
  }

  Task<Result<std::unique_ptr<Stream>>> connect_to(std::string address, Endpoint endpoint,
                                                   Duration timeout) override {
    const auto made_up = wire_.made_up_.find(address);
    std::string host = made_up == wire_.made_up_.end() ? std::move(address) : made_up->second;
    if (is_local(host)) host = name_;
    co_return co_await dial(std::move(host), std::move(endpoint), timeout);
  }

  Result<std::unique_ptr<Listener>> listen(const std::string& address, std::uint16_t port) override {
    const std::string host = is_any(address) ? name_ : address;
    while (port == 0) {
      const std::uint16_t candidate = wire_.next_port_++;
      if (!wire_.listeners_.contains({host, candidate})) port = candidate;
    }
    if (wire_.listeners_.contains({host, port})) {
      return fail(ErrorCode::conflict,
                  fmt::format("cannot listen on {}:{}: the port is taken", address, port));
    }
    return std::make_unique<PipeListener>(wire_, owner_, host, port);
  }

 private:
  Task<Result<std::unique_ptr<Stream>>> dial(std::string host, Endpoint endpoint, Duration timeout) {
    const LinkConfig link = wire_.link(host);
    const ConnectionPlan plan = wire_.next_plan(host);
    const Duration round_trip = wire_.latency(link) + wire_.latency(link);
    if (plan.connect_hang || round_trip > timeout) {
      co_await clock_.sleep_for(timeout);
      co_return std::unexpected(
          failure(ErrorCode::deadline_exceeded, "connect", endpoint, "no answer in time"));
    }
    co_await clock_.sleep_for(round_trip);
    if (!wire_.known(host)) {
      co_return std::unexpected(failure(ErrorCode::unavailable, "dns", endpoint, "unknown host"));
    }
    const auto alias = wire_.names_.find(host);
    const Wire::Address address(alias == wire_.names_.end() ? host : alias->second, endpoint.port);
    const auto listener = wire_.listeners_.find(address);
    if (plan.refuse || listener == wire_.listeners_.end()) {
      co_return std::unexpected(failure(ErrorCode::unavailable, "connect", endpoint, "connection refused"));
    }
    auto pipe = std::make_shared<Pipe>(wire_, link, plan, owner_, listener->second->owner());
    listener->second->offer(std::make_unique<PipeStream>(pipe, 1, fmt::format("10.0.0.{}", owner_)));
    co_return std::make_unique<PipeStream>(pipe, 0, fmt::format("10.0.0.{}", listener->second->owner()));
  }

  Wire& wire_;
  const std::uint64_t owner_;
  const std::string name_;
  Clock& clock_;
};

Wire::Wire(World& world) : world_(world), random_(world.random("wire")) {}

Wire::~Wire() = default;

const LinkConfig& Wire::link(const std::string& host) const {
  const auto special = links_.find(host);
  return special == links_.end() ? default_link_ : special->second;
}

Duration Wire::latency(const LinkConfig& config) {
  const auto spread = static_cast<std::uint64_t>((config.latency_max - config.latency_min).count());
  return config.latency_min +
         Duration(static_cast<Duration::rep>(spread == 0 ? 0 : random_->below(spread + 1)));
}

ConnectionPlan Wire::next_plan(const std::string& host) {
  auto& planned = plans_[host];
  if (!planned.empty()) {
    const ConnectionPlan plan = planned.front();
    planned.pop_front();
    return plan;
  }
  const LinkConfig& config = link(host);
  ConnectionPlan plan;
  plan.refuse = random_->unit() < config.refuse;
  plan.connect_hang = random_->unit() < config.connect_hang;
  plan.dribble = random_->unit() < config.dribble;
  if (random_->unit() < config.cut) {
    const auto direction = random_->below(2) == 0 ? Direction::to_server : Direction::to_client;
    const std::uint64_t after = random_->below(std::max<std::uint64_t>(config.cut_within, 1));
    plan.cut = Cut{direction, after, static_cast<CutKind>(random_->below(4))};
  }
  return plan;
}

bool Wire::known(const std::string& host) const {
  return names_.contains(host);
}

std::vector<std::string> Wire::look_up(const std::string& host) {
  const auto planned = lookups_.find(host);
  if (planned != lookups_.end()) {
    auto& answers = planned->second;
    const auto answer = answers.front();
    if (answers.size() > 1) answers.pop_front();
    return answer;
  }
  if (is_local(host)) return {"127.0.0.1"};
  if (!known(host)) return {};
  for (const auto& [address, name] : made_up_) {
    if (name == host) return {address};
  }
  const auto number = made_up_.size() + 1;
  const auto address = fmt::format("93.184.{}.{}", number / 200, number % 200 + 1);
  made_up_[address] = host;
  return {address};
}

std::unique_ptr<Network> Wire::attach(std::uint64_t owner, const std::string& name, Clock& clock) {
  names_.try_emplace(name, name);
  return std::make_unique<ProcessNetwork>(*this, owner, name, clock);
}

void Wire::cut_off(std::uint64_t owner) {
  std::vector<PipeListener*> orphans;
  for (const auto& [address, listener] : listeners_) {
    if (listener->owner() == owner) orphans.push_back(listener);
  }
  for (PipeListener* listener : orphans) listener->drop();
  std::vector<std::shared_ptr<Pipe>> held;  // dropping coroutines may end pipes while we walk over them
  for (const auto& [number, pipe] : pipes_) held.push_back(pipe->shared_from_this());
  for (const auto& pipe : held) pipe->crash(owner);
}

}  // namespace posthorn::simulated
