// Every kind of event that WhatsApp's webhooks have, as fixtures: <kind>.json holds a body in Meta's shape,
// <kind>.events what it must become, one line for each event.
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>

#include "channels/whatsapp/webhook.h"
#include "webhook_events_text.h"

namespace posthorn::whatsapp {
namespace {

namespace fs = std::filesystem;

const fs::path kFixtures = fs::path(POSTHORN_SOURCE_DIR) / "tests/fixtures/webhooks/whatsapp";

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> fixture_names() {
  std::set<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(kFixtures)) {
    names.insert(entry.path().stem().string());
  }
  return {names.begin(), names.end()};
}

std::string described(std::string_view body) {
  std::string text;
  for (const WebhookEvent& event : parse_webhook(body)) text += testing_support::describe(event) + "\n";
  return text;
}

class WebhookFixture : public testing::TestWithParam<std::string> {};

TEST_P(WebhookFixture, BecomesItsEvents) {
  const fs::path body = kFixtures / (GetParam() + ".json"), expected = kFixtures / (GetParam() + ".events");
  ASSERT_TRUE(fs::exists(body)) << "expectations without a body";
  ASSERT_TRUE(fs::exists(expected)) << "a body without expectations";
  EXPECT_EQ(described(read_file(body)), read_file(expected));
}

// Whatever is delivered twice, or written with other blanks, is the same event; no two events of a body are
// one.
TEST_P(WebhookFixture, HasStableKeys) {
  const std::string body = read_file(kFixtures / (GetParam() + ".json"));
  std::string dense;
  bool in_string = false;
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '"' && body[i - 1] != '\\') in_string = !in_string;
    if (in_string || static_cast<unsigned char>(body[i]) > ' ') dense += body[i];
  }
  const auto events = parse_webhook(body), again = parse_webhook(dense);
  ASSERT_EQ(events.size(), again.size());
  std::set<std::string> keys;
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].natural_key(), again[i].natural_key());
    EXPECT_TRUE(keys.insert(events[i].natural_key()).second) << testing_support::describe(events[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(All, WebhookFixture, testing::ValuesIn(fixture_names()),
                         [](const auto& tested) { return tested.param; });

TEST(WebhookFixtures, AreMany) {
  EXPECT_GE(fixture_names().size(), 70U);
}

}  // namespace
}  // namespace posthorn::whatsapp
