#include "sandbox/ledger.h"

#include <gtest/gtest.h>

namespace posthorn::sandbox {
namespace {

WallTime at(int second) {
  return WallTime(std::chrono::seconds(second));
}

TEST(Ledger, keeps_what_every_phone_was_sent) {
  Ledger ledger;
  const auto sale = ledger.subject("sale/en"), hello = ledger.subject("hello/en");
  EXPECT_EQ(ledger.subject("sale/en"), sale);
  const MessageId a = ledger.append(49170, 0, sale, "v1.c.1.1", at(1));
  ledger.append(49171, 1, sale, "v1.c.2.1", at(2));
  const MessageId c = ledger.append(49170, 0, hello, "", at(3));
  ledger.set_fate(a, Fate::sent);
  ledger.set_fate(a, Fate::received);
  ledger.set_fate(c, Fate::failed, 131026);
  const auto got = ledger.messages_for(49170);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].token, "v1.c.1.1");
  EXPECT_EQ(got[0].at, at(1));
  EXPECT_EQ(ledger.subject_name(got[1].subject), "hello/en");
  EXPECT_EQ(got[1].error, 131026);
  EXPECT_EQ(ledger.received_by(49170), 1U);
  EXPECT_TRUE(ledger.messages_for(1).empty());
  EXPECT_EQ(ledger.messages_with_token("v1.c.2.1").at(0).number, 1);
  const LedgerTotals t = ledger.totals();
  EXPECT_EQ(t.accepted, 3U);
  EXPECT_EQ(t.received, 1U);
  EXPECT_EQ(t.failed, 1U);
  EXPECT_EQ(t.in_transit, 1U);
  EXPECT_EQ(t.phones, 2U);
  EXPECT_EQ(t.tokens, 2U);
  EXPECT_EQ(t.duplicate_tokens, 0U);
  EXPECT_THROW(ledger.at(3), std::out_of_range);
}

TEST(Ledger, finds_every_kind_of_duplicate) {
  Ledger ledger;
  const auto s = ledger.subject("sale/en"), other = ledger.subject("other/en");
  ledger.append(1, 0, s, "v1.t.c.1.1.x", at(1));
  ledger.append(1, 0, s, "v1.t.c.1.2.y", at(2));  // another attempt of the same row
  ledger.append(2, 0, s, "v1.t.c.2.1.z", at(3));
  ledger.append(2, 0, other, "v1.t.d.2.1.z", at(4));  // another template
  ledger.append(3, 0, s, "v1.t.c.2.1.z", at(5));      // same token, other phone
  EXPECT_EQ(ledger.totals().duplicate_tokens, 1U);
  EXPECT_EQ(ledger.totals().duplicate_phone_subject, 1U);
  EXPECT_EQ(ledger.duplicates_by_token_fields(4), 2U);
  EXPECT_EQ(ledger.duplicates_by_token_fields(0), 1U);
}

TEST(Ledger, a_reset_forgets_all) {
  Ledger ledger;
  const auto s = ledger.subject("x");
  ledger.append(1, 0, s, "a", at(1));
  ledger.keep_body(0, "{}");
  ledger.clear();
  EXPECT_EQ(ledger.totals().accepted, 0U);
  EXPECT_EQ(ledger.totals().phones, 0U);
  EXPECT_TRUE(ledger.body(0).empty());
  ledger.append(1, 0, s, "a", at(1));
  EXPECT_EQ(ledger.totals().duplicate_tokens, 0U);
}

// Five million messages must fit into 600 MB; a tenth of them shows the slope (tables double, so it is not
// smaller).
TEST(Ledger, stays_compact) {
  Ledger ledger;
  const auto s = ledger.subject("sale/en");
  constexpr std::uint64_t kMessages = 500'000;
  std::string token;
  for (std::uint64_t i = 0; i < kMessages; ++i) {
    token = "v1.1.1." + std::to_string(i) + ".1.0123456789abcdef012345";
    ledger.append(491700000000 + i, 0, s, token, at(1));
  }
  EXPECT_EQ(ledger.totals().tokens, kMessages);
  EXPECT_EQ(ledger.messages_for(491700000007).at(0).token, "v1.1.1.7.1.0123456789abcdef012345");
  EXPECT_LT(ledger.memory_bytes() / kMessages, 120U);
}

TEST(Ledger, tokens_never_cross_a_chunk) {
  Ledger ledger;
  const auto s = ledger.subject("x");
  for (int i = 0; i < 5000; ++i)
    ledger.append(static_cast<std::uint64_t>(i) + 1, 0, s, std::string(512, static_cast<char>('a' + i % 26)),
                  at(i));
  for (MessageId i = 0; i < 5000; ++i)
    ASSERT_EQ(ledger.at(i).token, std::string(512, static_cast<char>('a' + i % 26))) << i;
}

}  // namespace
}  // namespace posthorn::sandbox
