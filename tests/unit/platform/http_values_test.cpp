// Headers, queries, percent coding and addresses: tables of good and bad input.
#include <gmock/gmock.h>

#include "platform/http.h"
#include "platform/http_client.h"

namespace posthorn {
namespace {

using testing::HasSubstr;

TEST(HttpHeaders, CompareNamesWithoutCase) {
  HttpHeaders headers;
  headers.add("Content-Type", "text/plain");
  EXPECT_EQ(headers.get("content-type"), "text/plain");
  EXPECT_TRUE(headers.has("CONTENT-TYPE"));
  EXPECT_FALSE(headers.has("Content-Typ"));
}

TEST(HttpHeaders, SetReplacesEveryFieldOfThatName) {
  HttpHeaders headers;
  headers.add("X-A", "1");
  headers.add("X-B", "2");
  headers.add("x-a", "3");
  EXPECT_EQ(headers.count("X-A"), 2U);
  headers.set("X-A", "4");
  EXPECT_EQ(headers.count("X-A"), 1U);
  EXPECT_EQ(headers.get("x-a"), "4");
  EXPECT_EQ(headers.get("X-B"), "2");
}

TEST(HttpRequest, FindsAndDecodesParameters) {
  HttpRequest request;
  request.target = "/webhooks?hub.mode=subscribe&hub.verify_token=a%2Bb+c&empty=&flag&hub.mode=other";
  EXPECT_EQ(request.path(), "/webhooks");
  EXPECT_EQ(request.query("hub.mode"), "subscribe");
  EXPECT_EQ(request.query("hub.verify_token"), "a+b+c");
  EXPECT_TRUE(request.has_query("empty"));
  EXPECT_TRUE(request.has_query("flag"));
  EXPECT_EQ(request.query("flag"), "");
  EXPECT_FALSE(request.has_query("mode"));
  request.target = "/plain";
  EXPECT_EQ(request.path(), "/plain");
  EXPECT_FALSE(request.has_query("plain"));
}

TEST(PercentCoding, KeepsMalformedEscapes) {
  EXPECT_EQ(percent_decode("a%20b%zz%4"), "a b%zz%4");
  EXPECT_EQ(percent_decode("%e2%82%AC"), "€");
  EXPECT_EQ(percent_decode("%41%"), "A%");
}

TEST(PercentCoding, RoundTripsEveryByte) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a-b._~/ +"), "a-b._~%2F%20%2B");
}

struct GoodUrl {
  const char* url;
  Endpoint endpoint;
  const char* target;
};

TEST(ParseUrl, TakesHttpAndHttps) {
  const GoodUrl table[] = {
      {"https://graph.facebook.com:443/v25.0", {"graph.facebook.com", 443, true}, "/v25.0"},
      {"https://graph.facebook.com", {"graph.facebook.com", 443, true}, "/"},
      {"http://127.0.0.1:8090/a?b=c#d", {"127.0.0.1", 8090, false}, "/a?b=c"},
      {"HTTP://EXAMPLE.com?x=1", {"example.com", 80, false}, "/?x=1"},
      {"https://[2001:db8::1]:8443/x", {"2001:db8::1", 8443, true}, "/x"},
  };
  for (const auto& row : table) {
    const auto parsed = parse_url(row.url);
    ASSERT_TRUE(parsed) << row.url << ": " << parsed.error().message;
    EXPECT_EQ(parsed->endpoint, row.endpoint) << row.url;
    EXPECT_EQ(parsed->target, row.target) << row.url;
  }
}

TEST(ParseUrl, RefusesTheRestWithAReason) {
  const std::pair<const char*, const char*> table[] = {
      {"", "https://"},
      {"graph.facebook.com/v1", "https://"},
      {"ftp://example.com/", "https://"},
      {"file:///etc/passwd", "https://"},
      {"https://user:secret@example.com/", "refused"},
      {"http://a@b", "refused"},
      {"https:///path", "host name"},
      {"https://exa mple.com/", "percent-encode"},
      {"https://b\xc3\xbc"
       "cher.example/",
       "percent-encode"},
      {"https://example.com:/", "host name"},
      {"https://example.com:0/", "port"},
      {"https://example.com:65536/", "port"},
      {"https://example.com:+80/", "port"},
      {"https://example.com:8x/", "port"},
      {"https://[::1/", "host name"},
      {"https://[zz]/", "host name"},
      {"https://[::1]x/", "host name"},
      {"https://exam%70le.com/", "host name"},
  };
  for (const auto& [url, reason] : table) {
    const auto parsed = parse_url(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument) << url;
    EXPECT_THAT(parsed.error().message, HasSubstr(reason)) << url;
  }
}

}  // namespace
}  // namespace posthorn
