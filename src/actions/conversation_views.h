// How conversations and messages look in answers.
#pragma once
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "messaging/attachments.h"
#include "messaging/conversations.h"
#include "messaging/messages.h"
#include "storage/database.h"

namespace posthorn {

json::object view(const InboxRow& row);
json::object view(const MessagingWindow& window, WallTime now);
json::object view(const StoredAttachment& attachment);

// Messages with their attachments and reactions.
Result<json::array> message_views(Transaction& tx, const std::vector<Message>& messages);

}  // namespace posthorn
