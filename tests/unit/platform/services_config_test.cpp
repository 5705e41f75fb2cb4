#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <unistd.h>

#include "platform/config.h"
#include "platform/config_keys.h"

namespace posthorn {
namespace {

using testing::HasSubstr;
using testing::Not;

ConfigInput file(std::string text) {
  return {.file_name = "posthorn.toml", .file_text = std::move(text)};
}
ConfigInput variable(const std::string& name, const std::string& value) {
  return {.environment = {{name, value}}};
}

TEST(Config, DefaultsAreComplete) {
  auto config = parse_config({});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->http.port, 8080);
  EXPECT_EQ(config->http.listen_address, "127.0.0.1");
  EXPECT_EQ(config->graph.base_url, "https://graph.facebook.com");
  EXPECT_EQ(config->graph.version, "v25.0");
  EXPECT_EQ(config->database.path, "data/posthorn.db");
  EXPECT_EQ(config->sending.unknown_hold, std::chrono::minutes(15));
  EXPECT_EQ(config->sending.rate_headroom, 0.985);
  EXPECT_EQ(config->broadcast.max_rows, 10'000'000);
  EXPECT_THAT(config->broadcast.opt_out_keywords, testing::Contains("UNSUBSCRIBE"));
  EXPECT_TRUE(config->whatsapp.app_secret.empty());
}

TEST(Config, EachSourceOverridesTheOneBefore) {
  ConfigInput input = file(
      "data_dir = \"/file\"\n[http]\nport = 1\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n"
      "[graph]\nsend_timeout = \"5s\"\nbase_url = \"http://127.0.0.1:9/\"\n[sending]\nrate_headroom = 1\n");
  input.environment = {{"POSTHORN_HTTP_PORT", "2"},
                       {"POSTHORN_WHATSAPP_APP_SECRET", "hush"},
                       {"POSTHORN_BROADCAST_OPT_OUT_KEYWORDS", "STOP, BAJA ,"}};
  input.overrides = {{"http.port", "3"}};
  auto config = parse_config(input);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->http.port, 3);
  EXPECT_EQ(config->data_dir, "/file");
  EXPECT_EQ(config->database.path, "/file/posthorn.db");
  EXPECT_THAT(config->http.trusted_proxies, testing::ElementsAre("10.0.0.0/8", "::1"));
  EXPECT_EQ(config->graph.send_timeout, std::chrono::seconds(5));
  EXPECT_EQ(config->graph.base_url, "http://127.0.0.1:9") << "without trailing slash";
  EXPECT_EQ(config->sending.rate_headroom, 1.0);
  EXPECT_EQ(config->whatsapp.app_secret.reveal(), "hush");
  EXPECT_THAT(config->broadcast.opt_out_keywords, testing::ElementsAre("STOP", "BAJA"));
  input.overrides.clear();
  EXPECT_EQ(parse_config(input)->http.port, 2);
}

struct BadConfig {
  ConfigInput input;
  std::string complaint;
  std::string field;
};
class RefusedConfig : public testing::TestWithParam<BadConfig> {};
TEST_P(RefusedConfig, NamesKeyAndPlace) {
  auto config = parse_config(GetParam().input);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(config.error().message, HasSubstr(GetParam().complaint));
  EXPECT_EQ(config.error().field, GetParam().field);
}
INSTANTIATE_TEST_SUITE_P(
    Table, RefusedConfig,
    testing::Values(
        BadConfig{file("[http]\n\nprot = 1\n"),
                  "posthorn.toml, line 3: there is no setting http.prot; did you mean http.port?",
                  "http.prot"},
        BadConfig{file("port = 1"), "line 1: there is no setting port; did you mean http.port?", "port"},
        BadConfig{file("[htpp]\nport = 1"), "line 1: there is no setting htpp", "htpp"},
        BadConfig{file("zzzzzzzzzzzzzzz = 1"), "docs/configuration.md lists all keys", "zzzzzzzzzzzzzzz"},
        BadConfig{file("http = 1"), "line 1: http is a section; write [http]", "http"},
        BadConfig{file("[http]\nport = \"80\""),
                  "line 2: http.port must be a whole number from 0 to 65535, not \"80\"", "http.port"},
        BadConfig{file("[http]\nport = 65536"), "not 65536", "http.port"},
        BadConfig{file("[http]\nport = -1"), "not -1", "http.port"},
        BadConfig{file("[http]\nport = 80.5"), "not 80.5", "http.port"},
        BadConfig{file("[http.port]\nx = 1"), "http.port must be", "http.port"},
        BadConfig{file("[http]\nlisten_address = \"localhost\""), "an IPv4 or IPv6 address",
                  "http.listen_address"},
        BadConfig{file("[http]\ntrusted_proxies = [1]"), "http.trusted_proxies must be",
                  "http.trusted_proxies"},
        BadConfig{file("[http]\ntrusted_proxies = [\"10.0.0.0/33\"]"), "10.0.0.0/33", "http.trusted_proxies"},
        BadConfig{file("[http]\npublic_url = \"example.org\""), "must be a URL", "http.public_url"},
        BadConfig{file("[graph]\nsend_timeout = 30"),
                  "graph.send_timeout must be a duration such as 15m or 250ms from 1s to 600s",
                  "graph.send_timeout"},
        BadConfig{file("[graph]\nsend_timeout = \"30 parsecs\""), "30 parsecs", "graph.send_timeout"},
        BadConfig{file("[graph]\nbase_url = \"ftp://x\""), "must be a URL", "graph.base_url"},
        BadConfig{file("[graph]\nversion = \"25\""), "a version such as v25.0", "graph.version"},
        BadConfig{file("[log]\nlevel = \"loud\""), "debug, info, warning or error, not \"loud\"",
                  "log.level"},
        BadConfig{file("[broadcast]\ndefault_region = \"Germany\""), "two capital letters",
                  "broadcast.default_region"},
        BadConfig{file("[broadcast]\nquiet_hours = \"9pm\""), "hours such as 21:00-08:00",
                  "broadcast.quiet_hours"},
        BadConfig{file("[broadcast]\nopt_out_keywords = [\" \"]"), "a list of words",
                  "broadcast.opt_out_keywords"},
        BadConfig{file("[sending]\nrate_headroom = 1.5"), "from 0.1 to 1, not 1.5", "sending.rate_headroom"},
        BadConfig{file("[sending]\nrate_headroom = nan"), "sending.rate_headroom must be",
                  "sending.rate_headroom"},
        BadConfig{file("[http\n"), "posthorn.toml, line 1, column", ""},
        BadConfig{file("[http]\nport = 1\nport = 2\n"), "line 3", ""},
        BadConfig{file("[http]\nport = \xff"), "not valid TOML", ""},
        BadConfig{variable("POSTHORN_HTTP_PROT", "1"),
                  "POSTHORN_HTTP_PROT: there is no such setting; did you mean POSTHORN_HTTP_PORT?",
                  "http.prot"},
        BadConfig{variable("POSTHORN_HTTP_PORT", "tcp://10.0.0.1"), "POSTHORN_HTTP_PORT: http.port must be",
                  "http.port"},
        BadConfig{variable("POSTHORN_HTTP_PORT", ""), "http.port must be", "http.port"},
        BadConfig{{.overrides = {{"log.levle", "debug"}}},
                  "--set log.levle: there is no setting log.levle; did you mean log.level?",
                  "log.levle"}));

TEST(Config, SecretsDoNotAppearInMessages) {
  auto config = parse_config(file("[whatsapp]\napp_secret = 123456789\n"));
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("whatsapp.app_secret must be a text"));
  EXPECT_THAT(config.error().message, Not(HasSubstr("123456789")));
}

TEST(Config, VariablesOfOthersAreLeftAlone) {
  EXPECT_TRUE(parse_config({.environment = {{"POSTHORN_PORT", "tcp://10.0.0.1:80"},
                                            {"POSTHORN_SERVICE_HOST", "10.0.0.1"},
                                            {"POSTHORN_API_KEY", "k"},
                                            {"POSTHORN_URL", "u"},
                                            {"POSTHORN_CONFIG", "f"}}}));
}

TEST(Config, LoadReadsTheNamedFile) {
  const auto path =
      std::filesystem::temp_directory_path() / ("posthorn-config-" + std::to_string(::getpid()) + ".toml");
  std::ofstream(path) << "[http]\nport = 4321\n";
  auto config = load_config(path.string(), {{"log.level", "debug"}});
  std::filesystem::remove(path);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->http.port, 4321);
  EXPECT_EQ(config->log.level, "debug");
  EXPECT_EQ(load_config(path.string()).error().code, ErrorCode::not_found);
}

TEST(ConfigKeys, NamesAndVariablesAreUniqueAndExplained) {
  std::set<std::string> seen;
  for (const ConfigKey& key : config_keys()) {
    EXPECT_TRUE(seen.insert(std::string(key.name)).second) << key.name;
    EXPECT_TRUE(seen.insert(environment_name(key)).second) << key.name;
    EXPECT_THAT(std::string(key.help), testing::EndsWith(".")) << key.name;
    EXPECT_TRUE(key.valid == nullptr || !key.wanted.empty()) << key.name;
  }
}

TEST(ConfigReference, IsTheDocument) {
  std::ifstream document(POSTHORN_SOURCE_DIR "/docs/configuration.md", std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(document), {});
  const std::string wanted = config_reference_markdown();
  if (text == wanted) return;
  const auto path = std::filesystem::temp_directory_path() /
                    ("posthorn-configuration-" + std::to_string(::getpid()) + ".md");
  std::ofstream(path, std::ios::binary) << wanted;
  FAIL() << "docs/configuration.md does not say what config_keys.cpp does; copy " << path << " over it";
}

TEST(DailyHours, AreParsed) {
  EXPECT_EQ(*parse_daily_hours("21:00-08:30"), (DailyHours{21 * 60, 8 * 60 + 30}));
  EXPECT_TRUE(parse_daily_hours("")->empty());
  for (const char* bad :
       {"21:00", "24:00-08:00", "21:60-08:00", "21:00-21:00", "9:00-10:00 ", "-1:00-08:00", "21.00-08.00"}) {
    EXPECT_FALSE(parse_daily_hours(bad)) << bad;
  }
}

TEST(Duration, IsParsed) {
  EXPECT_EQ(*parse_duration("250us"), std::chrono::microseconds(250));
  EXPECT_EQ(*parse_duration("5ms"), std::chrono::milliseconds(5));
  EXPECT_EQ(*parse_duration("2h"), std::chrono::hours(2));
  EXPECT_EQ(*parse_duration("7d"), std::chrono::hours(168));
  for (const char* bad :
       {"", "5", "s", "-5s", "1.5s", "5 s", "5w", "99999999999999999999s", "9223372036854775807d"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

}  // namespace
}  // namespace posthorn
