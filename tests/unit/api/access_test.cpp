#include "api/access.h"

#include <gmock/gmock.h>

#include "unit/api/api_house.h"

namespace posthorn::api_testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class AccessTest : public ApiHouse {
 protected:
  HttpRequest with_key(const std::string& key) {
    HttpRequest request;
    request.headers.set("Authorization", "Bearer " + key);
    return request;
  }
  // A session as a browser gets it: link, token behind the #, cookie.
  std::string cookie_of(Role role, const std::string& made_by = {}) {
    const auto path = access->make_login_path(role, "/broadcasts/7", made_by);
    FakeExchange exchange("POST", "/login", R"({"token":")" + path.substr(path.find('#') + 1) + R"("})");
    exchange.json().header("Origin", "http://posthorn.test");
    send(exchange);
    EXPECT_EQ(exchange.status(), 200) << exchange.response->body;
    EXPECT_EQ(exchange.answer().at("next").as_string(), "/broadcasts/7");
    const auto set = std::string(exchange.response->headers.get("Set-Cookie"));
    EXPECT_THAT(set, HasSubstr("HttpOnly"));
    EXPECT_THAT(set, HasSubstr("SameSite=Strict"));
    return set.substr(0, set.find(';'));
  }
};

TEST_F(AccessTest, KeysAreRandomAndOnlyTheirHashIsStored) {
  const auto key = new_key(Role::agent);
  EXPECT_THAT(key, StartsWith("ph_"));
  EXPECT_EQ(key.size(), 46U);
  EXPECT_NE(key, new_key(Role::agent));
  auto read = [](Transaction& tx) -> Result<std::string> {
    PH_TRY_ASSIGN(auto rows, tx.query("SELECT hash FROM api_keys ORDER BY id LIMIT 1"));
    PH_TRY(rows.next());
    return std::string(rows.text(0));
  };
  const auto hash = run(database->read(read));
  EXPECT_EQ(*hash, token_hash(key));
  EXPECT_THAT(*hash, Not(HasSubstr(key.substr(3))));
}

TEST_F(AccessTest, AKeyGivesItsRoleUntilItIsRevoked) {
  const auto key = new_key(Role::marketer);
  const auto caller = access->authenticate(with_key(key), "198.51.100.1");
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->role, Role::marketer);
  ASSERT_TRUE(run(access->revoke_key("marketer1")));
  EXPECT_EQ(access->authenticate(with_key(key), "198.51.100.1").error().code, ErrorCode::unauthenticated);
}

TEST_F(AccessTest, KeysOutliveARestart) {
  const auto key = new_key(Role::viewer);
  Access again(*database, process.clock(), process.random(), null_log());
  EXPECT_FALSE(again.authenticate(with_key(key), "x"));
  ASSERT_TRUE(run(again.keys().load()));
  EXPECT_TRUE(again.authenticate(with_key(key), "x"));
}

TEST_F(AccessTest, WrongCredentialsAreRefused) {
  const auto key = new_key(Role::viewer);
  for (const auto& wrong :
       {std::string("ph_"), key + "x", key.substr(0, 45), std::string(46, 'a'), "PH_" + key.substr(3)})
    EXPECT_FALSE(access->authenticate(with_key(wrong), "x")) << wrong;
  HttpRequest basic;
  basic.headers.set("Authorization", "Basic " + key);
  EXPECT_FALSE(access->authenticate(basic, "y"));
  EXPECT_FALSE(access->authenticate(HttpRequest(), "y"));
}

TEST_F(AccessTest, GuessingIsSlowedDownForOneAddressOnly) {
  const auto key = new_key(Role::viewer);
  for (int i = 0; i < AuthLimiter::kFailures; ++i)
    EXPECT_FALSE(access->authenticate(with_key("ph_wrong"), "198.51.100.9"));
  EXPECT_EQ(access->authenticate(with_key(key), "198.51.100.9").error().code, ErrorCode::resource_exhausted);
  EXPECT_TRUE(access->authenticate(with_key(key), "198.51.100.10"));
  FakeExchange exchange("POST", "/api/actions/ping", "{}");
  exchange.peer = "198.51.100.9";
  EXPECT_EQ(send(exchange.key(key).json()).status(), 429);
  world.run_for(AuthLimiter::kForget * 2);
  EXPECT_TRUE(access->authenticate(with_key(key), "198.51.100.9"));
}

TEST_F(AccessTest, ALinkOpensOneSessionOnce) {
  const auto path = access->make_login_path(Role::viewer, "/", {});
  const auto token = path.substr(path.find('#') + 1);
  HttpRequest request;
  request.headers.set("Host", "h");
  request.headers.set("Sec-Fetch-Site", "same-origin");
  EXPECT_TRUE(run(access->log_in(request, token, "x")));
  EXPECT_EQ(run(access->log_in(request, token, "x")).error().code, ErrorCode::unauthenticated);
}

TEST_F(AccessTest, ALinkExpires) {
  const auto path = access->make_login_path(Role::viewer, "/", {});
  world.run_for(Sessions::kLinkLife + std::chrono::seconds(1));
  HttpRequest request;
  request.headers.set("Host", "h");
  request.headers.set("Sec-Fetch-Site", "same-origin");
  EXPECT_FALSE(run(access->log_in(request, path.substr(path.find('#') + 1), "x")));
}

TEST_F(AccessTest, LinksLeadNowhereElse) {
  for (const char* path : {"//evil.test", "https://evil.test", "/\\evil.test", "", "x", "/a\r\nb"})
    EXPECT_EQ(local_path(path), "/") << path;
  EXPECT_EQ(local_path("/broadcasts/7?a=b"), "/broadcasts/7?a=b");
}

TEST_F(AccessTest, ASessionMayActFromItsOwnPageOnly) {
  const auto cookie = cookie_of(Role::marketer);
  struct Case {
    const char* header;
    const char* value;
    int status;
  };
  for (const auto& [header, value, status] :
       {Case{"Sec-Fetch-Site", "same-origin", 200}, Case{"Sec-Fetch-Site", "cross-site", 403},
        Case{"Sec-Fetch-Site", "same-site", 403}, Case{"Sec-Fetch-Site", "none", 403},
        Case{"Origin", "http://posthorn.test", 200}, Case{"Origin", "https://posthorn.test", 200},
        Case{"Origin", "http://evil.test", 403}, Case{"Origin", "null", 403}, Case{"X-Nothing", "", 403}}) {
    FakeExchange exchange("POST", "/api/actions/ping", "{}");
    exchange.json().header("Cookie", cookie).header(header, value);
    EXPECT_EQ(send(exchange).status(), status) << header << ": " << value;
  }
}

TEST_F(AccessTest, ASessionPostWithoutJsonIsRefused) {
  FakeExchange exchange("POST", "/api/actions/ping", "{}");
  exchange.header("Cookie", cookie_of(Role::admin))
      .header("Sec-Fetch-Site", "same-origin")
      .header("Content-Type", "text/plain");
  EXPECT_EQ(send(exchange).status(), 415);
}

TEST_F(AccessTest, SessionsEndByIdlenessAndByAge) {
  const auto cookie = cookie_of(Role::viewer);
  HttpRequest request;
  request.headers.set("Cookie", "other=1; " + cookie);
  for (int i = 0; i < 11; ++i) {
    world.run_for(std::chrono::hours(1));
    EXPECT_TRUE(access->authenticate(request, "x")) << i;
  }
  world.run_for(std::chrono::hours(1) + std::chrono::seconds(1));
  EXPECT_FALSE(access->authenticate(request, "x"));

  const auto idle = cookie_of(Role::viewer);
  request.headers.set("Cookie", idle);
  world.run_for(Sessions::kIdle + std::chrono::seconds(1));
  EXPECT_FALSE(access->authenticate(request, "x"));
}

TEST_F(AccessTest, LoggingOutEndsTheSession) {
  const auto cookie = cookie_of(Role::viewer);
  FakeExchange out("POST", "/logout");
  out.header("Cookie", cookie).header("Sec-Fetch-Site", "same-origin");
  EXPECT_EQ(send(out).status(), 200);
  EXPECT_THAT(std::string(out.response->headers.get("Set-Cookie")), HasSubstr("Max-Age=0"));
  HttpRequest request;
  request.headers.set("Cookie", cookie);
  EXPECT_FALSE(access->authenticate(request, "x"));
}

class SessionsTest : public AccessTest {
 protected:
  static HttpRequest with_cookie(const std::string& cookie) {
    HttpRequest request;
    request.headers.set("Cookie", cookie);
    return request;
  }
  bool signed_in(const std::string& cookie) {
    return access->authenticate(with_cookie(cookie), "x").has_value();
  }
  // The server once more, over the same database.
  void restart() {
    access = std::make_unique<Access>(*database, process.clock(), process.random(), null_log());
    ASSERT_TRUE(run(access->load()));
    services.keys = access.get();
    make_api();
  }
  std::int64_t rows() {
    auto count = [](Transaction& tx) -> Result<std::int64_t> {
      PH_TRY_ASSIGN(auto found, tx.query("SELECT count(*) FROM web_sessions"));
      PH_TRY(found.next());
      return found.integer(0);
    };
    return run(database->read(count)).value();
  }
};

TEST_F(SessionsTest, OutliveARestartAndKeepWhoTheyAre) {
  const auto cookie = cookie_of(Role::marketer);
  const auto before = access->authenticate(with_cookie(cookie), "x");
  restart();
  const auto after = access->authenticate(with_cookie(cookie), "x");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->actor, before->actor);
  EXPECT_EQ(after->role, Role::marketer);
}

TEST_F(SessionsTest, OnlyTheHashIsStored) {
  const auto cookie = cookie_of(Role::viewer);
  const auto token = cookie.substr(cookie.find('=') + 1);
  auto read = [](Transaction& tx) -> Result<std::string> {
    PH_TRY_ASSIGN(auto found, tx.query("SELECT hash || actor || role || made_by FROM web_sessions"));
    PH_TRY(found.next());
    return std::string(found.text(0));
  };
  const auto stored = run(database->read(read)).value();
  EXPECT_THAT(stored, StartsWith(token_hash(token)));
  EXPECT_THAT(stored, Not(HasSubstr(token)));
}

TEST_F(SessionsTest, ARestartIsNoWayAroundTheEnd) {
  const auto cookie = cookie_of(Role::viewer);
  for (int i = 0; i < 11; ++i) {
    world.run_for(std::chrono::hours(1));
    EXPECT_TRUE(signed_in(cookie)) << i;
    ASSERT_TRUE(run(access->save_last_used()));
    restart();
  }
  world.run_for(std::chrono::hours(1) + std::chrono::seconds(1));
  restart();
  EXPECT_FALSE(signed_in(cookie)) << "twelve hours";
  const auto idle = cookie_of(Role::viewer);
  world.run_for(Sessions::kIdle + std::chrono::seconds(1));
  restart();
  EXPECT_FALSE(signed_in(idle));
  ASSERT_TRUE(run(access->save_last_used()));
  EXPECT_EQ(rows(), 0) << "what has expired is deleted";
}

TEST_F(SessionsTest, SigningOutHoldsAfterARestart) {
  const auto cookie = cookie_of(Role::viewer), other = cookie_of(Role::viewer);
  FakeExchange out("POST", "/logout");
  out.header("Cookie", cookie).header("Sec-Fetch-Site", "same-origin");
  EXPECT_EQ(send(out).status(), 200);
  restart();
  EXPECT_FALSE(signed_in(cookie));
  EXPECT_TRUE(signed_in(other));
}

TEST_F(SessionsTest, EndWithTheKeyThatMadeTheirLink) {
  const auto admin = new_key(Role::admin);
  const auto link = [&](const std::string& key) {
    const auto path =
        std::string(call(key, "create_login_link", R"({"role":"admin"})").answer().at("path").as_string());
    return path.substr(path.find('#') + 1);
  };
  new_key(Role::viewer);
  const auto mine = cookie_of(Role::admin, "key:admin1"), theirs = cookie_of(Role::viewer, "key:viewer2"),
             first = cookie_of(Role::admin);
  // A link that a session makes leads back to the same key.
  const auto grandchild = cookie_of(Role::viewer, access->authenticate(with_cookie(mine), "x")->actor);
  const auto unused = link(admin);
  restart();
  ASSERT_TRUE(run(access->revoke_key("admin1")));
  EXPECT_FALSE(signed_in(mine));
  EXPECT_FALSE(signed_in(grandchild));
  EXPECT_TRUE(signed_in(theirs));
  EXPECT_TRUE(signed_in(first));
  restart();
  EXPECT_FALSE(signed_in(mine));
  EXPECT_TRUE(signed_in(theirs));
  EXPECT_EQ(rows(), 2);
  HttpRequest request;
  request.headers.set("Host", "h");
  request.headers.set("Sec-Fetch-Site", "same-origin");
  EXPECT_FALSE(run(access->log_in(request, unused, "x")));
}

TEST_F(SessionsTest, ALinkOfARevokedKeyOpensNothing) {
  new_key(Role::admin);
  const auto path = access->make_login_path(Role::admin, "/", "key:admin1");
  ASSERT_TRUE(run(access->revoke_key("admin1")));
  HttpRequest request;
  request.headers.set("Host", "h");
  request.headers.set("Sec-Fetch-Site", "same-origin");
  EXPECT_FALSE(run(access->log_in(request, path.substr(path.find('#') + 1), "x")));
}

TEST(AuthLimiterTest, RemembersABoundedNumberOfAddresses) {
  AuthLimiter limiter;
  const MonotonicTime start{};
  for (int i = 0; i < AuthLimiter::kFailures; ++i) limiter.failed("first", start);
  EXPECT_FALSE(limiter.allows("first", start));
  for (std::size_t i = 0; i < AuthLimiter::kMaxAddresses; ++i)
    limiter.failed(std::to_string(i), start + std::chrono::seconds(1));
  EXPECT_TRUE(limiter.allows("first", start)) << "the oldest goes first";
}

}  // namespace
}  // namespace posthorn::api_testing
