// Fetching from URLs that strangers chose, against scripted servers in a simulated network.
#include "platform/safe_fetch.h"

#include <gmock/gmock.h>

#include "platform/simulated/process.h"
#include "platform/simulated/wire.h"
#include "unit/platform/http_raw.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using simulated::Process;
using simulated::World;
using testing::HasSubstr;
using testing::Not;
using Outcome = std::expected<Fetched, FetchFailure>;

// Answers every request with the same bytes, then, if told to, goes on for ever.
struct Server {
  Server(World& world, std::string name) : process(world, std::move(name)) {
    listener = *process.network().listen("0.0.0.0", 443);
    process.spawn(accept(*this));
  }
  static Task<> accept(Server& s) {
    for (;;) {
      auto stream = co_await s.listener->accept();
      if (!stream) co_return;
      ++s.connections;
      s.process.spawn(answer(s, std::move(*stream)));
    }
  }
  static Task<> answer(Server& s, std::unique_ptr<Stream> stream) {
    std::vector<char> buffer(4096);
    std::string request;
    while (!request.contains("\r\n\r\n")) {
      const auto n = co_await stream->read_some(buffer);
      if (!n || *n == 0) co_return;
      request.append(buffer.data(), *n);
    }
    s.requests.push_back(request);
    if (s.silent) co_await s.process.clock().sleep_for(1h);
    if (!co_await test::write_everything(*stream, s.reply)) co_return;
    while (!s.endless.empty()) {
      if (s.drip > Duration(0)) co_await s.process.clock().sleep_for(s.drip);
      if (!co_await test::write_everything(*stream, s.endless)) co_return;
    }
  }

  Process process;
  std::unique_ptr<Listener> listener;
  std::string reply = "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 5\r\n\r\nhello";
  std::string endless;
  Duration drip{};
  bool silent = false;
  int connections = 0;
  std::vector<std::string> requests;
};

std::string redirect_to(std::string_view url) {
  return "HTTP/1.1 302 Found\r\nLocation: " + std::string(url) + "\r\nContent-Length: 0\r\n\r\n";
}

class SafeFetchTest : public testing::Test {
 protected:
  static Task<> call(SafeFetchTest& t, FetchRequest request, std::optional<Outcome>& out) {
    FetchSink sink = [&t](std::string piece) { return take(t, std::move(piece)); };
    out = co_await t.fetch_->get(std::move(request), std::move(sink));
  }
  static Task<Result<>> take(SafeFetchTest& t, std::string piece) {
    t.body_ += piece;
    if (t.sink_breaks_) co_return fail(ErrorCode::resource_exhausted, "disk full");
    co_return Result<>();
  }
  Outcome get(FetchRequest request) {
    body_.clear();
    std::optional<Outcome> out;
    client_.spawn(call(*this, std::move(request), out));
    EXPECT_TRUE(world_.run_until([&] { return out.has_value(); }, 1h));
    return out ? std::move(*out) : Outcome(std::unexpected(FetchFailure{}));
  }
  Outcome get(std::string url) {
    FetchRequest request;
    request.url = std::move(url);
    return get(std::move(request));
  }
  void policy(AddressPolicy policy) {
    fetch_ = std::make_unique<SafeFetch>(client_.network(), client_.clock(), client_.executor(),
                                         std::move(policy));
  }

  World world_{11};
  Server cdn_{world_, "cdn.example"};
  Server inner_{world_, "inner"};
  Process client_{world_, "client"};
  std::unique_ptr<SafeFetch> fetch_ =
      std::make_unique<SafeFetch>(client_.network(), client_.clock(), client_.executor(), AddressPolicy{});
  std::string body_;
  bool sink_breaks_ = false;
};

TEST_F(SafeFetchTest, BringsTheBodyAndWhatTheServerSaysOfIt) {
  const auto got = get("https://cdn.example/a?b=c");
  ASSERT_TRUE(got) << got.error().error.message;
  EXPECT_EQ(body_, "hello");
  EXPECT_EQ(got->size, 5U);
  EXPECT_EQ(got->content_type, "image/jpeg");
  ASSERT_EQ(cdn_.requests.size(), 1U);
  EXPECT_THAT(cdn_.requests[0], HasSubstr("GET /a?b=c HTTP/1.1\r\nHost: cdn.example\r\n"));
  EXPECT_THAT(cdn_.requests[0], HasSubstr("Accept-Encoding: identity\r\n"));
  EXPECT_THAT(cdn_.requests[0], Not(HasSubstr("Authorization")));
}

TEST_F(SafeFetchTest, TakesChunkedBodiesAndThoseThatEndWithTheConnection) {
  cdn_.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  ASSERT_TRUE(get("https://cdn.example/"));
  EXPECT_EQ(body_, "abcde");
  cdn_.reply = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nrest";
  ASSERT_TRUE(get("https://cdn.example/"));
  EXPECT_EQ(body_, "rest");
}

struct Refused {
  std::string url;
  FetchProblem problem;
};
class RefusedUrl : public SafeFetchTest, public testing::WithParamInterface<Refused> {};
TEST_P(RefusedUrl, ConnectsNowhere) {
  for (const char* name : {"127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "10.0.0.5", "::1"})
    world_.wire().add_name(name, "inner");
  const auto got = get(GetParam().url);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().problem, GetParam().problem) << got.error().error.message;
  EXPECT_EQ(inner_.connections, 0);
  EXPECT_EQ(cdn_.connections, 0);
}
INSTANTIATE_TEST_SUITE_P(
    Table, RefusedUrl,
    testing::Values(Refused{"http://cdn.example/", FetchProblem::forbidden},
                    Refused{"https://cdn.example:8443/", FetchProblem::forbidden},
                    Refused{"https://127.0.0.1/", FetchProblem::forbidden},
                    Refused{"https://127.1/", FetchProblem::forbidden},
                    Refused{"https://2130706433/", FetchProblem::forbidden},
                    Refused{"https://0x7f000001/", FetchProblem::forbidden},
                    Refused{"https://0177.0.0.1/", FetchProblem::forbidden},
                    Refused{"https://0/", FetchProblem::forbidden},
                    Refused{"https://[::1]/", FetchProblem::forbidden},
                    Refused{"https://[::ffff:10.0.0.5]/", FetchProblem::forbidden},
                    Refused{"https://[64:ff9b::a00:5]/", FetchProblem::forbidden},
                    Refused{"https://[fd00:ec2::254]/", FetchProblem::forbidden},
                    Refused{"https://169.254.169.254/latest/meta-data/", FetchProblem::forbidden},
                    Refused{"https://168.63.129.16/", FetchProblem::forbidden},
                    Refused{"https://10.0.0.5/", FetchProblem::forbidden},
                    Refused{"https://localhost/", FetchProblem::forbidden},
                    Refused{"https://user:word@cdn.example/", FetchProblem::bad_url},
                    Refused{"https://cdn.example\t/", FetchProblem::bad_url},
                    Refused{"https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", FetchProblem::bad_url},
                    Refused{"file:///etc/passwd", FetchProblem::bad_url},
                    Refused{"ftp://cdn.example/", FetchProblem::bad_url}, Refused{"", FetchProblem::bad_url},
                    Refused{"https://nobody.example/", FetchProblem::unreachable}));

TEST_F(SafeFetchTest, OneLookUpOnly_ANameThatChangesItsAnswerGainsNothing) {
  world_.wire().add_name("93.184.216.34", "cdn.example");
  world_.wire().add_name("10.0.0.5", "inner");
  world_.wire().plan_lookup("rebinding.example", {"93.184.216.34"});
  world_.wire().plan_lookup("rebinding.example", {"10.0.0.5"});
  ASSERT_TRUE(get("https://rebinding.example/"));
  EXPECT_EQ(cdn_.connections, 1);
  const auto second = get("https://rebinding.example/");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().problem, FetchProblem::forbidden);
  EXPECT_THAT(second.error().error.message, HasSubstr("10.0.0.5"));
  EXPECT_EQ(inner_.connections, 0);
}

TEST_F(SafeFetchTest, OnePrivateAddressAmongPublicOnesIsEnoughToRefuse) {
  world_.wire().plan_lookup("mixed.example", {"93.184.216.34", "192.168.1.1"});
  const auto got = get("https://mixed.example/");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().problem, FetchProblem::forbidden);
}

class RefusedRedirect : public SafeFetchTest, public testing::WithParamInterface<std::string> {};
TEST_P(RefusedRedirect, IsCheckedLikeTheFirstUrl) {
  world_.wire().add_name("169.254.169.254", "inner");
  cdn_.reply = redirect_to(GetParam());
  const auto got = get("https://cdn.example/");
  ASSERT_FALSE(got);
  EXPECT_TRUE(got.error().problem == FetchProblem::forbidden || got.error().problem == FetchProblem::bad_url);
  EXPECT_EQ(inner_.connections, 0);
}
INSTANTIATE_TEST_SUITE_P(Table, RefusedRedirect,
                         testing::Values("https://169.254.169.254/latest/meta-data/", "http://cdn.example/",
                                         "//169.254.169.254/", "https://[::ffff:169.254.169.254]/",
                                         "https://cdn.example:22/", "gopher://cdn.example/",
                                         "https://cdn.example@169.254.169.254/"));

TEST_F(SafeFetchTest, FollowsThreeRedirectsAndNotAFourth) {
  Server end(world_, "end.example");
  cdn_.reply = redirect_to("/next");
  const auto loop = get("https://cdn.example/");
  ASSERT_FALSE(loop);
  EXPECT_EQ(loop.error().problem, FetchProblem::broken);
  EXPECT_EQ(cdn_.requests.size(), 4U);
  cdn_.reply = redirect_to("https://end.example/x");
  const auto got = get("https://cdn.example/");
  ASSERT_TRUE(got) << got.error().error.message;
  EXPECT_EQ(got->origin, "https://end.example:443");
}

TEST_F(SafeFetchTest, CredentialsGoToTheNamedOriginOnlyAndNeverAlongARedirect) {
  Server other(world_, "other.example");
  FetchRequest request;
  request.url = "https://cdn.example/";
  request.authorization = Secret("Bearer token");
  ASSERT_TRUE(get(request));
  EXPECT_THAT(cdn_.requests.back(), Not(HasSubstr("token")));
  request.credential_origins = {"https://cdn.example:443", "https://other.example:443"};
  ASSERT_TRUE(get(request));
  EXPECT_THAT(cdn_.requests.back(), HasSubstr("Authorization: Bearer token\r\n"));
  cdn_.reply = redirect_to("https://other.example/");
  ASSERT_TRUE(get(request));
  EXPECT_THAT(other.requests.back(), Not(HasSubstr("token")));
}

TEST_F(SafeFetchTest, CredentialsDoNotComeBackAfterADetour) {
  Server other(world_, "other.example");
  other.reply = redirect_to("https://cdn.example/again");
  cdn_.reply = redirect_to("https://other.example/");
  FetchRequest request;
  request.url = "https://cdn.example/";
  request.authorization = Secret("Bearer token");
  request.credential_origins = {"https://cdn.example:443"};
  ASSERT_FALSE(get(request));
  ASSERT_GE(cdn_.requests.size(), 2U);
  EXPECT_THAT(cdn_.requests[0], HasSubstr("token"));
  EXPECT_THAT(cdn_.requests[1], Not(HasSubstr("token")));
}

TEST_F(SafeFetchTest, AnEndlessBodyIsCutAtTheLimit) {
  cdn_.reply = "HTTP/1.1 200 OK\r\n\r\n";
  cdn_.endless = std::string(8192, 'x');
  FetchRequest request;
  request.url = "https://cdn.example/";
  request.limits.max_bytes = 100'000;
  const auto got = get(request);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().problem, FetchProblem::too_large);
  EXPECT_LE(body_.size(), 100'000U);
}

TEST_F(SafeFetchTest, LyingLengthsAreCaught) {
  FetchRequest request;
  request.url = "https://cdn.example/";
  request.limits.max_bytes = 1000;
  cdn_.reply = "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n";
  auto got = get(request);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().problem, FetchProblem::too_large);
  EXPECT_EQ(body_, "");
  cdn_.reply = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly this";
  got = get(request);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().problem, FetchProblem::unreachable) << got.error().error.message;
  cdn_.reply = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmore than four";
  ASSERT_TRUE(get(request));
  EXPECT_EQ(body_, "more");
  cdn_.reply = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhello";
  got = get(request);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().problem, FetchProblem::broken);
}

TEST_F(SafeFetchTest, SilentAndDrippingServersDoNotHoldAPlace) {
  cdn_.silent = true;
  auto before = world_.now();
  auto got = get("https://cdn.example/");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().problem, FetchProblem::too_slow);
  EXPECT_LT(world_.now() - before, 32s);
  cdn_.silent = false;
  cdn_.reply = "HTTP/1.1 200 OK\r\n\r\n";
  cdn_.endless = "x";
  cdn_.drip = 1s;
  before = world_.now();
  got = get("https://cdn.example/");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().problem, FetchProblem::too_slow);
  EXPECT_LT(world_.now() - before, 45s);
  cdn_.endless = std::string(2000, 'x');  // fast enough, but never done
  before = world_.now();
  got = get("https://cdn.example/");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().problem, FetchProblem::too_slow);
  EXPECT_LT(world_.now() - before, 11min);
}

TEST_F(SafeFetchTest, AnswersThatAreNotTheFile) {
  cdn_.reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone";
  auto got = get("https://cdn.example/secret-path");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().problem, FetchProblem::status);
  EXPECT_EQ(got.error().status, 404);
  EXPECT_THAT(got.error().error.message, Not(HasSubstr("secret-path")));
  EXPECT_EQ(body_, "");
  cdn_.reply = "HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n";
  got = get("https://cdn.example/");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().retry_after, 120s);
  cdn_.reply = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08";
  got = get("https://cdn.example/");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().problem, FetchProblem::broken);
  cdn_.reply = "SSH-2.0-OpenSSH_9.2\r\n";
  got = get("https://cdn.example/");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().problem, FetchProblem::broken);
}

TEST_F(SafeFetchTest, TheSinksErrorEndsTheFetch) {
  sink_breaks_ = true;
  const auto got = get("https://cdn.example/");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().problem, FetchProblem::sink);
  EXPECT_EQ(got.error().error.code, ErrorCode::resource_exhausted);
}

TEST_F(SafeFetchTest, TrustedOriginsAreExact) {
  auto plain = *cdn_.process.network().listen("0.0.0.0", 8080);
  auto serve = [](Server& s, Listener& listener) -> Task<> {
    for (;;) {
      auto stream = co_await listener.accept();
      if (!stream) co_return;
      co_await Server::answer(s, std::move(*stream));
    }
  };
  cdn_.process.spawn(serve(cdn_, *plain));
  policy({.trusted_origins = {"http://cdn.example:8080/ignored"}});
  ASSERT_TRUE(get("http://cdn.example:8080/a"));
  EXPECT_FALSE(get("http://cdn.example:8081/a"));
  EXPECT_FALSE(get("http://cdn.example/a"));
  EXPECT_FALSE(get("http://cdn.example.evil.example:8080/a"));
}

struct Address {
  std::string text;
  bool is_public;
};
class PublicAddress : public testing::TestWithParam<Address> {};
TEST_P(PublicAddress, IsToldFromOthers) {
  EXPECT_EQ(is_public_address(GetParam().text), GetParam().is_public);
}
INSTANTIATE_TEST_SUITE_P(
    Table, PublicAddress,
    testing::Values(Address{"8.8.8.8", true}, Address{"157.240.1.1", true}, Address{"172.15.255.255", true},
                    Address{"172.32.0.1", true}, Address{"100.63.0.1", true},
                    Address{"2a03:2880:f101::1", true}, Address{"2600::1", true}, Address{"0.0.0.0", false},
                    Address{"0.1.2.3", false}, Address{"10.255.0.1", false}, Address{"100.64.0.1", false},
                    Address{"100.100.100.200", false}, Address{"127.0.0.1", false},
                    Address{"127.255.255.254", false}, Address{"169.254.169.254", false},
                    Address{"172.16.0.1", false}, Address{"172.31.255.255", false},
                    Address{"192.0.0.192", false}, Address{"192.0.2.1", false}, Address{"192.88.99.1", false},
                    Address{"192.168.0.1", false}, Address{"198.18.0.1", false},
                    Address{"198.19.255.255", false}, Address{"198.51.100.1", false},
                    Address{"203.0.113.1", false}, Address{"224.0.0.1", false}, Address{"239.1.1.1", false},
                    Address{"255.255.255.255", false}, Address{"168.63.129.16", false}, Address{"::", false},
                    Address{"::1", false}, Address{"::ffff:8.8.8.8", false}, Address{"::8.8.8.8", false},
                    Address{"64:ff9b::808:808", false}, Address{"64:ff9b:1::1", false},
                    Address{"100::1", false}, Address{"2001::1", false}, Address{"2001:db8::1", false},
                    Address{"2002:808:808::1", false}, Address{"3fff::1", false}, Address{"fc00::1", false},
                    Address{"fd00:ec2::254", false}, Address{"fe80::1", false}, Address{"fec0::1", false},
                    Address{"ff02::1", false}, Address{"8.8.8", false}, Address{"8.8.8.8.8", false},
                    Address{"example.org", false}, Address{"", false}));

}  // namespace
}  // namespace posthorn
