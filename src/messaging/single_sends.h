// Messages outside broadcasts: replies, API sends, one-time codes, tests of a broadcast. A durable queue in
// the database.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/phone_number.h"
#include "core/result.h"
#include "core/time.h"
#include "messaging/lanes.h"
#include "messaging/send_state.h"
#include "storage/database.h"

namespace posthorn {

struct SingleSend {
  AccountId account;
  Lane lane = Lane::api;  // reply or api
  PhoneNumber phone;
  std::string payload;  // the complete request body as a JSON object, without biz_opaque_callback_data
  SendPolicy policy = SendPolicy::at_most_once;
  std::string purpose;  // "test:<campaign>", "action:<name>"
};

// Queues it in the caller's transaction and returns its row number (sends.row_no with campaign_id 0). After
// the commit call Dispatcher::wake(). invalid_argument when the payload is not a JSON object or the lane is
// not for single sends.
Result<std::int64_t> enqueue_single_send(Transaction& tx, const SingleSend& send, WallTime now);

// Tells recipients without a phone number apart: a key made of "recipient" or "to" in the payload, greater
// than every phone number. 0: it names nobody.
struct RecipientKey {
  std::uint64_t key = 0;
  bool whatsapp = false;  // the channel that limits how often one person is written to
};
RecipientKey recipient_key(std::string_view payload);

struct SingleSendStatus {
  std::string submission;  // queued, intent, accepted, …
  std::string delivery;    // "", sent, delivered, read, failed
  int code = 0;
  std::string wamid, detail;
};
Result<std::optional<SingleSendStatus>> single_send_status(Transaction& tx, std::int64_t row_no);

}  // namespace posthorn
