#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ostream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "core/json.h"
#include "core/secret.h"
#include "platform/log_line.h"
#include "platform/real_log.h"

namespace posthorn {
namespace {

// Redaction by type: there is no way to hand a secret to the log, and none to print one.
static_assert(!std::is_constructible_v<LogField, std::string_view, Secret>);
static_assert(!std::is_convertible_v<Secret, std::string_view> &&
              !std::is_convertible_v<Secret, std::string>);
static_assert(!fmt::is_formattable<Secret>::value);
template <class T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(Streamable<std::string> && !Streamable<Secret>);

TEST(LogLine, JsonCannotBeForged) {
  const std::string tail =
      json_log_tail("webhook.bad_signature", {{"peer", "a\"}\n{\"level\":\"info\""},
                                              {"count", 3},
                                              {"big", std::uint64_t{1} << 40},
                                              {"share", 0.25},
                                              {"known", false},
                                              {"bytes", std::string_view("\x1b[2J\xff", 5)}});
  EXPECT_EQ(tail.find('\n'), std::string::npos);
  auto line = parse_json("{" + tail);
  ASSERT_TRUE(line) << tail;
  JsonView view(*line);
  EXPECT_EQ(*view["event"].string(), "webhook.bad_signature");
  EXPECT_EQ(*view["peer"].string(), "a\"}\n{\"level\":\"info\"");
  EXPECT_EQ(*view["count"].integer(), 3);
  EXPECT_EQ(*view["big"].integer(), std::int64_t{1} << 40);
  EXPECT_EQ(*view["share"].number(), 0.25);
  EXPECT_EQ(*view["known"].boolean(), false);
  EXPECT_EQ(*view["bytes"].string(), "\x1b[2J\xEF\xBF\xBD");
}

TEST(LogLine, TextQuotesWhatIsNotAWord) {
  EXPECT_EQ(text_log_tail("send.unknown",
                          {{"campaign", 7}, {"url", "https://x.example/a"}, {"ok", true}, {"d", 0.5}}),
            "send.unknown campaign=7 url=https://x.example/a ok=true d=0.5");
  EXPECT_EQ(
      text_log_tail("e", {{"a", "two words"}, {"b", ""}, {"c", "x\n2026 error forged"}, {"d", "\x1b[31m"}}),
      R"(e a="two words" b="" c="x\n2026 error forged" d="\u001b[31m")");
}

class LogFileTest : public testing::Test {
 protected:
  LogFileTest()
      : folder_(std::filesystem::temp_directory_path() / ("posthorn-log-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~LogFileTest() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<RealLog> open(LogOptions options) {
    options.file = (folder_ / "log").string();
    auto log = make_log(options);
    EXPECT_TRUE(log) << log.error().message;
    return std::move(*log);
  }
  std::vector<std::string> lines() const {
    std::ifstream file(folder_ / "log");
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
  }

  std::filesystem::path folder_;
};

TEST_F(LogFileTest, WritesJsonLinesAtOrAboveTheLevel) {
  {
    auto log = open({.level = LogLevel::warning});
    log->info("too.low");
    log->warning("disk.low", {{"free_mb", 12}});
    log->error("database.failed");
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), 2U);
  auto first = parse_json(all[0]);
  ASSERT_TRUE(first) << all[0];
  EXPECT_EQ(*JsonView(*first)["level"].string(), "warning");
  EXPECT_EQ(*JsonView(*first)["event"].string(), "disk.low");
  EXPECT_EQ(*JsonView(*first)["free_mb"].integer(), 12);
  EXPECT_THAT(std::string(*JsonView(*first)["time"].string()),
              testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z"));
  EXPECT_EQ(*JsonView(*parse_json(all[1]))["level"].string(), "error");
}

TEST_F(LogFileTest, WritesTextWhenAsked) {
  open({.format = LogFormat::text})->info("server.started", {{"port", 8080}});
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_THAT(lines()[0], testing::EndsWith(" info    server.started port=8080"));
}

TEST_F(LogFileTest, OverflowDropsCountsAndSays) {
  std::uint64_t dropped = 0;
  {
    auto log = open({.queue_lines = 2});
    for (int i = 0; i < 20'000; ++i) log->info("burst", {{"i", i}});
    dropped = log->dropped();
  }
  ASSERT_GT(dropped, 0U);
  const auto all = lines();
  const auto burst = static_cast<std::uint64_t>(
      std::ranges::count_if(all, [](const std::string& line) { return line.contains("\"burst\""); }));
  EXPECT_LT(burst, 20'000U);
  EXPECT_GE(burst + dropped, 20'000U);  // a notice may have been dropped itself
  auto last = parse_json(all.back());
  ASSERT_TRUE(last) << all.back();
  EXPECT_EQ(*JsonView(*last)["event"].string(), "log.dropped");
  EXPECT_EQ(*JsonView(*last)["lines_since_start"].integer(), static_cast<std::int64_t>(dropped));
}

TEST_F(LogFileTest, Rotates) {
  {
    auto log = open({.rotate_bytes = 4096, .rotate_files = 2});
    for (int i = 0; i < 200; ++i) log->info("filler", {{"i", i}});
  }
  const auto files = std::distance(std::filesystem::directory_iterator(folder_), {});
  EXPECT_EQ(files, 3);
}

TEST(Log, AFolderThatIsNotThereIsExplained) {
  auto log = make_log({.file = "/proc/no-such-folder/log"});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().field, "log.file");
  EXPECT_THAT(log.error().message, testing::HasSubstr("/proc/no-such-folder/log"));
}

TEST(Log, TheNullLogTakesEverything) {
  null_log().error("anything", {{"a", 1}});
}

}  // namespace
}  // namespace posthorn
