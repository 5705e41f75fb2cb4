// The stream as `posthorn tail` reads it.
#include "app/event_lines.h"

#include <gmock/gmock.h>

namespace posthorn {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::string_view kStream =
    "retry: 2000\nid: 4\n\n: still here\nid: 5\n\nid: 6\ndata: {\"a\":1}\n\nevent: gap\ndata: {}\n\n";

TEST(EventStreamParserTest, ReadsTheSameHoweverItIsCut) {
  for (std::size_t cut = 1; cut <= kStream.size(); ++cut) {
    EventStreamParser parser;
    std::vector<StreamedEvent> all;
    for (std::size_t at = 0; at < kStream.size(); at += cut) {
      for (auto& event : parser.feed(kStream.substr(at, cut))) all.push_back(std::move(event));
    }
    ASSERT_THAT(all, SizeIs(4)) << cut;
    EXPECT_EQ(all[0].id, "4");
    EXPECT_EQ(all[0].data, "");
    EXPECT_EQ(all[2].id, "6");
    EXPECT_EQ(all[2].name, "message");
    EXPECT_EQ(all[2].data, "{\"a\":1}");
    EXPECT_EQ(all[3].name, "gap");
    EXPECT_EQ(parser.last_id(), "6");
  }
}

TEST(EventStreamParserTest, KeepsToTheStandard) {
  EventStreamParser parser;
  const auto events = parser.feed("data:one\r\ndata: two\r\n\r\nnonsense\nfield: x\n\ndata\n\n");
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].data, "one\ntwo");
  EXPECT_EQ(events[1].data, "");
  EXPECT_THAT(EventStreamParser().feed("data: not yet"), IsEmpty());
}

TEST(EventLine, NamesWhoAndWhat) {
  const auto line = event_line(*parse_json(
      R"({"id":12,"type":"message.received","timestamp":"2026-01-01T00:00:00Z","subject":"conversation:7",
          "data":{"person":{"name":"Anna"},"message":{"type":"text","text":"Hello\nyou"}}})"));
  EXPECT_THAT(line, HasSubstr("12  2026-01-01T00:00:00Z  message.received"));
  EXPECT_THAT(line, HasSubstr("conversation:7"));
  EXPECT_THAT(line, HasSubstr("Anna: Hello you\n"));
}

TEST(EventLine, ShowsKindsWithoutWords) {
  EXPECT_THAT(
      event_line(*parse_json(
          R"({"data":{"message":{"type":"image","text":""},"person":{"addresses":[{"value":"4917"}]}}})")),
      HasSubstr("4917: [image]"));
  EXPECT_THAT(event_line(*parse_json(R"({"data":{"summary":"approved"}})")), HasSubstr("approved"));
  EXPECT_NO_THROW(event_line(*parse_json("[]")));
}

TEST(EventLine, NothingReachesTheTerminalAsACommand) {
  const auto line = event_line(*parse_json(
      R"({"type":"a\u001b[2J","data":{"message":{"text":"\u001b]0;x\u0007 \u009b31m red"},"person":{"name":"\u007f\r\n"}}})"));
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_EQ(line.find('\x07'), std::string::npos);
  EXPECT_EQ(line.find("\xc2\x9b"), std::string::npos);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(EventLine, LongTextsAreCutBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "ü€";
  json::object data, event, message;
  message["text"] = text;
  data["message"] = message;
  event["data"] = data;
  const auto line = event_line(json::value(event));
  EXPECT_LT(line.size(), 330U);
  EXPECT_THAT(line, HasSubstr("…"));
  EXPECT_TRUE(parse_json("\"" + line.substr(0, line.size() - 1) + "\"")) << "not UTF-8";
}

}  // namespace
}  // namespace posthorn
