// The sandbox's SQS: long polls, visibility, receipts and batches that fail in part.
#include "aws_fixture.h"

namespace posthorn::sandbox {
namespace {

class AwsQueueTest : public AwsTest {
 protected:
  js::array receive(js::object more = {}) {
    if (!more.contains("MaxNumberOfMessages")) more["MaxNumberOfMessages"] = 10;
    const Reply reply = sqs("ReceiveMessage", std::move(more));
    EXPECT_EQ(reply.status, 200) << reply.text;
    const js::value* found = reply.body.as_object().if_contains("Messages");
    return found == nullptr ? js::array() : found->as_array();
  }
  static js::array entries(const js::array& messages, js::object more = {}) {
    js::array out;
    for (const js::value& m : messages) {
      js::object one{{"Id", std::to_string(out.size())}, {"ReceiptHandle", m.at("ReceiptHandle")}};
      for (const auto& [name, value] : more) one[name] = value;
      out.push_back(std::move(one));
    }
    return out;
  }
  static Task<> sleep(Clock& clock, Duration d, bool& done) {
    co_await clock.sleep_for(d);
    done = true;
  }
  void pass(Duration d) {
    bool done = false;
    meta.spawn(sleep(meta.clock(), d, done));
    EXPECT_TRUE(world.run_until([&] { return done; }, d * 2));
  }
};

TEST_F(AwsQueueTest, ASignatureIsNeeded) {
  const std::map<std::string, std::string> headers = {{"Content-Type", "application/x-amz-json-1.0"},
                                                      {"X-Amz-Target", "AmazonSQS.ReceiveMessage"}};
  const Reply reply = perform(request("POST", "/", "{}", headers));
  EXPECT_EQ(reply.status, 403);
  EXPECT_THAT(reply.text, testing::HasSubstr("MissingAuthenticationTokenException"));
  EXPECT_EQ(perform("sns", request("POST", "/", "{}", headers)).status, 400);  // scoped to another service
}

TEST_F(AwsQueueTest, WhatIsPublishedArrivesInItsEnvelope) {
  ASSERT_EQ(control("POST", "/subscribe", {{"protocol", "sqs"}}).status, 200);
  control("POST", "/publish", {{"message", "hello"}});
  const js::array found = receive();
  ASSERT_EQ(found.size(), 1U);
  const js::value envelope = js::parse(found[0].at("Body").as_string());
  EXPECT_EQ(envelope.at("Type"), "Notification");
  EXPECT_EQ(envelope.at("Message"), "hello");
  EXPECT_EQ(found[0].at("Attributes").at("ApproximateReceiveCount"), "1");
  ASSERT_EQ(control("POST", "/config", {{"raw_queue", true}}).status, 200);
  control("POST", "/publish", {{"message", "bare"}});
  const js::array bare = receive();
  EXPECT_EQ(bare.at(0).at("Body"), "bare");
  EXPECT_EQ(bare.at(0).at("MD5OfBody"), "8604aecae9ee64a74c52d4c1965bb0ef");
  control("POST", "/publish", {{"message", "evil"}, {"as", "foreign"}, {"to", "queue"}});
  EXPECT_EQ(js::parse(receive().at(0).at("Body").as_string()).at("TopicArn"),
            js::value(aws.foreign_topic_arn()));
}

TEST_F(AwsQueueTest, ALongPollWaitsForTheFirstMessage) {
  const MonotonicTime began = world.now();
  EXPECT_TRUE(receive({{"WaitTimeSeconds", 2}}).empty());
  EXPECT_GE(world.now() - began, std::chrono::seconds(2));
  FakeExchange exchange([&] {
    HttpRequest r = request(
        "POST", "/",
        js::serialize(js::object{{"QueueUrl", "http://x" + aws.queue_path()}, {"WaitTimeSeconds", 20}}),
        {{"Content-Type", "application/x-amz-json-1.0"}, {"X-Amz-Target", "AmazonSQS.ReceiveMessage"}});
    AwsSigner(aws.region, "sqs").sign(r, "meta.test", keys(), meta.clock().wall_now());
    return r;
  }());
  bool done = false;
  meta.spawn(serve(*sandbox, exchange, done));
  pass(std::chrono::seconds(5));
  EXPECT_FALSE(done);
  sandbox->cloud().queue().put("late");
  pass(std::chrono::milliseconds(100));
  ASSERT_TRUE(done);
  EXPECT_THAT(exchange.answer.body, testing::HasSubstr("late"));
}

TEST_F(AwsQueueTest, AMessageComesAgainUnlessItIsDeletedInTime) {
  sandbox->cloud().queue().put("m");
  const js::array first = receive({{"VisibilityTimeout", 10}});
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(receive().empty());
  pass(std::chrono::seconds(11));
  const js::array second = receive({{"VisibilityTimeout", 10}});
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].at("MessageId"), first[0].at("MessageId"));
  EXPECT_NE(second[0].at("ReceiptHandle"), first[0].at("ReceiptHandle"));
  EXPECT_EQ(second[0].at("Attributes").at("ApproximateReceiveCount"), "2");
  // The old receipt does nothing, the new one deletes.
  EXPECT_EQ(sqs("DeleteMessageBatch", {{"Entries", entries(first)}}).body.at("Successful").as_array().size(),
            1U);
  EXPECT_EQ(stats("sqs").at("late_deletes").as_int64(), 1);
  EXPECT_EQ(stats("sqs").at("messages").as_int64(), 1);
  EXPECT_EQ(sqs("DeleteMessageBatch", {{"Entries", entries(second)}}).body.at("Successful").as_array().size(),
            1U);
  EXPECT_EQ(stats("sqs").at("messages").as_int64(), 0);
  pass(std::chrono::minutes(2));
  EXPECT_TRUE(receive().empty());
}

TEST_F(AwsQueueTest, VisibilityCanBeRenewed) {
  sandbox->cloud().queue().put("m");
  const js::array held = receive({{"VisibilityTimeout", 10}});
  pass(std::chrono::seconds(8));
  const Reply renewed =
      sqs("ChangeMessageVisibilityBatch", {{"Entries", entries(held, {{"VisibilityTimeout", 10}})}});
  EXPECT_EQ(renewed.body.at("Successful").as_array().size(), 1U);
  pass(std::chrono::seconds(8));
  EXPECT_TRUE(receive().empty());
  pass(std::chrono::seconds(3));
  EXPECT_EQ(receive().size(), 1U);
  pass(std::chrono::minutes(1));
  const Reply late =
      sqs("ChangeMessageVisibilityBatch", {{"Entries", entries(held, {{"VisibilityTimeout", 10}})}});
  EXPECT_EQ(late.status, 200);
  EXPECT_EQ(late.body.at("Failed").at(0).at("Code"), "MessageNotInflight");
}

TEST_F(AwsQueueTest, ABatchCanFailInPart) {
  sandbox->cloud().queue().put("m");
  js::array list = entries(receive());
  list.push_back(js::object{{"Id", "bad"}, {"ReceiptHandle", "nonsense"}});
  const Reply reply = sqs("DeleteMessageBatch", {{"Entries", list}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body.at("Successful").at(0).at("Id"), "0");
  EXPECT_EQ(reply.body.at("Failed").at(0).at("Id"), "bad");
  EXPECT_EQ(reply.body.at("Failed").at(0).at("Code"), "ReceiptHandleIsInvalid");
  control("POST", "/chaos", {{"sqs", js::object{{"delete_failure", 1}}}});
  sandbox->cloud().queue().put("n");
  const Reply failed = sqs("DeleteMessageBatch", {{"Entries", entries(receive())}});
  EXPECT_FALSE(failed.body.at("Failed").at(0).at("SenderFault").as_bool());
  EXPECT_EQ(stats("sqs").at("messages").as_int64(), 1);
}

TEST_F(AwsQueueTest, DisturbsOnPurpose) {
  control("POST", "/chaos", {{"sqs", js::object{{"duplicate", 1}}}});
  sandbox->cloud().queue().put("twice");
  EXPECT_EQ(receive().size(), 2U);
  control("POST", "/chaos", {{"sqs", js::object{{"duplicate", 0}, {"receive_failure", 1}}}});
  EXPECT_EQ(sqs("ReceiveMessage", {}).status, 500);
  control("POST", "/chaos", {{"sqs", js::object{{"receive_failure", 0}, {"lost_answer", 1}}}});
  sandbox->cloud().queue().put("lost");
  EXPECT_EQ(sqs("ReceiveMessage", {}).status, 500);
  EXPECT_EQ(stats("sqs").at("visible").as_int64(), 0);  // hidden although nobody got it
}

TEST_F(AwsQueueTest, WrongCallsAreRefusedByName) {
  struct Bad {
    std::string operation;
    js::object body;
    std::string code;
  };
  js::array eleven;
  for (int i = 0; i < 11; ++i)
    eleven.push_back(js::object{{"Id", std::to_string(i)}, {"ReceiptHandle", "1-1"}});
  const js::array same = {js::object{{"Id", "a"}}, js::object{{"Id", "a"}}},
                  nameless = {js::object{{"ReceiptHandle", "1-1"}}};
  const std::vector<Bad> table = {
      {"ReceiveMessage", {{"QueueUrl", "http://x/1/other"}}, "QueueDoesNotExist"},
      {"ReceiveMessage", {{"MaxNumberOfMessages", 11}}, "InvalidParameterValue"},
      {"ReceiveMessage", {{"MaxNumberOfMessages", 0}}, "InvalidParameterValue"},
      {"ReceiveMessage", {{"WaitTimeSeconds", 21}}, "InvalidParameterValue"},
      {"ReceiveMessage", {{"VisibilityTimeout", 43201}}, "InvalidParameterValue"},
      {"DeleteMessageBatch", {}, "EmptyBatchRequest"},
      {"DeleteMessageBatch", {{"Entries", js::array()}}, "EmptyBatchRequest"},
      {"DeleteMessageBatch", {{"Entries", eleven}}, "TooManyEntriesInBatchRequest"},
      {"DeleteMessageBatch", {{"Entries", same}}, "BatchEntryIdsNotDistinct"},
      {"ChangeMessageVisibilityBatch", {{"Entries", nameless}}, "InvalidBatchEntryId"},
      {"CreateQueue", {}, "UnsupportedOperation"}};
  for (const Bad& bad : table) {
    const Reply reply = sqs(bad.operation, bad.body);
    EXPECT_EQ(reply.status, 400) << bad.code;
    EXPECT_EQ(reply.body.at("__type"), js::value("com.amazonaws.sqs#" + bad.code));
  }
}

}  // namespace
}  // namespace posthorn::sandbox
