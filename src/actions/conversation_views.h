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

// Members of a group, past ones too: who, since when, until when and why.
Result<json::array> member_views(Transaction& tx, ConversationId group);

}  // namespace posthorn
