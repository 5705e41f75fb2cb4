// Three accounts, one of each channel, and events given to them in batches: for tests of what events become.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "messaging/conversations.h"
#include "messaging/event_batch.h"
#include "messaging/messages.h"
#include "platform/clock.h"
#include "unit/storage/table_fixture.h"

namespace posthorn::test {

class NoDatabase final : public Database {
  Task<Result<>> run_write(Work, Urgency) override { co_return fail(ErrorCode::unavailable, "no database"); }
  Task<Result<>> run_read(Work) override { co_return fail(ErrorCode::unavailable, "no database"); }
};
class NoClock final : public Clock {
 public:
  WallTime wall_now() override { return {}; }
  MonotonicTime now() override { return {}; }
  Task<> sleep_until(MonotonicTime) override { co_return; }
};

inline constexpr AccountId kWhatsApp{1}, kInstagram{2}, kMessenger{3};
inline constexpr std::int64_t kSecond = 1'000'000;
inline constexpr std::int64_t kStart = 1'700'000'000 * kSecond;  // every test's first second

inline WallTime at(std::int64_t seconds) {
  return wall_from_micros(kStart + seconds * kSecond);
}

inline channels::Party person(std::string value, channels::AddressKind kind = channels::AddressKind::phone,
                              std::string name = "") {
  channels::Party party;
  party.addresses.push_back({kind, std::move(value)});
  party.name = std::move(name);
  return party;
}
inline channels::Party igsid(std::string value) {
  return person(std::move(value), channels::AddressKind::instagram_scoped);
}
inline channels::Party psid(std::string value) {
  return person(std::move(value), channels::AddressKind::page_scoped);
}

inline channels::MessageEvent text(std::string id, channels::Party from, std::string words,
                                   std::int64_t seconds) {
  channels::MessageEvent e;
  e.id = std::move(id);
  e.person = std::move(from);
  e.type = "text";
  e.text = std::move(words);
  e.content = R"({"text":{"body":"x"}})";
  e.at = at(seconds);
  return e;
}
inline channels::MessageEvent echo(std::string id, channels::Party to, std::string words,
                                   std::int64_t seconds) {
  channels::MessageEvent e = text(std::move(id), std::move(to), std::move(words), seconds);
  e.direction = channels::Direction::out;
  return e;
}

class ConversationTest : public TableTest {
 protected:
  struct Given {
    AccountId account;
    channels::WebhookEventBody body;
  };

  ConversationTest() {
    execute(
        "INSERT INTO accounts (id, channel, name, business_id, sender_id, sealed_token, created_at, "
        "updated_at) VALUES "
        "(1, 'whatsapp', 'wa', 'waba', '106', 'x', 0, 0), (2, 'instagram', 'ig', '17841', '17841', 'x', 0, "
        "0), "
        "(3, 'messenger', 'fb', 'page', 'page', 'x', 0, 0)");
  }

  static std::shared_ptr<channels::WebhookOrigin> origin_of(AccountId account) {
    auto origin = std::make_shared<channels::WebhookOrigin>();
    origin->field = "messages";
    origin->channel = static_cast<channels::Channel>(account.value);
    origin->business_id = account == kWhatsApp ? "waba" : account == kInstagram ? "17841" : "page";
    if (account == kWhatsApp) origin->phone_number_id = "106";
    return origin;
  }

  PendingEvent pending(AccountId account, channels::WebhookEventBody body) {
    PendingEvent one;
    one.journal_id = ++journal_;
    one.event.origin = origin_of(account);
    one.event.body = std::move(body);
    // Events without an id of their own are told apart by their JSON.
    raws_.push_back(fmt::format(R"({{"n":{}}})", raw_number_ != 0 ? raw_number_ : journal_));
    one.event.raw = raws_.back();
    return one;
  }
  EventBatch batch() const {
    EventBatch batch;
    batch.now = now_;
    batch.stop_keywords = {"STOP"};
    batch.start_keywords = {"START"};
    batch.people = people_;
    return batch;
  }
  EventBatchResult commit(const EventBatch& batch) {
    Result<EventBatchResult> result = commit_events(tx(), batch);
    EXPECT_TRUE(result) << result.error().message;
    if (result) people_->confirm(result->people_transaction);
    return result.value_or(EventBatchResult{});
  }
  EventBatchResult apply(AccountId account, channels::WebhookEventBody body) {
    EventBatch one = batch();
    add_event(one, mint_, index_, pending(account, std::move(body)));
    return commit(one);
  }
  EventBatchResult wa(channels::WebhookEventBody body) { return apply(kWhatsApp, std::move(body)); }
  EventBatchResult ig(channels::WebhookEventBody body) { return apply(kInstagram, std::move(body)); }
  EventBatchResult fb(channels::WebhookEventBody body) { return apply(kMessenger, std::move(body)); }

  void execute(std::string_view sql) {
    const auto done = tx().execute(sql, {});
    ASSERT_TRUE(done) << done.error().message;
  }
  std::string value(std::string_view sql) {
    Result<SqlRows> rows = tx().query(sql, {});
    if (!rows) return rows.error().message;
    const Result<bool> more = rows->next();
    return more && *more ? std::string(rows->text(0)) : "nothing";
  }
  std::int64_t number(std::string_view sql) {
    Result<SqlRows> rows = tx().query(sql, {});
    EXPECT_TRUE(rows) << rows.error().message;
    if (!rows) return -1;
    const Result<bool> more = rows->next();
    return more && *more ? rows->integer(0) : -1;
  }
  std::int64_t events(std::string_view kind) {
    return number(fmt::format("SELECT COUNT(*) FROM events WHERE kind = '{}'", kind));
  }
  std::string last_event(std::string_view kind) {
    return value(fmt::format("SELECT data FROM events WHERE kind = '{}' ORDER BY id DESC LIMIT 1", kind));
  }
  Message message(std::string_view channel_id) {
    const auto id = messages::find_by_channel_id(tx(), channel_id);
    EXPECT_TRUE(id && *id) << channel_id;
    return id && *id ? messages::get(tx(), **id).value() : Message{};
  }
  Conversation conversation(std::int64_t id = 1) {
    return conversations::get(tx(), ConversationId{id}).value();
  }

  // One for all batches, as in the real intake.
  std::shared_ptr<PeopleCache> people_ = std::make_shared<PeopleCache>();
  NoDatabase database_;
  NoClock clock_;
  WamidIndex index_{database_, clock_};
  TokenMint mint_{Secret(std::string(32, 'k'))};
  std::int64_t now_ = kStart + 10'000 * kSecond;
  std::int64_t journal_ = 0;
  std::int64_t raw_number_ = 0;  // of the event that is given now; 0: each is another
  std::deque<std::string> raws_;
};

}  // namespace posthorn::test
