// The sandbox's SNS: topics, subscriptions, and deliveries that are repeated as SNS repeats them, disturbed
// on purpose. The queue is just another subscriber.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/http_client.h"
#include "sandbox/aws_authority.h"
#include "sandbox/aws_config.h"
#include "sandbox/aws_notification.h"
#include "sandbox/dice.h"
#include "sandbox/wakeup.h"

namespace posthorn::sandbox {

// Shares of the publications; each is drawn once. The hostile ones come in addition to the genuine message.
struct SnsChaos {
  double duplicate = 0;  // once more, within two seconds
  double reorder = 0;    // held back by up to `reorder_by`
  Duration reorder_by = std::chrono::seconds(5);
  std::array<double, kSnsForms> hostile{};
};

// What became of the posts of one form.
struct SnsFormStats {
  std::uint64_t posted = 0, accepted = 0, refused = 0, unanswered = 0;  // 2xx, 4xx, all else
};

struct SnsStats {
  std::uint64_t published = 0;
  std::uint64_t acknowledged = 0;    // genuine deliveries that got 2xx
  std::uint64_t retried = 0;         // attempts repeated after 5xx, a timeout or no connection
  std::uint64_t refused = 0;         // genuine deliveries dropped for a 4xx, which SNS does not repeat
  std::uint64_t given_up = 0;        // dropped after the last retry
  std::uint64_t confirmed = 0;       // by a signed ConfirmSubscription
  std::uint64_t links_followed = 0;  // SubscribeURL or UnsubscribeURL fetched: nobody should
  std::uint64_t certificates = 0;    // fetched
  std::array<SnsFormStats, kSnsForms> forms{};
};

struct SnsSubscription {
  std::string arn, topic_arn, protocol, endpoint, token;
  bool confirmed = false, guarded = false;  // guarded: AuthenticateOnUnsubscribe
  bool raw = false;                         // RawMessageDelivery: the message alone, without a signature
  std::optional<ParsedUrl> url;             // https
};

// What somebody who subscribes asks for.
struct SnsWish {
  std::string protocol, endpoint;  // sqs: the queue's ARN
  bool raw = false;
};

// To whom a publication goes.
enum class SnsAudience { all, http, queue };

class AwsTopics : public std::enable_shared_from_this<AwsTopics> {
 public:
  struct Ports {
    Clock& clock;
    Dice& dice;
    HttpClient& http;
    Executor executor;
  };
  // `config` must outlive this until stop(). `to_queue` takes what a subscription of the queue gets.
  AwsTopics(const AwsConfig& config, Ports ports, std::function<void(std::string)> to_queue);

  void start();
  void stop();  // after this neither ports nor configuration are touched any more
  void clear();

  SnsChaos chaos;
  // Where this sandbox is reached, "http://127.0.0.1:9000": for the URLs in messages.
  void set_base_url(std::string url) { base_url_ = std::move(url); }
  const AwsAuthority& authority();

  // "https" begins with a SubscriptionConfirmation; "sqs" stands at once. not_found: no such topic.
  Result<std::string> subscribe(std::string_view topic, std::string_view protocol, std::string_view endpoint);
  // As the API's callers do: topic and queue by their ARNs. The same endpoint again is the same subscription.
  Result<std::string> subscribe_by_arn(std::string_view topic_arn, SnsWish wish);
  Result<> end(std::string_view subscription_arn);
  // With the UnsubscribeConfirmation that tells the endpoint. not_found: nobody subscribed there.
  Result<> unsubscribe(std::string_view endpoint);
  // By the token of a SubscriptionConfirmation; the subscription's ARN.
  Result<std::string> confirm(std::string_view topic_arn, std::string_view token, bool guarded, bool by_link);
  Result<> end_by_link(std::string_view subscription_arn);

  // The MessageId.
  Result<std::string> publish(std::string_view topic, std::string_view message,
                              SnsForm form = SnsForm::genuine, SnsAudience audience = SnsAudience::all);

  Result<std::string> publish_by_arn(std::string_view topic_arn, std::string_view message,
                                     std::optional<std::string> subject);
  bool knows(std::string_view topic_arn) const;

  void count_certificate() { ++stats_.certificates; }
  const SnsStats& stats() const { return stats_; }
  std::size_t waiting() const { return waiting_; }
  const std::vector<SnsSubscription>& subscriptions() const { return subscriptions_; }

 private:
  struct Delivery {
    ParsedUrl url;
    std::shared_ptr<const std::string> body;
    std::string type, id, topic_arn, subscription_arn;
    SnsForm form = SnsForm::genuine;
    bool raw = false;
    int attempts = 0;
    std::uint32_t epoch = 0;
  };
  Delivery addressed(const SnsSubscription& to, const SnsText& text, std::string body, SnsForm form) const;
  void confirmation(const SnsSubscription& to, std::string_view type);
  void deliver(const SnsText& text, SnsForm form, SnsAudience audience);
  void enqueue(Delivery delivery, Duration later);
  void wake();
  void pump();
  static Task<> post(std::shared_ptr<AwsTopics> self, Delivery delivery, HttpRequest request);
  void settle(Delivery delivery, int status);  // 0: no answer
  Result<std::string> add(SnsSubscription fresh);
  void send(const SnsText& text, SnsForm form, SnsAudience audience);

  const AwsConfig& config_;
  Ports ports_;
  std::function<void(std::string)> to_queue_;
  Wakeup wakeup_;
  std::unique_ptr<AwsAuthority> authority_;
  std::string base_url_;
  std::vector<SnsSubscription> subscriptions_;
  std::deque<Delivery> ready_;
  Calendar<Delivery> later_;
  std::size_t in_flight_ = 0, waiting_ = 0;
  std::uint32_t epoch_ = 0;
  bool started_ = false, stopped_ = false;
  SnsStats stats_;
};

// A random UUID, version 4.
std::string aws_uuid(Dice& dice);

}  // namespace posthorn::sandbox
