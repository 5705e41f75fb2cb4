// What a receiver of webhooks (or of the live stream) is told about an event: {"type", "timestamp", "data"},
// where data is the event's own, and the things it names as an integrator wants them: message with text,
// sender and attachments, conversation, person, account. docs/webhooks-out.md describes every member.
#pragma once
#include <map>
#include <string>

#include "core/ids.h"
#include "core/json.h"
#include "core/result.h"
#include "storage/database.h"
#include "storage/event_log.h"

namespace posthorn {

struct WebhookBody {
  std::string json;
  std::string business_id;  // whose event it is; empty: of no business account, or of one that is gone
};

// The body without what its message said: as if it had been unsent before. internal: it is no body of ours.
Result<std::string> without_content(std::string_view body, WallTime unsent_at);

// For one transaction: keeps the accounts it has read.
class WebhookBodies {
 public:
  explicit WebhookBodies(Transaction& tx) : tx_(tx) {}
  Result<WebhookBody> of(const LoggedEvent& event);

 private:
  struct Account {
    json::value shown;  // null: there is none
    std::string business_id;
  };
  Result<const Account*> account(std::int64_t id);
  Result<json::value> message(std::int64_t id);
  Result<json::array> attachments(std::int64_t message_id);
  Result<json::value> conversation(std::int64_t id, json::object& data);
  Result<json::value> person(std::int64_t id);
  Result<json::array> addresses(std::int64_t person_id);

  Transaction& tx_;
  std::map<std::int64_t, Account> accounts_;
};

}  // namespace posthorn
