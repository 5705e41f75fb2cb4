// The durable way of a notification: event → queue → mail → sent. SQL only: every function works inside the
// caller's transaction.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "automation/notification_mail.h"
#include "automation/notification_recipients.h"
#include "core/ids.h"
#include "storage/database.h"

namespace posthorn {

inline constexpr std::string_view kNotificationCursor = "notifications";
inline constexpr int kShownInMail = 50;  // messages told in one mail; the rest is counted
inline constexpr int kGatheredInMail = 2000;
namespace notification_queue {
inline constexpr std::string_view kUnwritten =
    "cannot be written: ";  // begins the error of a mail that never left
}

struct DueMail {
  std::int64_t id = 0;
  NotificationRecipientId recipient;
  std::string message_ref;
  int attempts = 0;
};

// What a mail tells, before links are made.
struct MailMessage {
  NotifiedMessage message;
  ConversationId conversation;
  struct File {
    AttachmentId id;
    std::string name, kind, mime_type, blob;  // blob: empty while not stored
    std::uint64_t size = 0;
  };
  std::vector<File> files;
};
struct MailContent {
  NotificationRecipient recipient;
  std::vector<MailMessage> messages;  // oldest first, at most kShownInMail
  int left_out = 0;
};

namespace notification_queue {

struct Collected {
  std::int64_t events = 0;               // that were looked at
  std::vector<std::string> passed_over;  // of them, those that cannot be handled, and why
};
// The next events of the log go into the queue of everybody who wants them, and the cursor moves. The first
// time the cursor goes to the end of the log: nobody is told of the past. With `pass_over` an event that
// cannot be handled stops nobody.
Result<Collected> collect(Transaction& tx, WallTime now, int limit, bool pass_over = false);
// Without a mail server nobody reads on: the cursor goes, or the log could never be pruned beyond it.
Result<> stop_following(Transaction& tx);

// Makes a mail for those whose oldest waiting message is due and whose last mail is older than `gather`, at
// most `limit`. Costs what is due, however much waits. Returns how many mails.
Result<int> compose(Transaction& tx, WallTime now, Duration gather, int limit = 200);

Result<std::vector<DueMail>> due(Transaction& tx, WallTime now, int limit);
// The earliest moment at which something is to be done, after compose(); none: nothing waits.
Result<std::optional<WallTime>> next_due(Transaction& tx);

// nullopt: nothing to tell any more (unsent, or the recipient is gone or switched off).
Result<std::optional<MailContent>> content(Transaction& tx, const DueMail& mail);

Result<> sent(Transaction& tx, const DueMail& mail, WallTime now);
Result<> refused(Transaction& tx, const DueMail& mail, std::string_view why, WallTime now);
// Tried again later, or given up after three days.
Result<> failed(Transaction& tx, const DueMail& mail, std::string_view why, WallTime now);
Result<> dropped(Transaction& tx, const DueMail& mail, WallTime now);  // there was nothing to tell

Result<> prune(Transaction& tx, WallTime before);  // finished mails

}  // namespace notification_queue
}  // namespace posthorn
