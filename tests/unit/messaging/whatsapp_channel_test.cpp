#include "messaging/whatsapp_channel.h"

#include <gtest/gtest.h>

#include "messaging/send_guards.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;

HttpResponse response(int status, std::string body) {
  HttpResponse r;
  r.status = status;
  r.body = std::move(body);
  return r;
}

HttpResponse graph_error(int status, int code) {
  return response(status, R"({"error":{"message":"m","type":"OAuthException","code":)" +
                              std::to_string(code) + R"(,"fbtrace_id":"x"}})");
}

TEST(JudgeExchange, WhatEachAnswerMeans) {
  struct Case {
    HttpResponse response;
    int attempt;
    AnswerKind kind;
  };
  const std::string ok =
      R"({"messaging_product":"whatsapp","contacts":[{"input":"1","wa_id":"1"}],"messages":[{"id":"wamid.A"}]})";
  const Case cases[] = {
      {response(200, ok), 1, AnswerKind::accepted},
      {response(200, "{}"), 1, AnswerKind::unknown},
      {response(200, ""), 1, AnswerKind::unknown},
      {response(502, "<html>"), 1, AnswerKind::unknown},
      {graph_error(500, 131000), 1, AnswerKind::unknown},
      {graph_error(401, 190), 1, AnswerKind::account_stop},
      {graph_error(401, 0), 1, AnswerKind::account_stop},
      {graph_error(403, 131031), 1, AnswerKind::account_stop},
      {graph_error(400, 131026), 1, AnswerKind::rejected},
      {graph_error(400, 131050), 1, AnswerKind::rejected},
      {graph_error(400, 131056), 1, AnswerKind::pair_limited},
      {graph_error(400, 130429), 1, AnswerKind::throttled},
      {graph_error(400, 4), 1, AnswerKind::throttled},
      {response(429, "{}"), 1, AnswerKind::throttled},
      {graph_error(500, 131057), 1, AnswerKind::number_paused},
      {graph_error(503, 133004), 1, AnswerKind::number_paused},
      {graph_error(400, 132015), 1, AnswerKind::campaign_stop},
      {graph_error(404, 132001), 1, AnswerKind::campaign_stop},
      {graph_error(400, 133015), 1, AnswerKind::retry},
      {graph_error(400, 999999), 1, AnswerKind::rejected},
  };
  for (const Case& c : cases) {
    const SendAnswer answer = judge_exchange(c.response, c.attempt);
    EXPECT_EQ(static_cast<int>(answer.kind), static_cast<int>(c.kind))
        << c.response.status << " " << c.response.body;
  }
}

TEST(JudgeExchange, AcceptedCarriesTheIdAndHeld) {
  const SendAnswer answer = judge_exchange(
      response(200, R"({"messages":[{"id":"wamid.A","message_status":"held_for_quality_assessment"}]})"), 1);
  EXPECT_EQ(answer.message_id, "wamid.A");
  EXPECT_TRUE(answer.held);
}

TEST(JudgeExchange, RefusalOfMarketingIsRemembered) {
  EXPECT_TRUE(judge_exchange(graph_error(400, 131050), 1).opted_out);
  EXPECT_FALSE(judge_exchange(graph_error(400, 131026), 1).opted_out);
}

TEST(JudgeExchange, RetriesEnd) {
  AnswerKind last = AnswerKind::retry;
  int attempt = 1;
  for (; attempt < 50 && last == AnswerKind::retry; ++attempt)
    last = judge_exchange(graph_error(400, 133015), attempt).kind;
  EXPECT_EQ(last, AnswerKind::rejected);
  EXPECT_GT(attempt, 2);
}

// I5: only what was handed over whole leaves doubt.
TEST(JudgeExchange, HowFarTheRequestGotDecides) {
  const auto judge = [](HttpStage stage) {
    return judge_exchange(std::unexpected(HttpFailure{stage, Error{ErrorCode::unavailable, "x"}}), 1).kind;
  };
  EXPECT_EQ(judge(HttpStage::not_connected), AnswerKind::not_sent);
  EXPECT_EQ(judge(HttpStage::partly_written), AnswerKind::not_sent);
  EXPECT_EQ(judge(HttpStage::sent), AnswerKind::unknown);
}

TEST(Outage, OpensAfterAFewFailuresAndWaitsLonger) {
  Outage outage;
  MonotonicTime now{};
  for (int i = 1; i < Outage::kFailures; ++i) outage.failed(now, 0);
  EXPECT_FALSE(outage.active());
  EXPECT_EQ(outage.failed(now, 0), now + 1s);
  EXPECT_TRUE(outage.active());
  EXPECT_EQ(outage.failed(now, 0), now + 1s)
      << "others that left before the outage was known tell nothing new";
  EXPECT_EQ(outage.failed(now + 1s, 0), now + 3s);
  MonotonicTime at = outage.until();
  for (int i = 0; i < 20; ++i) at = outage.failed(at, 0);
  EXPECT_EQ(outage.failed(at, 0), at + 30s);
  outage.reached();
  EXPECT_FALSE(outage.active());
}

TEST(ErrorShare, LooksAtTheLastOutcomesOnly) {
  ErrorShare share(100);
  for (int i = 0; i < 24; ++i) share.add(131026);
  EXPECT_FALSE(share.above(0.3));  // too few to judge
  share.add(131026);
  EXPECT_TRUE(share.above(0.3));
  EXPECT_EQ(share.most_frequent_code(), 131026);
  for (int i = 0; i < 100; ++i) share.add(i % 10 < 3 ? 131049 : 0);
  EXPECT_FALSE(share.above(0.3));
  EXPECT_TRUE(share.above(0.29));
  EXPECT_FALSE(share.above(0));  // 0: never
  EXPECT_EQ(share.failures(), 30);
  EXPECT_EQ(share.outcomes(), 100);
}

}  // namespace
}  // namespace posthorn
