#include "automation/notification_queue.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/json.h"
#include "core/json_writer.h"
#include "messaging/accounts.h"
#include "messaging/attachments.h"
#include "messaging/conversations.h"
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

// Who has a mail on its way or to be tried again gets no other before: mails to one person stay in order, and
// what comes during an outage of the mail server becomes one digest. A mail that cannot be written stands in
// nobody's way.
Result<std::vector<std::pair<std::int64_t, std::int64_t>>> waiting(Transaction& tx, std::int64_t gather) {
  std::vector<std::pair<std::int64_t, std::int64_t>> all;  // recipient, moment
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("SELECT q.recipient_id, MIN(q.due_at), COALESCE((SELECT MAX(m.created_at) FROM "
               "notification_mails m WHERE m.recipient_id = q.recipient_id), 0) "
               "FROM notification_queue q WHERE q.mail_id = 0 AND q.recipient_id NOT IN "
               "(SELECT recipient_id FROM notification_mails WHERE state = 0 AND substr(error, 1, $2) <> $1) "
               "GROUP BY q.recipient_id ORDER BY q.recipient_id",
               {kUnwritten, static_cast<std::int64_t>(kUnwritten.size())}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    const std::int64_t after_last = rows.integer(2) == 0 ? 0 : rows.integer(2) + gather;
    all.emplace_back(rows.integer(0), std::max(rows.integer(1), after_last));
  }
}

Result<> finish(Transaction& tx, const DueMail& mail, int state, std::string_view error, WallTime now) {
  PH_TRY(tx.execute(
      "UPDATE notification_mails SET state = $2, error = $3, sent_at = $4, attempts = attempts + 1 "
      "WHERE id = $1",
      {mail.id, state, error, state == 1 ? to_micros(now) : std::int64_t{0}}));
  PH_TRY(tx.execute("DELETE FROM notification_queue WHERE mail_id = $1", {mail.id}));
  return {};
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

Result<std::int64_t> collect(Transaction& tx, WallTime now, int limit) {
  PH_TRY_ASSIGN(const bool known, events::has_cursor(tx, kNotificationCursor));
  if (!known) {
    PH_TRY_ASSIGN(const EventId last, events::last_position(tx));
    PH_TRY(events::move_cursor(tx, kNotificationCursor, last));
    return 0;
  }
  PH_TRY_ASSIGN(const EventId cursor, events::cursor(tx, kNotificationCursor));
  PH_TRY_ASSIGN(const auto recipients, notification_recipients::list(tx));
  if (std::ranges::none_of(recipients, &NotificationRecipient::enabled)) {
    PH_TRY_ASSIGN(const EventId last, events::last_position(tx));
    if (last > cursor) {
      PH_TRY(events::move_cursor(tx, kNotificationCursor, last));
    }
    return 0;
  }
  PH_TRY_ASSIGN(const auto found, events::read_after(tx, cursor, limit));
  if (found.empty()) return 0;
  for (const LoggedEvent& event : found) {
    PH_TRY_ASSIGN(const auto told, told_by(event));
    if (!told) continue;
    for (const NotificationRecipient& recipient : recipients) {
      if (!wants(recipient, *told)) continue;
      PH_TRY(queue(tx, recipient, event, *told, now));
    }
  }
  PH_TRY(events::move_cursor(tx, kNotificationCursor, found.back().id));
  return static_cast<std::int64_t>(found.size());
}

Result<> stop_following(Transaction& tx) {
  PH_TRY(tx.execute("DELETE FROM cursors WHERE consumer = $1", {kNotificationCursor}));
  return {};
}

Result<int> compose(Transaction& tx, WallTime now, Duration gather) {
  PH_TRY_ASSIGN(const auto all, waiting(tx, gather.count()));
  int made = 0;
  for (const auto& [recipient, moment] : all) {
    if (moment > to_micros(now)) continue;
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query("INSERT INTO notification_mails (recipient_id, message_ref, next_try_at, created_at) "
                 "VALUES ($1, '', $2, $2) RETURNING id",
                 {recipient, now}));
    PH_TRY(rows.next());
    const std::int64_t mail = rows.integer(0);
    PH_TRY(tx.execute("UPDATE notification_mails SET message_ref = $2 WHERE id = $1",
                      {mail, fmt::format("notification.{}.{}", mail, to_micros(now))}));
    PH_TRY(tx.execute(
        "UPDATE notification_queue SET mail_id = $2 WHERE id IN (SELECT id FROM notification_queue "
        "WHERE recipient_id = $1 AND mail_id = 0 ORDER BY due_at LIMIT $3)",
        {recipient, mail, kGatheredInMail}));
    ++made;
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

Result<std::optional<WallTime>> next_due(Transaction& tx, Duration gather) {
  std::optional<std::int64_t> first;
  const auto consider = [&](std::int64_t moment) { first = first ? std::min(*first, moment) : moment; };
  PH_TRY_ASSIGN(const auto all, waiting(tx, gather.count()));
  for (const auto& [recipient, moment] : all) consider(moment);
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("SELECT next_try_at FROM notification_mails WHERE state = 0 ORDER BY next_try_at LIMIT 1",
               {}));
  PH_TRY_ASSIGN(const bool any, rows.next());
  if (any) consider(rows.integer(0));
  if (!first) return std::nullopt;
  return wall_from_micros(*first);
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
  return {};
}

Result<> dropped(Transaction& tx, const DueMail& mail, WallTime now) {
  return finish(tx, mail, 2, "there was nothing to tell any more", now);
}

Result<> prune(Transaction& tx, WallTime before) {
  PH_TRY(tx.execute(
      "DELETE FROM notification_mails WHERE id IN (SELECT id FROM notification_mails WHERE state <> 0 "
      "AND created_at < $1 ORDER BY id LIMIT 1000)",
      {before}));
  return {};
}

}  // namespace posthorn::notification_queue
