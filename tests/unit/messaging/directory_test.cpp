// Media uploads, suppressions, settings, idempotency and audit: small tables with one rule each.
#include <gmock/gmock.h>

#include "../storage/table_fixture.h"
#include "messaging/accounts.h"
#include "messaging/audit.h"
#include "messaging/idempotency.h"
#include "messaging/media_uploads.h"
#include "messaging/settings.h"
#include "messaging/suppressions.h"

namespace posthorn::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

WallTime day(int n) {
  return wall_from_micros(0) + std::chrono::days(n);
}

class MediaUploadsTest : public TableTest {
 protected:
  void SetUp() override {
    const NewAccount a{.name = "a", .business_id = "w", .sender_id = "1", .sealed_token = "t"};
    ASSERT_TRUE(accounts::add(tx(), a, day(0)));
    ASSERT_TRUE(media_uploads::record(tx(), AccountId{1}, "hash", {"media-1", "image/png", day(100)}));
  }
  std::string found(std::string_view hash, WallTime now, AccountId account = {1}) {
    auto upload = media_uploads::find(tx(), account, hash, now).value();
    return upload ? upload->media_id : "";
  }
};

TEST_F(MediaUploadsTest, AreReusedWhileMetaKeepsThemLongEnough) {
  EXPECT_EQ(found("hash", day(100)), "media-1");
  EXPECT_EQ(found("hash", day(130) - kMessageLasts - Duration(1)), "media-1");
  EXPECT_EQ(found("hash", day(130) - kMessageLasts), "");
  EXPECT_TRUE(media_uploads::find(tx(), {1}, "hash", day(125) - Duration(1), kBroadcastLasts).value());
  EXPECT_FALSE(media_uploads::find(tx(), {1}, "hash", day(125), kBroadcastLasts).value());
  EXPECT_EQ(found("other", day(100)), "");
  EXPECT_EQ(found("hash", day(100), AccountId{2}), "");
}

TEST_F(MediaUploadsTest, AreReplacedForgottenAndPruned) {
  ASSERT_TRUE(media_uploads::record(tx(), AccountId{1}, "hash", {"media-2", "image/png", day(110)}));
  EXPECT_EQ(found("hash", day(130)), "media-2");
  EXPECT_EQ(media_uploads::prune(tx(), day(130)).value(), 0);
  ASSERT_TRUE(media_uploads::forget(tx(), AccountId{1}, "media-1"));
  EXPECT_EQ(found("hash", day(130)), "media-2");
  ASSERT_TRUE(media_uploads::forget(tx(), AccountId{1}, "media-2"));
  EXPECT_EQ(found("hash", day(130)), "");
  ASSERT_TRUE(media_uploads::record(tx(), AccountId{1}, "hash", {"media-3", "image/png", day(100)}));
  EXPECT_EQ(media_uploads::prune(tx(), day(130) - Duration(1)).value(), 0);
  EXPECT_EQ(media_uploads::prune(tx(), day(130)).value(), 1);
}

class SuppressionsTest : public TableTest {
 protected:
  static Suppression entry(std::uint64_t phone, std::string business = "", std::string source = "keyword") {
    return {PhoneNumber::from_digits(phone), std::move(business), std::move(source), "STOP", day(1)};
  }
  bool contains(std::uint64_t phone, std::string_view business) {
    return suppressions::contains(tx(), PhoneNumber::from_digits(phone), business).value();
  }
};

TEST_F(SuppressionsTest, HoldForOneBusinessOrForAll) {
  EXPECT_TRUE(suppressions::add(tx(), entry(491701)).value());
  EXPECT_TRUE(suppressions::add(tx(), entry(491702, "waba")).value());
  EXPECT_TRUE(contains(491701, "waba"));
  EXPECT_TRUE(contains(491701, "other"));
  EXPECT_TRUE(contains(491702, "waba"));
  EXPECT_FALSE(contains(491702, "other"));
  EXPECT_FALSE(contains(491703, "waba"));
}

TEST_F(SuppressionsTest, TheFirstSourceStays) {
  EXPECT_TRUE(suppressions::add(tx(), entry(1, "w", "user_preferences")).value());
  EXPECT_FALSE(suppressions::add(tx(), entry(1, "w", "operator")).value());
  EXPECT_EQ(suppressions::find(tx(), PhoneNumber::from_digits(1), "w").value()->source, "user_preferences");
  EXPECT_TRUE(suppressions::remove(tx(), PhoneNumber::from_digits(1), "w").value());
  EXPECT_FALSE(suppressions::remove(tx(), PhoneNumber::from_digits(1), "w").value());
  EXPECT_FALSE(contains(1, "w"));
}

TEST_F(SuppressionsTest, BulkImportCountsTheNewOnesAndRefusesBadOnesWhole) {
  std::vector<Suppression> many;
  for (std::uint64_t i = 1; i <= 1000; ++i) many.push_back(entry(1 + i % 600));
  EXPECT_EQ(suppressions::add_many(tx(), many).value(), 600);
  EXPECT_EQ(suppressions::add_many(tx(), {}).value(), 0);
  many[3].phone = PhoneNumber();
  auto refused = suppressions::add_many(tx(), many);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("Entry 4"));
  EXPECT_EQ(refused.error().field, "phone");
  EXPECT_EQ(suppressions::count(tx()).value(), 600);
}

TEST_F(SuppressionsTest, PagesCoverEverythingOnce) {
  for (const std::uint64_t phone : {30U, 10U, 20U}) ASSERT_TRUE(suppressions::add(tx(), entry(phone)));
  ASSERT_TRUE(suppressions::add(tx(), entry(20, "waba")));
  std::vector<std::string> seen;
  std::string after;
  do {
    auto page = suppressions::list(tx(), after, 2).value();
    for (const auto& e : page.entries) seen.push_back(e.phone.to_digits() + "/" + e.business_id);
    after = page.next;
  } while (!after.empty());
  EXPECT_THAT(seen, ElementsAre("10/", "20/", "20/waba", "30/"));
  const auto phones = suppressions::all_phones(tx(), "waba").value();
  EXPECT_THAT(phones, ElementsAre(PhoneNumber::from_digits(10), PhoneNumber::from_digits(20),
                                  PhoneNumber::from_digits(30)));
}

TEST_F(SuppressionsTest, BadPagesAreRefused) {
  for (const char* after : {"x", "12", "/", "12x/", "99999999999999999999999/"}) {
    auto refused = suppressions::list(tx(), after, 10);
    ASSERT_FALSE(refused) << after;
    EXPECT_EQ(refused.error().field, "after");
  }
  EXPECT_EQ(suppressions::list(tx(), "", 0).error().field, "limit");
  EXPECT_EQ(suppressions::list(tx(), "", 10'001).error().field, "limit");
}

class SettingsTest : public TableTest {};

TEST_F(SettingsTest, AreSetReplacedAndCreatedOnce) {
  EXPECT_FALSE(settings::get(tx(), "a").value());
  ASSERT_TRUE(settings::set(tx(), "a", "1"));
  ASSERT_TRUE(settings::set(tx(), "a", "2"));
  EXPECT_EQ(settings::get(tx(), "a").value(), "2");
  EXPECT_EQ(settings::get_or_create(tx(), "key", "first").value(), "first");
  EXPECT_EQ(settings::get_or_create(tx(), "key", "second").value(), "first");
}

class IdempotencyTest : public TableTest {};

TEST_F(IdempotencyTest, TheSameRequestGetsTheSameAnswer) {
  const std::string key = idempotency::scoped_key("1", "broadcast.start", "k");
  const std::string hash = idempotency::body_hash("{}");
  EXPECT_FALSE(idempotency::find(tx(), key, hash).value());
  ASSERT_TRUE(idempotency::remember(tx(), key, hash, {201, "answer"}, day(1)));
  const auto again = idempotency::find(tx(), key, hash).value();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->status, 201);
  EXPECT_EQ(again->answer, "answer");
  EXPECT_EQ(idempotency::find(tx(), key, idempotency::body_hash("{ }")).error().code, ErrorCode::conflict);
  EXPECT_EQ(idempotency::remember(tx(), key, hash, {200, "x"}, day(1)).error().code, ErrorCode::conflict);
}

TEST_F(IdempotencyTest, AReservationBecomesAnAnswerOrGoes) {
  ASSERT_TRUE(idempotency::reserve(tx(), "k", "h", day(1)));
  EXPECT_EQ(idempotency::reserve(tx(), "k", "h", day(1)).error().code, ErrorCode::conflict);
  EXPECT_EQ(idempotency::find(tx(), "k", "h").value()->status, 0);
  ASSERT_TRUE(idempotency::release(tx(), "k"));
  EXPECT_FALSE(idempotency::find(tx(), "k", "h").value());
  ASSERT_TRUE(idempotency::reserve(tx(), "k", "h", day(1)));
  ASSERT_TRUE(idempotency::remember(tx(), "k", "h", {200, "x"}, day(1)));
  ASSERT_TRUE(idempotency::release(tx(), "k"));
  EXPECT_EQ(idempotency::find(tx(), "k", "h").value()->answer, "x") << "an answer stays";
}

TEST_F(IdempotencyTest, AnswersStayForThreeDays) {
  ASSERT_TRUE(idempotency::remember(tx(), "k", "h", {200, "x"}, day(1)));
  EXPECT_EQ(idempotency::prune(tx(), day(4)).value(), 0);
  EXPECT_EQ(idempotency::prune(tx(), day(4) + Duration(1)).value(), 1);
}

TEST_F(IdempotencyTest, ScopesCannotBeConfused) {
  EXPECT_NE(idempotency::scoped_key("1", "ab", "c"), idempotency::scoped_key("1", "a", "bc"));
  EXPECT_NE(idempotency::scoped_key("1", "1:a", "c"), idempotency::scoped_key("11:", "a", "c"));
}

class AuditTest : public TableTest {
 protected:
  void SetUp() override {
    for (int i = 1; i <= 4; ++i)
      ASSERT_TRUE(
          audit::record(tx(), day(i), "ann", "broadcast.start", "campaign:" + std::to_string(i), "{}"));
  }
};

TEST_F(AuditTest, TheChainHoldsAndListsNewestFirst) {
  EXPECT_EQ(audit::verify(tx()).value(), 4);
  const auto page = audit::list(tx(), 0, 2).value();
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].subject, "campaign:4");
  EXPECT_EQ(page[0].hash, audit::last_hash(tx()).value());
  EXPECT_EQ(audit::list(tx(), page[1].id, 10).value().front().subject, "campaign:2");
  EXPECT_EQ(audit::list(tx(), 0, 0).error().field, "limit");
}

TEST_F(AuditTest, AnyChangeOrGapShows) {
  for (const char* tampering :
       {"UPDATE audit SET actor = 'bob' WHERE id = 2", "UPDATE audit SET detail = '' WHERE id = 1",
        "UPDATE audit SET at = at + 1 WHERE id = 3", "DELETE FROM audit WHERE id = 2",
        "DELETE FROM audit WHERE id = 1",
        "UPDATE audit SET actor = 'annb', action = 'roadcast.start' WHERE id = 2"}) {
    ASSERT_TRUE(tx().execute("SAVEPOINT before"));
    ASSERT_TRUE(tx().execute(tampering));
    auto verified = audit::verify(tx());
    ASSERT_FALSE(verified) << tampering;
    EXPECT_EQ(verified.error().code, ErrorCode::data_loss);
    ASSERT_TRUE(tx().execute("ROLLBACK TO before"));
  }
  EXPECT_EQ(audit::verify(tx()).value(), 4);
}

}  // namespace
}  // namespace posthorn::test
