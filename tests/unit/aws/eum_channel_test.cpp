// Sending through AWS: what leaves, and what each answer means.
#include "messaging/eum_channel.h"

#include "core/json.h"
#include "platform/base64.h"
#include "unit/aws/aws_house.h"

namespace posthorn {
namespace {

class EumChannelTest : public aws::AwsHouse {
 protected:
  SendAnswer send(int attempt = 1) {
    if (!social_) social_ = std::make_unique<aws::EumClient>(*calls_);
    EumChannel channel(*social_, "phone-number-id-a");
    return run(channel.send(R"({"to":"49"})", attempt, [this] { ++last_bytes_; }));
  }
  std::unique_ptr<aws::AwsClient> calls_ = client("social-messaging");
  std::unique_ptr<aws::EumClient> social_;
  int last_bytes_ = 0;
};

TEST_F(EumChannelTest, SendsTheBodyInBase64AndIsAccepted) {
  script_.add(200, R"({"messageId":"0b5a"})");
  const SendAnswer answer = send();
  EXPECT_EQ(answer.kind, AnswerKind::accepted);
  EXPECT_EQ(answer.message_id, "0b5a");
  EXPECT_EQ(last_bytes_, 1);
  const HttpRequest& request = script_.requests.at(0);
  EXPECT_EQ(request.method + " " + request.target, "POST /v1/whatsapp/send");
  EXPECT_TRUE(request.headers.has("Authorization"));
  EXPECT_EQ(request.body, R"({"originationPhoneNumberId":"phone-number-id-a","message":")" +
                              to_base64(R"({"to":"49"})") + R"(","metaApiVersion":"v20.0"})");
}

TEST_F(EumChannelTest, NothingIsEverSentTwice) {
  script_.add(502, R"({"__type":"DependencyException"})");
  EXPECT_EQ(send().kind, AnswerKind::unknown);
  http_.close_idle();
  simulated::Cut cut{
      .direction = simulated::Direction::to_client, .after = 0, .kind = simulated::CutKind::reset};
  world_.wire().plan_next("aws", simulated::ConnectionPlan{.cut = cut});
  const SendAnswer lost = send();
  EXPECT_EQ(lost.kind, AnswerKind::unknown);
  EXPECT_FALSE(lost.answered);
  EXPECT_EQ(script_.requests.size(), 2U);
  http_.close_idle();
  world_.wire().plan_next("aws", simulated::ConnectionPlan{.refuse = true});
  EXPECT_EQ(send().kind, AnswerKind::not_sent);
}

TEST_F(EumChannelTest, WithoutKeysNothingLeaves) {
  variables_ = {{"AWS_EC2_METADATA_DISABLED", "true"}};
  EXPECT_EQ(send().kind, AnswerKind::not_sent);
  EXPECT_TRUE(script_.requests.empty());
}

TEST_F(EumChannelTest, AnswersAndTheirMeaning) {
  struct Row {
    int status;
    std::string body;
    int attempt;
    AnswerKind kind;
  };
  for (const Row& row : {
           Row{200, "{}", 1, AnswerKind::unknown},
           Row{200, "<html>", 1, AnswerKind::unknown},
           Row{400, R"({"__type":"ValidationException"})", 1, AnswerKind::rejected},
           Row{400, R"({"__type":"InvalidParametersException"})", 1, AnswerKind::rejected},
           Row{400, R"({"__type":"LimitExceededException"})", 1, AnswerKind::throttled},
           Row{429, R"({"__type":"ThrottledRequestException"})", 1, AnswerKind::throttled},
           Row{403, R"({"__type":"AccessDeniedException"})", 1, AnswerKind::account_stop},
           Row{403, R"({"__type":"AccessDeniedByMetaException"})", 1, AnswerKind::account_stop},
           Row{404, R"({"__type":"ResourceNotFoundException"})", 1, AnswerKind::account_stop},
           Row{403, R"({"__type":"ExpiredTokenException"})", 1, AnswerKind::retry},
           Row{403, R"({"__type":"ExpiredTokenException"})", 5, AnswerKind::account_stop},
           Row{403, R"({"__type":"RequestTimeTooSkewed"})", 1, AnswerKind::retry},
           Row{500, R"({"__type":"InternalServiceException"})", 1, AnswerKind::unknown},
           Row{502, "", 1, AnswerKind::unknown},
       }) {
    HttpResponse response;
    response.status = row.status;
    response.body = row.body;
    EXPECT_EQ(judge_eum_exchange(response, row.attempt).kind, row.kind) << row.status << " " << row.body;
  }
}

}  // namespace
}  // namespace posthorn
