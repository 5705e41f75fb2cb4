#include "api/sns_routes.h"

#include "api/http_answers.h"
#include "channels/parse_webhook.h"

namespace posthorn {
namespace {

constexpr std::size_t kMaxBody = 2 * 1024 * 1024;  // a message of 256 KiB, escaped twice

Counter& outcome(Metrics& metrics, std::string name) {
  return metrics.counter("posthorn_sns_messages_total", "Messages of Amazon SNS over HTTP by outcome.",
                         {{"outcome", std::move(name)}});
}

}  // namespace

SnsRoutes::SnsRoutes(Ports ports)
    : ports_(std::move(ports)),
      accepted_(outcome(ports_.metrics, "accepted")),
      refused_(outcome(ports_.metrics, "refused")),
      unsaved_(outcome(ports_.metrics, "unsaved")) {}

void SnsRoutes::add_to(Router& router) {
  router.add("POST", "/webhooks/aws/sns", [this](HttpExchange& x, RouteArgs) { return receive(x); });
}

Task<> SnsRoutes::receive(HttpExchange& exchange) {
  const int status = co_await take_in(exchange);
  if (status == 200)
    accepted_.add();
  else if (status == 503)
    unsaved_.add();
  else
    refused_.add();
  auto response = plain_response(status, "");
  (void)co_await exchange.respond(std::move(response));
}

// The body decides alone: headers and MessageAttributes are outside the signature.
Task<int> SnsRoutes::take_in(HttpExchange& exchange) {
  auto body = co_await exchange.read_body(kMaxBody);
  if (!body) co_return http_status(body.error()) == 413 ? 413 : 400;
  auto verified = co_await ports_.verifier.verify(*body);
  if (!verified) {
    const Error& error = verified.error();
    ports_.log.warning(
        "sns.refused",
        {{"address", exchange.peer_address()}, {"field", error.field}, {"reason", error.message}});
    if (error.code == ErrorCode::permission_denied) co_return 403;
    co_return error.code == ErrorCode::invalid_argument ? 400 : 503;
  }
  if (verified->seen) co_return 200;
  const aws::SnsMessage message = verified->message;
  const int status = co_await apply(message, *std::move(body));
  if (status == 200) ports_.verifier.remember(message);
  co_return status;
}

Task<int> SnsRoutes::apply(aws::SnsMessage message, std::string body) {
  if (message.type == aws::SnsType::subscription_confirmation) co_return co_await confirm(std::move(message));
  if (message.type == aws::SnsType::unsubscribe_confirmation) co_return co_await alarm(std::move(message));
  std::string source(channels::kFromSns);
  const auto accepted = co_await ports_.accept(std::move(body), std::move(source));
  if (accepted) co_return 200;
  ports_.log.warning("sns.not_saved", {{"reason", accepted.error().message}});
  co_return 503;
}

Task<int> SnsRoutes::confirm(aws::SnsMessage message) {
  const auto confirmed = co_await ports_.sns.confirm_subscription(message.topic_arn, message.token);
  if (confirmed) {
    ports_.log.info("sns.subscribed", {{"topic", message.topic_arn}, {"subscription", *confirmed}});
    co_return 200;
  }
  ports_.log.error("sns.not_subscribed",
                   {{"topic", message.topic_arn}, {"reason", confirmed.error().message}});
  co_return 503;
}

Task<int> SnsRoutes::alarm(aws::SnsMessage message) {
  ports_.log.error("sns.unsubscribed", {{"topic", message.topic_arn}});
  const Result<> noted = co_await ports_.unsubscribed(message.topic_arn);
  co_return noted ? 200 : 503;
}

}  // namespace posthorn
