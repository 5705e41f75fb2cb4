// Other programs: their words, their output, and those that do not behave.
#include "platform/programs.h"

#include <gmock/gmock.h>

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

TEST(SplitCommand, AsAShellWouldWithoutExpanding) {
  const std::pair<const char*, Words> table[] = {
      {"a", {"a"}},
      {"  /usr/bin/keys  get\t--role x ", {"/usr/bin/keys", "get", "--role", "x"}},
      {R"("/opt/my keys/run" 'a "b"' c\ d)", {"/opt/my keys/run", "a \"b\"", "c d"}},
      {R"(a "x\"y\\z\n" '')", {"a", "x\"y\\z\\n", ""}},
      {"a$HOME `b` ; | > c*", {"a$HOME", "`b`", ";", "|", ">", "c*"}},
      {"a'b'\"c\"d", {"abcd"}},
  };
  for (const auto& [text, wanted] : table) {
    const auto words = split_command(text);
    ASSERT_TRUE(words) << text;
    EXPECT_EQ(*words, wanted) << text;
  }
  for (const char* bad : {"", "   ", "'open", "\"open", "''"}) EXPECT_FALSE(split_command(bad)) << bad;
}

TEST(RunProgram, ReturnsWhatItWrote) {
  EXPECT_EQ(run_program({"/bin/echo", "a b", "$HOME"}, 5s), "a b $HOME\n");
  EXPECT_EQ(run_program({"/bin/cat"}, 5s), "") << "standard input is empty";
  EXPECT_EQ(run_program({"/bin/sh", "-c", "echo lost >&2; echo kept"}, 5s), "kept\n");
}

TEST(RunProgram, TellsWhatWentWrong) {
  struct Bad {
    Words words;
    ErrorCode code;
    const char* message;
  };
  const Bad table[] = {
      {{"/no/such/program"}, ErrorCode::not_found, "/no/such/program cannot be started"},
      {{"/bin/sh", "-c", "exit 3"}, ErrorCode::unavailable, "/bin/sh ended with status 3"},
      {{"/bin/sh", "-c", "kill -9 $$"}, ErrorCode::unavailable, "ended by signal 9"},
      {{"/bin/sleep", "60"}, ErrorCode::deadline_exceeded, "did not end in time"},
      {{"/bin/sh", "-c", "exec >&-; exec sleep 60"}, ErrorCode::deadline_exceeded, "did not end in time"},
      {{"/usr/bin/yes"}, ErrorCode::too_large, "more than 1 MiB"},
      {{}, ErrorCode::invalid_argument, "no program"},
  };
  for (const Bad& bad : table) {
    const auto out = run_program(bad.words, 300ms);
    ASSERT_FALSE(out) << bad.message;
    EXPECT_EQ(out.error().code, bad.code) << out.error().message;
    EXPECT_THAT(out.error().message, testing::HasSubstr(bad.message));
  }
}

}  // namespace
}  // namespace posthorn
