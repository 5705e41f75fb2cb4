// The sandbox's End User Messaging Social and S3: media by way of the bucket, messages by way of Amazon.
#include "aws_fixture.h"
#include "platform/base64.h"

namespace posthorn::sandbox {
namespace {

using testing::HasSubstr;

class AwsSocialTest : public AwsTest {
 protected:
  std::string number = aws_number_id(kDefaultNumber);

  std::string upload(const std::string& bytes) {
    const std::string body =
        "--b\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n"
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n"
        "Content-Type: image/jpeg\r\n\r\n" +
        bytes + "\r\n--b--\r\n";
    const Reply reply = call("POST", "/v25.0/" + std::string(kDefaultNumber) + "/media", body,
                             std::string(kDefaultToken), "multipart/form-data; boundary=b");
    EXPECT_EQ(reply.status, 200) << reply.text;
    return std::string(reply.body.at("id").as_string());
  }
  std::string media_call(const std::string& id, const std::string& bucket, const std::string& key) const {
    return js::serialize(js::object{{"mediaId", id},
                                    {"originationPhoneNumberId", number},
                                    {"destinationS3File", js::object{{"bucketName", bucket}, {"key", key}}}});
  }
  Reply s3(std::string method, std::string target, std::string body = {}) {
    return perform("s3", request(std::move(method), std::move(target), std::move(body)));
  }
};

TEST_F(AwsSocialTest, AFileGoesThroughTheBucket) {
  const std::string id = upload("\xFF\xD8\xFFpicture");
  const Reply got = social("POST", "/v1/whatsapp/media/get", media_call(id, aws.bucket, "posthorn/in 1/"));
  ASSERT_EQ(got.status, 200) << got.text;
  EXPECT_EQ(got.body.at("mimeType"), "image/jpeg");
  EXPECT_EQ(got.body.at("fileSize").to_number<int>(), 10);
  const Reply list = s3("GET", "/" + aws.bucket + "?list-type=2&prefix=posthorn%2Fin%201%2F");
  EXPECT_THAT(list.text, HasSubstr("<Key>posthorn/in 1/" + id + ".jpeg</Key>"));
  const std::string object = "/" + aws.bucket + "/posthorn/in%201/" + id + ".jpeg";
  AwsSigner signer(aws.region, "s3");
  const std::string link = signer.presign(request("GET", object), "meta.test", keys(),
                                          meta.clock().wall_now(), std::chrono::minutes(15));
  const Reply file = perform([&] {
    HttpRequest r = request("GET", link);
    r.headers = {};
    r.headers.set("Host", "meta.test");
    return r;
  }());
  EXPECT_EQ(file.status, 200) << file.text;
  EXPECT_EQ(file.text, "\xFF\xD8\xFFpicture");
  EXPECT_EQ(file.headers.get("Content-Type"), "image/jpeg");
  EXPECT_EQ(s3("DELETE", object).status, 204);
  EXPECT_EQ(s3("DELETE", object).status, 204);
  EXPECT_EQ(s3("GET", object).status, 404);
}

TEST_F(AwsSocialTest, MediaCallsThatCannotWork) {
  const std::string id = upload("\xFF\xD8\xFFx");
  struct Bad {
    std::string body, error;
    int status;
  };
  const std::string other = [&] {
    std::string body = media_call(id, aws.bucket, "k/");
    return body.replace(body.find(number), number.size(), aws_number_id(kDefaultFastNumber));
  }();
  for (const Bad& bad :
       std::vector<Bad>{{media_call("404", aws.bucket, "k/"), "ResourceNotFoundException", 404},
                        {other, "ResourceNotFoundException", 404},
                        {media_call(id, "theirs", "k/"), "AccessDeniedException", 403},
                        {media_call(id, aws.bucket, ""), "ValidationException", 400},
                        {"{}", "ResourceNotFoundException", 404},
                        {"{", "ValidationException", 400}}) {
    const Reply reply = social("POST", "/v1/whatsapp/media/get", bad.body);
    EXPECT_EQ(reply.status, bad.status) << bad.body;
    EXPECT_THAT(std::string(reply.headers.get("x-amzn-errortype")), testing::StartsWith(bad.error + ":"));
  }
  EXPECT_TRUE(sandbox->cloud().bucket().objects().empty());
}

TEST_F(AwsSocialTest, TheBucketRefusesWhatIsNotSigned) {
  const Reply bare = perform(request("GET", "/" + aws.bucket + "/key"));
  EXPECT_EQ(bare.status, 403);
  EXPECT_THAT(bare.text, HasSubstr("<Code>AccessDenied</Code>"));
  EXPECT_EQ(s3("PUT", "/" + aws.bucket + "/a&b", "x").status, 200);
  EXPECT_THAT(s3("GET", "/" + aws.bucket + "?list-type=2&prefix=").text, HasSubstr("<Key>a&amp;b</Key>"));
  EXPECT_EQ(s3("GET", "/other/key").status, 404);
  EXPECT_EQ(s3("POST", "/" + aws.bucket + "/key").status, 405);
  aws.secret_access_key = Secret("another");
  const Reply forged = s3("GET", "/" + aws.bucket + "/key");
  EXPECT_EQ(forged.status, 403);
  EXPECT_THAT(forged.text, HasSubstr("<CanonicalRequest>GET\n/posthorn-sandbox-media/key"));
}

TEST_F(AwsSocialTest, TellsWhatIsLinked) {
  const Reply list = social("GET", "/v1/whatsapp/waba/list?maxResults=100");
  ASSERT_EQ(list.status, 200) << list.text;
  const js::value account = list.body.at("linkedAccounts").at(0);
  EXPECT_EQ(account.at("wabaId"), js::value(kDefaultWaba));
  EXPECT_EQ(account.at("eventDestinations").at(0).at("eventDestinationArn"),
            js::value(aws.topic_arn("whatsapp-events")));
  const std::string id(account.at("id").as_string()), arn(account.at("arn").as_string());
  for (const std::string& name : {id, arn}) {
    const Reply details = social("GET", "/v1/whatsapp/waba/details?id=" + percent_encode(name));
    ASSERT_EQ(details.status, 200) << details.text;
    const js::array numbers = details.body.at("account").at("phoneNumbers").as_array();
    ASSERT_EQ(numbers.size(), 3U);
    EXPECT_EQ(numbers[0].at("metaPhoneNumberId"), js::value(kDefaultNumber));
    EXPECT_EQ(numbers[0].at("phoneNumberId"), js::value(number));
  }
  EXPECT_EQ(social("GET", "/v1/whatsapp/waba/details?id=waba-0").status, 404);
  EXPECT_EQ(social("GET", "/v1/whatsapp/flows").status, 404);
  EXPECT_EQ(perform(request("GET", "/v1/whatsapp/waba/list")).status, 403);
}

TEST_F(AwsSocialTest, AMessageReachesThePhone) {
  const auto send_call = [this](const std::string& message) {
    return js::serialize(
        js::object{{"originationPhoneNumberId", number}, {"message", message}, {"metaApiVersion", "v20.0"}});
  };
  const Reply sent =
      social("POST", "/v1/whatsapp/send", send_call(to_base64(order_update("+4915112345678", "tok"))));
  ASSERT_EQ(sent.status, 200) << sent.text;
  EXPECT_EQ(sent.body.at("messageId").as_string().size(), 36U);
  EXPECT_EQ(sandbox->ledger().messages_with_token("tok").size(), 1U);
  EXPECT_EQ(social("POST", "/v1/whatsapp/send", send_call("not base64")).status, 400);
  EXPECT_EQ(social("POST", "/v1/whatsapp/send", send_call(to_base64("{}"))).status, 400);
  Fault busy;
  busy.rate = 1;
  busy.code = 130429;
  sandbox->chaos().add(busy);
  const Reply throttled =
      social("POST", "/v1/whatsapp/send", send_call(to_base64(order_update("+4915112345678"))));
  EXPECT_EQ(throttled.status, 429) << throttled.text;
  EXPECT_THAT(std::string(throttled.headers.get("x-amzn-errortype")),
              testing::StartsWith("ThrottledRequestException"));
}

TEST_F(AwsSocialTest, SettingsAreCheckedByName) {
  SandboxConfig config = default_config();
  ASSERT_TRUE(merge_config(
      config,
      R"({"aws":{"region":"us-east-1","topics":["a","b"],"retry_pause_ms":5,"visibility_ms":1000}})"));
  EXPECT_EQ(config.aws.topic_arn("a"), "arn:aws:sns:us-east-1:123456789012:a");
  EXPECT_EQ(config.aws.retry_pause, std::chrono::milliseconds(5));
  for (const char* bad :
       {R"({"aws":{"regoin":"x"}})", R"({"aws":{"topics":[]}})", R"({"aws":{"topics":[1]}})",
        R"({"aws":{"topics":"a"}})", R"({"aws":{"signature_version":3}})", R"({"aws":{"max_in_flight":0}})",
        R"({"aws":1})", R"({"numbers":[{"id":"1","display_phone_number":"+1 555","via":"pigeon"}]})"}) {
    const Result<> refused = merge_config(config, bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_FALSE(refused.error().field.empty()) << bad;
  }
}

}  // namespace
}  // namespace posthorn::sandbox
