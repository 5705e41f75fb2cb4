// Routes: order of checks, forms of errors, webhooks, streams.
#include <gmock/gmock.h>

#include "actions/describe.h"
#include "api/page_routes.h"
#include "messaging/idempotency.h"
#include "platform/crypto.h"
#include "unit/api/api_house.h"

namespace posthorn::api_testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

using Routes = ApiHouse;

std::string signature(std::string_view secret, std::string_view body) {
  HmacSha256 mac{Secret(std::string(secret))};
  return "sha256=" + to_hex(mac(body));
}

TEST(MatchPath, FillsPlaceholders) {
  EXPECT_EQ((*match_path("/a/{id}/b", "/a/7/b"))["id"], "7");
  EXPECT_EQ((*match_path("/{x}", "/a%20b"))["x"], "a b");
  for (const char* path : {"/a/7", "/a//b", "/a/7/b/c", "/A/7/b", ""})
    EXPECT_FALSE(match_path("/a/{id}/b", path)) << path;
  EXPECT_TRUE(match_path("/", "/"));
}

TEST_F(Routes, UnknownPathsAndMethodsSaySo) {
  FakeExchange nothing("GET", "/nothing");
  EXPECT_EQ(send(nothing).status(), 404);
  FakeExchange wrong("GET", "/api/actions/ping");
  EXPECT_EQ(send(wrong).status(), 405);
  EXPECT_EQ(wrong.response->headers.get("Allow"), "POST");
}

TEST_F(Routes, NothingIsReadBeforeTheCallerIsKnown) {
  for (const char* path : {"/api/actions/ping", "/api", "/api/uploads?name=x.csv"}) {
    FakeExchange exchange("POST", path, "{not json");
    exchange.json();
    EXPECT_EQ(send(exchange).status(), 401) << path;
    EXPECT_FALSE(exchange.body_was_read) << path;
    EXPECT_EQ(exchange.error_code(), "unauthenticated");
  }
}

TEST_F(Routes, ErrorsHaveOneForm) {
  const auto key = new_key(Role::admin);
  EXPECT_EQ(call(key, "pimg", "{}").status(), 404);
  EXPECT_EQ(call(key, "get_broadcast", R"({"id":"seven"})").error_field(), "id");
  EXPECT_EQ(call(key, "get_broadcast", R"({"id":8})").status(), 404);
  EXPECT_EQ(call(key, "get_broadcast", "[1]").status(), 400);
  EXPECT_EQ(call(key, "get_broadcast", "{").status(), 400);
  EXPECT_EQ(call(key, "get_broadcast", std::string(kMaxActionBody + 1, ' ')).status(), 413);
  EXPECT_EQ(call(key, "get_broadcast", R"({"id":7})").status(), 200);
}

TEST_F(Routes, TheEnvelopeFormGivesStatusAndOperation) {
  FakeExchange exchange("POST", "/api", R"({"action":"ping"})");
  exchange.key(new_key(Role::viewer)).json();
  ASSERT_EQ(send(exchange).status(), 200);
  EXPECT_EQ(exchange.answer().at("operation").as_string(), "ping");
  EXPECT_EQ(exchange.answer().at("statusCode"), json::value(200));
  for (const char* body : {"{}", R"({"action":7})", "[]"}) {
    FakeExchange bad("POST", "/api", body);
    bad.key(new_key(Role::viewer)).json();
    EXPECT_EQ(send(bad).status(), 400) << body;
    EXPECT_EQ(bad.error_field(), "action");
  }
}

TEST_F(Routes, IdempotencyKeysGiveOneEffect) {
  const auto key = new_key(Role::marketer);
  const auto first = call(key, "start_broadcast", R"({"id":7})", "k1");
  const auto second = call(key, "start_broadcast", R"({"id":7})", "k1");
  EXPECT_EQ(first.status(), 200);
  EXPECT_EQ(second.response->body, first.response->body);
  EXPECT_EQ(campaigns.starts, 1);
  const auto other_body = call(key, "start_broadcast", R"({"id":7,"acknowledge_warnings":true})", "k1");
  EXPECT_EQ(other_body.status(), 422);
  EXPECT_EQ(call(key, "start_broadcast", R"({"id":7})", "k2").status(), 200);
  EXPECT_EQ(campaigns.starts, 2);
  EXPECT_EQ(call(new_key(Role::marketer), "start_broadcast", R"({"id":7})", "k1").status(), 200)
      << "another caller's keys are his own";
  EXPECT_EQ(campaigns.starts, 3);
  EXPECT_EQ(call(key, "start_broadcast", R"({"id":7})", "with space").status(), 422);
}

TEST_F(Routes, ACallThatTheServerDidNotSurviveIsNotCarriedOutTwice) {
  const auto key = new_key(Role::marketer);
  auto reserve = [now = process.clock().wall_now()](Transaction& tx) {
    return idempotency::reserve(tx, idempotency::scoped_key("key:marketer1", "start_broadcast", "k1"),
                                idempotency::body_hash(R"({"id":7,"acknowledge_warnings":false})"), now);
  };
  ASSERT_TRUE(run(database->write(reserve)));
  auto again = call(key, "start_broadcast", R"({"id":7})", "k1");
  EXPECT_EQ(again.status(), 409);
  EXPECT_EQ(again.error_field(), "Idempotency-Key");
  EXPECT_THAT(again.response->body, HasSubstr("look whether it took effect"));
  EXPECT_EQ(campaigns.starts, 0);
}

TEST_F(Routes, TheKeyIsOnDiskBeforeTheEffect) {
  const auto key = new_key(Role::marketer);
  auto count = [](Transaction& tx) -> Result<std::int64_t> {
    PH_TRY_ASSIGN(auto rows, tx.query("SELECT count(*) FROM idempotency WHERE status = 0"));
    PH_TRY(rows.next());
    return rows.integer(0);
  };
  std::int64_t reserved = -1;
  campaigns.before_start = [&]() -> Task<> {
    const auto seen = co_await database->read(count);
    reserved = seen.value_or(-2);
  };
  EXPECT_EQ(call(key, "start_broadcast", R"({"id":7})", "k1").status(), 200);
  EXPECT_EQ(reserved, 1);
  EXPECT_EQ(run(database->read(count)).value(), 0) << "the answer took the reservation's place";
}

TEST_F(Routes, AFailedCallLeavesItsKeyFree) {
  const auto key = new_key(Role::marketer);
  EXPECT_EQ(call(key, "start_broadcast", R"({"id":8})", "k1").status(), 404);
  campaigns.seven.id = CampaignId{8};
  EXPECT_EQ(call(key, "start_broadcast", R"({"id":8})", "k1").status(), 200);
  EXPECT_EQ(call(key, "start_broadcast", R"({"id":8})", "k1").status(), 200);
  EXPECT_EQ(campaigns.starts, 2);
}

TEST_F(Routes, SecretsInAnswersAreNotKept) {
  const auto key = new_key(Role::admin);
  EXPECT_EQ(call(key, "create_key", R"({"name":"shop"})", "k1").status(), 422);
  EXPECT_EQ(call(key, "create_key", R"({"name":"shop"})").status(), 200);
}

TEST_F(Routes, WhatChangesThingsIsAudited) {
  const auto key = new_key(Role::admin);
  ASSERT_EQ(call(key, "pause_broadcast", R"({"id":7,"reason":"lunch"})").status(), 200);
  ASSERT_EQ(call(key, "pause_broadcast", R"({"id":8})").status(), 404);
  ASSERT_EQ(call(key, "get_broadcast", R"({"id":7})").status(), 200);
  const auto entries = call(key, "list_audit", "{}").answer().at("entries").as_array();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_THAT(std::string(entries[1].at("detail").as_string()), HasSubstr("lunch"));
  EXPECT_THAT(std::string(entries[0].at("detail").as_string()), HasSubstr("not_found"));
  EXPECT_EQ(entries[1].at("subject").as_string(), "broadcasts:7");
  EXPECT_EQ(entries[1].at("actor").as_string(), "key:admin1");
}

// --- webhooks ---

TEST_F(Routes, TheChallengeIsAnsweredForTheRightTokenOnly) {
  FakeExchange right("GET",
                     "/webhooks/whatsapp?hub.mode=subscribe&hub.verify_token=verify%20me&hub.challenge=4711");
  EXPECT_EQ(send(right).status(), 200);
  EXPECT_EQ(right.response->body, "4711");
  FakeExchange wrong("GET",
                     "/webhooks/whatsapp?hub.mode=subscribe&hub.verify_token=guess&hub.challenge=4711");
  EXPECT_EQ(send(wrong).status(), 403);
  EXPECT_THAT(wrong.response->body, Not(HasSubstr("4711")));
}

TEST_F(Routes, AWebhookIsBelievedByItsSignatureAndSavedVerbatim) {
  const std::string body = "{\"object\": \"whatsapp_business_account\" }";
  for (const char* secret : {"new secret", "old secret"}) {
    FakeExchange exchange("POST", "/webhooks/whatsapp", body);
    exchange.header("X-Hub-Signature-256", signature(secret, body));
    EXPECT_EQ(send(exchange).status(), 200) << secret;
  }
  ASSERT_EQ(accepted.size(), 2U);
  EXPECT_EQ(accepted[0], body);
}

TEST_F(Routes, ForgedWebhooksReachNobody) {
  const std::string body = "not even json";
  for (const auto& header : {std::string(), signature("wrong", body), signature("new secret", body + " "),
                             std::string("sha256="), signature("new secret", body).substr(7)}) {
    FakeExchange exchange("POST", "/webhooks/whatsapp", body);
    if (!header.empty()) exchange.header("X-Hub-Signature-256", header);
    EXPECT_EQ(send(exchange).status(), 403) << header;
  }
  EXPECT_THAT(accepted, IsEmpty());
}

TEST_F(Routes, SizeIsCheckedBeforeTheSignature) {
  const std::string body(whatsapp::kMaxWebhookBody + 1, 'x');
  FakeExchange exchange("POST", "/webhooks/whatsapp", body);
  exchange.header("X-Hub-Signature-256", "sha256=00");
  EXPECT_EQ(send(exchange).status(), 413);
}

TEST_F(Routes, WhatCannotBeSavedIsNotAcknowledged) {
  store = fail(ErrorCode::resource_exhausted, "disk full");
  FakeExchange exchange("POST", "/webhooks/whatsapp", "{}");
  exchange.header("X-Hub-Signature-256", signature("new secret", "{}"));
  EXPECT_EQ(send(exchange).status(), 503);
  EXPECT_EQ(exchange.response->headers.get("Retry-After"), "5");
}

// --- health and documents ---

TEST_F(Routes, HealthAndReadiness) {
  FakeExchange health("GET", "/healthz"), ready_now("GET", "/readyz");
  EXPECT_EQ(send(health).status(), 200);
  EXPECT_EQ(send(ready_now).status(), 200);
  ready = fail(ErrorCode::unavailable, "starting");
  FakeExchange starting("GET", "/readyz");
  EXPECT_EQ(send(starting).status(), 503);
  EXPECT_EQ(starting.response->body, "starting\n");
}

TEST_F(Routes, MetricsAreOpenToThisMachineOnly) {
  FakeExchange far("GET", "/metrics"), near("GET", "/metrics"), proxied("GET", "/metrics");
  near.peer = proxied.peer = "127.0.0.1";
  proxied.header("X-Forwarded-For", "203.0.113.5");
  EXPECT_EQ(send(far).status(), 401);
  EXPECT_EQ(send(near).status(), 200);
  EXPECT_EQ(send(proxied).status(), 401);
  EXPECT_THAT(near.response->body, HasSubstr("posthorn_webhooks_total"));
}

TEST_F(Routes, ThePageHasAStrictPolicyAndNothingInline) {
  for (const auto& file : page_files()) {
    const auto path = file.path == "/broadcasts/{id}" ? std::string("/broadcasts/7") : std::string(file.path);
    FakeExchange exchange("GET", path);
    ASSERT_EQ(send(exchange).status(), 200) << path;
    const auto policy = std::string(exchange.response->headers.get("Content-Security-Policy"));
    EXPECT_THAT(policy, StartsWith("default-src 'none'"));
    EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
    EXPECT_EQ(exchange.response->headers.get("X-Content-Type-Options"), "nosniff");
    if (!file.content_type.starts_with("text/html")) continue;
    for (const char* inline_code : {"<script>", "onclick", "onload", "style=", "<style", "javascript:"})
      EXPECT_THAT(exchange.response->body, Not(HasSubstr(inline_code))) << path;
  }
}

// --- streams ---

TEST_F(Routes, ReportsStreamAndErrorsComeBeforeTheHead) {
  const auto key = new_key(Role::viewer);
  FakeExchange report("GET", "/api/broadcasts/7/report.csv");
  EXPECT_EQ(send(report.key(key)).status(), 200);
  EXPECT_EQ(report.response->body, "row,phone\r\n1,491701234567\r\n");
  EXPECT_THAT(std::string(report.response->headers.get("Content-Disposition")),
              HasSubstr("broadcast-7-report.csv"));
  for (const char* path :
       {"/api/broadcasts/8/report.csv", "/api/broadcasts/x/report.csv", "/api/broadcasts/-7/report.csv"}) {
    FakeExchange missing("GET", path);
    EXPECT_EQ(send(missing.key(key)).status(), 404) << path;
    EXPECT_EQ(missing.error_code(), "not_found");
  }
  FakeExchange empty("GET", "/api/broadcasts/7/problems.csv");
  EXPECT_EQ(send(empty.key(key)).status(), 200);
}

TEST_F(Routes, EventsComeAtMostTwiceASecondAndEndWithTheReader) {
  FakeExchange exchange("GET", "/api/broadcasts/7/events");
  exchange.key(new_key(Role::viewer)).chunks_until_gone = 3;
  const auto begun = world.now();
  send(exchange);
  EXPECT_THAT(exchange.response->body, StartsWith("event: broadcast\ndata: {"));
  EXPECT_THAT(exchange.response->body, HasSubstr(": still here"))
      << "nothing changed, so only heartbeats follow";
  EXPECT_GE(world.now() - begun, std::chrono::seconds(30));
}

TEST_F(Routes, UploadsStreamIntoABlob) {
  const std::string csv = "name,phone\n" + std::string(300'000, 'x');
  FakeExchange exchange("POST", "/api/uploads?name=..%2F..%2Fetc%2Fautumn.csv", csv);
  exchange.piece = 1 << 20;
  ASSERT_EQ(send(exchange.key(new_key(Role::marketer))).status(), 201) << exchange.response->body;
  EXPECT_LE(exchange.largest_piece, 64U * 1024);
  const auto answer = exchange.answer();
  EXPECT_EQ(answer.at("file_name").as_string(), "autumn.csv");
  EXPECT_EQ(answer.at("size"), json::value(csv.size()));
  const auto stored = run(blobs->get(std::string(answer.at("sha256").as_string()), 1'000'000));
  EXPECT_EQ(*stored, csv);
}

TEST_F(Routes, BadUploadsLeaveNothingBehind) {
  const auto key = new_key(Role::marketer);
  const auto before = files.used_bytes();
  FakeExchange empty("POST", "/api/uploads?name=a.csv"),
      large("POST", "/api/uploads?name=a.csv", std::string(5'000'001, 'x')),
      packed("POST", "/api/uploads?name=a.csv", "x"),
      broken("POST", "/api/uploads?name=a.csv", std::string(100'000, 'x'));
  large.piece = 1 << 20;
  broken.break_off_at = 50'000;
  EXPECT_EQ(send(empty.key(key)).status(), 400);
  EXPECT_EQ(send(large.key(key)).status(), 413);
  EXPECT_EQ(send(packed.key(key).header("Content-Encoding", "gzip")).status(), 400);
  EXPECT_EQ(send(broken.key(key)).status(), 503);
  EXPECT_EQ(files.used_bytes(), before);
  FakeExchange viewer("POST", "/api/uploads?name=a.csv", "x");
  EXPECT_EQ(send(viewer.key(new_key(Role::viewer))).status(), 403);
  EXPECT_FALSE(viewer.body_was_read);
}

TEST_F(Routes, AFullDiskIsSaidAndNothingIsKept) {
  files.set_capacity(files.used_bytes() + 10'000);
  FakeExchange exchange("POST", "/api/uploads?name=a.csv", std::string(50'000, 'x'));
  EXPECT_EQ(send(exchange.key(new_key(Role::marketer))).status(), 503);
  EXPECT_EQ(exchange.error_code(), "resource_exhausted");
}

TEST_F(Routes, FormsUploadTheirFile) {
  const std::string form =
      "--B\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"list.csv\"\r\nContent-Type: "
      "text/csv\r\n\r\na,b\r\n--not the end\r\n\r\n--B--\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    FakeExchange exchange("POST", "/api/uploads", form);
    exchange.piece = piece;
    exchange.key(new_key(Role::marketer)).header("Content-Type", "multipart/form-data; boundary=B");
    ASSERT_EQ(send(exchange).status(), 201) << exchange.response->body;
    EXPECT_EQ(exchange.answer().at("file_name").as_string(), "list.csv");
    const auto stored = run(blobs->get(std::string(exchange.answer().at("sha256").as_string()), 1000));
    EXPECT_EQ(*stored, "a,b\r\n--not the end\r\n");
  }
}

TEST_F(Routes, BrokenFormsAreRefused) {
  const auto key = new_key(Role::marketer);
  for (const char* form :
       {"", "no boundary at all",
        "--B\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--B--\r\n",
        "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.csv\"\r\n\r\nabc"}) {
    FakeExchange exchange("POST", "/api/uploads", form);
    exchange.key(key).header("Content-Type", "multipart/form-data; boundary=\"B\"");
    EXPECT_EQ(send(exchange).status(), 400) << form;
  }
  FakeExchange nameless("POST", "/api/uploads", "x");
  EXPECT_EQ(send(nameless.key(key).header("Content-Type", "multipart/form-data")).status(), 400);
}

}  // namespace
}  // namespace posthorn::api_testing
