#include "channels/whatsapp/send_response.h"

#include <gtest/gtest.h>

namespace posthorn::whatsapp {
namespace {

using Kind = SendAnswer::Kind;

SendAnswer answer(int status, std::string_view body) {
  return interpret_send_response(status, HttpHeaders(), body);
}

std::string error_body(int code, std::string_view details = "d") {
  return R"({"error":{"message":"m","type":"OAuthException","code":)" + std::to_string(code) +
         R"(,"error_data":{"messaging_product":"whatsapp","details":")" + std::string(details) +
         R"("},"fbtrace_id":"T"}})";
}

TEST(SendAnswer, AcceptedCarriesIds) {
  const SendAnswer a = answer(
      200, R"({"messaging_product":"whatsapp","contacts":[{"input":"+5511","wa_id":"5511","user_id":"BR.1"}],
      "messages":[{"id":"wamid.X","message_status":"accepted"}]})");
  ASSERT_EQ(a.kind, Kind::accepted);
  EXPECT_EQ(a.wamid, "wamid.X");
  EXPECT_EQ(a.wa_id, "5511");
  EXPECT_EQ(a.user_id, "BR.1");
  EXPECT_EQ(a.acceptance, Acceptance::accepted);
}

TEST(SendAnswer, HeldAndPausedAreKindsOfAcceptance) {
  EXPECT_EQ(
      answer(200, R"({"messages":[{"id":"w","message_status":"held_for_quality_assessment"}]})").acceptance,
      Acceptance::held);
  EXPECT_EQ(answer(200, R"({"messages":[{"id":"w","message_status":"paused"}]})").acceptance,
            Acceptance::paused);
}

struct UnknownCase {
  int status;
  std::string body;
};
class Unknown : public testing::TestWithParam<UnknownCase> {};

TEST_P(Unknown, NothingIsProved) {
  const SendAnswer a = answer(GetParam().status, GetParam().body);
  EXPECT_EQ(a.kind, Kind::unknown);
  EXPECT_FALSE(a.why.empty());
  EXPECT_TRUE(a.wamid.empty());
}

std::string deep() {
  return std::string(100000, '[');
}

INSTANTIATE_TEST_SUITE_P(
    Bodies, Unknown,
    testing::Values(
        UnknownCase{200, ""}, UnknownCase{200, "{}"}, UnknownCase{200, "null"},
        UnknownCase{200, "<html>ok</html>"}, UnknownCase{200, R"({"messages":[]})"},
        UnknownCase{200, R"({"messages":[{}]})"}, UnknownCase{200, R"({"messages":[{"id":""}]})"},
        UnknownCase{200, R"({"messages":[{"id":7}]})"}, UnknownCase{200, R"({"messages":{"id":"w"}})"},
        UnknownCase{200, R"({"messages":[{"id":"w"}]} trailing)"},
        UnknownCase{200, R"({"messages":[{"id":"w)"},
        UnknownCase{200, R"({"messages":[{"id":")" + std::string(600, 'a') + R"("}]})"},
        UnknownCase{200, deep()},
        UnknownCase{200, R"({"messages":[{"id":"w"}],"pad":")" + std::string(kMaxSendAnswer, 'x') + R"("})"},
        UnknownCase{200, R"({"error":{"message":"no code"}})"}, UnknownCase{200, R"({"error":"text"})"},
        UnknownCase{500, ""}, UnknownCase{502, "<html>Bad Gateway</html>"},
        UnknownCase{503, R"({"error":{}})"}, UnknownCase{504, R"({"error":{"code":"x"}})"},
        UnknownCase{500, error_body(424242)}, UnknownCase{408, ""}, UnknownCase{499, ""},
        UnknownCase{500, R"({"messages":[{"id":"wamid.in.a.500"}]})"}, UnknownCase{400, error_body(1)},
        UnknownCase{503, error_body(2)}, UnknownCase{500, error_body(131000)},
        UnknownCase{500, error_body(131016)}, UnknownCase{200, error_body(131000)}, UnknownCase{0, ""},
        UnknownCase{101, ""}));

TEST(SendAnswer, UnknownStillNamesTheCode) {
  const SendAnswer a = answer(500, error_body(131000));
  EXPECT_EQ(a.error.code, 131000);
  ASSERT_NE(a.info, nullptr);
  EXPECT_EQ(a.info->name, "unknown_error");
}

struct FailedCase {
  int status;
  std::string body;
  std::string_view name;
};
class Failed : public testing::TestWithParam<FailedCase> {};

TEST_P(Failed, IsDefinitive) {
  const SendAnswer a = answer(GetParam().status, GetParam().body);
  ASSERT_EQ(a.kind, Kind::failed) << a.why;
  ASSERT_NE(a.info, nullptr);
  EXPECT_EQ(a.info->name, GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(
    Answers, Failed,
    testing::Values(FailedCase{400, error_body(131026), "undeliverable"},
                    FailedCase{500, error_body(131057), "number_in_maintenance"},
                    FailedCase{429, error_body(130429), "throughput_reached"},
                    FailedCase{400, error_body(130429), "throughput_reached"},
                    FailedCase{401, error_body(190), "token_expired"},
                    FailedCase{401, error_body(0), "token_invalid"},
                    FailedCase{200, error_body(131026), "undeliverable"},
                    FailedCase{400, error_body(424242), "unknown_code"},
                    FailedCase{429, "", "http_throttled"},
                    FailedCase{429, error_body(424242), "http_throttled"},
                    FailedCase{401, "x", "http_unauthorized"}, FailedCase{403, "", "http_forbidden"},
                    FailedCase{404, "<html>", "http_not_found"}, FailedCase{302, "", "http_redirect"},
                    FailedCase{400, "", "unknown_code"}, FailedCase{413, "", "unknown_code"}));

TEST(SendAnswer, ReadsAllOfTheErrorObject) {
  const SendAnswer a = answer(
      400, R"({"error":{"message":"m","type":"t","code":"131009","error_subcode":2494073,"is_transient":false,
      "error_data":{"details":"d"},"fbtrace_id":"AbC"}})");
  EXPECT_EQ(a.error.code, 131009);
  EXPECT_EQ(a.error.subcode, 2494073);
  EXPECT_EQ(a.error.http_status, 400);
  EXPECT_EQ(a.error.details, "d");
  EXPECT_EQ(a.error.trace_id, "AbC");
}

TEST(SendAnswer, RetryAfter) {
  const auto with = [](std::string value) {
    HttpHeaders headers;
    headers.set("Retry-After", std::move(value));
    return interpret_send_response(429, headers, "").retry_after;
  };
  EXPECT_EQ(with("7"), std::chrono::seconds(7));
  EXPECT_EQ(with("0"), std::chrono::seconds(0));
  EXPECT_EQ(with("99999999"), std::chrono::hours(24));
  for (const char* bad :
       {"", "-1", "1.5", "soon", "7 ", "99999999999999999999", "Wed, 21 Oct 2026 07:28:00 GMT"})
    EXPECT_EQ(with(bad), std::nullopt) << bad;
}

TEST(ParseGraphError, OnlyRealErrors) {
  EXPECT_EQ(parse_graph_error(400, error_body(33))->code, 33);
  EXPECT_FALSE(parse_graph_error(400, "{}"));
  EXPECT_FALSE(parse_graph_error(400, ""));
}

}  // namespace
}  // namespace posthorn::whatsapp
