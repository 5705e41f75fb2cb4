// Settings as people see them, and where the command line finds its server.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "app/config_text.h"
#include "app/run.h"
#include "platform/config.h"
#include "platform/config_keys.h"

namespace posthorn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ConfigText, ShowsEveryKeyAndNoSecret) {
  ConfigInput input;
  input.overrides = {{"whatsapp.app_secret", "hush-hush"},
                     {"graph.send_timeout", "1500ms"},
                     {"http.trusted_proxies", "10.0.0.0/8,::1"}};
  const auto config = parse_config(input);
  ASSERT_TRUE(config) << config.error().message;
  const auto text = config_text(*config);
  for (const auto& key : config_keys()) EXPECT_THAT(text, HasSubstr(std::string(key.name) + " = "));
  EXPECT_THAT(text, HasSubstr("whatsapp.app_secret = (set)\n"));
  EXPECT_THAT(text, HasSubstr("whatsapp.verify_token = \"\"\n"));
  EXPECT_THAT(text, HasSubstr("graph.send_timeout = \"1500ms\"\n"));
  EXPECT_THAT(text, HasSubstr("http.trusted_proxies = \"10.0.0.0/8,::1\"\n"));
  EXPECT_THAT(text, Not(HasSubstr("hush")));
}

class FindServer : public testing::Test {
 protected:
  FindServer() {
    for (const char* name : {"POSTHORN_SERVER", "POSTHORN_KEY", "POSTHORN_DATA_DIR"}) ::unsetenv(name);
    std::filesystem::create_directories(folder);
  }
  ~FindServer() override { std::filesystem::remove_all(folder); }
  void write(const char* name, const char* text) { std::ofstream(folder + "/" + name) << text; }

  std::string folder = testing::TempDir() + "posthorn_find_server";
};

TEST_F(FindServer, FilesOfTheDataFolderAreEnough) {
  write("server.url", "http://127.0.0.1:8080/\n");
  write("cli.key", "ph_key\n");
  ClientOptions options;
  options.data_dir = folder;
  auto target = find_server(options);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->url, "http://127.0.0.1:8080");
  EXPECT_EQ(target->key.reveal(), "ph_key");
  ::setenv("POSTHORN_SERVER", "http://other", 1);
  EXPECT_EQ(find_server(options)->url, "http://other") << "the environment goes before files";
  options.server = "http://third";
  options.key = "mine";
  target = find_server(options);
  EXPECT_EQ(target->url, "http://third") << "options go before both";
  EXPECT_EQ(target->key.reveal(), "mine");
  ::unsetenv("POSTHORN_SERVER");
}

TEST_F(FindServer, WhatIsMissingIsNamed) {
  ClientOptions options;
  options.data_dir = folder;
  EXPECT_EQ(find_server(options).error().field, "server");
  EXPECT_THAT(find_server(options).error().message, HasSubstr(folder));
  options.server = "http://127.0.0.1:1";
  EXPECT_EQ(find_server(options).error().code, ErrorCode::unauthenticated);
  EXPECT_EQ(find_server(options).error().field, "key");
}

}  // namespace
}  // namespace posthorn
