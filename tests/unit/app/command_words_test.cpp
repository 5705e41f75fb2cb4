// Words of the generic `action` command, and what errors become for the shell.
#include <gmock/gmock.h>

#include "app/commands.h"
#include "app/exit_codes.h"

namespace posthorn {
namespace {

TEST(CommandWords, TakeTheTypesOfTheDeclaration) {
  const auto words = parameters_from_words(
      "create_broadcast", {"name=7", "upload_id=7", "local_time=true", "error_share_pause=0.5",
                           R"(mapping={"body.1":{"column":"a=b"}})"});
  ASSERT_TRUE(words) << words.error().message;
  EXPECT_EQ(words->at("name"), json::value("7"));
  EXPECT_EQ(words->at("upload_id"), json::value(7));
  EXPECT_EQ(words->at("local_time"), json::value(true));
  EXPECT_EQ(words->at("error_share_pause"), json::value(0.5));
  EXPECT_EQ(words->at("mapping").at("body.1").at("column"), json::value("a=b"));
}

TEST(CommandWords, BadOnesNameWhatIsWrong) {
  struct Case {
    const char *action, *word;
    ErrorCode code;
  };
  for (const auto& [action, word, code] :
       {Case{"no_such_action", "a=b", ErrorCode::not_found},
        Case{"get_broadcast", "id", ErrorCode::invalid_argument},
        Case{"get_broadcast", "id=x", ErrorCode::invalid_argument},
        Case{"get_broadcast", "id=1.5", ErrorCode::invalid_argument},
        Case{"get_broadcast", "id=99999999999999999999", ErrorCode::invalid_argument},
        Case{"create_broadcast", "local_time=yes", ErrorCode::invalid_argument},
        Case{"create_broadcast", "mapping={", ErrorCode::invalid_argument},
        Case{"create_broadcast", "name=@/no/such/file", ErrorCode::not_found}}) {
    const auto words = parameters_from_words(action, {word});
    ASSERT_FALSE(words) << word;
    EXPECT_EQ(words.error().code, code) << word << ": " << words.error().message;
    EXPECT_FALSE(words.error().message.empty());
  }
}

TEST(CommandWords, UnknownNamesArePassedOnForTheServerToRefuse) {
  EXPECT_EQ(parameters_from_words("get_broadcast", {"idd=1"})->at("idd"), json::value("1"));
}

TEST(ExitCodes, AreThoseOfTheHandbook) {
  for (const auto code :
       {ErrorCode::invalid_argument, ErrorCode::unauthenticated, ErrorCode::permission_denied,
        ErrorCode::not_found, ErrorCode::conflict, ErrorCode::too_large})
    EXPECT_EQ(exit_code({code, ""}), 3) << to_string(code);
  for (const auto code : {ErrorCode::unavailable, ErrorCode::deadline_exceeded})
    EXPECT_EQ(exit_code({code, ""}), 4) << to_string(code);
  for (const auto code :
       {ErrorCode::resource_exhausted, ErrorCode::cancelled, ErrorCode::data_loss, ErrorCode::internal})
    EXPECT_EQ(exit_code({code, ""}), 1) << to_string(code);
}

}  // namespace
}  // namespace posthorn
