#include "channels/aws/sns_client.h"

#include "channels/aws/sns_message.h"

namespace posthorn::aws {

Result<AwsClient*> SnsClient::client_for(const std::string& region) {
  std::unique_ptr<AwsClient>& client = by_region_[region];
  if (client == nullptr) {
    AwsService service{
        .signing_name = "sns", .region = region, .base_url = service_url("sns", region, endpoint_)};
    PH_TRY_ASSIGN(client, AwsClient::create(ports_, std::move(service)));
  }
  return client.get();
}

Task<Result<std::string>> SnsClient::confirm_subscription(std::string topic_arn, std::string token) {
  PH_CO_TRY_ASSIGN(const TopicArn topic, parse_topic_arn(topic_arn));
  PH_CO_TRY_ASSIGN(AwsClient* const client, client_for(topic.region));
  HttpRequest request;
  request.method = "POST";
  request.headers.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  request.body = "Action=ConfirmSubscription&Version=2010-03-31&TopicArn=" + percent_encode(topic_arn) +
                 "&Token=" + percent_encode(token) + "&AuthenticateOnUnsubscribe=true";
  CallOptions options;
  options.timeout = std::chrono::seconds(4);  // SNS waits 15 s for our answer
  options.attempts = 2;
  PH_CO_TRY_ASSIGN(const HttpResponse answer, co_await client->call(std::move(request), options));
  co_return xml_text(answer.body, "SubscriptionArn");
}

}  // namespace posthorn::aws
