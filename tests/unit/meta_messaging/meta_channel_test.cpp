// What Meta's answers to a send mean for what happens next.
#include "messaging/meta_channel.h"

#include <gmock/gmock.h>

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using enum AnswerKind;

struct Answer {
  int status;
  const char* body;
  AnswerKind kind;
  int code;
};

SendAnswer judged(int status, std::string body, int attempt = 1, std::string_view retry_after = {}) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  if (!retry_after.empty()) response.headers.set("Retry-After", std::string(retry_after));
  return judge_meta_exchange(response, attempt);
}

TEST(MetaChannel, JudgesAnswers) {
  const Answer answers[] = {
      {200, R"({"recipient_id":"55","message_id":"m_1"})", accepted, 0},
      {200, R"({"message_id":"m_1"})", accepted, 0},
      {200, R"({"recipient_id":"55"})", unknown, 0},
      {200, R"({"message_id":""})", unknown, 0},
      {200, "", unknown, 0},
      {200, "<html>", unknown, 0},
      {408, "", unknown, 0},
      {500, "", unknown, whatsapp::kHttpServerError},
      {502, "<html>", unknown, whatsapp::kHttpServerError},
      {500, R"({"error":{"message":"x","code":2}})", unknown, 2},
      {400, R"({"error":{"message":"x","code":1,"error_subcode":1357046}})", unknown, 1},
      {500, R"({"error":{"message":"x","code":190}})", account_stop, 190},
      {400, R"({"error":{"message":"x","code":2}})", retry, 2},
      {400, R"({"error":{"message":"x","code":100,"error_subcode":2018008}})", retry, 100},
      {400, R"({"error":{"message":"x","code":100,"error_subcode":2534037}})", retry, 100},
      {400, R"({"error":{"message":"x","code":613}})", throttled, 613},
      {429, "", throttled, whatsapp::kHttpThrottled},
      {400, R"({"error":{"message":"x","code":10,"error_subcode":2534022}})", rejected, 10},
      {400, R"({"error":{"message":"x","code":551}})", rejected, 551},
      {400, R"({"error":{"message":"x","code":100}})", rejected, 100},
      {400, "", rejected, whatsapp::kNoCode},
      {403, R"({"error":{"message":"x","code":200,"error_subcode":2534041}})", account_stop, 200},
      {400, R"({"error":{"message":"x","code":368}})", account_stop, 368},
      {302, "", account_stop, whatsapp::kHttpRedirect},
      {200, R"({"error":{"message":"x","code":100}})", rejected, 100},
  };
  for (const Answer& expected : answers) {
    const SendAnswer answer = judged(expected.status, expected.body);
    EXPECT_EQ(answer.kind, expected.kind) << expected.status << expected.body;
    EXPECT_EQ(answer.code, expected.code) << expected.status << expected.body;
    EXPECT_TRUE(answer.answered);
    EXPECT_EQ(answer.message_id, expected.kind == accepted ? "m_1" : "");
    EXPECT_EQ(answer.detail.empty(), expected.kind == accepted) << expected.status << expected.body;
    if (answer.kind == account_stop) EXPECT_FALSE(answer.reason.empty());
  }
}

TEST(MetaChannel, SenderActionsNeedNoId) {
  HttpResponse response;
  response.body = R"({"recipient_id":"55"})";
  EXPECT_EQ(judge_meta_exchange(response, 1, true).kind, accepted);
  EXPECT_EQ(judge_meta_exchange(response, 1, false).kind, unknown);
}

TEST(MetaChannel, RetriesEnd) {
  const char* temporary = R"({"error":{"message":"x","code":2}})";
  EXPECT_EQ(judged(400, temporary, 1).retry_after, 5s);
  EXPECT_EQ(judged(400, temporary, 2).retry_after, 10s);
  EXPECT_EQ(judged(400, temporary, 3).kind, rejected);
  const char* held = R"({"error":{"message":"x","code":10,"error_subcode":2018300}})";
  EXPECT_EQ(judged(400, held, 1).retry_after, 1min);
  EXPECT_EQ(judged(400, held, 3).kind, rejected);
  EXPECT_EQ(judged(429, "", 99).kind, throttled);
}

TEST(MetaChannel, MetaMayAskForALongerPause) {
  EXPECT_EQ(judged(429, "", 1, "120").retry_after, 120s);
  EXPECT_EQ(judged(429, "", 1, "99999999").retry_after, 24h);
  for (const char* bad : {"-5", "soon", "1.5"}) EXPECT_EQ(judged(429, "", 1, bad).retry_after, 1s) << bad;
}

TEST(MetaChannel, OnlyWhatWasHandedOverLeavesDoubt) {
  const auto failed = [](HttpStage stage) {
    HttpFailure failure{stage, {ErrorCode::unavailable, "broken off"}};
    return judge_meta_exchange(std::unexpected(std::move(failure)), 1);
  };
  EXPECT_EQ(failed(HttpStage::not_connected).kind, not_sent);
  EXPECT_EQ(failed(HttpStage::partly_written).kind, not_sent);
  EXPECT_EQ(failed(HttpStage::sent).kind, unknown);
  EXPECT_FALSE(failed(HttpStage::sent).answered);
  EXPECT_EQ(failed(HttpStage::sent).detail, "broken off");
}

}  // namespace
}  // namespace posthorn
