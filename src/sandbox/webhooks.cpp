#include "sandbox/webhooks.h"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace posthorn::sandbox {
namespace {

constexpr Duration kDuplicateWithin = std::chrono::seconds(5);

}  // namespace

Webhooks::Webhooks(World& world, HttpClient& client, Executor executor)
    : world_(world),
      client_(client),
      executor_(executor),
      wakeup_(world.clock, executor, [this] { wake(); }) {
  add_stream("whatsapp_business_account", world.config.app_secret);
  set_callback(world.config.webhooks.callback_url);
}

void Webhooks::stop() {
  stopped_ = true;
  wakeup_.stop();
}

void Webhooks::set_callback(std::string url) {
  world_.config.webhooks.callback_url = url;
  callback_.reset();
  if (auto parsed = parse_url(url); !url.empty() && parsed) callback_ = *std::move(parsed);
}

void Webhooks::status(MessageId message, UpdateKind kind, int error) {
  Update update;
  update.kind = kind;
  update.message = message;
  update.error = error;
  update.at = world_.clock.wall_now();
  emit(std::move(update));
}

void Webhooks::change(std::string_view field, std::string_view value) {
  Update update;
  update.at = world_.clock.wall_now();
  update.change = std::make_shared<const std::string>("{\"value\":" + std::string(value) + ",\"field\":\"" +
                                                      std::string(field) + "\"}");
  emit(std::move(update));
}

std::uint32_t Webhooks::add_stream(std::string object, const Secret& secret) {
  const bool own = streams_.empty() || !secret.empty();
  streams_.push_back(Stream{std::move(object), own, HmacSha256(own ? secret : world_.config.app_secret)});
  return static_cast<std::uint32_t>(streams_.size() - 1);
}

void Webhooks::set_secret(const Secret& secret) {
  streams_.front().sign = HmacSha256(secret);
  for (Stream& stream : streams_)
    if (!stream.own_secret) stream.sign = HmacSha256(secret);
}

void Webhooks::entry(std::uint32_t stream, std::string element) {
  Update update;
  update.at = world_.clock.wall_now();
  update.stream = stream;
  update.change = std::make_shared<const std::string>(std::move(element));
  emit(std::move(update));
}

// Loss, duplication, delay and order are decided here, update by update.
void Webhooks::emit(Update update) {
  ++stats_.updates;
  if (!stopped_ && update.stream == 0 && other_way_ && other_way_(update)) return;
  if (!callback_ || (update.stream == 0 && !world_.subscribed) || stopped_) return;
  const WebhookChaos& chaos = world_.chaos.webhooks;
  Dice& dice = world_.dice;
  if (dice.chance(chaos.drop)) {
    ++stats_.dropped;
    return;
  }
  const MonotonicTime now = world_.clock.now();
  if (dice.chance(chaos.duplicate)) {
    ++stats_.duplicated;
    ++waiting_;
    delayed_.push(now + chaos.delay + dice.between(Duration::zero(), kDuplicateWithin), update);
  }
  Duration later = chaos.delay;
  if (dice.chance(chaos.reorder)) later += dice.between(Duration(1), chaos.reorder_by);
  ++waiting_;
  if (later > Duration::zero())
    delayed_.push(now + later, std::move(update));
  else
    enqueue(std::move(update));
}

void Webhooks::enqueue(Update update) {
  queue_.emplace_back(world_.clock.now(), std::move(update));
}

void Webhooks::wake() {
  const MonotonicTime now = world_.clock.now();
  for (auto due = delayed_.pop_due(now); !due.empty(); due = delayed_.pop_due(now))
    for (Update& update : due) enqueue(std::move(update));
  for (auto due = retries_.pop_due(now); !due.empty(); due = retries_.pop_due(now))
    for (Batch& batch : due) due_again_.push_back(std::move(batch));
  pump();
}

bool Webhooks::front_is_ready() const {
  const WebhookConfig& config = world_.config.webhooks;
  if (queue_.empty()) return false;
  return config.linger == Duration::zero() || queue_.size() >= config.batch_max ||
         queue_.front().first + config.linger <= world_.clock.now();
}

Webhooks::Batch Webhooks::next_batch() {
  if (!due_again_.empty()) {
    Batch batch = std::move(due_again_.front());
    due_again_.pop_front();
    return batch;
  }
  Batch batch;
  batch.epoch = world_.epoch;
  batch.first_attempt = world_.clock.now();
  batch.stream = queue_.front().second.stream;
  const std::size_t count = std::min(queue_.size(), world_.config.webhooks.batch_max);
  batch.updates.reserve(count);
  for (std::size_t i = 0; i < count && queue_.front().second.stream == batch.stream; ++i) {
    batch.updates.push_back(std::move(queue_.front().second));
    queue_.pop_front();
  }
  return batch;
}

void Webhooks::pump() {
  if (!started_ || stopped_) return;
  while (callback_ && in_flight_ < world_.config.webhooks.max_in_flight &&
         (!due_again_.empty() || front_is_ready()))
    launch(next_batch());
  if (!delayed_.empty()) wakeup_.arm(delayed_.next());
  if (!retries_.empty()) wakeup_.arm(retries_.next());
  if (callback_ && !queue_.empty() && in_flight_ < world_.config.webhooks.max_in_flight)
    wakeup_.arm(queue_.front().first + world_.config.webhooks.linger);
}

std::string Webhooks::render(const Batch& batch) const {
  if (batch.stream == 0) return render_webhook(world_, batch.updates);
  std::string out = R"({"object":")" + streams_[batch.stream].object + R"(","entry":[)";
  for (const Update& update : batch.updates) out += *update.change + ',';
  out.pop_back();
  return out + "]}";
}

HttpRequest Webhooks::signed_request(std::string body, std::uint32_t stream) {
  HttpRequest request;
  request.method = "POST";
  request.target = callback_->target;
  request.body = std::move(body);
  request.headers.set("Content-Type", "application/json");
  request.headers.set("User-Agent", "facebookexternalua");
  request.headers.set("Accept", "*/*");
  request.headers.set("X-Hub-Signature-256", "sha256=" + to_hex(streams_[stream].sign(request.body)));
  return request;
}

void Webhooks::launch(Batch batch) {
  HttpRequest request = signed_request(render(batch), batch.stream);
  ++in_flight_;
  ++stats_.posts;
  ++batch.attempts;
  asio::co_spawn(executor_,
                 post(shared_from_this(), callback_->endpoint, std::move(request), std::move(batch)),
                 asio::detached);
}

Task<> Webhooks::post(std::shared_ptr<Webhooks> self, Endpoint endpoint, HttpRequest request, Batch batch) {
  if (self->stopped_) co_return;
  const Duration timeout = self->world_.config.webhooks.post_timeout;
  const auto answer = co_await self->client_.send(std::move(endpoint), std::move(request), timeout);
  if (self->stopped_) co_return;
  self->settle(std::move(batch), answer.has_value() && answer->status == 200);
}

// Meta repeats for up to seven days with growing pauses; the same updates may come again in the same batch.
void Webhooks::settle(Batch batch, bool acknowledged) {
  --in_flight_;
  const std::size_t count = batch.updates.size();
  const WebhookConfig& config = world_.config.webhooks;
  if (!acknowledged) ++stats_.failed_posts;
  if (batch.epoch != world_.epoch) return pump();
  const MonotonicTime now = world_.clock.now();
  const bool give_up = !acknowledged && now - batch.first_attempt >= config.give_up_after;
  if (acknowledged || give_up) {
    waiting_ -= count;
    (acknowledged ? stats_.acknowledged : stats_.given_up) += count;
    return pump();
  }
  const int doublings = std::min(batch.attempts - 1, 30);
  const Duration pause =
      std::min(config.retry_max, Duration(config.retry_first.count() << std::min(doublings, 20)));
  retries_.push(now + pause, std::move(batch));
  pump();
}

Task<Result<>> Webhooks::verify(std::string url, Secret verify_token) {
  auto parsed = parse_url(url);
  if (!parsed) co_return std::unexpected(parsed.error());
  const std::string challenge = std::to_string(1'000'000'000 + world_.dice.next() % 1'000'000'000);
  HttpRequest request;
  request.target = parsed->target + (parsed->target.find('?') == std::string::npos ? "?" : "&") +
                   "hub.mode=subscribe&hub.challenge=" + challenge +
                   "&hub.verify_token=" + percent_encode(verify_token.reveal());
  const Duration timeout = world_.config.webhooks.post_timeout;
  const auto keep = shared_from_this();
  const auto answer = co_await client_.send(parsed->endpoint, std::move(request), timeout);
  if (!answer)
    co_return fail(ErrorCode::unavailable,
                   "the callback URL could not be reached: " + answer.error().error.message);
  if (answer->status != 200 || answer->body != challenge)
    co_return fail(ErrorCode::invalid_argument,
                   "the callback URL did not echo hub.challenge with status 200; it answered " +
                       std::to_string(answer->status));
  co_return Result<>();
}

WebhookStats Webhooks::stats() const {
  WebhookStats stats = stats_;
  stats.waiting = waiting_;
  return stats;
}

void Webhooks::clear() {
  queue_.clear();
  delayed_.clear();
  retries_.clear();
  due_again_.clear();
  waiting_ = 0;
  stats_ = {};
}

}  // namespace posthorn::sandbox
