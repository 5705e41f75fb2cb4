// What the dispatcher needs of a channel: hand over one body, learn what became of it. whatsapp_channel.h and
// meta_channel.h implement it.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "core/time.h"
#include "messaging/accounts.h"
#include "platform/async.h"

namespace posthorn {

// What an answer means for what happens next, whatever the channel's codes.
enum class AnswerKind {
  accepted,
  rejected,       // for good, for this recipient or this content
  retry,          // may be repeated after a pause; a few times
  pair_limited,   // this recipient was written to too often
  throttled,      // the number sends too fast
  number_paused,  // the number is not ready for a minute or two
  campaign_stop,  // nothing of this broadcast can succeed until somebody acts; the recipient is not burnt
  account_stop,   // nothing of this account can succeed until somebody acts; the recipient is not burnt
  unknown,        // it may have been taken
  not_sent,       // provably not taken: no connection, or not all bytes written
};

struct SendAnswer {
  AnswerKind kind = AnswerKind::unknown;
  int code = 0;                        // the channel's error code; 0: none
  std::string message_id;              // accepted: the channel's id (wamid)
  std::string detail;                  // the channel's words, shortened
  std::string reason;                  // campaign_stop, account_stop: what to tell people
  BlockKind block = BlockKind::other;  // account_stop: what lifts it
  // account_stop: the account's sealed token that the request was sent with; empty: it carried none. An
  // account that has another one by now is not blocked.
  std::string sealed_token;
  bool answered =
      true;  // false: the exchange broke off or timed out; nobody knows whether the channel still lives
  bool held = false;       // accepted, but held for quality assessment
  bool opted_out = false;  // the recipient does not want marketing (131050)
  Duration retry_after{};  // retry, pair_limited, throttled, number_paused: at least this long; 0: the
                           // dispatcher chooses
};

class SendChannel {
 public:
  virtual ~SendChannel() = default;
  // Appends a single send's body with our token where this channel carries it, if it carries one, so that
  // statuses and echoes lead back to the row. `payload` is a JSON object.
  virtual void append_body(std::string& out, std::string_view payload, std::string_view token) const = 0;
  // One attempt, never repeated underneath. `attempt` (from 1) lets the channel say `rejected` once an error
  // has been retried often enough. `on_last_byte` is called right before the final bytes are handed to the
  // socket, or not at all.
  virtual Task<SendAnswer> send(std::string body, int attempt, std::function<void()> on_last_byte) = 0;
};

}  // namespace posthorn
