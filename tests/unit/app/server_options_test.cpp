#include "app/server_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn {
namespace {

using testing::ElementsAre;

TEST(ServerOptions, ASignatureByAnyConfiguredSecretCounts) {
  Config config = {};
  config.whatsapp.app_secret = Secret("a");
  config.whatsapp.app_secret_previous = Secret("b");
  config.instagram.app_secret = Secret("c");
  config.instagram.app_secret_previous = Secret("d");
  config.messenger.app_secret = Secret("e");
  config.whatsapp.verify_token = Secret("word");
  const auto options = webhook_options(config);
  std::vector<std::string> named;
  for (const auto& one : options.app_secrets)
    named.push_back(one.name + " " + std::string(one.secret.reveal()));
  EXPECT_THAT(named, ElementsAre("whatsapp a", "whatsapp_previous b", "instagram c", "instagram_previous d",
                                 "messenger e"));
  EXPECT_EQ(options.verify_token.reveal(), "word");
}

TEST(ServerOptions, KeywordsOfTheConfigurationTakeThePlaceOfTheBuiltIn) {
  Config config = {};
  const auto built_in = intake_options(config);
  EXPECT_FALSE(built_in.stop_keywords.empty());
  config.broadcast.opt_out_keywords = {"enough"};
  const auto own = intake_options(config);
  EXPECT_THAT(own.stop_keywords, ElementsAre("enough"));
  EXPECT_EQ(own.start_keywords, built_in.start_keywords);
}

TEST(ServerOptions, WhatMayBeGivenUpIsLookedAtAsOftenAsItIsHeld) {
  Config config = {};
  config.sending.unknown_hold = std::chrono::seconds(7);
  EXPECT_EQ(reconciler_options(config).hold, std::chrono::seconds(7));
  EXPECT_LE(reconciler_options(config).recheck, std::chrono::seconds(7));
}

TEST(ServerOptions, LogLevelsAndFormatsAreThoseOfTheConfiguration) {
  Config config = {};
  config.log.level = "debug";
  config.log.format = "json";
  config.log.file = "x.log";
  const auto options = log_options(config);
  EXPECT_EQ(options.level, LogLevel::debug);
  EXPECT_EQ(options.format, LogFormat::json);
  EXPECT_EQ(options.file, "x.log");
  config.log.level = "info";
  config.log.format = "auto";
  EXPECT_EQ(log_options(config).level, LogLevel::info);
  EXPECT_EQ(log_options(config).format, LogFormat::automatic);
}

}  // namespace
}  // namespace posthorn
