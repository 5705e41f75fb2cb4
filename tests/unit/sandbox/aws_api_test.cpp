// The sandbox's SNS, SQS and STS as operators and their tools call them.
#include "aws_fixture.h"
#include "core/time_text.h"
#include "platform/base64.h"

namespace posthorn::sandbox {
namespace {

using testing::HasSubstr;

std::string element(const std::string& xml, const std::string& name) {
  const std::size_t at = xml.find("<" + name + ">");
  if (at == std::string::npos) return "";
  const std::size_t from = at + name.size() + 2;
  return xml.substr(from, xml.find("</", from) - from);
}

class AwsApiTest : public AwsTest {
 protected:
  std::string topic() const { return percent_encode(aws.topic_arn("whatsapp-events")); }
  Reply action(const std::string& name, const std::string& fields = {}) {
    return sns("Action=" + name + "&Version=2010-03-31" + (fields.empty() ? "" : "&" + fields));
  }
  Reply sts(const std::string& form, bool sign = true) {
    HttpRequest r = request("POST", "/", "Version=2011-06-15&" + form,
                            {{"Content-Type", "application/x-www-form-urlencoded"}});
    return sign ? perform("sts", std::move(r)) : perform(std::move(r));
  }
  std::string role() const { return "RoleArn=" + percent_encode(aws.role_arn()) + "&RoleSessionName=me"; }
  Reply queue(const std::string& operation, js::object body, bool dead = false) {
    body["QueueUrl"] = "http://meta.test" + (dead ? aws.dead_queue_path() : aws.queue_path());
    return sqs(operation, std::move(body));
  }
  std::vector<std::string> received(bool dead = false) {
    const Reply reply = queue("ReceiveMessage", {{"MaxNumberOfMessages", 10}}, dead);
    std::vector<std::string> out;
    const js::value* found = reply.body.as_object().if_contains("Messages");
    if (found != nullptr)
      for (const js::value& m : found->as_array()) out.emplace_back(m.at("Body").as_string());
    return out;
  }
};

TEST_F(AwsApiTest, SubscribeListAndUnsubscribe) {
  open_shop();
  const std::string endpoint = "Protocol=http&Endpoint=" + percent_encode(kEndpoint);
  Reply reply = action("Subscribe", "TopicArn=" + topic() + "&" + endpoint);
  EXPECT_EQ(element(reply.text, "SubscriptionArn"), "pending confirmation");
  settle();
  ASSERT_EQ(posts.size(), 1U);
  EXPECT_THAT(action("ListSubscriptionsByTopic", "TopicArn=" + topic()).text,
              HasSubstr("PendingConfirmation"));
  ASSERT_EQ(confirm(text(posts[0].body, "Token")).status, 200);
  reply = action("Subscribe", "TopicArn=" + topic() + "&ReturnSubscriptionArn=true&" + endpoint);
  const std::string arn = element(reply.text, "SubscriptionArn");
  EXPECT_THAT(arn, testing::StartsWith(aws.topic_arn("whatsapp-events") + ":")) << "the same one again";
  EXPECT_THAT(action("ListSubscriptionsByTopic", "TopicArn=" + topic()).text, HasSubstr(arn));
  EXPECT_THAT(action("ListTopics").text, HasSubstr(aws.topic_arn("whatsapp-events")));
  reply = action("Publish", "TopicArn=" + topic() + "&Message=a%2Bb+c&Subject=S");
  settle();
  ASSERT_EQ(posts.size(), 2U);
  EXPECT_EQ(text(posts[1].body, "Message"), "a+b c");
  EXPECT_EQ(text(posts[1].body, "Subject"), "S");
  EXPECT_EQ(text(posts[1].body, "MessageId"), element(reply.text, "MessageId"));
  EXPECT_EQ(action("Unsubscribe", "SubscriptionArn=" + percent_encode(arn)).status, 200);
  settle();
  EXPECT_EQ(posts.back().type, "UnsubscribeConfirmation");
  EXPECT_EQ(action("Unsubscribe", "SubscriptionArn=" + percent_encode(arn)).status, 404);
}

TEST_F(AwsApiTest, RawDelivery) {
  const std::string raw = "&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true";
  ASSERT_EQ(action("Subscribe",
                   "TopicArn=" + topic() + "&Protocol=sqs&Endpoint=" + percent_encode(aws.queue_arn()) + raw)
                .status,
            200);
  action("Publish", "TopicArn=" + topic() + "&Message=bare");
  EXPECT_EQ(received(), std::vector<std::string>{"bare"});
}

TEST_F(AwsApiTest, TheSignatureVersionOfATopic) {
  EXPECT_THAT(action("GetTopicAttributes", "TopicArn=" + topic()).text,
              HasSubstr("<key>SignatureVersion</key><value>2</value>"));
  const std::string set = "TopicArn=" + topic() + "&AttributeName=SignatureVersion&AttributeValue=";
  EXPECT_EQ(action("SetTopicAttributes", set + "1").status, 200);
  EXPECT_EQ(sandbox->config().aws.signature_version, 1);
  EXPECT_EQ(action("SetTopicAttributes", set + "3").status, 400);
}

TEST_F(AwsApiTest, BadCallsOfSns) {
  const std::string foreign = percent_encode(aws.foreign_topic_arn());
  for (const auto& [form, status] : std::initializer_list<std::pair<std::string, int>>{
           {"Action=Publish&Version=2010-03-31&TopicArn=" + foreign + "&Message=x", 404},
           {"Action=Publish&Version=2010-03-31&TopicArn=" + topic(), 400},
           {"Action=Publish&Version=2010-03-31&Message=x&MessageAttributes.entry.1.Name=A&TopicArn=" +
                topic(),
            400},
           {"Action=Subscribe&Version=2010-03-31&Protocol=https&Endpoint=https%3A%2F%2Fx&TopicArn=" + foreign,
            404},
           {"Action=Subscribe&Version=2010-03-31&Protocol=https&Endpoint=http%3A%2F%2Fx&TopicArn=" + topic(),
            400},
           {"Action=Subscribe&Version=2010-03-31&Protocol=sms&Endpoint=1&TopicArn=" + topic(), 400},
           {"Action=Subscribe&Version=2010-03-31&Protocol=sqs&Endpoint=arn%3Aother&TopicArn=" + topic(), 400},
           {"Action=Subscribe&Version=2010-03-31&Protocol=https&Endpoint=https%3A%2F%2Fx&TopicArn=" +
                topic() + "&Attributes.entry.1.key=FilterPolicy&Attributes.entry.1.value=%7B%7D",
            400},
           {"Action=ListSubscriptionsByTopic&Version=2010-03-31&TopicArn=" + foreign, 404},
           {"Action=DeleteTopic&Version=2010-03-31&TopicArn=" + topic(), 400},
           {"Action=ListTopics&Version=2001-01-01", 400}})
    EXPECT_EQ(sns(form).status, status) << form;
  EXPECT_EQ(stats("sns").at("published").as_int64(), 0);
}

TEST_F(AwsApiTest, SendingAndDeletingOneByOne) {
  const Reply sent = queue("SendMessage", {{"MessageBody", "one"}});
  EXPECT_EQ(sent.body.at("MD5OfMessageBody"), "f97c5d29941bfb1b2fdab0874906ab82");
  const js::array two = {js::object{{"Id", "a"}, {"MessageBody", "two"}},
                         js::object{{"Id", "b"}, {"MessageBody", ""}}};
  const Reply batch = queue("SendMessageBatch", {{"Entries", two}});
  EXPECT_EQ(batch.body.at("Successful").as_array().size(), 1U);
  EXPECT_EQ(batch.body.at("Failed").at(0).at("Code"), "MissingParameter");
  EXPECT_EQ(queue("GetQueueAttributes", {}).body.at("Attributes").at("ApproximateNumberOfMessages"), "2");
  const js::value messages = queue("ReceiveMessage", {{"MaxNumberOfMessages", 10}}).body.at("Messages");
  EXPECT_EQ(messages.at(0).at("MessageId"), sent.body.at("MessageId"));
  const js::value receipt = messages.at(0).at("ReceiptHandle");
  EXPECT_EQ(queue("DeleteMessage", {{"ReceiptHandle", receipt}}).status, 200);
  EXPECT_EQ(queue("DeleteMessage", {{"ReceiptHandle", "x"}}).status, 400);
  const js::value other = messages.at(1).at("ReceiptHandle");
  EXPECT_EQ(queue("ChangeMessageVisibility", {{"ReceiptHandle", other}, {"VisibilityTimeout", 0}}).status,
            200);
  EXPECT_EQ(received(), std::vector<std::string>{"two"});
  EXPECT_EQ(queue("PurgeQueue", {}).status, 200);
  EXPECT_EQ(stats("sqs").at("messages").as_int64(), 0);
  EXPECT_EQ(queue("SendMessage", {{"MessageBody", "x"}, {"DelaySeconds", 901}}).status, 400);
  EXPECT_EQ(queue("SetQueueAttributes", {{"Attributes", js::object{{"Policy", "{}"}}}}).status, 400);
}

TEST_F(AwsApiTest, QueuesByTheirNames) {
  EXPECT_THAT(
      std::string(
          sqs("GetQueueUrl", {{"QueueName", "whatsapp-events-dead"}}).body.at("QueueUrl").as_string()),
      testing::EndsWith(aws.dead_queue_path()));
  EXPECT_EQ(sqs("GetQueueUrl", {{"QueueName", "nothing"}}).status, 400);
  EXPECT_EQ(sqs("ListQueues", {}).body.at("QueueUrls").as_array().size(), 2U);
}

TEST_F(AwsApiTest, AMessageThatNobodyDeletesGoesToTheDeadLetters) {
  const std::string policy =
      R"({"deadLetterTargetArn":")" + aws.dead_queue_arn() + R"(","maxReceiveCount":"3"})";
  ASSERT_EQ(queue("SetQueueAttributes", {{"Attributes", js::object{{"RedrivePolicy", policy}}}}).status, 200);
  EXPECT_THAT(
      std::string(queue("GetQueueAttributes", {}).body.at("Attributes").at("RedrivePolicy").as_string()),
      HasSubstr(R"("maxReceiveCount":3)"));
  const Reply sent = queue("SendMessage", {{"MessageBody", "poison"}});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(received().size(), 1U) << i;
    EXPECT_EQ(received().size(), 0U) << "hidden";
    world.run_for(std::chrono::seconds(31));
  }
  EXPECT_EQ(received().size(), 0U);
  const Reply dead = queue("ReceiveMessage", {}, true);
  EXPECT_EQ(dead.body.at("Messages").at(0).at("MessageId"), sent.body.at("MessageId"));
  EXPECT_EQ(stats("sqs").at("dead").as_int64(), 1);
  EXPECT_EQ(stats("dead_letters").at("messages").as_int64(), 1);
  for (const char* bad : {"{}", "[", R"({"deadLetterTargetArn":"arn:aws:sqs:x:1:y","maxReceiveCount":3})"})
    EXPECT_EQ(queue("SetQueueAttributes", {{"Attributes", js::object{{"RedrivePolicy", bad}}}}).status, 400)
        << bad;
}

TEST_F(AwsApiTest, TemporaryKeysOpenEverythingUntilTheyEnd) {
  const Reply reply = sts("Action=AssumeRole&DurationSeconds=900&" + role());
  ASSERT_EQ(reply.status, 200) << reply.text;
  AwsCredentials temporary;
  temporary.access_key_id = element(reply.text, "AccessKeyId");
  temporary.secret_access_key = Secret(element(reply.text, "SecretAccessKey"));
  const auto ask = [&](const AwsCredentials& with) {
    HttpRequest r = request(
        "POST", "/", R"({"QueueUrl":")" + aws.queue_path() + "\"}",
        {{"Content-Type", "application/x-amz-json-1.0"}, {"X-Amz-Target", "AmazonSQS.GetQueueAttributes"}});
    AwsSigner signer(aws.region, "sqs");
    signer.sign(r, "meta.test", with, meta.clock().wall_now());
    return perform(std::move(r));
  };
  EXPECT_EQ(ask(temporary).status, 403) << "without the token";
  temporary.session_token = Secret(element(reply.text, "SessionToken"));
  EXPECT_EQ(ask(temporary).status, 200);
  world.run_for(std::chrono::seconds(901));
  EXPECT_THAT(ask(temporary).text, HasSubstr("ExpiredTokenException"));
  EXPECT_EQ(stats("refused_signatures").at("expired_token").as_int64(), 1);
}

TEST_F(AwsApiTest, WhoMayHaveKeys) {
  const std::string token = "&WebIdentityToken=sandbox-web-identity-token";
  EXPECT_EQ(sts("Action=AssumeRoleWithWebIdentity&" + role() + token, false).status, 200)
      << "without a signature";
  EXPECT_EQ(sts("Action=AssumeRoleWithWebIdentity&" + role() + "&WebIdentityToken=x", false).status, 400);
  EXPECT_EQ(sts("Action=AssumeRole&" + role(), false).status, 403) << "this one needs a signature";
  for (const std::string& bad :
       {std::string("Action=AssumeRole&RoleSessionName=me&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx"),
        "Action=AssumeRole&" + role() + "&ExternalId=x", "Action=AssumeRole&" + role() + "&SerialNumber=x",
        "Action=AssumeRole&DurationSeconds=10&" + role(),
        "Action=AssumeRole&RoleArn=" + percent_encode(aws.role_arn()), std::string("Action=GetSessionToken")})
    EXPECT_GE(sts(bad).status, 400) << bad;
  ASSERT_EQ(control("POST", "/config", {{"external_id", "the id"}}).status, 200);
  EXPECT_EQ(sts("Action=AssumeRole&" + role()).status, 403);
  EXPECT_EQ(sts("Action=AssumeRole&ExternalId=the+id&" + role()).status, 200);
  EXPECT_THAT(sts("Action=GetCallerIdentity").text,
              HasSubstr("<Arn>arn:aws:iam::123456789012:user/sandbox</Arn>"));
}

}  // namespace
}  // namespace posthorn::sandbox
