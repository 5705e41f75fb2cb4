// What the request head reader takes and what it refuses: each row of the table is an attack or a slip seen
// in the wild.
#include "platform/http_head.h"

#include <gmock/gmock.h>

#include "platform/http_chunks.h"

namespace posthorn {
namespace {

using namespace std::string_literals;

HeadResult parse(const std::string& bytes, RequestHead& head, HeadLimits limits = {}) {
  return parse_head(bytes, limits, head);
}

TEST(RequestHead, ReadsAnOrdinaryRequest) {
  RequestHead head;
  const std::string bytes =
      "POST /v1/x?y=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nX-Empty:\r\nX-Pad: \t b \t\r\n\r\nbody";
  const HeadResult result = parse(bytes, head);
  ASSERT_EQ(result.progress, HeadProgress::complete);
  EXPECT_EQ(bytes.substr(result.consumed), "body");
  EXPECT_EQ(head.request.method, "POST");
  EXPECT_EQ(head.request.target, "/v1/x?y=1");
  EXPECT_EQ(head.request.headers.get("x-pad"), "b");
  EXPECT_TRUE(head.request.headers.has("X-Empty"));
  EXPECT_EQ(head.content_length, 12U);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.chunked);
}

TEST(RequestHead, EveryPrefixIsIncompleteAndNothingElse) {
  const std::string bytes = "\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n";
  RequestHead head;
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_EQ(parse(bytes.substr(0, n), head).progress, HeadProgress::incomplete) << n;
  }
  EXPECT_EQ(parse(bytes, head).consumed, bytes.size());
  EXPECT_FALSE(head.keep_alive);
}

TEST(RequestHead, KnowsHttp10AndAbsoluteTargets) {
  RequestHead head;
  ASSERT_EQ(parse("GET http://a/b?c HTTP/1.0\r\n\r\n", head).progress, HeadProgress::complete);
  EXPECT_EQ(head.request.target, "/b?c");
  EXPECT_FALSE(head.keep_alive);
  ASSERT_EQ(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", head).progress, HeadProgress::complete);
  EXPECT_TRUE(head.keep_alive);
  ASSERT_EQ(parse("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", head).progress, HeadProgress::complete);
  EXPECT_EQ(head.request.target, "/");
}

struct Refused {
  std::string bytes;
  int status;
};

std::string with(const std::string& fields) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n";
}

TEST(RequestHead, RefusesWhatCouldBeReadInTwoWays) {
  const Refused table[] = {
      {with("Content-Length: 5\r\nTransfer-Encoding: chunked"), 400},
      {with("Transfer-Encoding: chunked\r\nContent-Length: 5"), 400},
      {with("Content-Length: 5\r\nContent-Length: 5"), 400},
      {with("Content-Length: 5, 5"), 400},
      {with("Content-Length: +5"), 400},
      {with("Content-Length: -5"), 400},
      {with("Content-Length: 0x5"), 400},
      {with("Content-Length: 5 5"), 400},
      {with("Content-Length:"), 400},
      {with("Content-Length: 1234567890123456789"), 413},
      {with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400},
      {with("Transfer-Encoding: \xa0"
            "chunked"),
       400},
      {with("Transfer-Encoding:"), 400},
      {with("Transfer-Encoding: gzip"), 501},
      {with("Transfer-Encoding: gzip, chunked"), 501},
      {with("Transfer-Encoding: chunked, identity"), 501},
      {with("Transfer-Encoding: xchunked"), 501},
      {with("Transfer-Encoding : chunked"), 400},
      {with("Content-Length : 5"), 400},
      {with("X-A: 1\r\n folded"), 400},
      {with("X-A: 1\r\n\tfolded"), 400},
      {with("X-A: 1\nX-B: 2"), 400},
      {with("X-A: 1\rX-B: 2"), 400},
      {with("X-A: a\0b"s), 400},
      {with("X-A: a\x7f"), 400},
      {with("X A: 1"), 400},
      {with(": 1"), 400},
      {with("no colon"), 400},
      {with("Host: b"), 400},
      {with("Expect: 100-continue"), 417},
      {with("Upgrade: h2c"), 501},
      {with("Content-Encoding: gzip"), 415},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\r\nHost: a\r\n\r\n", 400},
      {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET path HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX\0"s, 400},
      {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"\x16\x03\x01\x02\x00\x01"s, 400},
  };
  RequestHead head;
  for (const Refused& row : table) {
    const HeadResult result = parse(row.bytes, head);
    ASSERT_EQ(result.progress, HeadProgress::refused) << row.bytes;
    EXPECT_EQ(result.refusal.status, row.status) << row.bytes;
    EXPECT_FALSE(result.refusal.reason.empty()) << row.bytes;
  }
}

TEST(RequestHead, KeepsTheLimits) {
  RequestHead head;
  std::string fields;
  for (int i = 0; i < 63; ++i) fields += "X: 1\r\n";
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n", head).progress, HeadProgress::complete);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n" + fields + "\r\n", head).refusal.status, 431);
  EXPECT_EQ(parse("GET /" + std::string(8192, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", head).refusal.status,
            414);
  EXPECT_EQ(parse(with("X: " + std::string(8192, 'a')), head).refusal.status, 431);
  EXPECT_EQ(parse("GET /" + std::string(17'000, 'a'), head).refusal.status, 431);
}

struct Chunked {
  std::string bytes;
  bool fails;
  std::string body;
};

// Feeds byte by byte, so that every boundary is met.
std::string decode(const std::string& bytes, bool& failed, bool& done) {
  ChunkReader reader;
  std::string body;
  for (const char c : bytes) {
    const std::string_view one(&c, 1);
    if (reader.available() == 0 && reader.advance(one) == 1) continue;
    if (reader.done() || reader.failed()) break;
    body += c;
    reader.took(1);
  }
  failed = reader.failed();
  done = reader.done();
  return body;
}

TEST(ChunkReader, TakesPlainChunksOnly) {
  const Chunked table[] = {
      {"5\r\nhello\r\n0\r\n\r\n", false, "hello"},
      {"1\r\na\r\n0A\r\n0123456789\r\n000\r\n\r\n", false, "a0123456789"},
      {"0\r\n\r\n", false, ""},
      {"5;ext=1\r\nhello\r\n0\r\n\r\n", true, ""},
      {"5 \r\nhello\r\n0\r\n\r\n", true, ""},
      {"\r\nhello\r\n0\r\n\r\n", true, ""},
      {"5\nhello\n0\n\n", true, ""},
      {"0x5\r\nhello\r\n", true, ""},
      {"+5\r\nhello\r\n", true, ""},
      {"5\r\nhelloX\n0\r\n\r\n", true, "hello"},
      {"0\r\nTrailer: x\r\n\r\n", true, ""},
      {"fffffffffffffffff\r\n", true, ""},
  };
  for (const Chunked& row : table) {
    bool failed = false;
    bool done = false;
    EXPECT_EQ(decode(row.bytes, failed, done), row.body) << row.bytes;
    EXPECT_EQ(failed, row.fails) << row.bytes;
    EXPECT_EQ(done, !row.fails) << row.bytes;
  }
}

}  // namespace
}  // namespace posthorn
