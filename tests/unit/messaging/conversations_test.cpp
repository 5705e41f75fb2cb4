// The inbox and the pages of a conversation; every query by an index in the order that is wanted.
#include "messaging/messaging_window.h"
#include "messaging/people.h"
#include "unit/messaging/conversation_house.h"

namespace posthorn::test {
namespace {

using std::chrono::hours;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Passes everything on and remembers how SQLite goes about it.
class Explained final : public Transaction {
 public:
  explicit Explained(Transaction& tx) : tx_(tx) {}
  Result<SqlRows> query(std::string_view sql, std::span<const SqlArg> args) override {
    note(sql, args);
    return tx_.query(sql, args);
  }
  Result<std::int64_t> execute(std::string_view sql, std::span<const SqlArg> args) override {
    note(sql, args);
    return tx_.execute(sql, args);
  }
  Result<std::int64_t> execute_many(
      std::string_view sql, std::size_t count,
      const std::function<std::span<const SqlArg>(std::size_t)>& bind) override {
    return tx_.execute_many(sql, count, bind);
  }
  using Transaction::execute;
  using Transaction::query;

  std::vector<std::string> plans, bad;

 private:
  void note(std::string_view sql, std::span<const SqlArg> args) {
    const std::string explain = fmt::format("EXPLAIN QUERY PLAN {}", sql);
    Result<SqlRows> rows = tx_.query(explain, args);
    ASSERT_TRUE(rows) << rows.error().message;
    while (true) {
      const Result<bool> more = rows->next();
      if (!more || !*more) return;
      const std::string step(rows->text(3));
      plans.push_back(step);
      const bool scans = step.starts_with("SCAN") && !step.starts_with("SCAN accounts") &&
                         step != "SCAN CONSTANT ROW" && step != "SCAN some";
      if (scans || step.find("TEMP B-TREE") != std::string::npos)
        bad.push_back(fmt::format("{}: {}", step, sql));
    }
  }
  Transaction& tx_;
};

class InboxTest : public ConversationTest {
 protected:
  void SetUp() override {
    // Three people on each account, in turn: conversations 1 to 9.
    std::int64_t second = 0;
    for (int who = 1; who <= 3; ++who) {
      wa(text(
          fmt::format("w{}", who),
          person(fmt::format("49170000000{}", who), channels::AddressKind::phone, fmt::format("W{}", who)),
          "hello", ++second));
      ig(text(fmt::format("i{}", who), igsid(fmt::format("{}", who)), "hi", ++second));
      fb(text(fmt::format("f{}", who), psid(fmt::format("{}", who)), "hey", ++second));
    }
  }
  std::vector<std::int64_t> ids(const ConversationFilter& filter, std::int64_t before = 0, int limit = 100) {
    std::vector<std::int64_t> list;
    const auto page = conversations::inbox(tx(), filter, before, limit);
    EXPECT_TRUE(page) << page.error().message;
    for (const InboxRow& row : page.value().rows) list.push_back(row.conversation.id.value);
    return list;
  }
};

TEST_F(InboxTest, NewestActivityFirstOverAllAccounts) {
  EXPECT_THAT(ids({}), ElementsAre(9, 8, 7, 6, 5, 4, 3, 2, 1));
  EXPECT_THAT(ids({.account = kInstagram}), ElementsAre(8, 5, 2));
  wa(text("again", person("491700000001"), "x", 50));
  EXPECT_THAT(ids({}), ElementsAre(1, 9, 8, 7, 6, 5, 4, 3, 2));
}

TEST_F(InboxTest, PagesMeetWithoutGapsOrRepeats) {
  for (const int limit : {1, 2, 4, 9, 10}) {
    std::vector<std::int64_t> all;
    std::int64_t before = 0;
    do {
      const InboxPage page = conversations::inbox(tx(), {}, before, limit).value();
      EXPECT_LE(page.rows.size(), static_cast<std::size_t>(limit));
      for (const InboxRow& row : page.rows) all.push_back(row.conversation.id.value);
      before = page.next;
    } while (before != 0);
    EXPECT_THAT(all, ElementsAre(9, 8, 7, 6, 5, 4, 3, 2, 1)) << limit;
  }
}

TEST_F(InboxTest, FiltersNarrowAndCombine) {
  const ConversationId one{1}, four{4}, nine{9};
  ASSERT_TRUE(conversations::set_archived(tx(), one, true, "me", at(90)));
  ASSERT_TRUE(conversations::mark_read(tx(), four, "me", at(90)));
  ASSERT_TRUE(conversations::assign(tx(), nine, "eve", "me", at(90)));
  ASSERT_TRUE(conversations::assign(tx(), four, "eve", "me", at(90)));
  ASSERT_TRUE(conversations::add_label(tx(), four, "vip", "me", at(90)));
  ASSERT_TRUE(conversations::add_label(tx(), one, "vip", "me", at(90)));
  EXPECT_THAT(ids({.account = kWhatsApp}), ElementsAre(7, 4));
  EXPECT_THAT(ids({.account = kWhatsApp, .archived = true}), ElementsAre(1));
  EXPECT_THAT(ids({.account = kWhatsApp, .archived = std::nullopt}), ElementsAre(7, 4, 1));
  EXPECT_THAT(ids({.account = kWhatsApp, .unread_only = true}), ElementsAre(7));
  EXPECT_THAT(ids({.assigned_to = "eve"}), ElementsAre(9, 4));
  EXPECT_THAT(ids({.unread_only = true, .assigned_to = "eve"}), ElementsAre(9));
  EXPECT_THAT(ids({.archived = std::nullopt, .label = "vip"}), ElementsAre(4, 1));
  EXPECT_THAT(ids({.assigned_to = "eve", .label = "vip"}), ElementsAre(4));
  EXPECT_THAT(ids({.label = "none"}), ElementsAre());
  wa(text("up", person("491700000001"), "x", 91));  // a label's inbox moves too
  EXPECT_THAT(ids({.label = "vip"}), ElementsAre(1, 4));
  EXPECT_EQ(conversations::unread_count(tx(), {}).value(), 8);
  EXPECT_EQ(conversations::unread_count(tx(), kWhatsApp).value(), 2);
}

TEST_F(InboxTest, ARowIsReadyToBeShown) {
  const InboxRow row = conversations::row(tx(), ConversationId{1}).value();
  EXPECT_EQ(row.person_name, "W1");
  EXPECT_EQ(row.person_address, "491700000001");
  EXPECT_EQ(row.preview, "hello");
  EXPECT_EQ(row.preview_direction, 0);
}

TEST_F(InboxTest, ChangesAreEventsOnceAndNameWhatIsWrong) {
  const ConversationId one{1};
  const auto log = [&] { return events("conversation.updated"); };
  ASSERT_TRUE(conversations::mark_read(tx(), one, "me", at(90)));
  EXPECT_EQ(last_event("conversation.updated"), R"({"conversation_id":1,"change":"read","actor":"me"})");
  ASSERT_TRUE(conversations::mark_read(tx(), one, "me", at(90)));
  ASSERT_TRUE(conversations::set_archived(tx(), one, false, "me", at(90)));
  EXPECT_EQ(log(), 1);
  ASSERT_TRUE(conversations::add_label(tx(), one, "vip", "me", at(90)));
  ASSERT_TRUE(conversations::add_label(tx(), one, "vip", "me", at(90)));
  EXPECT_EQ(log(), 2);
  EXPECT_THAT(conversations::labels(tx(), one).value(), ElementsAre("vip"));
  ASSERT_TRUE(conversations::remove_label(tx(), one, "vip", "me", at(90)));
  EXPECT_EQ(log(), 3);
  const std::vector<std::pair<Result<>, const char*>> table = {
      {conversations::mark_read(tx(), ConversationId{99}, "me", at(1)), "id"},
      {conversations::add_label(tx(), one, "", "me", at(1)), "label"},
      {conversations::add_label(tx(), one, " x", "me", at(1)), "label"},
      {conversations::add_label(tx(), one, "a\nb", "me", at(1)), "label"},
      {conversations::assign(tx(), one, std::string(101, 'x'), "me", at(1)), "assigned_to"}};
  for (const auto& [result, field] : table) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().field, field);
  }
  EXPECT_EQ(conversations::inbox(tx(), {}, 0, 0).error().field, "limit");
  EXPECT_EQ(conversations::inbox(tx(), {}, 0, 201).error().field, "limit");
}

TEST_F(InboxTest, MessagesArePagedByTimeWhateverTheirOrderOfArrival) {
  for (const int second : {30, 10, 20, 20, 40})
    wa(text(fmt::format("t{}.{}", second, ++journal_), person("491700000002"), fmt::format("{}", second),
            second));
  std::vector<std::string> said;
  std::string before;
  do {
    const MessagePage page = messages::page(tx(), ConversationId{4}, before, 2).value();
    for (const Message& m : page.messages) said.push_back(m.text);
    before = page.next;
  } while (!before.empty());
  EXPECT_THAT(said, ElementsAre("40", "30", "20", "20", "10", "hello"));
  const MessageId middle = messages::page(tx(), ConversationId{4}, "", 3).value().messages[2].id;
  said.clear();
  for (const Message& m : messages::around(tx(), middle, 2).value()) said.push_back(m.text);
  EXPECT_THAT(said, ElementsAre("40", "30", "20", "20", "10"));
  EXPECT_EQ(messages::page(tx(), ConversationId{4}, "x", 2).error().field, "before");
  EXPECT_EQ(messages::page(tx(), ConversationId{4}, "1.", 2).error().field, "before");
  EXPECT_EQ(messages::page(tx(), ConversationId{4}, "", 501).error().field, "limit");
}

TEST_F(InboxTest, NotesAreInTheConversationButMoveNothing) {
  const std::int64_t last = conversation(1).last_message.value;
  const MessageId note = messages::add_note(tx(), ConversationId{1}, "call back", "eve", at(99)).value();
  EXPECT_EQ(messages::get(tx(), note).value().direction, MessageDirection::note);
  EXPECT_EQ(conversation(1).last_message.value, last);
  EXPECT_EQ(messages::newest(tx(), MessageDirection::note, 0, 10).value().size(), 1U);
  EXPECT_EQ(messages::newest(tx(), MessageDirection::in, 0, 4).value().size(), 4U);
  EXPECT_EQ(messages::newest(tx(), std::nullopt, 0, 100).value().size(), 10U);
  EXPECT_EQ(messages::newest(tx(), std::nullopt, 3, 100).value().size(), 2U);
  EXPECT_EQ(messages::add_note(tx(), ConversationId{1}, "", "eve", at(99)).error().field, "text");
  EXPECT_EQ(messages::add_note(tx(), ConversationId{77}, "x", "eve", at(99)).error().code,
            ErrorCode::not_found);
}

TEST_F(InboxTest, EveryQueryGoesByAnIndexInItsOrder) {
  Explained tx_(tx());
  for (const bool unread : {false, true}) {
    for (const AccountId account : {AccountId{}, kWhatsApp}) {
      ASSERT_TRUE(conversations::inbox(tx_, {.account = account, .unread_only = unread}, 0, 50));
      ASSERT_TRUE(conversations::inbox(
          tx_, {.account = account, .archived = std::nullopt, .unread_only = unread}, 9, 50));
    }
  }
  ASSERT_TRUE(conversations::inbox(tx_, {.assigned_to = "eve"}, 0, 50));
  ASSERT_TRUE(conversations::inbox(tx_, {.label = "vip"}, 0, 50));
  ASSERT_TRUE(conversations::unread_count(tx_, {}));
  ASSERT_TRUE(conversations::of(tx_, PersonId{1}));
  ASSERT_TRUE(conversations::add_label(tx_, ConversationId{1}, "vip", "me", at(1)));
  ASSERT_TRUE(conversations::labels(tx_, ConversationId{1}));
  ASSERT_TRUE(messages::page(tx_, ConversationId{1}, "", 50));
  ASSERT_TRUE(messages::around(tx_, MessageId{1}, 50));
  ASSERT_TRUE(messages::newest(tx_, std::nullopt, 0, 50));
  ASSERT_TRUE(messages::newest(tx_, MessageDirection::out, 0, 50));
  ASSERT_TRUE(messages::reactions(tx_, MessageId{1}));
  ASSERT_TRUE(messages::find_by_channel_id(tx_, "w1", kWhatsApp));
  EXPECT_THAT(tx_.bad, ElementsAre());
  EXPECT_GT(tx_.plans.size(), 40U);
}

TEST_F(InboxTest, ApplyingAnEventGoesByIndexesOnly) {
  Explained tx_(tx());
  EventBatch all = batch();
  add_event(all, mint_, index_, pending(kWhatsApp, text("p1", person("491700000001"), "STOP", 60)));
  add_event(all, mint_, index_, pending(kMessenger, echo("p2", psid("1"), "x", 61)));
  channels::ReactionEvent reaction;
  reaction.target_id = "f1";
  reaction.person = psid("1");
  reaction.emoji = "x";
  add_event(all, mint_, index_, pending(kMessenger, reaction));
  channels::ReceiptEvent receipt;
  receipt.person = psid("1");
  receipt.watermark = at(70);
  add_event(all, mint_, index_, pending(kMessenger, receipt));
  channels::RevokeEvent revoke;
  revoke.target_id = "p2";
  add_event(all, mint_, index_, pending(kMessenger, revoke));
  ASSERT_TRUE(commit_events(tx_, all));
  std::erase_if(tx_.bad, [](const std::string& step) {
    const bool any_at_all =
        step.ends_with("LIMIT 1") && step.find("WHERE") == std::string::npos;  // reads one row
    const bool of_one =
        step.starts_with("USE TEMP B-TREE FOR DISTINCT");  // a message's blobs, a person's numbers
    return any_at_all || of_one;
  });
  EXPECT_THAT(tx_.bad, ElementsAre());
}

struct WindowCase {
  channels::Channel channel;
  std::int64_t inbound, action;   // hours; 0: never
  std::int64_t free_form, human;  // hours; 0: closed
};

TEST(MessagingWindowTest, ByChannel) {
  const auto hour = [](std::int64_t h) { return h == 0 ? WallTime{} : wall_from_micros(kStart) + hours(h); };
  using enum channels::Channel;
  const std::vector<WindowCase> table = {{whatsapp, 1, 1, 25, 0},    {whatsapp, 1, 9, 25, 0},
                                         {whatsapp, 0, 9, 0, 0},     {instagram, 1, 9, 33, 177},
                                         {instagram, 9, 1, 33, 177}, {messenger, 0, 5, 29, 173},
                                         {messenger, 0, 0, 0, 0}};
  for (const WindowCase& c : table) {
    const MessagingWindow w = messaging_window({c.channel, hour(c.inbound), hour(c.action), hour(7)});
    EXPECT_EQ(w.free_form_until, hour(c.free_form)) << c.inbound << " " << c.action;
    EXPECT_EQ(w.human_agent_until, hour(c.human)) << c.inbound << " " << c.action;
    EXPECT_EQ(w.free_of_charge_until, c.channel == whatsapp ? hour(7) : WallTime{});
  }
  const MessagingWindow w = messaging_window({whatsapp, hour(1), {}, {}});
  EXPECT_TRUE(w.open(hour(25) - Duration(1)));
  EXPECT_FALSE(w.open(hour(25)));
}

class AbsorbedTest : public ConversationTest {};

TEST_F(AbsorbedTest, NoListShowsWhatIsLeftOfAMergedConversation) {
  wa(text("a", person("DE.1", channels::AddressKind::bsuid), "x", 1));
  wa(text("b", person("DE.2", channels::AddressKind::bsuid), "y", 2));
  ASSERT_TRUE(conversations::add_label(tx(), ConversationId{2}, "vip", "eve", at(3)));
  ASSERT_TRUE(conversations::assign(tx(), ConversationId{2}, "eve", "eve", at(3)));
  const auto merge = people::merge(tx(), PersonId{1}, PersonId{2}, "eve", "", at(4)).value();
  const auto shown = [&](std::optional<bool> archived, bool unread, std::string to, std::string label) {
    const ConversationFilter filter{{}, archived, unread, std::move(to), std::move(label)};
    std::vector<std::int64_t> ids;
    for (const InboxRow& row : conversations::inbox(tx(), filter, 0, 10)->rows)
      ids.push_back(row.conversation.id.value);
    return ids;
  };
  using Ids = std::vector<std::int64_t>;
  EXPECT_EQ(shown(false, false, "", ""), Ids{1});
  EXPECT_EQ(shown(true, false, "", ""), Ids{});
  EXPECT_EQ(shown(std::nullopt, false, "", ""), Ids{1});
  EXPECT_EQ(shown(std::nullopt, true, "", ""), Ids{1});
  EXPECT_EQ(shown(std::nullopt, false, "eve", ""), Ids{1});
  EXPECT_EQ(shown(std::nullopt, false, "", "vip"), Ids{1});
  EXPECT_EQ(conversations::unread_count(tx(), {}).value(), 1);
  ASSERT_TRUE(people::undo_merge(tx(), merge, at(5)));
  EXPECT_EQ(shown(std::nullopt, false, "", ""), (Ids{2, 1}));
  ASSERT_TRUE(conversations::set_archived(tx(), ConversationId{2}, true, "eve", at(6)));
  EXPECT_EQ(shown(true, false, "", ""), Ids{2}) << "archived by people, with its messages";
}

TEST(PreviewTest, IsOneShortLine) {
  Message m;
  m.type = "text";
  m.text = "a\nb";
  EXPECT_EQ(messages::preview(m), "a b");
  m.text = "äöü";
  EXPECT_EQ(messages::preview(m, 2), "äö…");
  EXPECT_EQ(messages::preview(m, 3), "äöü");
  m.type = "image";
  EXPECT_EQ(messages::preview(m), "image: äöü");
  m.text.clear();
  EXPECT_EQ(messages::preview(m), "image");
  m.deleted_at = at(1);
  EXPECT_EQ(messages::preview(m), "deleted");
}

}  // namespace
}  // namespace posthorn::test
