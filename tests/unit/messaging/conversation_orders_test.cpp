// Order, repetition and batching change nothing: a script of events of every kind, given in many ways, ends
// in one state.
#include <algorithm>
#include <random>

#include "unit/messaging/conversation_house.h"

namespace posthorn::test {
namespace {

class OrdersTest : public ConversationTest {
 protected:
  struct Event {
    AccountId account;
    channels::WebhookEventBody body;
  };

  template <class E>
  void say(AccountId account, E event) {
    script.push_back({account, std::move(event)});
  }
  void write_script();
  void give(const std::vector<std::size_t>& order, std::mt19937_64& random);
  std::string state();
  void start_over() {
    for (const char* table :
         {"messages", "message_ids", "conversations", "people", "person_addresses", "person_names",
          "person_former_addresses", "person_merges", "reactions", "early_changes", "attachments", "calls",
          "events", "applied_events", "parked_events", "suppressions", "person_suppressions"})
      execute(fmt::format("DELETE FROM {}", table));
  }
  std::string rows(std::string_view sql) {
    std::string text;
    Result<SqlRows> found = tx().query(sql, {});
    EXPECT_TRUE(found) << found.error().message;
    while (found) {
      const Result<bool> more = found->next();
      if (!more || !*more) break;
      text += std::string(found->text(0)) + "\n";
    }
    return text;
  }
  std::vector<Event> script;
};

void OrdersTest::write_script() {
  const auto wa_ada = person("491700000001", channels::AddressKind::phone, "Ada");
  for (int i = 1; i <= 3; ++i) {
    say(kWhatsApp, text(fmt::format("w{}", i), wa_ada, fmt::format("words {}", i), 10 * i));
    say(kMessenger, text(fmt::format("f{}", i), psid("7"), fmt::format("words {}", i), 10 * i + 1));
    say(kMessenger, echo(fmt::format("e{}", i), psid("7"), fmt::format("answer {}", i), 10 * i + 2));
  }
  say(kWhatsApp, text("stop", wa_ada, "STOP", 31));
  say(kWhatsApp, text("start", wa_ada, "START", 32));
  say(kWhatsApp, text("stop again", wa_ada, "STOP", 33));
  channels::MessageEvent picture = text("pic", wa_ada, "look", 34);
  picture.type = "image";
  picture.attachments.push_back({"image", "media", "", "image/png", "", "", false});
  say(kWhatsApp, picture);
  for (const auto& [target, emoji, second] :
       {std::tuple("f1", "👍", 41), std::tuple("f1", "❤️", 42), std::tuple("f1", "", 43),
        std::tuple("f2", "👍", 41), std::tuple("f2", "❤️", 41), std::tuple("e1", "x", 44)}) {
    channels::ReactionEvent e;
    e.target_id = target;
    e.emoji = emoji;
    e.person = psid("7");
    e.at = at(second);
    e.id = fmt::format("{}{}{}", target, emoji, second);
    say(kMessenger, e);
  }
  for (int number = 1; number <= 3; ++number) {
    for (const char* target : {"f3", "w2"}) {
      channels::EditEvent e;
      e.target_id = target;
      e.id = fmt::format("{} {}", target, number);
      e.text = fmt::format("edit {}", number);
      e.edit_number = number;
      e.at = at(50 + number);
      say(*target == 'w' ? kWhatsApp : kMessenger, e);
    }
  }
  for (const char* target : {"w2", "pic"}) {
    channels::RevokeEvent e;
    e.target_id = target;
    e.at = at(60);
    say(kWhatsApp, e);
  }
  for (const auto& [read, id, watermark, second] :
       {std::tuple(true, "e1", 0, 61), std::tuple(false, "e1", 0, 60), std::tuple(false, "", 25, 62),
        std::tuple(true, "", 15, 63), std::tuple(false, "e3", 0, 64)}) {
    channels::ReceiptEvent e;
    e.read = read;
    if (*id != '\0') e.ids = {id};
    if (watermark != 0) e.watermark = at(watermark);
    e.person = psid("7");
    e.at = at(second);
    say(kMessenger, e);
  }
  for (const auto& [event, status, second] :
       {std::tuple("connect", "", 70), std::tuple("terminate", "COMPLETED", 75)}) {
    channels::CallEvent e;
    e.id = "call";
    e.event = event;
    e.status = status;
    e.person = wa_ada;
    e.content = fmt::format(R"({{"s":{}}})", second);
    e.at = at(second);
    say(kWhatsApp, e);
  }
}

// In this order, in batches of whatever size.
void OrdersTest::give(const std::vector<std::size_t>& order, std::mt19937_64& random) {
  for (std::size_t i = 0; i < order.size();) {
    EventBatch some = batch();
    for (std::size_t size = 1 + random() % 7; size > 0 && i < order.size(); --size, ++i) {
      raw_number_ = static_cast<std::int64_t>(order[i]) + 1;
      add_event(some, mint_, index_, pending(script[order[i]].account, script[order[i]].body));
    }
    commit(some);
  }
}

// Everything but row numbers, which are by arrival.
std::string OrdersTest::state() {
  return rows(
             "SELECT m.channel_id || '|' || m.direction || '|' || m.at || '|' || m.type || '|' || m.text || "
             "'|' || "
             "m.payload || '|' || m.content || '|' || (m.delivery & 12 <> 0) || (m.delivery & 2 <> 0) || '|' "
             "|| "
             "m.edited_at || '|' || m.edit_number || '|' || m.deleted_at || '|' || c.account_id FROM "
             "messages m JOIN "
             "conversations c ON c.id = m.conversation_id ORDER BY m.channel_id") +
         rows(
             "SELECT m.channel_id || r.emoji || r.at FROM reactions r JOIN messages m ON m.id = r.message_id "
             "ORDER BY 1") +
         rows(
             "SELECT c.account_id || '|' || l.channel_id || '|' || c.last_inbound_at || '|' || "
             "c.last_action_at || '|' || "
             "c.unread || '|' || c.delivered_until || '|' || c.read_until FROM conversations c JOIN messages "
             "l ON l.id = "
             "c.last_message_id ORDER BY c.account_id") +
         rows("SELECT phone || '|' || business_id FROM suppressions ORDER BY 1") +
         rows("SELECT kind || value FROM person_addresses ORDER BY 1") +
         rows("SELECT state || started_at || '|' || ended_at || seconds || content FROM calls") +
         rows("SELECT kind || '|' || state || media_id FROM attachments") +
         rows(
             "SELECT COUNT(*) FROM people UNION ALL SELECT COUNT(*) FROM early_changes UNION ALL SELECT "
             "COUNT(*) FROM "
             "parked_events UNION ALL SELECT COUNT(*) FROM events WHERE kind IN ('message.received', "
             "'message.sent')");
}

TEST_F(OrdersTest, AnyOrderAnyBatchesAndAnyRepetitionEndInOneState) {
  write_script();
  std::vector<std::size_t> order(script.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::mt19937_64 random(1);
  give(order, random);
  const std::string expected = state();
  ASSERT_THAT(expected, ::testing::HasSubstr("edit 3"));
  for (std::uint64_t seed = 2; seed < 200; ++seed) {
    start_over();
    random.seed(seed);
    std::vector<std::size_t> shuffled = order;
    for (std::size_t i = 0; i < 10; ++i) shuffled.push_back(random() % order.size());
    std::ranges::shuffle(shuffled, random);
    give(shuffled, random);
    ASSERT_EQ(state(), expected) << "seed " << seed;
    give(shuffled, random);
    ASSERT_EQ(state(), expected) << "seed " << seed << ", all again";
  }
}

TEST_F(OrdersTest, EveryPermutationOfSixReceiptsEndsInOneState) {
  struct Receipt {
    bool read;
    bool by_id;
    int second;
  };
  const std::vector<Receipt> six = {{false, true, 5}, {true, true, 6},  {false, false, 7},
                                    {true, false, 8}, {false, true, 3}, {true, true, 4}};
  std::vector<std::size_t> order = {0, 1, 2, 3, 4, 5};
  std::string expected;
  do {
    start_over();
    fb(echo("e", psid("7"), "x", 1));
    for (const std::size_t i : order) {
      channels::ReceiptEvent e;
      e.read = six[i].read;
      if (six[i].by_id) e.ids = {"e"};
      if (!six[i].by_id) e.watermark = at(2);
      e.person = psid("7");
      e.at = at(six[i].second);
      fb(e);
    }
    const std::string now = rows("SELECT delivery || '|' || delivered_at || '|' || read_at FROM messages");
    if (expected.empty()) expected = now;
    ASSERT_EQ(now, expected);
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(expected, fmt::format("6|{}|{}\n", kStart + 3 * kSecond, kStart + 4 * kSecond));
}

}  // namespace
}  // namespace posthorn::test
