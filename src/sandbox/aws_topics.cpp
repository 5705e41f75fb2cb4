#include "sandbox/aws_topics.h"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

namespace posthorn::sandbox {
namespace {

constexpr Duration kDuplicateWithin = std::chrono::seconds(2);

std::string hex_token(Dice& dice) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += fmt::format("{:016x}", dice.next());
  return out;
}

}  // namespace

std::string aws_uuid(Dice& dice) {
  const std::uint64_t a = dice.next(), b = dice.next();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32, (a >> 16) & 0xFFFF, a & 0xFFF,
                     0x8000 | ((b >> 48) & 0x3FFF), b & 0xFFFF'FFFF'FFFF);
}

AwsTopics::AwsTopics(const AwsConfig& config, Ports ports, std::function<void(std::string)> to_queue)
    : config_(config),
      ports_(std::move(ports)),
      to_queue_(std::move(to_queue)),
      wakeup_(ports_.clock, ports_.executor, [this] { wake(); }) {}

void AwsTopics::start() {
  started_ = true;
  pump();
}

void AwsTopics::stop() {
  stopped_ = true;
  wakeup_.stop();
}

void AwsTopics::clear() {
  ++epoch_;
  subscriptions_.clear();
  ready_.clear();
  later_.clear();
  waiting_ = 0;
  chaos = {};
  stats_ = {};
}

// Made when first needed: keys take long, and most tests never come here.
const AwsAuthority& AwsTopics::authority() {
  if (authority_ == nullptr)
    authority_ = std::make_unique<AwsAuthority>(config_.region, ports_.clock.wall_now());
  return *authority_;
}

bool AwsTopics::knows(std::string_view topic_arn) const {
  return std::ranges::any_of(config_.topics,
                             [&](const std::string& name) { return config_.topic_arn(name) == topic_arn; });
}

Result<std::string> AwsTopics::subscribe(std::string_view topic, std::string_view protocol,
                                         std::string_view endpoint) {
  const std::string arn = config_.topic_arn(topic);
  if (!knows(arn)) return fail(ErrorCode::not_found, fmt::format("there is no topic {}", topic), "topic");
  if (protocol != "https" && protocol != "sqs")
    return fail(ErrorCode::invalid_argument, "\"protocol\" must be https or sqs", "protocol");
  SnsSubscription fresh{
      .topic_arn = arn, .protocol = std::string(protocol), .endpoint = std::string(endpoint)};
  if (protocol == "sqs") fresh.endpoint = config_.queue_arn();
  return add(std::move(fresh));
}

Result<std::string> AwsTopics::subscribe_by_arn(std::string_view topic_arn, SnsWish wish) {
  if (!knows(topic_arn)) return fail(ErrorCode::not_found, "Topic does not exist");
  const bool web = wish.protocol == "https" || wish.protocol == "http";
  if (!web && wish.protocol != "sqs")
    return fail(ErrorCode::invalid_argument, "Invalid parameter: Does not support this protocol");
  if (!web && wish.endpoint != config_.queue_arn())
    return fail(ErrorCode::invalid_argument, "Invalid parameter: SQS endpoint ARN");
  if (web && (!wish.endpoint.starts_with(wish.protocol + "://") || !parse_url(wish.endpoint)))
    return fail(ErrorCode::invalid_argument, "Invalid parameter: Endpoint must match the specified protocol");
  const auto known = std::ranges::find_if(subscriptions_, [&](const SnsSubscription& s) {
    return s.topic_arn == topic_arn && s.endpoint == wish.endpoint && s.protocol == wish.protocol;
  });
  if (known != subscriptions_.end()) {
    if (!known->confirmed) confirmation(*known, "SubscriptionConfirmation");
    return known->arn;
  }
  SnsSubscription fresh{.topic_arn = std::string(topic_arn),
                        .protocol = std::move(wish.protocol),
                        .endpoint = std::move(wish.endpoint),
                        .raw = wish.raw};
  return add(std::move(fresh));
}

Result<std::string> AwsTopics::add(SnsSubscription fresh) {
  fresh.arn = fresh.topic_arn + ":" + aws_uuid(ports_.dice);
  fresh.confirmed = fresh.protocol == "sqs";
  if (!fresh.confirmed) {
    PH_TRY_ASSIGN(fresh.url, parse_url(fresh.endpoint));
    fresh.token = hex_token(ports_.dice);
  }
  subscriptions_.push_back(fresh);
  if (!fresh.confirmed) confirmation(fresh, "SubscriptionConfirmation");
  return fresh.arn;
}

Result<> AwsTopics::end(std::string_view arn) {
  const auto found = std::ranges::find(subscriptions_, arn, &SnsSubscription::arn);
  if (found == subscriptions_.end()) return fail(ErrorCode::not_found, "Subscription does not exist");
  return unsubscribe(std::string(found->endpoint));
}

void AwsTopics::confirmation(const SnsSubscription& to, std::string_view type) {
  SnsText text;
  text.type = type;
  text.id = aws_uuid(ports_.dice);
  text.topic_arn = to.topic_arn;
  text.token = to.token;
  text.at = ports_.clock.wall_now();
  text.version = config_.signature_version;
  const bool begins = type == "SubscriptionConfirmation";
  text.message = begins
                     ? "You have chosen to subscribe to the topic " + to.topic_arn +
                           ".\nTo confirm the subscription, visit the SubscribeURL included in this message."
                     : "You have chosen to deactivate subscription " + to.arn +
                           ".\nTo cancel this operation and restore the subscription, visit the SubscribeURL "
                           "included in this message.";
  text.subscribe_url =
      fmt::format("{}/?Action=ConfirmSubscription&TopicArn={}&Token={}", base_url_, to.topic_arn, to.token);
  std::string body = render_sns(text, authority(), base_url_);
  enqueue(addressed(to, text, std::move(body), SnsForm::genuine), Duration::zero());
}

Result<> AwsTopics::unsubscribe(std::string_view endpoint) {
  const auto found = std::ranges::find(subscriptions_, endpoint, &SnsSubscription::endpoint);
  if (found == subscriptions_.end())
    return fail(ErrorCode::not_found, fmt::format("nobody subscribed for {}", endpoint), "endpoint");
  SnsSubscription gone = std::move(*found);
  subscriptions_.erase(found);
  gone.token = hex_token(ports_.dice);
  if (gone.url) confirmation(gone, "UnsubscribeConfirmation");
  return {};
}

Result<std::string> AwsTopics::confirm(std::string_view topic_arn, std::string_view token, bool guarded,
                                       bool by_link) {
  if (by_link) ++stats_.links_followed;
  if (!knows(topic_arn)) return fail(ErrorCode::not_found, "Topic does not exist");
  const auto found = std::ranges::find_if(subscriptions_, [&](const SnsSubscription& s) {
    return s.topic_arn == topic_arn && !s.token.empty() && s.token == token;
  });
  if (found == subscriptions_.end()) return fail(ErrorCode::invalid_argument, "Invalid parameter: Token");
  if (!found->confirmed && !by_link) ++stats_.confirmed;
  found->confirmed = true;
  found->guarded = guarded;
  return found->arn;
}

Result<> AwsTopics::end_by_link(std::string_view arn) {
  ++stats_.links_followed;
  const auto found = std::ranges::find(subscriptions_, arn, &SnsSubscription::arn);
  if (found == subscriptions_.end()) return fail(ErrorCode::not_found, "Subscription does not exist");
  if (found->guarded)
    return fail(ErrorCode::permission_denied, "Unsubscribing from this subscription needs a signed call");
  return unsubscribe(std::string(found->endpoint));
}

Result<std::string> AwsTopics::publish(std::string_view topic, std::string_view message, SnsForm form,
                                       SnsAudience audience) {
  SnsText text;
  text.topic_arn = config_.topic_arn(topic);
  if (!knows(text.topic_arn))
    return fail(ErrorCode::not_found, fmt::format("there is no topic {}", topic), "topic");
  text.id = aws_uuid(ports_.dice);
  text.message = message;
  send(text, form, audience);
  return text.id;
}

Result<std::string> AwsTopics::publish_by_arn(std::string_view topic_arn, std::string_view message,
                                              std::optional<std::string> subject) {
  if (!knows(topic_arn)) return fail(ErrorCode::not_found, "Topic does not exist");
  SnsText text;
  text.topic_arn = topic_arn;
  text.id = aws_uuid(ports_.dice);
  text.message = message;
  text.subject = std::move(subject);
  send(text, SnsForm::genuine, SnsAudience::all);
  return text.id;
}

void AwsTopics::send(const SnsText& given, SnsForm form, SnsAudience audience) {
  SnsText text = given;
  text.at = ports_.clock.wall_now();
  text.version = config_.signature_version;
  ++stats_.published;
  deliver(text, form, audience);
  if (form != SnsForm::genuine) return;
  for (std::size_t i = 1; i < kSnsForms; ++i) {
    if (!ports_.dice.chance(chaos.hostile.at(i))) continue;
    SnsText evil = text;
    evil.id = aws_uuid(ports_.dice);
    deliver(evil, static_cast<SnsForm>(i), SnsAudience::http);
  }
}

AwsTopics::Delivery AwsTopics::addressed(const SnsSubscription& to, const SnsText& text, std::string body,
                                         SnsForm form) const {
  Delivery out;
  out.url = *to.url;
  out.body = std::make_shared<const std::string>(std::move(body));
  out.type = text.type;
  out.id = text.id;
  out.topic_arn = text.topic_arn;
  if (text.type != "SubscriptionConfirmation") out.subscription_arn = to.arn;
  out.form = form;
  out.raw = to.raw && text.type == "Notification";
  out.epoch = epoch_;
  return out;
}

void AwsTopics::deliver(const SnsText& text, SnsForm form, SnsAudience audience) {
  for (const SnsSubscription& to : subscriptions_) {
    if (!to.confirmed || to.topic_arn != text.topic_arn) continue;
    if (audience != SnsAudience::all && to.url.has_value() != (audience == SnsAudience::http)) continue;
    SnsText own = text;
    own.unsubscribe_url = fmt::format("{}/?Action=Unsubscribe&SubscriptionArn={}", base_url_, to.arn);
    if (!to.url) {
      const bool raw = (config_.raw_queue || to.raw) && form == SnsForm::genuine;
      to_queue_(raw ? text.message : render_sns(std::move(own), form, config_, authority(), base_url_));
      continue;
    }
    std::string body = to.raw ? text.message : render_sns(own, form, config_, authority(), base_url_);
    Delivery delivery = addressed(to, own, std::move(body), form);
    Dice& dice = ports_.dice;
    if (dice.chance(chaos.duplicate)) enqueue(delivery, dice.between(Duration::zero(), kDuplicateWithin));
    const bool held = dice.chance(chaos.reorder);
    enqueue(std::move(delivery), held ? dice.between(Duration(1), chaos.reorder_by) : Duration::zero());
  }
}

void AwsTopics::enqueue(Delivery delivery, Duration later) {
  ++waiting_;
  if (later > Duration::zero())
    later_.push(ports_.clock.now() + later, std::move(delivery));
  else
    ready_.push_back(std::move(delivery));
  pump();
}

void AwsTopics::wake() {
  const MonotonicTime now = ports_.clock.now();
  for (auto due = later_.pop_due(now); !due.empty(); due = later_.pop_due(now))
    for (Delivery& one : due) ready_.push_back(std::move(one));
  pump();
}

void AwsTopics::pump() {
  if (!started_ || stopped_) return;
  while (!ready_.empty() && in_flight_ < config_.max_in_flight) {
    Delivery one = std::move(ready_.front());
    ready_.pop_front();
    ++in_flight_;
    ++one.attempts;
    HttpRequest request;
    request.method = "POST";
    request.target = one.url.target;
    request.body = *one.body;
    request.headers.set("Content-Type", "text/plain; charset=UTF-8");
    request.headers.set("User-Agent", "Amazon Simple Notification Service Agent");
    request.headers.set("x-amz-sns-message-type", one.type);
    request.headers.set("x-amz-sns-message-id", one.id);
    request.headers.set("x-amz-sns-topic-arn", one.topic_arn);
    if (one.raw) request.headers.set("x-amz-sns-rawdelivery", "true");
    if (!one.subscription_arn.empty())
      request.headers.set("x-amz-sns-subscription-arn", one.subscription_arn);
    ++stats_.forms.at(static_cast<std::size_t>(one.form)).posted;
    asio::co_spawn(ports_.executor, post(shared_from_this(), std::move(one), std::move(request)),
                   asio::detached);
  }
  if (!later_.empty()) wakeup_.arm(later_.next());
}

Task<> AwsTopics::post(std::shared_ptr<AwsTopics> self, Delivery delivery, HttpRequest request) {
  if (self->stopped_) co_return;
  Endpoint endpoint = delivery.url.endpoint;
  const Duration timeout = self->config_.answer_timeout;
  const auto answer = co_await self->ports_.http.send(std::move(endpoint), std::move(request), timeout);
  if (self->stopped_) co_return;
  self->settle(std::move(delivery), answer ? answer->status : 0);
}

// 2xx is done, 4xx is the endpoint's own fault and not repeated, all else is (SNS developer guide, "Message
// delivery retries"). What is hostile is never repeated.
void AwsTopics::settle(Delivery delivery, int status) {
  --in_flight_;
  if (delivery.epoch != epoch_) return pump();
  SnsFormStats& form = stats_.forms.at(static_cast<std::size_t>(delivery.form));
  const bool accepted = status / 100 == 2, refused = status / 100 == 4;
  ++(accepted ? form.accepted : refused ? form.refused : form.unanswered);
  --waiting_;
  if (delivery.form != SnsForm::genuine) return pump();
  if (accepted) {
    ++stats_.acknowledged;
  } else if (refused) {
    ++stats_.refused;
  } else if (delivery.attempts > config_.retries) {
    ++stats_.given_up;
  } else {
    ++stats_.retried;
    return enqueue(std::move(delivery), config_.retry_pause);
  }
  pump();
}

}  // namespace posthorn::sandbox
