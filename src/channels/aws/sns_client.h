// Calls to Amazon SNS (API reference, version 2010-03-31; query protocol).
#pragma once
#include <map>
#include <memory>
#include <string>

#include "channels/aws/aws_client.h"

namespace posthorn::aws {

class SnsClient {
 public:
  // `endpoint`: server instead of each Region's own; empty: that.
  SnsClient(AwsClient::Ports ports, std::string endpoint) : ports_(ports), endpoint_(std::move(endpoint)) {}

  // Answers a SubscriptionConfirmation by a signed call in the topic's Region, never by fetching the address
  // in it. Afterwards only the topic's own account can end the subscription (AuthenticateOnUnsubscribe). →
  // the subscription's ARN.
  Task<Result<std::string>> confirm_subscription(std::string topic_arn, std::string token);

 private:
  Result<AwsClient*> client_for(const std::string& region);

  AwsClient::Ports ports_;
  std::string endpoint_;
  std::map<std::string, std::unique_ptr<AwsClient>> by_region_;
};

}  // namespace posthorn::aws
