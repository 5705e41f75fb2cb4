// Every fixture with each of its members missing, null or of another type: whatever Meta may leave out or
// change some day, the body comes out as events, and what stands beside it comes out untouched.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "channels/canonical_json.h"
#include "channels/parse_webhook.h"

namespace posthorn::channels {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

const fs::path kFixtures = fs::path(POSTHORN_SOURCE_DIR) / "tests/fixtures/webhooks";

std::vector<std::string> fixture_names() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(kFixtures)) {
    if (entry.path().extension() == ".json")
      names.push_back(fs::relative(entry.path(), kFixtures).replace_extension().string());
  }
  std::ranges::sort(names);
  return names;
}

std::optional<json::value> fixture(const std::string& name) {
  std::ifstream in(kFixtures / (name + ".json"), std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  Result<json::value> parsed = parse_item(text.str());
  if (!parsed || !parsed->is_object()) return std::nullopt;  // broken on purpose
  json::object& body = parsed->get_object();
  json::value* entries = body.if_contains("entry");
  if (entries == nullptr || !entries->is_array() || entries->get_array().empty()) return std::nullopt;
  return std::move(*parsed);
}

// One way to damage a value; the first removes it from its object.
using Damage = void (*)(json::value&);
constexpr Damage kDamages[] = {
    nullptr,
    [](json::value& v) { v = nullptr; },
    [](json::value& v) { v = v.is_string() ? json::value(7) : json::value("text"); },
    [](json::value& v) { v = v.is_object() ? json::value(json::array{1}) : json::value(json::object()); },
    [](json::value& v) { v = v.is_array() ? json::value(true) : json::value(json::array()); },
    [](json::value& v) { v = -1.5; },
    [](json::value& v) { v = std::string(3000, 'x'); },
};

// Calls f() for every damage to every value below `value`, and puts each back again.
template <class F>
void for_each_damage(json::value& value, const F& f) {
  if (json::array* array = value.if_array()) {
    for (json::value& element : *array) for_each_damage(element, f);
    return;
  }
  json::object* object = value.if_object();
  if (object == nullptr) return;
  for (std::size_t i = 0; i < object->size(); ++i) {
    const std::string key((object->begin() + static_cast<std::ptrdiff_t>(i))->key());
    for (const Damage damage : kDamages) {
      const json::object before = *object;
      if (damage == nullptr) {
        object->erase(key);
      } else {
        damage(object->at(key));
      }
      f(key);
      *object = before;
    }
    for_each_damage(object->at(key), f);
  }
}

constexpr std::string_view kWhatsAppNeighbour =
    R"({"id":"9000","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":)"
    R"({"display_phone_number":"15550009999","phone_number_id":"9001"},"messages":[{"from":"4915199999999",)"
    R"("id":"the-neighbour","timestamp":"1749416383","type":"text","text":{"body":"untouched"}}]}}]})";
constexpr std::string_view kMetaNeighbour =
    R"({"id":"9000","time":1790000000000,"messaging":[{"sender":{"id":"9002"},"recipient":{"id":"9000"},)"
    R"("timestamp":1790000000000,"message":{"mid":"the-neighbour","text":"untouched"}}]})";

bool is_neighbour(const WebhookEvent& event) {
  const auto* message = std::get_if<MessageEvent>(&event.body);
  return message != nullptr && message->id == "the-neighbour" && message->text == "untouched" &&
         message->person.addresses.size() == 1 && event.origin->business_id == "9000";
}

class WebhookMutation : public testing::TestWithParam<std::string> {};

TEST_P(WebhookMutation, BecomesEventsAndLeavesItsNeighbourAlone) {
  std::optional<json::value> body = fixture(GetParam());
  if (!body) GTEST_SKIP() << "no readable body with entries";
  json::object& object = body->get_object();
  const json::value* name = object.if_contains("object");
  const bool whatsapp = name == nullptr || *name == "whatsapp_business_account";
  if (!whatsapp && *name != "page" && *name != "instagram") GTEST_SKIP() << "an object that nobody reads";
  const json::value neighbour = json::parse(whatsapp ? kWhatsAppNeighbour : kMetaNeighbour);
  json::array& entries = object.at("entry").get_array();
  const std::size_t own = entries.size();
  for (std::size_t i = 0; i < own; ++i) {
    json::value entry = entries[i];
    for_each_damage(entry, [&](const std::string& key) {
      json::object damaged = object;
      json::array& damaged_entries = damaged.at("entry").get_array();
      damaged_entries[i] = entry;
      damaged_entries.push_back(neighbour);
      const std::string text = json::serialize(damaged);
      std::deque<std::string> unwrapped;
      const std::vector<WebhookEvent> events = parse_webhook(kFromMeta, text, unwrapped);
      EXPECT_GE(events.size(), 2U) << "nothing of what was damaged at " << key << ": " << text;
      EXPECT_EQ(std::ranges::count_if(events, is_neighbour), 1) << "damaged " << key << " in " << text;
      for (const WebhookEvent& event : events) {
        EXPECT_GT(event.natural_key().size(), 2U) << text;
        EXPECT_FALSE(event.raw.empty()) << text;
        if (const auto* bad = std::get_if<MalformedEvent>(&event.body))
          EXPECT_GE(bad->reason.size(), 10U) << text;
      }
    });
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(All, WebhookMutation, testing::ValuesIn(fixture_names()), [](const auto& tested) {
  std::string name = tested.param;
  std::ranges::replace(name, '/', '_');
  return name;
});

// A damaged member may take its own item away, never the items beside it in the same list.
TEST(WebhookMutations, DoNotTakeTheOtherItemsOfTheList) {
  json::value first = json::parse(
      R"({"from":"4915111111111","from_user_id":"DE.1","id":"first","timestamp":"1749416383","type":"image",)"
      R"("image":{"id":"7","mime_type":"image/jpeg","sha256":"eA==","caption":"a"},"context":{"id":"w","from":"1"},)"
      R"("referral":{"source_id":"3"},"identity":{"hash":"h"}})");
  const json::value second = json::parse(
      R"({"from":"4915122222222","id":"second","timestamp":"1749416384","type":"text","text":{"body":"b"}})");
  int tried = 0;
  for_each_damage(first, [&](const std::string& key) {
    json::object value{{"metadata", {{"phone_number_id", "9001"}, {"display_phone_number", "1"}}},
                       {"messages", json::array{first, second}}};
    const std::string text = fmt::format(
        R"({{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{}}}]}}]}})",
        json::serialize(value));
    std::deque<std::string> unwrapped;
    const auto events = parse_webhook(kFromMeta, text, unwrapped);
    ASSERT_EQ(events.size(), 2U) << "damaged " << key << " in " << text;
    const auto* kept = std::get_if<MessageEvent>(&events[1].body);
    ASSERT_NE(kept, nullptr) << text;
    EXPECT_EQ(kept->id, "second");
    EXPECT_EQ(kept->person.addresses, (std::vector<Address>{{AddressKind::phone, "4915122222222"}}));
    ++tried;
  });
  EXPECT_GT(tried, 100);
}

}  // namespace
}  // namespace posthorn::channels
