// POST /webhooks/aws/sns: Amazon SNS. Order: size → topic, age, certificate and signature → durable → 200.
//
// SNS tries again after 5xx and never after 4xx, so 503 answers whatever another attempt may mend, and 4xx
// only what must not come in.
#pragma once
#include <functional>
#include <string>

#include "api/router.h"
#include "api/webhook_routes.h"
#include "channels/aws/sns_client.h"
#include "channels/aws/sns_verifier.h"
#include "platform/log.h"
#include "platform/metrics.h"

namespace posthorn {

class SnsRoutes {
 public:
  struct Ports {
    aws::SnsVerifier& verifier;
    aws::SnsClient& sns;
    WebhookRoutes::Accept accept;
    // A topic has ended our subscription: somebody must know. Commits an event; sns_notice.h.
    std::function<Task<Result<>>(std::string topic_arn)> unsubscribed;
    Log& log;
    Metrics& metrics;
  };
  explicit SnsRoutes(Ports ports);
  void add_to(Router& router);

 private:
  Task<> receive(HttpExchange& exchange);
  Task<int> take_in(HttpExchange& exchange);
  Task<int> apply(aws::SnsMessage message, std::string body);
  Task<int> confirm(aws::SnsMessage message);
  Task<int> alarm(aws::SnsMessage message);

  Ports ports_;
  Counter& accepted_;
  Counter& refused_;
  Counter& unsaved_;
};

}  // namespace posthorn
