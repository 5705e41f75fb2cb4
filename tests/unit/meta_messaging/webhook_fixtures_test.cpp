// Every kind of event of Instagram and Messenger as fixtures: <kind>.json holds a body in Meta's shape,
// <kind>.events what it must become, one line for each event.
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>

#include "channels/meta_messaging/webhook.h"
#include "events_text.h"

namespace posthorn::meta_messaging {
namespace {

namespace fs = std::filesystem;

const fs::path kFixtures = fs::path(POSTHORN_SOURCE_DIR) / "tests/fixtures/webhooks";

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// "instagram/text", for bodies and expectations alike, so that neither can be alone.
std::vector<std::string> fixture_names() {
  std::set<std::string> names;
  for (const char* channel : {"instagram", "messenger"}) {
    for (const fs::directory_entry& entry : fs::directory_iterator(kFixtures / channel))
      names.insert(fmt::format("{}/{}", channel, entry.path().stem().string()));
  }
  return {names.begin(), names.end()};
}

std::string described(std::string_view body) {
  std::string text;
  for (const channels::WebhookEvent& event : parse_webhook(body)) text += in_words(event) + "\n";
  return text;
}

class MetaWebhookFixture : public testing::TestWithParam<std::string> {
 protected:
  fs::path path(std::string_view suffix) const { return kFixtures / (GetParam() + std::string(suffix)); }
};

TEST_P(MetaWebhookFixture, BecomesItsEvents) {
  ASSERT_TRUE(fs::exists(path(".json"))) << "expectations without a body";
  ASSERT_TRUE(fs::exists(path(".events"))) << "a body without expectations";
  EXPECT_EQ(described(read_file(path(".json"))), read_file(path(".events")));
}

// Whatever is delivered again, with other blanks, is the same event; no two events of a body are one.
TEST_P(MetaWebhookFixture, HasStableKeys) {
  const std::string body = read_file(path(".json"));
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
    if (std::holds_alternative<channels::MalformedEvent>(events[i].body)) continue;  // kept as bytes
    EXPECT_EQ(events[i].natural_key(), again[i].natural_key()) << in_words(events[i]);
    EXPECT_TRUE(keys.insert(events[i].natural_key()).second) << in_words(events[i]);
  }
}

// The raw bytes are a part of the body, for the park and the journal.
TEST_P(MetaWebhookFixture, PointsIntoItsBody) {
  const std::string body = read_file(path(".json"));
  for (const channels::WebhookEvent& event : parse_webhook(body)) {
    EXPECT_GE(event.raw.data(), body.data());
    EXPECT_LE(event.raw.data() + event.raw.size(), body.data() + body.size());
    EXPECT_FALSE(event.raw.empty());
  }
}

// Cut anywhere, the bytes are refused or understood in part, but never more than was there.
TEST_P(MetaWebhookFixture, SurvivesBeingCut) {
  const std::string body = read_file(path(".json"));
  const std::size_t whole = parse_webhook(body).size();
  for (std::size_t length = 0; length < body.size(); length += 7) {
    const std::string cut = body.substr(0, length);
    EXPECT_LE(parse_webhook(cut).size(), whole + 2) << length;
  }
}

INSTANTIATE_TEST_SUITE_P(All, MetaWebhookFixture, testing::ValuesIn(fixture_names()), [](const auto& tested) {
  std::string name = tested.param;
  name[name.find('/')] = '_';
  return name;
});

TEST(MetaWebhookFixtures, AreMany) {
  EXPECT_GE(fixture_names().size(), 90U);
}

}  // namespace
}  // namespace posthorn::meta_messaging
