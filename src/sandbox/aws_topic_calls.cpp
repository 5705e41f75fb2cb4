// The SNS API beyond the confirmation of subscriptions: what the bridge, its operators and tests use (Amazon
// SNS API reference, version 2010-03-31).
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sandbox/aws_cloud.h"
#include "sandbox/aws_query.h"

namespace posthorn::sandbox {
namespace {

constexpr std::size_t kLongestMessage = 256 * 1024;

// Attributes.entry.N.key and .value
Result<> read_subscription_attributes(const AwsForm& form, SnsWish& wish) {
  for (int n = 1; form.has(fmt::format("Attributes.entry.{}.key", n)); ++n) {
    const std::string name = form.value(fmt::format("Attributes.entry.{}.key", n));
    const std::string value = form.value(fmt::format("Attributes.entry.{}.value", n));
    if (name == "RawMessageDelivery" && (value == "true" || value == "false"))
      wish.raw = value == "true";
    else if (name != "DeliveryPolicy" && name != "RedrivePolicy")
      return fail(ErrorCode::invalid_argument,
                  "Invalid parameter: Attributes Reason: the sandbox does not know " + name + " = " + value);
  }
  return {};
}

std::string member_of(const SnsSubscription& s, std::string_view account) {
  return "<member>" + xml_element("SubscriptionArn", s.confirmed ? s.arn : "PendingConfirmation") +
         xml_element("Owner", account) + xml_element("Protocol", s.protocol) +
         xml_element("Endpoint", s.endpoint) + xml_element("TopicArn", s.topic_arn) + "</member>";
}

}  // namespace

AwsCloud::Reply AwsCloud::sns_confirm(const AwsForm& form) {
  const bool guarded = form.value("AuthenticateOnUnsubscribe") == "true";
  PH_TRY_ASSIGN(const std::string arn,
                topics_->confirm(form.value("TopicArn"), form.value("Token"), guarded, false));
  return xml_element("SubscriptionArn", arn);
}

AwsCloud::Reply AwsCloud::sns_subscribe(const AwsForm& form) {
  SnsWish wish{.protocol = form.value("Protocol"), .endpoint = form.value("Endpoint")};
  PH_TRY(read_subscription_attributes(form, wish));
  PH_TRY_ASSIGN(const std::string arn, topics_->subscribe_by_arn(form.value("TopicArn"), wish));
  const bool tell = wish.protocol == "sqs" || form.value("ReturnSubscriptionArn") == "true";
  return xml_element("SubscriptionArn", tell ? arn : "pending confirmation");
}

AwsCloud::Reply AwsCloud::sns_unsubscribe(const AwsForm& form) {
  PH_TRY(topics_->end(form.value("SubscriptionArn")));
  return std::string();
}

AwsCloud::Reply AwsCloud::sns_publish(const AwsForm& form) {
  const std::string message = form.value("Message");
  if (message.empty()) return fail(ErrorCode::invalid_argument, "Invalid parameter: Empty message");
  if (message.size() > kLongestMessage)
    return fail(ErrorCode::invalid_argument, "Invalid parameter: Message too long");
  if (form.has("MessageAttributes.entry.1.Name"))
    return fail(ErrorCode::invalid_argument, "the sandbox's topics carry no MessageAttributes");
  std::optional<std::string> subject;
  if (form.has("Subject")) subject = form.value("Subject");
  PH_TRY_ASSIGN(const std::string id,
                topics_->publish_by_arn(form.value("TopicArn"), message, std::move(subject)));
  return xml_element("MessageId", id);
}

AwsCloud::Reply AwsCloud::sns_subscriptions(const AwsForm& form) {
  const std::string arn = form.value("TopicArn");
  if (!topics_->knows(arn)) return fail(ErrorCode::not_found, "Topic does not exist");
  std::string members;
  for (const SnsSubscription& s : topics_->subscriptions())
    if (s.topic_arn == arn) members += member_of(s, world_.config.aws.account);
  return "<Subscriptions>" + members + "</Subscriptions>";
}

AwsCloud::Reply AwsCloud::sns_topics(const AwsForm&) {
  std::string members;
  for (const std::string& name : world_.config.aws.topics)
    members += "<member>" + xml_element("TopicArn", world_.config.aws.topic_arn(name)) + "</member>";
  return "<Topics>" + members + "</Topics>";
}

AwsCloud::Reply AwsCloud::sns_topic_attributes(const AwsForm& form) {
  const std::string arn = form.value("TopicArn");
  if (!topics_->knows(arn)) return fail(ErrorCode::not_found, "Topic does not exist");
  const auto entry = [](std::string_view name, std::string_view value) {
    return "<entry>" + xml_element("key", name) + xml_element("value", value) + "</entry>";
  };
  return "<Attributes>" + entry("TopicArn", arn) + entry("Owner", world_.config.aws.account) +
         entry("SignatureVersion", std::to_string(world_.config.aws.signature_version)) + "</Attributes>";
}

// All topics of the sandbox share one version.
AwsCloud::Reply AwsCloud::sns_set_topic_attributes(const AwsForm& form) {
  if (!topics_->knows(form.value("TopicArn"))) return fail(ErrorCode::not_found, "Topic does not exist");
  const std::string value = form.value("AttributeValue");
  if (form.value("AttributeName") != "SignatureVersion" || (value != "1" && value != "2"))
    return fail(ErrorCode::invalid_argument,
                "Invalid parameter: AttributeName: the sandbox knows SignatureVersion, 1 or 2");
  world_.config.aws.signature_version = value == "1" ? 1 : 2;
  return std::string();
}

HttpResponse AwsCloud::topic_call(const HttpRequest& request) {
  struct Action {
    std::string_view name;
    Reply (AwsCloud::*handler)(const AwsForm&);
  };
  static constexpr auto kActions =
      std::to_array<Action>({{"ConfirmSubscription", &AwsCloud::sns_confirm},
                             {"Subscribe", &AwsCloud::sns_subscribe},
                             {"Unsubscribe", &AwsCloud::sns_unsubscribe},
                             {"Publish", &AwsCloud::sns_publish},
                             {"ListSubscriptionsByTopic", &AwsCloud::sns_subscriptions},
                             {"ListTopics", &AwsCloud::sns_topics},
                             {"GetTopicAttributes", &AwsCloud::sns_topic_attributes},
                             {"SetTopicAttributes", &AwsCloud::sns_set_topic_attributes}});
  const AwsForm form(request);
  const std::string name = form.value("Action");
  const auto action = std::ranges::find(kActions, name, &Action::name);
  if (form.value("Version") != kSnsVersion || action == kActions.end())
    return query_error(kSnsVersion, 400, "InvalidAction", "The sandbox does not know the action " + name);
  const Reply reply = (this->*action->handler)(form);
  return reply ? query_answer(kSnsVersion, name, *reply) : query_error(kSnsVersion, reply.error());
}

}  // namespace posthorn::sandbox
