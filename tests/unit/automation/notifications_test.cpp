#include "automation/notifications.h"

#include <map>
#include <set>

#include <gmock/gmock.h>

#include "automation/notification_queue.h"
#include "core/json.h"
#include "platform/simulated/simulated_files.h"
#include "storage/event_log.h"
#include "unit/messaging/messaging_house.h"

namespace posthorn::testing_house {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A mail server that keeps what it took; some addresses bounce, some are down until a moment.
class LedgerMailer final : public Mailer {
 public:
  explicit LedgerMailer(simulated::Process& process, std::vector<Mail>& taken)
      : process_(process), taken_(taken) {}
  std::map<std::string, MailAnswer> answers;
  std::map<std::string, int> attempts;
  bool dies_after_taking = false;
  std::set<std::string> throws_for;

  Task<MailAnswer> send(Mail mail) override {
    co_await process_.clock().sleep_for(std::chrono::milliseconds(20));
    ++attempts[mail.to];
    if (throws_for.contains(mail.to)) throw std::runtime_error("a bug");
    const auto planned = answers.find(mail.to);
    if (planned != answers.end()) co_return planned->second;
    taken_.push_back(std::move(mail));
    if (dies_after_taking) co_await process_.clock().sleep_for(std::chrono::hours(1));
    MailAnswer taken;
    taken.outcome = MailOutcome::taken;
    co_return taken;
  }

 private:
  simulated::Process& process_;
  std::vector<Mail>& taken_;
};

std::string text_message(int number, const std::string& phone, const std::string& text) {
  return fmt::format(
      R"({{"object":"whatsapp_business_account","entry":[{{"id":"waba","changes":[{{"field":"messages","value":{{)"
      R"("messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550783881","phone_number_id":"106540352242922"}},)"
      R"("contacts":[{{"profile":{{"name":"Zoë <b>"}},"wa_id":"{1}"}}],"messages":[{{"from":"{1}","id":"wamid.n{0}",)"
      R"("timestamp":"1767225600","type":"text","text":{{"body":"{2}"}}}}]}}}}]}}]}})",
      number, phone, text);
}

class NotificationsTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void TearDown() override { close(); }

  void open() {
    house.open();
    if (!added_) house.add_account();
    added_ = true;
    house.start();
    files = std::make_unique<simulated::SimulatedFiles>();
    blobs = std::make_unique<BlobStore>(*files, "blobs");
    mailer = std::make_unique<LedgerMailer>(house.life->process, taken);
    feed = std::make_unique<EventFeed>(
        EventFeedPorts{*house.life->database, house.life->process.clock(), house.life->process.executor()});
    feed->start();
    NotificationsOptions options;
    options.conversation_url = "https://posthorn.example.org/conversations/";
    notifications = std::make_unique<Notifications>(
        NotificationsPorts{*house.life->database, *blobs, *mailer, *feed, nullptr,
                           house.life->process.clock(), null_log(), *house.life->metrics,
                           house.life->process.executor()},
        options);
    notifications->start();
    house.world.run_for(1s);
  }
  void close() {
    notifications.reset();
    feed.reset();
    mailer.reset();
    blobs.reset();
    files.reset();
  }
  void crash() {
    house.life->process.crash();
    close();
    house.crash(simulated::CrashLoss::random);
    open();
  }
  void recipient(const std::string& address, const json::object& settings = {}) {
    const Result<> saved = house.sql([&](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(const auto parsed, notification_recipients::parse_settings(settings));
      PH_TRY(notification_recipients::save(tx, address, "Anna", true, parsed, WallTime{}));
      return {};
    });
    ASSERT_TRUE(saved) << saved.error().message;
  }
  void receive(int number, const std::string& phone = "491701234567", const std::string& text = "hello") {
    auto task = [](Life* life, std::string body) -> Task<> {
      EXPECT_TRUE(co_await life->intake->accept(std::move(body), "whatsapp"));
    };
    house.life->process.spawn(task(house.life.get(), text_message(number, phone, text)));
  }
  int mails_to(const std::string& address) const {
    return static_cast<int>(std::ranges::count(taken, address, &Mail::to));
  }
  // How often each message was told to the address, by its text "text N.".
  int told(const std::string& address, const std::string& text) const {
    int times = 0;
    for (const Mail& mail : taken)
      if (mail.to == address && mail.text.find(text) != std::string::npos) ++times;
    return times;
  }

  House house{3};
  bool added_ = false;
  std::vector<Mail> taken;
  std::unique_ptr<simulated::SimulatedFiles> files;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<LedgerMailer> mailer;
  std::unique_ptr<EventFeed> feed;
  std::unique_ptr<Notifications> notifications;
};

TEST_F(NotificationsTest, AMessageIsToldAtOnce) {
  recipient("inbox@example.org");
  receive(1, "491701234567", "Is my order late?");
  house.world.run_for(5s);
  ASSERT_EQ(taken.size(), 1U);
  const Mail& mail = taken.front();
  EXPECT_EQ(mail.to, "inbox@example.org");
  EXPECT_EQ(mail.to_name, "Anna");
  EXPECT_THAT(mail.subject, HasSubstr("Is my order late?"));
  EXPECT_THAT(mail.text, HasSubstr("Is my order late?"));
  EXPECT_THAT(mail.text, HasSubstr("https://posthorn.example.org/conversations/"));
  EXPECT_THAT(mail.html, HasSubstr("Zoë &lt;b&gt;")) << "what people are called is no HTML";
  EXPECT_THAT(mail.html, Not(HasSubstr("<b>Zoë <b>")));
}

TEST_F(NotificationsTest, NobodyIsToldOfThePast) {
  receive(1);
  house.world.run_for(5s);
  recipient("inbox@example.org");
  house.world.run_for(2min);
  EXPECT_TRUE(taken.empty());
}

TEST_F(NotificationsTest, ARushBecomesADigest) {
  recipient("inbox@example.org");
  for (int i = 1; i <= 120; ++i)
    receive(i, "49170123" + std::to_string(1000 + i), fmt::format("text {}.", i));
  house.world.run_for(3min);
  EXPECT_LE(mails_to("inbox@example.org"), 4);
  int counted = 0;
  for (const Mail& mail : taken) {
    counted += static_cast<int>(mail.text.find("more.\n") != std::string::npos);
  }
  EXPECT_GE(counted, 1) << "more than a mail shows is counted";
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM notification_queue"), 0);
}

TEST_F(NotificationsTest, ADigestWaitsForItsTime) {
  recipient("digest@example.org", {{"digest_minutes", 15}});
  receive(1, "491701234567", "text 1.");
  house.world.run_for(10min);
  EXPECT_TRUE(taken.empty());
  receive(2, "491701234567", "text 2.");
  house.world.run_for(6min);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_THAT(taken.front().text, HasSubstr("text 1."));
  EXPECT_THAT(taken.front().text, HasSubstr("text 2."));
  EXPECT_THAT(taken.front().subject, HasSubstr("2 messages"));
}

TEST_F(NotificationsTest, OneAddressThatBouncesHoldsUpNobody) {
  recipient("gone@example.org");
  recipient("fine@example.org");
  mailer->answers["gone@example.org"] = {MailOutcome::refused, "550 no such user"};
  for (int i = 1; i <= 12; ++i) {
    receive(i, "491701234567", fmt::format("text {}.", i));
    house.world.run_for(2min);
  }
  EXPECT_EQ(mails_to("fine@example.org"), 12);
  EXPECT_EQ(mailer->attempts["gone@example.org"], notification_recipients::kMostRefusals)
      << "an address that refuses again and again is switched off";
  EXPECT_EQ(house.number("SELECT enabled FROM notification_recipients WHERE address = 'gone@example.org'"),
            0);
}

TEST_F(NotificationsTest, AServerThatIsDownForAnHourLosesNothing) {
  recipient("inbox@example.org");
  mailer->answers["inbox@example.org"] = {MailOutcome::failed, "421 try later"};
  for (int i = 1; i <= 30; ++i) {
    receive(i, "491701234567", fmt::format("text {}.", i));
    house.world.run_for(2min);
  }
  EXPECT_TRUE(taken.empty());
  mailer->answers.clear();
  house.world.run_for(3h);
  for (int i = 1; i <= 30; ++i) EXPECT_EQ(told("inbox@example.org", fmt::format("text {}.", i)), 1) << i;
}

// Whatever its length, an outage does not let a later message be told before an earlier one.
TEST_F(NotificationsTest, AfterAnOutageEverythingIsToldInOrder) {
  for (const auto outage : {1min, 3min, 8min, 40min}) {
    taken.clear();
    recipient("inbox@example.org");
    mailer->answers["inbox@example.org"] = {MailOutcome::failed, "421 try later"};
    const int first = static_cast<int>(outage.count()) * 100;
    for (int i = 0; i < 10; ++i) {
      receive(first + i, "491701234567", fmt::format("text {}.", first + i));
      house.world.run_for(outage / 10);
    }
    mailer->answers.clear();
    house.world.run_for(3h);
    std::string all;
    for (const Mail& mail : taken) all += mail.text;
    std::size_t at = 0;
    for (int i = 0; i < 10; ++i) {
      at = all.find(fmt::format("text {}.", first + i), at);
      ASSERT_NE(at, std::string::npos) << "after " << outage.count() << " minutes: " << i << " in\n" << all;
    }
  }
}

// What the mail server took is not sent again because the store is full at that moment.
TEST_F(NotificationsTest, AFullStoreSendsNothingTwice) {
  recipient("inbox@example.org");
  house.execute(
      "CREATE TRIGGER full BEFORE UPDATE ON notification_mails WHEN NEW.state = 1 BEGIN SELECT RAISE(ABORT, "
      "'full'); END");
  receive(1, "491701234567", "text 1.");
  house.world.run_for(10min);
  EXPECT_EQ(mailer->attempts["inbox@example.org"], 1);
  house.execute("DROP TRIGGER full");
  house.world.run_for(1min);
  EXPECT_EQ(mailer->attempts["inbox@example.org"], 1);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM notification_mails WHERE state = 1"), 1);
}

// A mail whose message cannot be described waits like one that was not taken, and the others pass it.
TEST_F(NotificationsTest, AMailThatCannotBeWrittenHoldsUpNobody) {
  recipient("inbox@example.org", {{"digest_minutes", 1}});
  receive(1, "491701234567", "text 1.");
  house.world.run_for(10s);
  house.execute("UPDATE messages SET conversation_id = 999");
  house.world.run_for(2min);
  EXPECT_TRUE(taken.empty());
  EXPECT_LE(house.number("SELECT attempts FROM notification_mails"), 3) << "not again and again";
  EXPECT_GE(house.number("SELECT attempts FROM notification_mails"), 1);
  receive(2, "491701234568", "text 2.");
  house.world.run_for(5min);
  EXPECT_EQ(told("inbox@example.org", "text 2."), 1);
}

TEST_F(NotificationsTest, AnExceptionIsAFailureOfThatMailOnly) {
  recipient("inbox@example.org");
  recipient("other@example.org");
  mailer->throws_for = {"inbox@example.org"};
  receive(1, "491701234567", "text 1.");
  house.world.run_for(30s);
  EXPECT_EQ(told("other@example.org", "text 1."), 1);
  EXPECT_EQ(mailer->attempts["inbox@example.org"], 1) << "later, not at once";
  mailer->throws_for.clear();
  house.world.run_for(2min);
  EXPECT_EQ(told("inbox@example.org", "text 1."), 1);
}

// An event that cannot be handled is passed over after some tries; it holds up neither the others, nor mails
// that are on their way, nor the next start.
TEST_F(NotificationsTest, AnEventThatCannotBeHandledIsPassedOver) {
  recipient("inbox@example.org");
  recipient("later@example.org", {{"digest_minutes", 1}, {"inbound", true}});
  receive(1, "491701234567", "text 1.");
  house.world.run_for(50s);
  EXPECT_EQ(told("inbox@example.org", "text 1."), 1);
  house.execute(
      "CREATE TRIGGER refuses BEFORE INSERT ON notification_queue WHEN NEW.message_id = 2 "
      "BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
  receive(2, "491701234567", "text 2.");
  house.world.run_for(2s);
  crash();
  receive(3, "491701234567", "text 3.");
  house.world.run_for(15s);
  EXPECT_EQ(told("later@example.org", "text 1."), 1) << "what was collected before goes on time";
  house.world.run_for(3min);
  EXPECT_EQ(told("inbox@example.org", "text 2."), 0);
  EXPECT_EQ(told("inbox@example.org", "text 3."), 1);
  EXPECT_THAT(house.life->metrics->prometheus_text(),
              HasSubstr(R"(posthorn_events_passed_over_total{consumer="notifications"} 1)"));
}

TEST_F(NotificationsTest, AnEventThatIsNoJsonIsPassedOver) {
  recipient("inbox@example.org");
  ASSERT_TRUE(house.sql([](Transaction& tx) -> Result<> {
    PH_TRY(events::append(tx, WallTime{}, "message.received", "conversation:1", "{broken"));
    return {};
  }));
  receive(1, "491701234567", "text 1.");
  house.world.run_for(2min);
  EXPECT_EQ(told("inbox@example.org", "text 1."), 1);
}

// Waking up costs what is due: those who wait for a mail on its way, or for their time, are not looked at.
TEST_F(NotificationsTest, WhatIsNotDueCostsNothing) {
  mailer->answers["busy@example.org"] = {MailOutcome::failed, "421 try later"};
  recipient("busy@example.org");
  recipient("digest@example.org", {{"digest_minutes", 60}});
  receive(1);
  house.world.run_for(2s);
  receive(2);
  house.world.run_for(2s);
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM notification_queue WHERE mail_id = 0"), 3);
  const auto next_of = [&](const std::string& address) {
    return house.number("SELECT next_mail_at FROM notification_recipients WHERE address = '" + address + "'");
  };
  EXPECT_EQ(next_of("busy@example.org"), 0) << "their mail comes first";
  EXPECT_EQ(
      next_of("digest@example.org"),
      house.number("SELECT MIN(due_at) FROM notification_queue WHERE mail_id = 0 AND recipient_id = 2"));
  mailer->answers.clear();
  house.world.run_for(5min);
  EXPECT_EQ(mails_to("busy@example.org"), 2) << "the next one goes by itself";
  house.world.run_for(1h);
  EXPECT_EQ(mails_to("digest@example.org"), 1);
  for (const auto& [sql, index] :
       {std::pair<std::string, std::string>{
            "SELECT id FROM notification_recipients WHERE next_mail_at > 0 AND next_mail_at <= 5 "
            "ORDER BY next_mail_at, id LIMIT 3",
            "notification_recipients_due"},
        {"SELECT due_at FROM notification_queue WHERE recipient_id = 1 AND mail_id = 0 ORDER BY due_at LIMIT "
         "1",
         "notification_queue_due"},
        {"SELECT 1 FROM notification_mails WHERE recipient_id = 1 AND state = 0 AND substr(error, 1, 3) <> "
         "'x' LIMIT 1",
         "notification_mails_waiting"},
        {"SELECT id FROM notification_mails WHERE state <> 0 AND created_at < 5 ORDER BY created_at LIMIT "
         "1000",
         "notification_mails_done"}}) {
    std::string plan;
    ASSERT_TRUE(house.sql([&](Transaction& tx) -> Result<> {
      PH_TRY_ASSIGN(SqlRows rows, tx.query("EXPLAIN QUERY PLAN " + sql));
      while (true) {
        PH_TRY_ASSIGN(const bool more, rows.next());
        if (!more) return {};
        plan += std::string(rows.text(3)) + "\n";
      }
    }));
    EXPECT_THAT(plan, HasSubstr(index));
    EXPECT_THAT(plan, Not(HasSubstr("TEMP B-TREE")));
  }
}

TEST_F(NotificationsTest, StopsAtOnce) {
  const MonotonicTime began = house.world.now();
  auto stop = [](Notifications* all) -> Task<> { co_await all->stop(); };
  auto done = std::make_shared<bool>(false);
  auto wrap = [](Task<> inner, std::shared_ptr<bool> flag) -> Task<> {
    co_await std::move(inner);
    *flag = true;
  };
  house.life->process.spawn(wrap(stop(notifications.get()), done));
  house.world.run_until([&] { return *done; }, 1min);
  EXPECT_LT(house.world.now() - began, 1s);
}

// A cursor that nobody moves would keep the log for ever.
TEST_F(NotificationsTest, WithoutAMailServerTheLogIsNotKept) {
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM cursors WHERE consumer = 'notifications'"), 1);
  ASSERT_TRUE(house.sql([](Transaction& tx) { return notification_queue::stop_following(tx); }));
  EXPECT_EQ(house.number("SELECT COUNT(*) FROM cursors WHERE consumer = 'notifications'"), 0);
}

TEST_F(NotificationsTest, ToldOnceHoweverOftenTheProcessDies) {
  recipient("inbox@example.org");
  auto random = house.world.random("crashes");
  for (int i = 1; i <= 25; ++i) {
    receive(i, "491701234567", fmt::format("text {}.", i));
    house.world.run_for(Duration(random->below(400'000)));
    if (i % 3 == 0) crash();
  }
  house.world.run_for(1h);
  // What the process had acknowledged is told; a mail that was taken right before a crash comes again under
  // its own id.
  std::map<std::string, std::set<std::string>> ids;
  for (const Mail& mail : taken)
    for (int i = 1; i <= 25; ++i)
      if (mail.text.find(fmt::format("text {}.", i)) != std::string::npos)
        ids[fmt::format("text {}.", i)].insert(mail.message_id);
  const auto stored = static_cast<std::size_t>(house.number("SELECT COUNT(*) FROM messages"));
  EXPECT_EQ(ids.size(), stored);
  for (const auto& [text, message_ids] : ids) EXPECT_EQ(message_ids.size(), 1U) << text;
}

TEST_F(NotificationsTest, SettingsNameWhatIsWrong) {
  struct Case {
    json::object given;
    std::string field;
  };
  const Case cases[] = {{{{"digest_minutes", -1}}, "settings.digest_minutes"},
                        {{{"digest_minutes", "5"}}, "settings.digest_minutes"},
                        {{{"inbound", 1}}, "settings.inbound"},
                        {{{"accounts", "shop"}}, "settings.accounts"},
                        {{{"attachments", "zip"}}, "settings.attachments"},
                        {{{"outbond", true}}, "settings.outbond"}};
  for (const Case& c : cases) {
    const auto parsed = notification_recipients::parse_settings(c.given);
    ASSERT_FALSE(parsed) << c.field;
    EXPECT_EQ(parsed.error().field, c.field);
  }
}

TEST_F(NotificationsTest, WhoWantsWhat) {
  recipient("all@example.org", {{"outbound", true}});
  recipient("other@example.org", {{"accounts", json::array{99}}});
  recipient("quiet@example.org", {{"inbound", false}});
  receive(1);
  house.world.run_for(5s);
  EXPECT_EQ(mails_to("all@example.org"), 1);
  EXPECT_EQ(mails_to("other@example.org"), 0);
  EXPECT_EQ(mails_to("quiet@example.org"), 0);
}

TEST(NotificationMail, SubjectsStayOneLine) {
  NotifiedMessage message;
  message.person = "Eve\r\nBcc: all@example.org";
  message.text = "line one\nline two";
  message.account = "shop";
  const MailText mail = notification_mail({message}, 0);
  EXPECT_EQ(mail.subject.find('\n'), std::string::npos);
  EXPECT_EQ(mail.subject.find('\r'), std::string::npos);
}

}  // namespace
}  // namespace posthorn::testing_house
