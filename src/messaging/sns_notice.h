// What the ways in through AWS tell in the event log.
#pragma once
#include <string>

#include "platform/async.h"
#include "platform/clock.h"
#include "storage/database.h"

namespace posthorn {

// A topic has ended its subscription to us, so its events do not come any more: `webhook.unsubscribed`,
// subject `sns:<ARN of the topic>`.
Task<Result<>> note_sns_unsubscribed(Database& database, Clock& clock, std::string topic_arn);

}  // namespace posthorn
