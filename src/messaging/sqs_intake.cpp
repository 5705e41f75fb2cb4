#include "messaging/sqs_intake.h"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "channels/parse_webhook.h"
#include "core/json.h"
#include "messaging/essential_loop.h"
#include "messaging/wakeup.h"

namespace posthorn {
namespace {

// The messages of one receiving while they are being stored.
struct Batch {
  Batch(const Executor& executor, Clock& clock) : done(executor, clock) {}
  std::vector<std::string> pending;   // receipts whose body is not durable yet
  std::vector<std::string> durable;   // may be deleted
  std::vector<std::string> unwanted;  // refused
  Error failure = {};                 // of the last body that was not stored
  bool failed = false;
  std::size_t under_way = 0;
  Wakeup done;
};
using SharedBatch = std::shared_ptr<Batch>;

}  // namespace

Result<> admit_queue_message(std::string_view body, const std::vector<std::string>& topics) {
  const Result<json::value> root = parse_json(body);
  if (!root || !root->is_object()) return {};  // kept, parsed, and parked with its reason
  // An envelope that names no topic is none of SNS. What has neither is raw message delivery.
  const json::object& members = root->get_object();
  if (!members.contains("TopicArn") && !members.contains("Type")) return {};
  const std::string_view arn = JsonView(*root)["TopicArn"].string_or("");
  if (std::ranges::find(topics, arn) != topics.end()) return {};
  return fail(ErrorCode::permission_denied, "the topic is none of aws.sns_topics: " + std::string(arn),
              "TopicArn");
}

struct SqsIntake::Impl {
  Impl(Ports p, SqsIntakeOptions o)
      : ports(std::move(p)),
        options(std::move(o)),
        received(ports.metrics.counter("posthorn_sqs_messages_total", "Messages of the queue by outcome.",
                                       {{"outcome", "received"}})),
        deleted(ports.metrics.counter("posthorn_sqs_messages_total", "Messages of the queue by outcome.",
                                      {{"outcome", "deleted"}})),
        refused(ports.metrics.counter("posthorn_sqs_messages_total", "Messages of the queue by outcome.",
                                      {{"outcome", "refused"}})),
        stop_wake(ports.executor) {}

  Ports ports;
  SqsIntakeOptions options;
  Counter &received, &deleted, &refused;
  SqsIntakeStats stats;
  std::vector<std::unique_ptr<Wakeup>> pauses;  // one a poller
  WaitList stop_wake;
  bool stopping = false;
  int running = 0;

  static Task<> poll(std::shared_ptr<Impl> self, Wakeup& stopped) {
    int failures = 0;
    while (!self->stopping) {
      auto messages = co_await self->ports.queue.receive(self->options.wait, self->options.visibility);
      if (self->stopping) break;
      Result<> taken;
      if (messages)
        taken = co_await take_in(self, *std::move(messages));
      else
        taken = std::unexpected(std::move(messages).error());
      self->note(taken);
      failures = taken ? 0 : failures + 1;
      if (!taken && !self->stopping) co_await self->pause(failures, stopped);
    }
    --self->running;
    self->stop_wake.notify_all();
  }

  void note(const Result<>& outcome) {
    const bool changed = stats.reachable != outcome.has_value();
    stats.reachable = outcome.has_value();
    stats.problem = outcome ? std::string() : outcome.error().message;
    if (changed && outcome) ports.log.info("sqs.reachable");
    if (!outcome) ports.log.warning("sqs.poll_failed", {{"reason", stats.problem}});
  }

  // Full jitter, and stop() does not wait for it.
  Task<> pause(int failures, Wakeup& stopped) {
    const Duration most =
        std::min(options.longest_pause, options.first_pause * (1 << std::min(failures - 1, 10)));
    const auto half = static_cast<std::uint64_t>(most.count() / 2);
    const Duration drawn = most / 2 + Duration(static_cast<Duration::rep>(ports.random.below(half + 1)));
    co_await stopped.wait_until(ports.clock.now() + drawn);
  }

  static Task<Result<>> take_in(std::shared_ptr<Impl> self, std::vector<aws::QueueMessage> messages) {
    if (messages.empty()) co_return Result<>();
    self->stats.received += messages.size();
    self->received.add(static_cast<double>(messages.size()));
    auto batch = std::make_shared<Batch>(self->ports.executor, self->ports.clock);
    for (aws::QueueMessage& message : messages) begin(self, batch, std::move(message));
    co_await hide_until_stored(self, batch);
    co_await self->let_go(batch->unwanted);
    co_await self->remove(batch->durable);
    if (batch->failed) co_return std::unexpected(batch->failure);
    co_return Result<>();
  }

  // All bodies of a batch are stored side by side, so that they share a commit.
  static void begin(const std::shared_ptr<Impl>& self, const SharedBatch& batch, aws::QueueMessage message) {
    if (const Result<> admitted = admit_queue_message(message.body, self->options.topics); !admitted) {
      ++self->stats.refused;
      self->refused.add();
      self->ports.log.error("sqs.refused", {{"message", message.id}, {"reason", admitted.error().message}});
      batch->unwanted.push_back(std::move(message.receipt));
      return;
    }
    batch->pending.push_back(message.receipt);
    ++batch->under_way;
    asio::co_spawn(self->ports.executor, store(self, batch, std::move(message)), asio::detached);
  }

  static Task<> store(std::shared_ptr<Impl> self, SharedBatch batch, aws::QueueMessage message) {
    std::string source(channels::kFromSqs);
    Result<JournalId> saved = co_await self->ports.accept(std::move(message.body), std::move(source));
    std::erase(batch->pending, message.receipt);
    if (saved) {
      ++self->stats.committed;
      batch->durable.push_back(std::move(message.receipt));
    } else {
      batch->failed = true;
      batch->failure = std::move(saved).error();
    }
    if (--batch->under_way == 0) batch->done.notify();
  }

  // Returns when every body is stored or has failed. Until then the queue keeps the messages from other
  // readers.
  static Task<> hide_until_stored(std::shared_ptr<Impl> self, SharedBatch batch) {
    MonotonicTime renew_at = self->ports.clock.now() + self->options.visibility / 2;
    while (batch->under_way > 0) {
      co_await batch->done.wait_until(renew_at);
      if (batch->under_way == 0 || self->ports.clock.now() < renew_at) continue;
      renew_at = self->ports.clock.now() + self->options.visibility / 2;
      const auto hidden = co_await self->ports.queue.hide(batch->pending, self->options.visibility);
      if (!hidden) self->ports.log.warning("sqs.hide_failed", {{"reason", hidden.error().message}});
    }
  }

  Task<> let_go(std::vector<std::string> receipts) {
    if (receipts.empty()) co_return;
    const auto hidden = co_await ports.queue.hide(std::move(receipts), options.refused_pause);
    if (!hidden) ports.log.warning("sqs.hide_failed", {{"reason", hidden.error().message}});
  }

  // What cannot be deleted, tried twice, comes again and is recognised.
  Task<> remove(std::vector<std::string> receipts) {
    for (int tries = 0; tries < 2 && !receipts.empty(); ++tries) {
      const std::size_t before = receipts.size();
      auto left = co_await ports.queue.remove(receipts);
      if (!left) {
        ports.log.warning("sqs.delete_failed", {{"reason", left.error().message}});
        co_return;
      }
      receipts = *std::move(left);
      stats.deleted += before - receipts.size();
      deleted.add(static_cast<double>(before - receipts.size()));
    }
    if (!receipts.empty()) ports.log.warning("sqs.delete_failed", {{"messages", receipts.size()}});
  }
};

SqsIntake::SqsIntake(Ports ports, SqsIntakeOptions options)
    : impl_(std::make_shared<Impl>(std::move(ports), std::move(options))) {}
SqsIntake::~SqsIntake() = default;

void SqsIntake::start() {
  for (int i = 0; i < impl_->options.pollers; ++i) {
    ++impl_->running;
    impl_->pauses.push_back(std::make_unique<Wakeup>(impl_->ports.executor, impl_->ports.clock));
    spawn_essential(impl_->ports.executor, "sqs poller", Impl::poll(impl_, *impl_->pauses.back()));
  }
}

Task<> SqsIntake::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->stopping = true;
  impl->ports.queue.close();
  while (impl->running > 0) {
    for (const auto& pause : impl->pauses) pause->notify();
    co_await impl->stop_wake.wait();
  }
}

const SqsIntakeStats& SqsIntake::stats() const {
  return impl_->stats;
}

}  // namespace posthorn
