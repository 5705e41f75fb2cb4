// Refusals by whichever way: they hold for the person, on every number and in every spelling of it.
#include "messaging/opt_outs.h"

#include "messaging/intent_batch.h"
#include "messaging/outcome_batch.h"
#include "messaging/outgoing_messages.h"
#include "messaging/people.h"
#include "messaging/person_suppressions.h"
#include "messaging/suppressions.h"
#include "unit/messaging/conversation_house.h"

namespace posthorn::test {
namespace {

using channels::AddressKind;
using ::testing::ElementsAre;

class OptOutsTest : public ConversationTest {
 protected:
  OptOutsTest() {
    execute(
        "INSERT INTO campaigns (id, name, account_id, state, template_name, template_language, total, "
        "started_at, "
        "intents, created_by, created_at, updated_at) VALUES (7, 'c', 1, 'running', 't', 'de', 10, 1, 2, "
        "'eve', 0, "
        "0)");
  }
  channels::Party both(std::string user_id, std::string number) {
    channels::Party p = person(std::move(user_id), AddressKind::bsuid);
    p.addresses.push_back({AddressKind::phone, std::move(number)});
    return p;
  }
  bool listed(std::uint64_t digits) {
    return suppressions::contains(tx(), PhoneNumber::from_digits(digits), "waba").value();
  }
  bool refuses(std::uint64_t digits) {
    return opt_outs::refuses(tx(), accounts::get(tx(), kWhatsApp).value(), PhoneNumber::from_digits(digits))
        .value();
  }
  bool holds(std::int64_t person) {
    return person_suppressions::contains(tx(), PersonId{person}, "waba").value();
  }
  void sent(std::int64_t row, std::uint64_t phone) {
    execute(
        fmt::format("INSERT INTO sends (campaign_id, row_no, account_id, phone, state, attempt, intent_at) "
                    "VALUES (7, {}, 1, {}, 1, 1, 5)",
                    row, phone));
  }
  void answered(SendKey key, std::uint64_t phone) {
    OutcomeBatch batch;
    batch.now = now_;
    batch.account = kWhatsApp;
    batch.business_id = "waba";
    Outcome& outcome = batch.outcomes.emplace_back();
    outcome.key = key;
    outcome.phone = phone;
    outcome.intent_at = intent_at_;
    outcome.event = SendEvent::rejected;
    outcome.code = 131050;
    outcome.opted_out = true;
    const auto done = commit_outcomes(tx(), batch);
    ASSERT_TRUE(done) << done.error().message;
  }
  std::int64_t intent_at_ = 0;
  EventBatchResult failed(SendKey key, int code) {
    EventBatch one = batch();
    StatusFact& fact = one.facts.emplace_back();
    fact.key = key;
    fact.account = kWhatsApp;
    fact.attempt = 1;
    fact.kind = DeliveryKind::failed;
    fact.at = now_;
    fact.code = code;
    fact.wamid = "wamid.x";
    return commit(one);
  }
};

TEST_F(OptOutsTest, ARefusedBroadcastHoldsForThePersonOnEveryNumber) {
  wa(text("a", both("BR.1", "551188887777"), "hi", 1));
  sent(1, 5511988887777);
  answered({CampaignId{7}, 1}, 5511988887777);
  EXPECT_TRUE(holds(1));
  EXPECT_TRUE(listed(551188887777)) << "the other spelling";
  EXPECT_EQ(last_event("contact.opted_out"), R"({"person_id":1,"account_id":1,"source":"error_131050"})");
  wa(text("b", both("BR.1", "4917012"), "new number", 2));
  EXPECT_TRUE(listed(4917012)) << "the number the person has now";
  EXPECT_FALSE(listed(551188887777)) << "whoever gets the old one has refused nothing";
}

TEST_F(OptOutsTest, ARefusalByNumberBecomesThePersonsOnceTheyAreKnown) {
  sent(1, 551188887777);
  answered({CampaignId{7}, 1}, 551188887777);
  EXPECT_TRUE(listed(551188887777));
  EXPECT_TRUE(listed(5511988887777));
  EXPECT_EQ(events("contact.opted_out"), 0);
  wa(text("a", both("BR.1", "5511988887777"), "hi", 1));
  EXPECT_EQ(number("SELECT COUNT(*) FROM person_suppressions WHERE person_id = 1"), 1);
  wa(text("b", both("BR.1", "4917012"), "new number", 2));
  EXPECT_TRUE(listed(4917012));
}

TEST_F(OptOutsTest, AFailedStatusCounts) {
  wa(text("a", both("DE.1", "4917012"), "hi", 1));
  sent(1, 4917012);
  sent(2, 4917013);
  EXPECT_EQ(failed({CampaignId{7}, 2}, 131026).opt_outs, 0);
  EXPECT_FALSE(listed(4917013));
  EXPECT_EQ(failed({CampaignId{7}, 1}, 131050).opt_outs, 1);
  EXPECT_EQ(failed({CampaignId{7}, 1}, 131050).opt_outs, 0) << "told twice";
  EXPECT_TRUE(holds(1));
  EXPECT_TRUE(listed(4917012));
  EXPECT_EQ(events("contact.opted_out"), 1);
}

TEST_F(OptOutsTest, AMessageOfAConversationKnowsItsPersonWithoutANumber) {
  wa(text("a", person("DE.1", AddressKind::bsuid), "hi", 1));
  NewReply reply;
  reply.conversation = ConversationId{1};
  reply.type = "template";
  reply.content = R"({"type":"template","template":{"name":"t"}})";
  reply.author = "eve";
  const QueuedReply queued = outgoing_messages::queue_reply(tx(), reply, at(2)).value();
  execute(
      fmt::format("INSERT INTO sends (campaign_id, row_no, account_id, phone, state, attempt, intent_at) "
                  "VALUES (0, {}, 1, 0, 1, 1, 5)",
                  queued.send_row));
  answered({CampaignId{}, queued.send_row}, UINT64_MAX / 3);
  EXPECT_TRUE(holds(1));
  EXPECT_EQ(number("SELECT COUNT(*) FROM suppressions"), 0) << "keys that are no numbers are not listed";
  wa(text("b", both("DE.1", "4917012"), "my number", 3));
  EXPECT_TRUE(listed(4917012)) << "and the number once it is known";
  EXPECT_TRUE(refuses(4917012));
}

TEST_F(OptOutsTest, PreferencesAndKeywordsWithoutANumberReachTheList) {
  whatsapp::UserPreferenceEvent stop;
  stop.user_id = "MX.1";
  stop.stop = true;
  stop.at = at(1);
  wa(stop);
  wa(text("a", person("AR.1", AddressKind::bsuid), "STOP", 1));
  EXPECT_EQ(number("SELECT COUNT(*) FROM suppressions"), 0);
  wa(text("b", both("MX.1", "5215512345678"), "hi", 2));
  wa(text("c", both("AR.1", "5491112345678"), "hi", 2));
  for (const std::uint64_t number :
       {525512345678, 5215512345678, 5491112345678, 541112345678, 54111512345678})
    EXPECT_TRUE(listed(number)) << number;
  wa(text("d", both("AR.1", "5491112345678"), "start", 3));
  EXPECT_FALSE(listed(541112345678));
  EXPECT_FALSE(refuses(541112345678));
}

// Every order of arrival ends in what was said last.
TEST_F(OptOutsTest, PreferencesCountByTheirTimeNotByTheirArrival) {
  struct Said {
    bool stop;
    int at;
  };
  const std::vector<Said> said = {{true, 10}, {false, 20}, {true, 30}, {false, 40}};
  std::vector<std::size_t> order = {0, 1, 2, 3};
  int person = 0;
  do {
    for (std::size_t count = 1; count <= said.size(); ++count) {
      whatsapp::UserPreferenceEvent event;
      event.user_id = "MX." + std::to_string(++person);
      int last = 0;
      bool stopped = false;
      for (std::size_t i = 0; i < count; ++i) {
        const Said& one = said[order[i]];
        event.stop = one.stop;
        event.at = at(one.at);
        wa(event);
        if (one.at > last) stopped = one.stop;
        last = std::max(last, one.at);
      }
      EXPECT_EQ(holds(person), stopped) << person;
    }
  } while (std::ranges::next_permutation(order).found);
}

TEST_F(OptOutsTest, KeywordsAndPreferencesAreWeighedAgainstEachOther) {
  whatsapp::UserPreferenceEvent stop;
  stop.user_id = "DE.1";
  stop.stop = true;
  stop.at = at(5);
  wa(text("a", person("DE.1", AddressKind::bsuid), "start", 6));
  wa(stop);
  EXPECT_FALSE(holds(1)) << "the preference is older than the word";
  stop.at = at(7);
  wa(stop);
  EXPECT_TRUE(holds(1));
  wa(text("b", person("DE.1", AddressKind::bsuid), "start", 6));
  EXPECT_TRUE(holds(1)) << "and now the word is the older";
}

TEST_F(OptOutsTest, ALateRefusalOfAMessageFromBeforeStartOptsNobodyOut) {
  wa(text("a", both("DE.1", "4917012"), "START", 10));
  sent(1, 4917012);
  execute(fmt::format("UPDATE sends SET intent_at = {}", to_micros(at(9))));
  EXPECT_EQ(failed({CampaignId{7}, 1}, 131050).opt_outs, 0);
  EXPECT_FALSE(holds(1));
  EXPECT_FALSE(listed(4917012));
  sent(2, 4917012);
  execute(fmt::format("UPDATE sends SET intent_at = {} WHERE row_no = 2", to_micros(at(11))));
  EXPECT_EQ(failed({CampaignId{7}, 2}, 131050).opt_outs, 1) << "sent after it, and refused all the same";
  EXPECT_TRUE(holds(1));
  EXPECT_TRUE(listed(4917012));
  wa(text("b", both("DE.1", "4917012"), "START", 12));
  EXPECT_FALSE(holds(1));
}

TEST_F(OptOutsTest, ARefusalInTheAnswerCountsByWhenItWasAskedFor) {
  wa(text("a", both("DE.1", "4917012"), "START", 10));
  sent(1, 4917012);
  intent_at_ = to_micros(at(9));
  answered({CampaignId{7}, 1}, 4917012);
  EXPECT_FALSE(holds(1));
  sent(2, 4917012);
  intent_at_ = to_micros(at(11));
  answered({CampaignId{7}, 2}, 4917012);
  EXPECT_TRUE(holds(1));
}

TEST_F(OptOutsTest, MergedPeopleKeepTheLaterWord) {
  wa(text("a", person("DE.1", AddressKind::bsuid), "start", 10));
  wa(text("b", person("DE.2", AddressKind::bsuid), "hi", 11));
  ASSERT_TRUE(people::merge(tx(), PersonId{2}, PersonId{1}, "eve", "one person", wall_from_micros(now_)));
  whatsapp::UserPreferenceEvent stop;
  stop.user_id = "DE.2";
  stop.stop = true;
  stop.at = at(9);
  wa(stop);
  EXPECT_FALSE(holds(2));
}

TEST_F(OptOutsTest, ANumberTakenOffTheListFreesThePerson) {
  wa(text("a", both("BR.1", "551188887777"), "STOP", 1));
  EXPECT_TRUE(
      person_suppressions::remove_number(tx(), PhoneNumber::from_digits(5511988887777), "waba").value());
  EXPECT_FALSE(holds(1));
  EXPECT_FALSE(listed(551188887777));
  EXPECT_FALSE(
      person_suppressions::remove_number(tx(), PhoneNumber::from_digits(5511988887777), "waba").value());
}

TEST_F(OptOutsTest, OtherBusinessesPeopleAreNotBound) {
  execute(
      "INSERT INTO accounts (id, channel, name, business_id, sender_id, sealed_token, created_at, "
      "updated_at) "
      "VALUES (9, 'whatsapp', 'else', 'else', '900', 'x', 0, 0)");
  ASSERT_TRUE(suppressions::add(tx(), {PhoneNumber::from_digits(4917012), "else", "keyword", "STOP", at(1)}));
  wa(text("a", both("DE.1", "4917012"), "hi", 1));
  EXPECT_EQ(number("SELECT COUNT(*) FROM person_suppressions"), 0);
  wa(text("b", both("DE.1", "4917013"), "new number", 2));
  EXPECT_TRUE(suppressions::contains(tx(), PhoneNumber::from_digits(4917012), "else").value())
      << "stays there";
  EXPECT_FALSE(listed(4917013));
}

TEST_F(OptOutsTest, BroadcastsAskForAllTheirRowsAtOnce) {
  std::vector<std::uint64_t> phones;
  for (std::uint64_t i = 0; i < 300; ++i) phones.push_back(4917000000 + i);
  for (const std::uint64_t i : {0, 63, 64, 128, 299})
    ASSERT_TRUE(suppressions::add(
        tx(), {PhoneNumber::from_digits(phones[i]), i == 64 ? "" : "waba", "keyword", "STOP", at(1)}));
  ASSERT_TRUE(
      suppressions::add(tx(), {PhoneNumber::from_digits(phones[5]), "else", "keyword", "STOP", at(1)}));
  EXPECT_THAT(suppressions::among(tx(), phones, "waba").value(),
              ElementsAre(phones[0], phones[63], phones[64], phones[128], phones[299]));
  EXPECT_TRUE(suppressions::among(tx(), {}, "waba")->empty());
}

TEST_F(OptOutsTest, ABroadcastRowOfSomebodyWhoRefusedByUserIdIsNotSent) {
  wa(text("a", person("BR.1", AddressKind::bsuid), "STOP", 1));
  wa(text("b", both("BR.1", "5511988887777"), "hi", 2));
  execute(
      "INSERT INTO campaign_segments (campaign_id, segment, first_row, last_row, next_row, not_before) "
      "VALUES "
      "(7, 0, 1, 3, 1, 0)");
  IntentRequest request;
  request.account = kWhatsApp;
  request.business_id = "waba";
  request.now = now_;
  request.capacity = request.fresh_capacity = 10;
  request.campaigns = {CampaignId{7}};
  request.fresh.push_back({CampaignId{7}, 0, true, 1, {4917011, 551188887777, 4917012}});
  const IntentResult result = commit_intents(tx(), request).value();
  EXPECT_THAT(result.fresh.front(),
              ElementsAre(FreshVerdict::intent, FreshVerdict::suppressed, FreshVerdict::intent));
  EXPECT_THAT(suppressions::all_phones(tx(), "waba").value(),
              ElementsAre(PhoneNumber::from_digits(551188887777), PhoneNumber::from_digits(5511988887777)))
      << "what the pre-flight counts";
}

}  // namespace
}  // namespace posthorn::test
