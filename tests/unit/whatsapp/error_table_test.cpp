#include "channels/whatsapp/error_table.h"

#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>

namespace posthorn::whatsapp {
namespace {

using std::chrono::seconds;
using enum ErrorClass;

TEST(ErrorTable, IsSortedAndRangesDoNotOverlap) {
  int last = -1000000;
  for (const ErrorInfo& info : error_table()) {
    if (info.subcode == 0) {
      EXPECT_GT(info.code, last) << info.name;
      EXPECT_GE(info.last_code, info.code) << info.name;
    } else {
      EXPECT_EQ(info.code, last) << "special rows follow the general one: " << info.name;
    }
    last = info.last_code;
  }
}

TEST(ErrorTable, EveryRowSpeaksToPeople) {
  for (const ErrorInfo& info : error_table()) {
    EXPECT_TRUE(info.meaning.ends_with('.')) << info.code << " " << info.meaning;
    EXPECT_GT(info.meaning.size(), 20U) << info.code;
    EXPECT_TRUE(info.next_step.ends_with('.')) << info.code << " " << info.next_step;
    EXPECT_THAT(std::string(info.name), testing::MatchesRegex("[a-z_]+")) << info.code;
  }
}

TEST(ErrorTable, OnlyFourCodesAndBare5xxLeaveTheOutcomeOpen) {
  std::set<int> open;
  for (const ErrorInfo& info : error_table()) {
    if (!info.definitive) open.insert(info.code);
  }
  EXPECT_EQ(open, (std::set<int>{kHttpServerError, 1, 2, 131000, 131016}));
}

TEST(ErrorTable, ClassesThatWaitForPeopleStopTheCampaignAndBurnNoRow) {
  for (const ErrorInfo& info : error_table()) {
    if (info.error_class != configuration && info.error_class != pause_campaign) continue;
    EXPECT_TRUE(info.pauses_campaign) << info.code;
    EXPECT_EQ(info.max_tries, 0) << info.code;
    EXPECT_FALSE(retry_delay(info, 1)) << info.code;
  }
}

struct ClassCase {
  int code, http_status, subcode;
  ErrorClass error_class;
  std::string_view name;
};
class FindError : public testing::TestWithParam<ClassCase> {};

TEST_P(FindError, GivesClassAndName) {
  const ClassCase& c = GetParam();
  const ErrorInfo& info = find_error(c.code, c.http_status, c.subcode);
  EXPECT_EQ(to_string(info.error_class), to_string(c.error_class));
  EXPECT_EQ(info.name, c.name);
}

INSTANTIATE_TEST_SUITE_P(
    Codes, FindError,
    testing::Values(ClassCase{0, 401, 0, configuration, "token_invalid"},
                    ClassCase{1, 400, 0, retry_backoff, "unknown_api_error"},
                    ClassCase{4, 400, 2446079, slow_number, "app_rate_limit"},
                    ClassCase{100, 400, 0, template_permanent, "invalid_parameter"},
                    ClassCase{100, 400, 33, configuration, "object_missing"},
                    ClassCase{100, 400, 2388299, template_permanent, "template_variable_edge"},
                    ClassCase{100, 400, 12345, template_permanent, "invalid_parameter"},
                    ClassCase{190, 401, 463, configuration, "token_expired"},
                    ClassCase{199, 400, 0, recipient_permanent, "unknown_code"},
                    ClassCase{200, 403, 0, configuration, "permission_missing"},
                    ClassCase{250, 403, 0, configuration, "permission_missing"},
                    ClassCase{299, 403, 0, configuration, "permission_missing"},
                    ClassCase{300, 403, 0, configuration, "http_forbidden"},
                    ClassCase{80007, 400, 0, slow_number, "business_rate_limit"},
                    ClassCase{130429, 400, 0, slow_number, "throughput_reached"},
                    ClassCase{130497, 403, 0, recipient_permanent, "country_restricted"},
                    ClassCase{131026, 0, 0, recipient_permanent, "undeliverable"},
                    ClassCase{131048, 400, 0, pause_campaign, "spam_rate_limit"},
                    ClassCase{131049, 0, 0, recipient_permanent, "marketing_cap"},
                    ClassCase{131050, 0, 0, recipient_permanent, "user_opted_out"},
                    ClassCase{131056, 400, 0, retry_pair, "pair_rate_limit"},
                    ClassCase{131057, 500, 0, slow_number, "number_in_maintenance"},
                    ClassCase{131205, 400, 0, recipient_permanent, "unknown_code"},
                    ClassCase{131212, 400, 0, recipient_permanent, "group_not_possible"},
                    ClassCase{132001, 404, 0, template_permanent, "template_missing"},
                    ClassCase{132015, 0, 0, pause_campaign, "template_paused"},
                    ClassCase{132069, 400, 0, pause_campaign, "flow_throttled"},
                    ClassCase{133010, 400, 0, configuration, "number_not_registered"},
                    ClassCase{2593108, 400, 0, configuration, "coexistence_sync"},
                    ClassCase{424242, 429, 0, slow_number, "http_throttled"},
                    ClassCase{424242, 401, 0, configuration, "http_unauthorized"},
                    ClassCase{424242, 403, 0, configuration, "http_forbidden"},
                    ClassCase{424242, 404, 0, configuration, "http_not_found"},
                    ClassCase{424242, 302, 0, configuration, "http_redirect"},
                    ClassCase{424242, 500, 0, retry_backoff, "http_server_error"},
                    ClassCase{424242, 400, 0, recipient_permanent, "unknown_code"},
                    ClassCase{424242, 0, 0, recipient_permanent, "unknown_code"},
                    ClassCase{-2147483647 - 1, 0, 0, recipient_permanent, "unknown_code"},
                    ClassCase{2147483647, 0, 0, recipient_permanent, "unknown_code"}));

TEST(ErrorTable, ParameterErrorsAboutTheRecipientConcernThatRowOnly) {
  GraphError error;
  error.code = 131009;
  error.details = "Parameter value is not valid: 'to' is not a valid phone number";
  EXPECT_EQ(find_error(error).name, "recipient_invalid");
  error.code = 100;
  EXPECT_EQ(find_error(error).name, "invalid_recipient");
  error.details = "Unexpected key \"foo\" on param \"template\"";
  EXPECT_EQ(find_error(error).name, "invalid_parameter");
}

TEST(ErrorTable, UnlistedTransientErrorsLeaveTheOutcomeOpen) {
  GraphError error;
  error.code = 999;
  error.http_status = 400;
  EXPECT_TRUE(find_error(error).definitive);
  error.transient = true;
  EXPECT_FALSE(find_error(error).definitive);
}

TEST(ErrorTable, OptOutAndCountryFlags) {
  EXPECT_TRUE(find_error(131050).opt_out);
  EXPECT_FALSE(find_error(131026).opt_out);
  EXPECT_TRUE(find_error(130497).country_wide);
  EXPECT_TRUE(find_error(190).blocks_account);
  EXPECT_FALSE(find_error(132001).blocks_account);
  EXPECT_TRUE(find_error(132001).pauses_campaign);
  EXPECT_FALSE(find_error(131026).pauses_campaign);
}

TEST(RetryDelay, GrowsByClassAndEnds) {
  const ErrorInfo& pair = find_error(131056);
  EXPECT_EQ(retry_delay(pair, 1), seconds(1));
  EXPECT_EQ(retry_delay(pair, 2), seconds(4));
  EXPECT_EQ(retry_delay(pair, 4), seconds(64));
  EXPECT_EQ(retry_delay(pair, 7), std::nullopt);
  const ErrorInfo& unknown = find_error(131000);
  EXPECT_EQ(retry_delay(unknown, 1), seconds(5));
  EXPECT_EQ(retry_delay(unknown, 2), seconds(10));
  EXPECT_EQ(retry_delay(unknown, 3), std::nullopt);
  EXPECT_EQ(retry_delay(find_error(130429), 500), seconds(1));
  EXPECT_EQ(retry_delay(find_error(131026), 1), std::nullopt);
  EXPECT_EQ(retry_delay(pair, 0), std::nullopt);
}

TEST(GraphErrorSummary, IsShortAndCutsBetweenCharacters) {
  GraphError error;
  error.code = 131026;
  error.message = "Message undeliverable";
  error.details = "Not on WhatsApp";
  EXPECT_EQ(error.summary(), "(131026) Message undeliverable: Not on WhatsApp");
  error.details.clear();
  for (int i = 0; i < 400; ++i) error.details += "é";
  const std::string summary = error.summary();
  EXPECT_LE(summary.size(), 500U);
  EXPECT_EQ(static_cast<unsigned char>(summary.back()) & 0xC0U, 0x80U)
      << "ends with a whole two-byte character";
}

TEST(ErrorDocument, EqualsTheFileInDocs) {
  std::ifstream file(POSTHORN_SOURCE_DIR "/docs/errors.md");
  std::ostringstream text;
  text << file.rdbuf();
  const std::string rendered = render_error_document();
  if (std::getenv("POSTHORN_WRITE_DOCS") != nullptr)
    std::ofstream(POSTHORN_SOURCE_DIR "/docs/errors.md") << rendered;
  EXPECT_EQ(text.str(), rendered) << "run this test once with POSTHORN_WRITE_DOCS=1 to write the file anew";
}

}  // namespace
}  // namespace posthorn::whatsapp
