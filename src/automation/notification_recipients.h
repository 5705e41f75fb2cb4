// Who is told of messages by e-mail, and of which. SQL only: every function works inside the caller's
// transaction.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/json.h"
#include "core/result.h"
#include "core/time.h"
#include "storage/database.h"

namespace posthorn {

using NotificationRecipientId = Id<struct NotificationRecipientTag>;

enum class MailFiles { none, links, files };  // what becomes of attachments in a mail
std::string_view to_string(MailFiles files);

struct NotificationSettings {
  std::vector<std::int64_t> accounts;  // only of these; empty: of every account
  bool inbound = true;
  bool outbound = false;
  int digest_minutes =
      0;  // 0: at once (a rush still becomes one mail); else everything of so many minutes in one mail
  MailFiles files = MailFiles::links;
};

struct NotificationRecipient {
  NotificationRecipientId id;
  std::string address, name;
  bool enabled = true;
  NotificationSettings settings;
  int failures = 0;  // refusals for good, one after another
  std::string last_error;
  WallTime created_at{}, updated_at{};
};

namespace notification_recipients {

// invalid_argument names the field, "settings.digest_minutes".
Result<NotificationSettings> parse_settings(const json::object& given);
json::object settings_view(const NotificationSettings& settings);

// Adds one, or changes the one with this address.
Result<NotificationRecipient> save(Transaction& tx, std::string_view address, std::string_view name,
                                   bool enabled, const NotificationSettings& settings, WallTime now);
Result<NotificationRecipient> get(Transaction& tx, NotificationRecipientId id);  // not_found
Result<NotificationRecipient> get_by_address(Transaction& tx, std::string_view address);
Result<std::vector<NotificationRecipient>> list(Transaction& tx);
Result<> remove(Transaction& tx, NotificationRecipientId id);  // with what waits for them
// The last mail to them was taken (empty) or refused for good. After kMostRefusals in a row they are switched
// off.
Result<> note_outcome(Transaction& tx, NotificationRecipientId id, std::string_view refusal, WallTime now);

inline constexpr int kMostRefusals = 10;

}  // namespace notification_recipients
}  // namespace posthorn
