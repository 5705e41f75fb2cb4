// Calls to AWS services: signatures, errors, retries; and the clients made of them.
#include "channels/aws/aws_client.h"

#include "channels/aws/eum_client.h"
#include "channels/aws/s3_bucket.h"
#include "channels/aws/sns_client.h"
#include "channels/aws/sqs_client.h"
#include "core/time_text.h"
#include "unit/aws/aws_house.h"

namespace posthorn::aws {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class AwsClientTest : public AwsHouse {
 protected:
  Result<HttpResponse> call(CallOptions options = {}) {
    if (!client_under_test_) client_under_test_ = client("sqs");
    HttpRequest request = json_request("AmazonSQS.X", "{}");
    return run(client_under_test_->call(std::move(request), options));
  }
  std::unique_ptr<AwsClient> client_under_test_;
};

TEST_F(AwsClientTest, SignsForTheHostThatIsCalled) {
  script_.add(200, "{}");
  ASSERT_TRUE(call());
  const HttpRequest& request = script_.requests.at(0);
  EXPECT_EQ(request.headers.get("Host"), "aws");
  EXPECT_THAT(std::string(request.headers.get("Authorization")),
              HasSubstr("SignedHeaders=content-type;host;x-amz-date;x-amz-target,"));
  HttpRequest again = json_request("AmazonSQS.X", "{}");
  AwsSigner signer("us-east-1", "sqs");
  AwsCredentials keys{.access_key_id = "AKIDEXAMPLE", .secret_access_key = Secret("secret")};
  const std::string stamp(request.headers.get("X-Amz-Date"));
  const std::string iso = stamp.substr(0, 4) + "-" + stamp.substr(4, 2) + "-" + stamp.substr(6, 5) + ":" +
                          stamp.substr(11, 2) + ":" + stamp.substr(13);
  signer.sign(again, "aws", keys, *parse_iso_time(iso));
  EXPECT_EQ(request.headers.get("Authorization"), again.headers.get("Authorization"));
}

TEST_F(AwsClientTest, TriesAgainWhatMaySucceedLater) {
  script_.add(503, "<ErrorResponse><Error><Code>ServiceUnavailable</Code></Error></ErrorResponse>");
  script_.add(400,
              R"({"__type":"com.amazon.coral.availability#ThrottlingException","message":"Rate exceeded"})");
  script_.add(200, "ok");
  const auto answer = call();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "ok");
  EXPECT_EQ(script_.requests.size(), 3U);
}

TEST_F(AwsClientTest, GivesUpAfterItsAttempts) {
  for (int i = 0; i < 9; ++i) script_.add(500);
  const auto answer = call();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_EQ(script_.requests.size(), 4U);
}

TEST_F(AwsClientTest, WhatCannotBeRepeatedIsNotRepeatedOnceItMayHaveBeenDone) {
  CallOptions once;
  once.repeatable = false;
  script_.add(502, R"({"__type":"DependencyException"})");
  EXPECT_FALSE(call(once));
  EXPECT_EQ(script_.requests.size(), 1U);
  script_.add(429, R"({"__type":"ThrottledRequestException"})");
  script_.add(200);
  EXPECT_TRUE(call(once)) << "a throttled request was not done";
  simulated::Cut cut{
      .direction = simulated::Direction::to_client, .after = 0, .kind = simulated::CutKind::reset};
  http_.close_idle();
  world_.wire().plan_next("aws", simulated::ConnectionPlan{.cut = cut});
  EXPECT_FALSE(call(once));
  EXPECT_EQ(script_.requests.size(), 4U);
}

TEST_F(AwsClientTest, AWrongClockIsMendedByTheAnswer) {
  client_.jump_wall_clock(-1h);
  HttpResponse& skewed =
      script_.add(403, R"(<Error><Code>RequestTimeTooSkewed</Code><Message>x</Message></Error>)");
  skewed.headers.set("Date", "Thu, 01 Jan 2026 00:00:01 GMT");
  script_.add(200);
  script_.add(200);
  ASSERT_TRUE(call());
  ASSERT_TRUE(call());
  EXPECT_THAT(std::string(script_.requests.at(0).headers.get("X-Amz-Date")), StartsWith("20251231T23"));
  EXPECT_THAT(std::string(script_.requests.at(1).headers.get("X-Amz-Date")), StartsWith("20260101T00"));
  EXPECT_THAT(std::string(script_.requests.at(2).headers.get("X-Amz-Date")), StartsWith("20260101T00"));
}

TEST_F(AwsClientTest, ExpiredKeysAreLookedForOnceMore) {
  script_.add(403,
              R"({"__type":"ExpiredTokenException","message":"The security token included is expired"})");
  script_.add(403,
              R"({"__type":"ExpiredTokenException","message":"The security token included is expired"})");
  const auto answer = call();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unauthenticated);
  EXPECT_EQ(script_.requests.size(), 2U);
}

TEST_F(AwsClientTest, ClosedMeansCancelled) {
  script_.delay = 30s;
  client_under_test_ = client("sqs");
  std::optional<Result<HttpResponse>> out;
  HttpRequest request = json_request("X", "{}");
  client_.spawn(store(client_under_test_->call(std::move(request), CallOptions{.timeout = 60s}), out));
  world_.run_for(1s);
  client_under_test_->close();
  const auto later = call();
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, ErrorCode::cancelled);
}

TEST(AwsErrors, AreReadInEveryDialect) {
  struct Row {
    int status;
    std::string body, header;
    std::string code, message;
    ErrorCode kind;
  };
  const std::vector<Row> table{
      {400, R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"})", "", "QueueDoesNotExist",
       "no", ErrorCode::not_found},
      {400, R"({"message":"bad"})", "ValidationException:http://x/", "ValidationException", "bad",
       ErrorCode::invalid_argument},
      {403, R"({"Message":"User: arn … is not authorized","code":"AccessDeniedException"})", "",
       "AccessDeniedException", "User: arn … is not authorized", ErrorCode::permission_denied},
      {403,
       "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>a &lt;b&gt; "
       "&amp;amp;</Message></Error></ErrorResponse>",
       "", "AuthorizationError", "a <b> &amp;", ErrorCode::permission_denied},
      {404, "", "", "", "", ErrorCode::not_found},
      {404, "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>", "", "NoSuchKey", "",
       ErrorCode::not_found},
      {400, R"({"__type":"x#LimitExceededException"})", "", "LimitExceededException", "",
       ErrorCode::resource_exhausted},
      {403, "<Error><Code>InvalidAccessKeyId</Code></Error>", "", "InvalidAccessKeyId", "",
       ErrorCode::unauthenticated},
      {500, "<html>", "", "", "", ErrorCode::unavailable},
      {400, "{{{", "", "", "", ErrorCode::invalid_argument},
  };
  for (const Row& row : table) {
    HttpResponse response;
    response.status = row.status;
    response.body = row.body;
    if (!row.header.empty()) response.headers.set("x-amzn-ErrorType", row.header);
    const AwsError error = read_error(response);
    EXPECT_EQ(error.code, row.code) << row.body;
    EXPECT_EQ(error.message, row.message) << row.body;
    EXPECT_EQ(to_error("s", row.status, error).code, row.kind) << row.body;
  }
  AwsError late{.code = "InvalidSignatureException",
                .message = "Signature expired: 2026 is now earlier than"};
  EXPECT_EQ(judge(403, late), AwsTrouble::clock);
  EXPECT_EQ(parse_date_header("Fri, 24 May 2013 01:02:03 GMT"), *parse_iso_time("2013-05-24T01:02:03Z"));
  for (const char* bad :
       {"", "Fri, 24 Mai 2013 01:02:03 GMT", "Fri, 24 May 2013 01:02:03 CET", "2013-05-24T01:02:03Z"})
    EXPECT_FALSE(parse_date_header(bad)) << bad;
}

TEST_F(AwsHouse, ConfirmsASubscriptionInTheTopicsRegion) {
  reach("sns.eu-west-1.amazonaws.com");
  script_.add(200,
              "<ConfirmSubscriptionResponse><ConfirmSubscriptionResult><SubscriptionArn>arn:sub"
              "</SubscriptionArn></ConfirmSubscriptionResult></ConfirmSubscriptionResponse>");
  SnsClient sns(ports(), "");
  EXPECT_EQ(run(sns.confirm_subscription("arn:aws:sns:eu-west-1:1:t", "a b+c")).value_or("?"), "arn:sub");
  const HttpRequest& request = script_.requests.at(0);
  EXPECT_EQ(request.body,
            "Action=ConfirmSubscription&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A1%3At&"
            "Token=a%20b%2Bc"
            "&AuthenticateOnUnsubscribe=true");
  EXPECT_THAT(std::string(request.headers.get("Authorization")), HasSubstr("/eu-west-1/sns/aws4_request"));
  EXPECT_FALSE(run(sns.confirm_subscription("nonsense", "t")));
}

class QueueTest : public AwsHouse {
 protected:
  std::unique_ptr<SqsQueue> queue(std::string url = "http://aws/1/q", std::string region = "us-east-1") {
    SqsQueue::Ports queue_ports{.network = client_.network(),
                                .clock = client_.clock(),
                                .random = client_.random(),
                                .executor = client_.executor(),
                                .credentials = credentials()};
    return *SqsQueue::create(std::move(queue_ports), std::move(url), std::move(region), "");
  }
};

TEST_F(QueueTest, ReceivesDeletesAndHides) {
  script_.add(
      200,
      R"({"Messages":[{"MessageId":"a","ReceiptHandle":"r1","Body":"one","Attributes":{"ApproximateReceiveCount":"3"}},
      {"MessageId":"b","ReceiptHandle":"","Body":"lost"},{"MessageId":"c","ReceiptHandle":"r3"},{"MessageId":"d","ReceiptHandle":"r4","Body":""}]})");
  script_.add(200, "{}");
  script_.add(
      200, R"({"Successful":[{"Id":"0"}],"Failed":[{"Id":"1","SenderFault":false,"Code":"InternalError"}]})");
  script_.add(200, R"({"Successful":[{"Id":"0"}],"Failed":[]})");
  const auto made = queue();
  const auto messages = run(made->receive(20s, 60s));
  ASSERT_TRUE(messages) << messages.error().message;
  ASSERT_EQ(messages->size(), 2U);
  EXPECT_EQ((*messages)[0].body, "one");
  EXPECT_EQ((*messages)[0].receive_count, 3);
  EXPECT_EQ(run(made->receive(20s, 60s))->size(), 0U) << "Messages is absent when there are none";
  EXPECT_THAT(run(made->remove({"r1", "r4"})).value(), ElementsAre("r4"));
  EXPECT_TRUE(run(made->hide({"r1"}, 900s))->empty());
  EXPECT_EQ(script_.requests[0].headers.get("X-Amz-Target"), "AmazonSQS.ReceiveMessage");
  EXPECT_EQ(
      script_.requests[0].body,
      R"({"QueueUrl":"http://aws/1/q","MaxNumberOfMessages":10,"WaitTimeSeconds":20,"VisibilityTimeout":60,"MessageSystemAttributeNames":["ApproximateReceiveCount"]})");
  EXPECT_EQ(
      script_.requests[2].body,
      R"({"QueueUrl":"http://aws/1/q","Entries":[{"Id":"0","ReceiptHandle":"r1"},{"Id":"1","ReceiptHandle":"r4"}]})");
  EXPECT_EQ(
      script_.requests[3].body,
      R"({"QueueUrl":"http://aws/1/q","Entries":[{"Id":"0","ReceiptHandle":"r1","VisibilityTimeout":900}]})");
}

TEST_F(QueueTest, TheRegionComesFromTheAddress) {
  EXPECT_EQ(region_of_queue("https://sqs.eu-central-1.amazonaws.com/1/q"), "eu-central-1");
  EXPECT_EQ(region_of_queue("https://sqs.cn-north-1.amazonaws.com.cn/1/q"), "cn-north-1");
  for (const char* other : {"http://127.0.0.1:4566/1/q", "https://sqs.evil.com/1/q", "", "https://sqs."})
    EXPECT_EQ(region_of_queue(other), "") << other;
  SqsQueue::Ports queue_ports{.network = client_.network(),
                              .clock = client_.clock(),
                              .random = client_.random(),
                              .executor = client_.executor(),
                              .credentials = credentials()};
  EXPECT_EQ(SqsQueue::create(queue_ports, "http://aws/1/q", "", "").error().field, "aws.region");
  EXPECT_EQ(SqsQueue::create(queue_ports, "http://aws", "us-east-1", "").error().field, "aws.sqs_queue_url");
}

TEST_F(QueueTest, ClosingEndsALongPoll) {
  script_.delay = 20s;
  const auto made = queue();
  std::optional<Result<std::vector<QueueMessage>>> out;
  client_.spawn(store(made->receive(20s, 60s), out));
  world_.run_for(1s);
  made->close();
  EXPECT_TRUE(world_.run_until([&] { return out.has_value(); }, 1s));
  ASSERT_FALSE(*out);
  EXPECT_FALSE(run(made->remove({"r"})));
}

TEST_F(AwsHouse, S3AddressesKeysAndDeletion) {
  reach("media.s3.us-east-1.amazonaws.com");
  const auto bucket = *S3Bucket::create(ports(), "media", "us-east-1", "");
  EXPECT_THAT(
      run(bucket->presigned_get("p/a b=ü.jpg", 15min)).value(),
      StartsWith(
          "https://media.s3.us-east-1.amazonaws.com/p/a%20b%3D%C3%BC.jpg?X-Amz-Algorithm=AWS4-HMAC-SHA256"
          "&X-Amz-Credential=AKIDEXAMPLE%2F"));
  script_.add(200,
              "<ListBucketResult><Contents><Key>p/a&amp;b</Key></Contents><Contents><Key>p/c</Key></Contents>"
              "</ListBucketResult>");
  EXPECT_THAT(run(bucket->list("p/")).value(), ElementsAre("p/a&b", "p/c"));
  EXPECT_EQ(script_.requests[0].target, "/?list-type=2&prefix=p%2F");
  EXPECT_TRUE(script_.requests[0].headers.has("X-Amz-Content-Sha256"));
  script_.add(204);
  EXPECT_TRUE(run(bucket->remove("p/a&b")));
  EXPECT_EQ(script_.requests[1].method + script_.requests[1].target, "DELETE/p/a%26b");
  const auto dotted = *S3Bucket::create(ports(), "my.media", "us-east-1", "");
  EXPECT_THAT(run(dotted->presigned_get("k", 1min)).value(),
              StartsWith("https://s3.us-east-1.amazonaws.com/my.media/k?"));
  const auto local = *S3Bucket::create(ports(), "media", "us-east-1", "http://127.0.0.1:9000");
  EXPECT_THAT(run(local->presigned_get("k", 1min)).value(), StartsWith("http://127.0.0.1:9000/media/k?"));
}

TEST_F(AwsHouse, SocialMediaAndAccounts) {
  const auto calls = client("social-messaging");
  EumClient social(*calls);
  script_.add(200, R"({"mimeType":"image/jpeg","fileSize":78})");
  const auto media = run(social.media_to_s3("phone-number-id-a", "123", "bucket", "p/123/"));
  ASSERT_TRUE(media) << media.error().message;
  EXPECT_EQ(media->mime_type, "image/jpeg");
  EXPECT_EQ(media->size, 78U);
  EXPECT_EQ(script_.requests[0].method + " " + script_.requests[0].target, "POST /v1/whatsapp/media/get");
  EXPECT_EQ(
      script_.requests[0].body,
      R"({"mediaId":"123","originationPhoneNumberId":"phone-number-id-a","destinationS3File":{"bucketName":"bucket","key":"p/123/"}})");

  script_.add(
      200,
      R"({"linkedAccounts":[{"arn":"arn:1","id":"waba-1","wabaId":"365","registrationStatus":"COMPLETE","wabaName":"Shop","linkDate":1.7e9,
      "eventDestinations":[{"eventDestinationArn":"arn:aws:sns:us-east-1:1:t"}]}],"nextToken":"n/2"})");
  script_.add(200, R"({"linkedAccounts":[{"id":"waba-2"}]})");
  const auto accounts = run(social.linked_accounts());
  ASSERT_TRUE(accounts) << accounts.error().message;
  ASSERT_EQ(accounts->size(), 2U);
  EXPECT_THAT((*accounts)[0].event_destinations, ElementsAre("arn:aws:sns:us-east-1:1:t"));
  EXPECT_EQ(script_.requests[2].target, "/v1/whatsapp/waba/list?maxResults=100&nextToken=n%2F2");

  script_.add(
      200,
      R"({"account":{"phoneNumbers":[{"arn":"arn:aws:x:phone-number-id/a","phoneNumberId":"phone-number-id-a",
      "metaPhoneNumberId":"106","phoneNumber":"+1555","displayPhoneNumberName":"Shop","qualityRating":"GREEN"}]}})");
  const auto numbers = run(social.phone_numbers("arn:aws:social-messaging:us-east-1:1:waba/1"));
  ASSERT_TRUE(numbers && numbers->size() == 1);
  EXPECT_EQ((*numbers)[0].meta_id, "106");
  EXPECT_EQ(script_.requests[3].target,
            "/v1/whatsapp/waba/details?id=arn%3Aaws%3Asocial-messaging%3Aus-east-1%3A1%3Awaba%2F1");

  script_.add(404, R"({"__type":"ResourceNotFoundException","message":"gone"})");
  EXPECT_EQ(run(social.media_to_s3("a", "1", "b", "c")).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace posthorn::aws
