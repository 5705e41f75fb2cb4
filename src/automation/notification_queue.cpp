#include "automation/notification_queue.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "core/json.h"
#include "core/json_writer.h"
#include "messaging/accounts.h"
#include "messaging/attachments.h"
#include "messaging/conversations.h"
#include "messaging/event_patience.h"
#include "messaging/messages.h"
#include "storage/event_log.h"

namespace posthorn::notification_queue {
namespace {

constexpr std::array kRetries = std::to_array<Duration>(
    {std::chrono::minutes(1), std::chrono::minutes(5), std::chrono::minutes(15), std::chrono::hours(1)});
constexpr Duration kGiveUpAfter = std::chrono::hours(72);

struct Told {
  std::int64_t message = 0, account = 0;
  bool inbound = true;
};

// Only messages are told of.
Result<std::optional<Told>> told_by(const LoggedEvent& event) {
  if (event.kind != "message.received" && event.kind != "message.sent") return std::nullopt;
  PH_TRY_ASSIGN(const json::value tree, parse_json(event.data));
  const JsonView data(tree);
  Told told;
  told.inbound = event.kind == "message.received";
  told.message = data["message_id"].integer_or(0);
  told.account = data["account_id"].integer_or(0);
  return told;
}

bool wants(const NotificationRecipient& recipient, const Told& told) {
  const NotificationSettings& s = recipient.settings;
  if (!recipient.enabled || !(told.inbound ? s.inbound : s.outbound)) return false;
  return s.accounts.empty() || std::ranges::find(s.accounts, told.account) != s.accounts.end();
}

Result<> queue(Transaction& tx, const NotificationRecipient& to, const LoggedEvent& event, const Told& told,
               WallTime now) {
  const WallTime due = now + std::chrono::minutes(to.settings.digest_minutes);
  PH_TRY(
      tx.execute("INSERT INTO notification_queue (recipient_id, event_id, message_id, due_at) "
                 "VALUES ($1, $2, $3, $4) ON CONFLICT (recipient_id, event_id) DO NOTHING",
                 {to.id, event.id, told.message, due}));
  return {};
}

Result<> queue_for_all(Transaction& tx, const std::vector<NotificationRecipient>& recipients,
                       const LoggedEvent& event, WallTime now, std::set<std::int64_t>& touched) {
  PH_TRY_ASSIGN(const auto told, told_by(event));
  if (!told) return {};
  for (const NotificationRecipient& recipient : recipients) {
    if (!wants(recipient, *told)) continue;
    PH_TRY(queue(tx, recipient, event, *told, now));
    touched.insert(recipient.id.value);
  }
  return {};
}

Result<std::int64_t> single(Transaction& tx, std::string_view sql, std::initializer_list<SqlArg> args) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query(sql, args));
  PH_TRY_ASSIGN(const bool found, rows.next());
  return found ? rows.integer(0) : 0;
}

// Who has a mail on its way or to be tried again gets no other before: mails to one person stay in order, and
// what comes during an outage of the mail server becomes one digest. A mail that cannot be written stands in
// nobody's way.
Result<bool> has_mail_on_its_way(Transaction& tx, std::int64_t recipient) {
  PH_TRY_ASSIGN(const auto found,
                single(tx,
                       "SELECT 1 FROM notification_mails WHERE recipient_id = $1 AND state = 0 AND "
                       "substr(error, 1, $3) <> $2 LIMIT 1",
                       {recipient, kUnwritten, static_cast<std::int64_t>(kUnwritten.size())}));
  return found != 0;
}

// When what waits for somebody may go; 0: nothing does, or a mail is on its way.
Result<std::int64_t> moment_for(Transaction& tx, std::int64_t recipient, std::int64_t gather) {
  PH_TRY_ASSIGN(const std::int64_t due,
                single(tx,
                       "SELECT due_at FROM notification_queue WHERE recipient_id = $1 AND mail_id = 0 "
                       "ORDER BY due_at LIMIT 1",
                       {recipient}));
  if (due == 0) return 0;
  PH_TRY_ASSIGN(const bool blocked, has_mail_on_its_way(tx, recipient));
  if (blocked) return 0;
  PH_TRY_ASSIGN(const std::int64_t last,
                single(tx,
                       "SELECT created_at FROM notification_mails WHERE recipient_id = $1 "
                       "ORDER BY created_at DESC LIMIT 1",
                       {recipient}));
  return std::max(due, last == 0 ? 0 : last + gather);
}

Result<> look_at(Transaction& tx, std::int64_t recipient, std::int64_t moment) {
  PH_TRY(
      tx.execute("UPDATE notification_recipients SET next_mail_at = $2 WHERE id = $1", {recipient, moment}));
  return {};
}

// After something that decides about the next mail; compose() adds the pause between two mails.
Result<> look_again(Transaction& tx, std::int64_t recipient) {
  PH_TRY_ASSIGN(const std::int64_t moment, moment_for(tx, recipient, 0));
  return look_at(tx, recipient, moment);
}

Result<> finish(Transaction& tx, const DueMail& mail, int state, std::string_view error, WallTime now) {
  PH_TRY(tx.execute(
      "UPDATE notification_mails SET state = $2, error = $3, sent_at = $4, attempts = attempts + 1 "
      "WHERE id = $1",
      {mail.id, state, error, state == 1 ? to_micros(now) : std::int64_t{0}}));
  PH_TRY(tx.execute("DELETE FROM notification_queue WHERE mail_id = $1", {mail.id}));
  return look_again(tx, mail.recipient.value);
}

Result<> compose_for(Transaction& tx, std::int64_t recipient, WallTime now) {
  std::int64_t mail = 0;
  {
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query("INSERT INTO notification_mails (recipient_id, message_ref, next_try_at, created_at) "
                 "VALUES ($1, '', $2, $2) RETURNING id",
                 {recipient, now}));
    PH_TRY(rows.next());
    mail = rows.integer(0);
  }
  PH_TRY(tx.execute("UPDATE notification_mails SET message_ref = $2 WHERE id = $1",
                    {mail, fmt::format("notification.{}.{}", mail, to_micros(now))}));
  PH_TRY(
      tx.execute("UPDATE notification_queue SET mail_id = $2 WHERE id IN (SELECT id FROM notification_queue "
                 "WHERE recipient_id = $1 AND mail_id = 0 ORDER BY due_at LIMIT $3)",
                 {recipient, mail, kGatheredInMail}));
  return look_at(tx, recipient, 0);
}

Result<std::vector<std::int64_t>> messages_of(Transaction& tx, const DueMail& mail) {
  std::vector<std::int64_t> ids;
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("SELECT message_id FROM notification_queue WHERE mail_id = $1 ORDER BY event_id", {mail.id}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return ids;
    ids.push_back(rows.integer(0));
  }
}

Result<MailMessage> describe(Transaction& tx, const Message& m) {
  MailMessage out;
  out.conversation = m.conversation;
  PH_TRY_ASSIGN(const InboxRow row, conversations::row(tx, m.conversation));
  PH_TRY_ASSIGN(const Account account, accounts::get(tx, row.conversation.account));
  NotifiedMessage& told = out.message;
  told.inbound = m.direction == MessageDirection::in;
  told.person = row.person_name;
  told.address = row.person_address;
  told.account = account.name;
  told.type = m.type;
  told.text = m.text;
  told.author = m.author;
  told.at = m.at;
  PH_TRY_ASSIGN(const auto files, attachments::of_message(tx, m.id));
  for (const StoredAttachment& file : files) {
    const bool stored = file.state == AttachmentState::stored;
    out.files.push_back({file.id, file.file_name, file.kind, stored ? file.mime_type : std::string(),
                         stored ? file.blob : std::string(), file.size});
  }
  return out;
}

}  // namespace

Result<Collected> collect(Transaction& tx, WallTime now, int limit, bool pass_over) {
  PH_TRY_ASSIGN(const EventId cursor, events::begin_at_end(tx, kNotificationCursor));
  PH_TRY_ASSIGN(const auto recipients, notification_recipients::list(tx));
  if (std::ranges::none_of(recipients, &NotificationRecipient::enabled)) {
    PH_TRY_ASSIGN(const EventId last, events::last_position(tx));
    if (last > cursor) {
      PH_TRY(events::move_cursor(tx, kNotificationCursor, last));
    }
    return Collected();
  }
  PH_TRY_ASSIGN(const auto found, events::read_after(tx, cursor, limit));
  if (found.empty()) return Collected();
  EventTries tries(pass_over);
  std::set<std::int64_t> touched;
  for (const LoggedEvent& event : found) {
    PH_TRY(tries.run(event, [&] { return queue_for_all(tx, recipients, event, now, touched); }));
  }
  for (const std::int64_t recipient : touched) {
    PH_TRY(look_again(tx, recipient));
  }
  PH_TRY(events::move_cursor(tx, kNotificationCursor, found.back().id));
  return Collected{static_cast<std::int64_t>(found.size()), tries.take_passed_over()};
}

Result<> stop_following(Transaction& tx) {
  PH_TRY(tx.execute("DELETE FROM cursors WHERE consumer = $1", {kNotificationCursor}));
  return {};
}

Result<int> compose(Transaction& tx, WallTime now, Duration gather, int limit) {
  std::vector<std::int64_t> all;
  {
    PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT id FROM notification_recipients WHERE next_mail_at > 0 AND "
                                         "next_mail_at <= $1 ORDER BY next_mail_at, id LIMIT $2",
                                         {now, limit}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      all.push_back(rows.integer(0));
    }
  }
  int made = 0;
  for (const std::int64_t recipient : all) {
    PH_TRY_ASSIGN(const std::int64_t moment, moment_for(tx, recipient, gather.count()));
    if (moment > 0 && moment <= to_micros(now)) {
      PH_TRY(compose_for(tx, recipient, now));
      ++made;
    } else {
      PH_TRY(look_at(tx, recipient, moment));
    }
  }
  return made;
}

Result<std::vector<DueMail>> due(Transaction& tx, WallTime now, int limit) {
  std::vector<DueMail> mails;
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT id, recipient_id, message_ref, attempts FROM notification_mails "
                         "WHERE state = 0 AND next_try_at <= $1 ORDER BY next_try_at LIMIT $2",
                         {now, limit}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return mails;
    mails.push_back({rows.integer(0), NotificationRecipientId{rows.integer(1)}, std::string(rows.text(2)),
                     static_cast<int>(rows.integer(3))});
  }
}

Result<std::optional<WallTime>> next_due(Transaction& tx) {
  PH_TRY_ASSIGN(const std::int64_t compose_at,
                single(tx,
                       "SELECT next_mail_at FROM notification_recipients WHERE next_mail_at > 0 "
                       "ORDER BY next_mail_at LIMIT 1",
                       {}));
  PH_TRY_ASSIGN(
      const std::int64_t send_at,
      single(tx, "SELECT next_try_at FROM notification_mails WHERE state = 0 ORDER BY next_try_at LIMIT 1",
             {}));
  if (compose_at == 0 && send_at == 0) return std::nullopt;
  if (compose_at == 0 || send_at == 0) return wall_from_micros(std::max(compose_at, send_at));
  return wall_from_micros(std::min(compose_at, send_at));
}

Result<std::optional<MailContent>> content(Transaction& tx, const DueMail& mail) {
  auto recipient = notification_recipients::get(tx, mail.recipient);
  if (!recipient && recipient.error().code != ErrorCode::not_found) return std::unexpected(recipient.error());
  if (!recipient || !recipient->enabled) return std::nullopt;
  MailContent out;
  out.recipient = *std::move(recipient);
  PH_TRY_ASSIGN(const auto ids, messages_of(tx, mail));
  for (const std::int64_t id : ids) {
    const auto message = messages::get(tx, MessageId{id});
    if (!message && message.error().code != ErrorCode::not_found) return std::unexpected(message.error());
    if (!message || message->deleted_at != WallTime{}) continue;
    if (static_cast<int>(out.messages.size()) >= kShownInMail) {
      ++out.left_out;
      continue;
    }
    PH_TRY_ASSIGN(MailMessage told, describe(tx, *message));
    out.messages.push_back(std::move(told));
  }
  if (out.messages.empty()) return std::nullopt;
  return out;
}

Result<> sent(Transaction& tx, const DueMail& mail, WallTime now) {
  PH_TRY(finish(tx, mail, 1, "", now));
  return notification_recipients::note_outcome(tx, mail.recipient, "", now);
}

Result<> refused(Transaction& tx, const DueMail& mail, std::string_view why, WallTime now) {
  PH_TRY(finish(tx, mail, 2, why, now));
  PH_TRY(notification_recipients::note_outcome(tx, mail.recipient, why, now));
  std::string data;
  JsonWriter(data)
      .begin_object()
      .member("recipient_id", mail.recipient.value)
      .member("reason", why)
      .end_object();
  PH_TRY(events::append(tx, now, "notification.refused", fmt::format("recipient:{}", mail.recipient.value),
                        data));
  return {};
}

Result<> failed(Transaction& tx, const DueMail& mail, std::string_view why, WallTime now) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT created_at FROM notification_mails WHERE id = $1", {mail.id}));
  PH_TRY_ASSIGN(const bool there, rows.next());
  if (!there) return {};
  if (to_micros(now) - rows.integer(0) > kGiveUpAfter.count())
    return refused(tx, mail, fmt::format("given up after three days: {}", why), now);
  const auto step = std::min<std::size_t>(static_cast<std::size_t>(mail.attempts), kRetries.size() - 1);
  PH_TRY(tx.execute(
      "UPDATE notification_mails SET attempts = attempts + 1, next_try_at = $2, error = $3 WHERE id = $1",
      {mail.id, now + kRetries[step], why}));
  return look_again(tx, mail.recipient.value);
}

Result<> dropped(Transaction& tx, const DueMail& mail, WallTime now) {
  return finish(tx, mail, 2, "there was nothing to tell any more", now);
}

Result<> prune(Transaction& tx, WallTime before) {
  PH_TRY(tx.execute(
      "DELETE FROM notification_mails WHERE id IN (SELECT id FROM notification_mails WHERE state <> 0 "
      "AND created_at < $1 ORDER BY created_at LIMIT 1000)",
      {before}));
  return {};
}

}  // namespace posthorn::notification_queue
