#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "automation_house.h"
#include "messaging/messages.h"

namespace posthorn::automation {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kReply = R"({"do": [{"effect": "text", "text": "Hello {name}!", "quote": true}]})";
constexpr auto kMenu = R"({"body": "What is it about?", "button": "Choose", "sections": [{"rows": [
  {"id": "hours", "title": "Opening hours", "action": "text", "text": "From 9 to 5."},
  {"id": "shop", "title": "Shop", "action": "url", "value": "https://shop.example", "text": "Here it is:"},
  {"id": "more", "title": "More", "action": "menu", "value": "more"},
  {"id": "human", "title": "Talk to us"}]}]})";
const std::string kBlob(64, 'a');

class AutomationTest : public testing::Test {
 protected:
  void begin(int people = 2) {
    house.open();
    house.furnish(people);
    house.start();
  }
  House house;
};

TEST_F(AutomationTest, AnswersOnceAndQuotes) {
  begin();
  house.add_rule("greeting", kReply);
  const std::int64_t message = house.arrive({});
  house.settle();
  EXPECT_THAT(house.said(), ElementsAre("1 Hello Ada 1!"));
  EXPECT_THAT(house.texts("SELECT reply_to FROM messages WHERE direction = 1"),
              ElementsAre("wamid." + std::to_string(message)));
  EXPECT_THAT(house.texts("SELECT author FROM messages WHERE direction = 1"),
              ElementsAre("automation:greeting"));
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM single_sends WHERE lane = 0"), 1);
  EXPECT_THAT(house.life->woken, ElementsAre(AccountId{1}));
}

TEST_F(AutomationTest, BeginsAtTheEndOfTheLog) {
  house.open();
  house.furnish();
  house.add_rule("greeting", kReply);
  house.arrive({});
  house.start();
  house.settle();
  EXPECT_THAT(house.said(), IsEmpty());
  house.arrive({});
  house.settle();
  EXPECT_THAT(house.said(), SizeIs(1));
}

TEST_F(AutomationTest, SeesWhatArrivesWithoutBeingWoken) {
  house.options.poll = 500ms;
  begin();
  house.add_rule("greeting", kReply);
  house.arrive({});
  house.world.run_for(600ms);
  EXPECT_THAT(house.said(), SizeIs(1));
}

// The first start finds an empty log; what comes while the process is down must not be taken for older than
// it.
TEST_F(AutomationTest, RemembersThatItBegan) {
  begin();
  house.add_rule("greeting", kReply);
  house.crash();
  house.open();
  house.arrive({});
  house.start();
  house.settle();
  EXPECT_THAT(house.said(), SizeIs(1));
}

struct Unanswered {
  const char* name;
  Arrival arrival;
};
TEST_F(AutomationTest, NeverAnswersWhatNobodyAsked) {
  begin();
  house.add_rule("everything",
                 R"({"do": [{"effect": "text", "text": "Hi"}, {"effect": "react"}, {"effect": "read"},
    {"effect": "echo_media"}, {"effect": "typing"}]})");
  const Unanswered cases[] = {
      {"an echo", {.flags = message_flags::kEcho, .direction = 1, .kind = "message.sent"}},
      {"an echo that says it was received", {.flags = message_flags::kEcho}},
      {"our own message", {.direction = 1}},
      {"a reaction", {.type = "reaction"}},
      {"the event of a reaction", {.kind = "message.reaction"}},
      {"a receipt", {.kind = "message.status"}},
      {"an edit", {.kind = "message.edited"}},
      {"history", {.flags = message_flags::kHistory}},
      {"a standby event", {.standby = true}},
      {"a standby message", {.flags = message_flags::kStandby}},
      {"a system message", {.type = "system"}},
      {"what nobody can read", {.type = "unsupported"}},
  };
  for (const Unanswered& c : cases) {
    house.arrive(c.arrival);
    house.settle(1s);
    EXPECT_THAT(house.said(), IsEmpty()) << c.name;
    EXPECT_THAT(house.ledger.calls, IsEmpty()) << c.name;
  }
  house.arrive({});
  house.settle();
  EXPECT_THAT(house.said(), SizeIs(1)) << "the rule itself works";
}

TEST_F(AutomationTest, NeverAnswersARedelivery) {
  begin();
  house.add_rule("greeting", kReply);
  const std::int64_t message = house.arrive({});
  house.settle();
  for (int i = 0; i < 3; ++i) {
    house.sql([&](Transaction& tx) -> Result<> {
      PH_TRY(events::append(
          tx, house.world.wall_now(), "message.received", "conversation:1",
          fmt::format(R"({{"message_id":{},"conversation_id":1,"account_id":1,"type":"text"}})", message)));
      return {};
    });
    house.settle();
  }
  EXPECT_THAT(house.said(), SizeIs(1));
}

TEST_F(AutomationTest, LeavesOldMessagesAloneButPassesThemOn) {
  begin();
  house.add_rule("greeting", kReply);
  house.add_rule("receipt", R"({"do": [{"effect": "read"}]})");
  house.arrive({.age = 11min});
  house.settle();
  EXPECT_THAT(house.said(), IsEmpty());
  EXPECT_EQ(house.ledger.count("read:"), 1);
}

TEST_F(AutomationTest, KeepsItsCooldownAcrossARestart) {
  begin();
  house.add_rule("away", R"({"cooldown_minutes": 60, "do": [{"effect": "text", "text": "We are away"}]})");
  house.arrive({});
  house.settle();
  house.restart();
  house.arrive({});
  house.arrive({.person = 2});
  house.settle();
  EXPECT_THAT(house.said(), ElementsAre("1 We are away", "2 We are away"));
  house.world.run_for(61min);
  house.arrive({});
  house.settle();
  EXPECT_THAT(house.said(), SizeIs(3));
}

TEST_F(AutomationTest, StopsTalkingToAMachine) {
  house.options.limits.max_per_hour = 5;
  begin();
  house.add_rule("greeting", kReply);
  for (int i = 0; i < 12; ++i) {
    house.arrive({});
    house.settle(1s);
    if (i == 6) house.restart();
  }
  EXPECT_THAT(house.said(), SizeIs(5));
  house.arrive({.person = 2});
  house.settle();
  EXPECT_THAT(house.said(), SizeIs(6)) << "others are not concerned";
  house.world.run_for(1h);
  house.arrive({});
  house.settle();
  EXPECT_THAT(house.said(), SizeIs(7));
}

TEST_F(AutomationTest, WelcomesOnFirstContactAndAfterAPauseOnly) {
  begin();
  house.add_menu("main", kMenu);
  house.add_rule("welcome", R"({"when": {"first_contact": true, "after_pause_hours": 72},
    "do": [{"effect": "text", "text": "Welcome"}, {"effect": "menu", "menu": "main"}]})");
  house.arrive({});
  house.arrive({});
  house.settle();
  EXPECT_THAT(house.said(), ElementsAre("1 Welcome", "1 What is it about?"));
  house.world.run_for(71h);
  house.arrive({});
  house.settle();
  EXPECT_THAT(house.said(), SizeIs(2));
  house.world.run_for(72h);
  house.arrive({});
  house.settle();
  EXPECT_THAT(house.said(), SizeIs(4));
}

TEST_F(AutomationTest, LeavesThoseAloneWhoWriteStop) {
  begin();
  house.add_rule("welcome",
                 R"({"when": {"first_contact": true}, "do": [{"effect": "text", "text": "Welcome"}]})");
  house.add_rule("goodbye",
                 R"({"when": {"keywords": ["stop"]}, "do": [{"effect": "text", "text": "Goodbye"}]})");
  house.arrive({.text = "Stop!"});
  house.settle();
  EXPECT_THAT(house.said(), ElementsAre("1 Goodbye"));
}

TEST_F(AutomationTest, FollowsChoicesFromMenus) {
  begin();
  house.add_menu("main", kMenu);
  house.add_menu(
      "more", R"({"style": "buttons", "body": "More", "sections": [{"rows": [{"id": "a", "title": "A"}]}]})");
  house.add_rule("everything", R"({"do": [{"effect": "text", "text": "Thanks"}]})");
  house.arrive({.text = "Opening hours", .type = "interactive", .payload = "menu:main:hours"});
  house.arrive({.text = "Shop", .type = "interactive", .payload = "menu:main:shop"});
  house.arrive({.text = "More", .type = "interactive", .payload = "menu:main:more"});
  house.arrive({.text = "Talk to us", .type = "interactive", .payload = "menu:main:human"});
  house.settle();
  EXPECT_THAT(house.said(), ElementsAre("1 From 9 to 5.", "1 Here it is:\nhttps://shop.example", "1 More"));
  house.arrive({.text = "Gone", .type = "interactive", .payload = "menu:main:gone"});
  house.settle();
  EXPECT_THAT(house.said().back(), "1 Thanks") << "a row that is no more is a message like others";
}

TEST_F(AutomationTest, GivesSignalsUntilTheyArrive) {
  begin();
  house.add_rule("signals", R"({"do": [{"effect": "read"}, {"effect": "typing"}, {"effect": "react"}]})");
  house.ledger.failures = {{"read:wamid.1", 2}, {"react:wamid.1:❤️:491700000001", 1}, {"typing:wamid.1", 1}};
  house.arrive({.type = "image"});
  house.settle(1s);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM automation_signals"), 1);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM reactions"), 0);
  house.restart();
  house.world.run_for(1min);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM automation_signals"), 0);
  EXPECT_EQ(house.ledger.count("read:"), 3);
  EXPECT_EQ(house.ledger.count("react:"), 2);
  EXPECT_EQ(house.ledger.count("typing:"), 1) << "typing is not worth a second try";
  EXPECT_THAT(house.texts("SELECT emoji FROM reactions WHERE message_id = 1 AND actor = 0"),
              ElementsAre("❤️"));
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM events WHERE kind = 'message.reaction'"), 1);
}

TEST_F(AutomationTest, GivesSignalsUpWhenTheyAreRefusedOrOld) {
  begin();
  house.add_rule("signals", R"({"do": [{"effect": "read"}]})");
  house.ledger.failures = {{"read:wamid.1", 1000}, {"read:wamid.2", 1000}};
  house.ledger.failure = ErrorCode::invalid_argument;
  house.arrive({});
  house.settle(20s);
  EXPECT_EQ(house.ledger.count("read:wamid.1"), 1);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM automation_signals"), 0);
  house.ledger.failure = ErrorCode::unavailable;
  house.arrive({});
  house.settle(2h);
  EXPECT_GT(house.ledger.count("read:wamid.2"), 8);
  EXPECT_LT(house.ledger.count("read:wamid.2"), 30);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM automation_signals"), 0);
}

TEST_F(AutomationTest, OneReceiptSpeaksForAllBefore) {
  begin();
  house.add_rule("signals", R"({"do": [{"effect": "read"}]})");
  for (int i = 0; i < 5; ++i) house.arrive({});
  house.arrive({.person = 2});
  house.settle();
  EXPECT_THAT(house.ledger.calls, testing::Contains("read:wamid.6"));
  EXPECT_THAT(house.ledger.calls, testing::Contains("read:wamid.5"));
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM automation_signals"), 0);
}

TEST_F(AutomationTest, EchoesMediaOnceItIsStored) {
  begin();
  house.add_rule("echo", R"({"do": [{"effect": "echo_media", "text": "Got it, {name}"}]})");
  const std::int64_t first = house.arrive({.type = "image", .attachment = kBlob});
  house.settle();
  EXPECT_THAT(house.said(), IsEmpty());
  house.restart();
  house.stored(first);
  house.settle();
  EXPECT_THAT(house.said(), ElementsAre("1 Got it, Ada 1"));
  EXPECT_THAT(house.texts("SELECT type FROM messages WHERE direction = 1"), ElementsAre("image"));
  EXPECT_THAT(house.texts("SELECT content FROM messages WHERE direction = 1").at(0),
              testing::HasSubstr("4711"));
  EXPECT_EQ(house.ledger.count("upload:"), 1);
  const std::int64_t second = house.arrive({.type = "image", .attachment = kBlob});
  house.settle();
  house.stored(second);
  house.settle();
  EXPECT_THAT(house.said(), SizeIs(2));
  EXPECT_EQ(house.ledger.count("upload:"), 1) << "the same bytes go up once";
}

TEST_F(AutomationTest, SendsStickersBackAsStickers) {
  begin();
  house.add_rule("echo", R"({"do": [{"effect": "echo_media", "text": "Got it"}]})");
  house.stored(house.arrive({.type = "sticker", .attachment = kBlob}));
  house.settle();
  EXPECT_THAT(house.texts("SELECT content FROM messages WHERE direction = 1"),
              ElementsAre(R"({"type":"sticker","sticker":{"id":"47111"}})"));
}

TEST_F(AutomationTest, ForgetsMediaThatIsLostOrLate) {
  begin();
  house.add_rule("echo", R"({"do": [{"effect": "echo_media"}]})");
  const std::int64_t lost = house.arrive({.type = "image", .attachment = kBlob});
  house.settle();
  house.stored(lost, "lost");
  house.settle();
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM automation_media"), 0);
  house.arrive({.type = "image", .attachment = kBlob});
  house.settle(70min);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM automation_media"), 0);
  EXPECT_THAT(house.said(), IsEmpty());
}

TEST_F(AutomationTest, ForwardsToANumberWithAnOpenWindow) {
  begin(3);
  house.add_rule("forward", R"({"do": [{"effect": "forward", "to": "+491700000002"}]})");
  house.arrive({.text = "lost to a closed window"});
  house.settle();
  EXPECT_THAT(house.said(), IsEmpty());
  house.arrive({.person = 2, .text = "the desk itself opens it"});
  house.arrive({.text = "Is anybody there?", .age = 1h});
  const std::int64_t picture =
      house.arrive({.person = 3, .text = "Look", .type = "image", .attachment = kBlob});
  house.settle();
  house.stored(picture);
  house.settle();
  EXPECT_THAT(house.said(),
              ElementsAre("2 Ada 1 (+491700000001): Is anybody there?", "2 Ada 3 (+491700000003): Look"));
}

class ForwardAcross : public AutomationTest {
 protected:
  // Conversations 11 on Instagram (account 2) and 12 on Messenger (account 3), of the desk.
  void SetUp() override {
    begin(2);
    for (const auto& [account, channel] : {std::pair{2, "instagram"}, {3, "messenger"}}) {
      house.execute(
          fmt::format("INSERT INTO accounts (id, channel, name, business_id, sender_id, sealed_token, "
                      "created_at, updated_at) VALUES ({0}, '{1}', '{1}', 'page{0}', '20{0}', 'x', 0, 0)",
                      account, channel));
      house.execute(
          fmt::format("INSERT INTO people (id, portfolio, name, created_at, updated_at) VALUES "
                      "({0}, 'page{1}', 'Desk {1}', 0, 0)",
                      account + 9, account));
      house.execute(
          fmt::format("INSERT INTO person_addresses (kind, scope, value, person_id, shown, valid_from) "
                      "VALUES ({2}, '20{1}', 'scoped{1}', {0}, 'scoped{1}', 0)",
                      account + 9, account, account + 2));
      house.execute(fmt::format(
          "INSERT INTO conversations (id, account_id, person_id, created_at) VALUES ({0}, {1}, {0}, 0)",
          account + 9, account));
    }
  }
  void open_window(int conversation) {
    house.execute(
        fmt::format("UPDATE conversations SET last_inbound_at = {0}, last_action_at = {0} WHERE id = {1}",
                    to_micros(house.world.wall_now()), conversation));
  }
  std::vector<std::string> payloads() {
    return house.texts("SELECT payload FROM single_sends ORDER BY row_no");
  }
};

TEST_F(ForwardAcross, TextsGoToConversationsOnOtherChannels) {
  house.add_rule("to instagram", R"({"do": [{"effect": "forward", "conversation": 11}]})");
  house.add_rule("to messenger", R"({"do": [{"effect": "forward", "conversation": 12}]})");
  open_window(11);
  house.arrive({.text = "Is anybody there?"});
  house.settle();
  EXPECT_THAT(house.said(), ElementsAre("11 Ada 1 (+491700000001): Is anybody there?"))
      << "nobody has written on Messenger";
  open_window(12);
  house.arrive({.person = 2, .text = "And now?"});
  house.settle();
  EXPECT_THAT(house.said(),
              ElementsAre("11 Ada 1 (+491700000001): Is anybody there?", "11 Ada 2 (+491700000002): And now?",
                          "12 Ada 2 (+491700000002): And now?"));
  EXPECT_THAT(payloads().at(0), testing::HasSubstr(R"("recipient":{"id":"scoped2"})"));
  EXPECT_THAT(house.texts("SELECT account_id FROM single_sends ORDER BY row_no"), ElementsAre("2", "2", "3"));
  EXPECT_THAT(house.life->woken, testing::Contains(AccountId{3}));
}

TEST_F(ForwardAcross, LongTextsGoInPartsAndNothingIsLost) {
  house.add_rule("on", R"({"do": [{"effect": "forward", "conversation": 11}]})");
  open_window(11);
  std::string text;
  for (int i = 0; i < 600; ++i) text += fmt::format("wörd{} ", i);
  house.arrive({.text = text});
  house.settle();
  std::string together;
  for (const std::string& part :
       house.texts("SELECT text FROM messages WHERE conversation_id = 11 ORDER BY id")) {
    EXPECT_LE(part.size(), 1000U);
    together += part + " ";
  }
  EXPECT_THAT(together, testing::StartsWith("Ada 1 (+491700000001): " + text));
}

TEST_F(ForwardAcross, FilesGoByTheOtherAccountAndTheWordsBeforeThem) {
  house.add_rule("on", R"({"do": [{"effect": "forward", "conversation": 12}]})");
  open_window(12);
  house.stored(house.arrive({.text = "Look", .type = "image", .attachment = kBlob}));
  house.settle();
  EXPECT_THAT(house.said(), ElementsAre("12 Ada 1 (+491700000001): Look", "12 "));
  EXPECT_THAT(payloads().at(1), testing::HasSubstr(R"("attachment_id":"47113")"));
  EXPECT_THAT(house.texts("SELECT account_id FROM single_sends ORDER BY row_no"), ElementsAre("3", "3"));
}

TEST_F(ForwardAcross, NothingGoesWhereItCannot) {
  house.add_rule("nowhere", R"({"do": [{"effect": "forward", "conversation": 99}]})");
  house.add_rule("blocked", R"({"do": [{"effect": "forward", "conversation": 11}]})");
  house.add_rule("answer", kReply);
  open_window(11);
  house.execute("UPDATE accounts SET blocked_reason = 'no money' WHERE id = 2");
  house.arrive({});
  house.settle();
  EXPECT_THAT(house.said(), ElementsAre("1 Hello Ada 1!")) << "other rules go on";
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM automation_media"), 0);
}

TEST_F(AutomationTest, StoriesArePassedOnToNobody) {
  begin();
  house.add_rule("on", R"({"do": [{"effect": "forward", "to": "+491700000002"}]})");
  house.arrive({.person = 2, .text = "the window"});
  house.stored(house.arrive({.text = "", .type = "story_mention", .attachment = kBlob}));
  house.settle();
  EXPECT_THAT(house.said(), IsEmpty());
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM automation_media"), 0);
}

// A member of a group is called by name, and only rules for groups answer.
TEST_F(AutomationTest, GroupsAreAnsweredOnlyByRulesForGroups) {
  begin();
  house.add_rule("people", R"({"do": [{"effect": "text", "text": "Hi you"}, {"effect": "read"}]})");
  house.execute(
      "INSERT INTO conversations (id, account_id, person_id, group_id, created_at) VALUES "
      "(5, 1, 0, 'grp', 0)");
  const auto from_member = [&](std::string text) {
    const std::int64_t id = house.arrive({.person = 5, .text = std::move(text)});
    house.execute(fmt::format("UPDATE messages SET author_person = 2 WHERE id = {}", id));
    house.settle();
  };
  from_member("Hello");
  EXPECT_THAT(house.said(), IsEmpty());
  house.add_rule("groups", R"({"if": {"groups": "also"}, "do": [{"effect": "text", "text": "Hi {name}"},
    {"effect": "react"}, {"effect": "read"}]})");
  from_member("Hello again");
  EXPECT_THAT(house.said(), ElementsAre("5 Hi Ada 2"));
  EXPECT_THAT(house.ledger.calls, IsEmpty()) << "groups take no receipts";
  EXPECT_THAT(house.texts("SELECT payload FROM single_sends").at(0),
              testing::HasSubstr(R"("recipient_type":"group","to":"grp")"));
}

// One job that throws is that job's failure: the others are done, and it is tried again.
TEST_F(AutomationTest, AnExceptionInOneJobStopsNothing) {
  begin(3);
  house.add_rule("all", R"({"do": [{"effect": "read"}, {"effect": "react"}, {"effect": "echo_media"}]})");
  const std::int64_t bad = house.arrive({.type = "image", .attachment = kBlob});
  const std::int64_t good = house.arrive({.person = 2});
  house.ledger.bugs[fmt::format("read:wamid.{}", bad)] = 2;
  house.ledger.bugs["upload:" + kBlob] = 2;
  house.stored(bad);
  house.settle(1s);
  EXPECT_EQ(house.ledger.count(fmt::format("react:wamid.{}", good)), 1);
  house.settle(2min);
  EXPECT_EQ(house.ledger.count(fmt::format("read:wamid.{}", bad)), 3);
  EXPECT_EQ(house.ledger.count("upload:"), 3);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM automation_signals"), 0);
  EXPECT_THAT(house.said(), ElementsAre("1 "));
}

TEST_F(AutomationTest, AnExceptionInTheTransactionCostsItsEvent) {
  house.queue = [](Transaction& tx, const NewReply& reply, WallTime now) -> Result<QueuedReply> {
    if (reply.text == "Hello Ada 2!") throw std::runtime_error("a bug");
    return outgoing_messages::queue_reply(tx, reply, now);
  };
  begin(3);
  house.add_rule("greeting", kReply);
  for (const int person : {1, 2, 3}) house.arrive({.person = person});
  house.settle(30s);
  EXPECT_THAT(house.said(), ElementsAre("1 Hello Ada 1!", "3 Hello Ada 3!"));
}

TEST_F(AutomationTest, RetriesUploads) {
  begin();
  house.add_rule("echo", R"({"do": [{"effect": "echo_media"}]})");
  house.ledger.failures["upload:" + kBlob] = 3;
  house.stored(house.arrive({.type = "image", .attachment = kBlob}));
  house.settle(1s);
  EXPECT_THAT(house.said(), IsEmpty());
  house.restart();
  house.settle(2min);
  EXPECT_THAT(house.said(), SizeIs(1));
  EXPECT_EQ(house.ledger.count("upload:"), 4);
}

// An event that makes the transaction fail is passed over; those before and behind it are served.
TEST_F(AutomationTest, OneBadMessageStopsNobody) {
  house.queue = [](Transaction& tx, const NewReply& reply, WallTime now) -> Result<QueuedReply> {
    if (reply.text == "Hello Ada 2!") return fail(ErrorCode::internal, "a bug");
    return outgoing_messages::queue_reply(tx, reply, now);
  };
  begin(3);
  house.add_rule("greeting", kReply);
  house.arrive({});
  house.arrive({.person = 2});
  house.arrive({.person = 3});
  house.settle(30s);
  EXPECT_THAT(house.said(), ElementsAre("1 Hello Ada 1!", "3 Hello Ada 3!"));
}

TEST_F(AutomationTest, AStoppedEngineLeavesTheRestForTheNext) {
  begin();
  house.add_rule("greeting", kReply);
  auto stopped = std::make_shared<bool>(false);
  auto stop = [](Automation* automation, std::shared_ptr<bool> flag) -> Task<> {
    co_await automation->stop();
    *flag = true;
  };
  house.life->process.spawn(stop(house.life->automation.get(), stopped));
  house.world.run_for(10s);
  ASSERT_TRUE(*stopped);
  house.arrive({});
  house.world.run_for(10s);
  EXPECT_THAT(house.said(), IsEmpty());
  house.restart();
  house.settle();
  EXPECT_THAT(house.said(), SizeIs(1));
}

// Killed at any instant from the arrival on, with power loss: every answer once, every idempotent effect at
// least once.
TEST(AutomationCrash, NobodyIsAnsweredTwiceOrNever) {
  for (int step = 0; step < 60; ++step) {
    House house(static_cast<std::uint64_t>(step) + 1);
    house.open();
    house.furnish(3);
    house.add_menu("main", kMenu);
    house.add_rule("welcome", R"({"cooldown_minutes": 60, "do": [{"effect": "text", "text": "Welcome"},
      {"effect": "menu", "menu": "main"}, {"effect": "read"}, {"effect": "react"}]})");
    house.add_rule("echo", R"({"do": [{"effect": "echo_media", "text": "Yours"}]})");
    house.start();
    const std::int64_t message = house.arrive({.type = "image", .attachment = kBlob});
    house.arrive({.person = 2});
    house.stored(message);
    house.life->automation->wake();
    house.world.run_for(step * 50us);
    house.restart();
    house.life->automation->wake();
    house.world.run_for(step * 37us);
    house.restart();
    house.settle(1min);
    EXPECT_THAT(house.said(), testing::UnorderedElementsAre("1 Welcome", "1 What is it about?", "1 Yours",
                                                            "2 Welcome", "2 What is it about?"))
        << step;
    for (const char* call : {"read:wamid.1", "read:wamid.2", "react:wamid.1:❤️", "react:wamid.2:👍"})
      EXPECT_GE(house.ledger.count(call), 1) << step << " " << call;
    EXPECT_EQ(
        house.number(
            "SELECT (SELECT COUNT(*) FROM automation_signals) + (SELECT COUNT(*) FROM automation_media)"),
        0)
        << step;
    EXPECT_EQ(house.number("SELECT COUNT(*) FROM single_sends"), 5) << step;
  }
}

}  // namespace
}  // namespace posthorn::automation
