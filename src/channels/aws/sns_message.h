// Messages of Amazon SNS to an HTTP endpoint, and what of them is signed. Pure. Source: SNS developer guide,
// "HTTP/HTTPS message JSON formats" and "Verifying the signatures of Amazon SNS messages".
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace posthorn::aws {

enum class SnsType { notification, subscription_confirmation, unsubscribe_confirmation };
std::string_view to_string(SnsType type);  // as in the field Type

// MessageAttributes, UnsubscribeURL and every header are outside the signature, so they are not even read.
struct SnsMessage {
  SnsType type = SnsType::notification;
  std::string message_id, topic_arn, message;
  std::optional<std::string> subject;
  std::string timestamp;  // as it came: its bytes are signed
  WallTime sent_at{};
  std::string token, subscribe_url;  // of the two confirmations
  int signature_version = 0;         // 1 or 2
  std::string signature;             // decoded
  std::string signing_cert_url;
};

// invalid_argument names the field.
Result<SnsMessage> parse_sns_message(std::string_view body);
// TopicArn alone, for deciding before anything else is looked at.
Result<std::string> topic_of(std::string_view body);
std::string string_to_sign(const SnsMessage& message);

// "arn:aws:sns:eu-central-1:123456789012:name"
struct TopicArn {
  std::string partition, region, account, name;
};
Result<TopicArn> parse_topic_arn(std::string_view arn);

// Is this an address where Amazon keeps the certificate that signs for the topic? https, no port, no user,
// host sns.{the topic's Region}.amazonaws.com(.cn), a path that ends in .pem. `own_server` (scheme, host and
// port, or empty) is a stand-in for Amazon whose addresses are accepted, too.
Result<> check_certificate_url(std::string_view url, const TopicArn& topic, std::string_view own_server);

// Names that such a certificate may bear.
std::vector<std::string> certificate_names(const TopicArn& topic);

}  // namespace posthorn::aws
