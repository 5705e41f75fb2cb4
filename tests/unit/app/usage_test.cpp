// A command line that cannot be understood: told as the other errors are, and always with exit code 2.
#include <gmock/gmock.h>

#include "app/cli.h"
#include "app/exit_codes.h"
#include "core/json.h"

namespace posthorn {
namespace {

using testing::HasSubstr;

struct Outcome {
  int code = 0;
  std::string out, err;
};

Outcome run_words(std::vector<const char*> words) {
  words.insert(words.begin(), "posthorn");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = run_command_line(static_cast<int>(words.size()), const_cast<char**>(words.data()));
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(UsageErrors, AreJsonWhereJsonIsAskedFor) {
  const std::vector<std::vector<const char*>> cases = {
      {"--json"},  // no command
      {"no-such-command", "--json"},
      {"broadcast", "report", "--json"},  // without its number
      {"broadcast", "report", "abc", "--json"},
      {"broadcast", "preview", "1", "--count", "99", "--json"},
      {"tail", "--json", "--count", "-1"},
      {"restore", "--json"},  // without its folder
      {"restore", "there", "--set", "nonsense", "--json"},
      {"restore", "there", "stray", "--json"},
      {"key", "create", "--json", "--no-such-option"}};
  for (const auto& words : cases) {
    const auto outcome = run_words(words);
    EXPECT_EQ(outcome.code, kExitUsage) << outcome.out;
    const auto answer = parse_json(outcome.out);
    ASSERT_TRUE(answer) << outcome.out << outcome.err;
    EXPECT_EQ(JsonView(*answer)["error"]["code"].string_or(""), "invalid_argument");
    EXPECT_NE(JsonView(*answer)["error"]["message"].string_or(""), "");
    EXPECT_EQ(outcome.err, "") << "one place for one error";
  }
}

TEST(UsageErrors, ArePlainTextOtherwise) {
  for (const auto& words : std::vector<std::vector<const char*>>{{},
                                                                 {"no-such-command"},
                                                                 {"broadcast", "report", "abc"},
                                                                 {"restore", "there", "--set", "nonsense"}}) {
    const auto outcome = run_words(words);
    EXPECT_EQ(outcome.code, kExitUsage);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr("--help"));
  }
}

TEST(UsageErrors, AskingForHelpIsNone) {
  const auto outcome = run_words({"broadcast", "report", "--help", "--json"});
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.out, HasSubstr("Usage:"));
}

}  // namespace
}  // namespace posthorn
