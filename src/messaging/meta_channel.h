// The Instagram and Messenger side of SendChannel: one account at Meta's API, its answers judged by the error
// table.
#pragma once
#include <expected>
#include <string>

#include "channels/meta_messaging/client.h"
#include "messaging/send_channel.h"
#include "platform/http_client.h"

namespace posthorn {

// Bodies are those of channels/meta_messaging/message_bodies.h.
class MetaChannel final : public SendChannel {
 public:
  explicit MetaChannel(meta_messaging::MetaClient& client) : client_(client) {}
  // Messenger brings the token back in its echo; Instagram has no place for one.
  void append_body(std::string& out, std::string_view payload, std::string_view token) const override;
  Task<SendAnswer> send(std::string body, int attempt, std::function<void()> on_last_byte) override;

 private:
  meta_messaging::MetaClient& client_;
};

// Pure: what one exchange means for what happens next. Only a request that was handed over whole leaves doubt
// (I5): no answer in time, HTTP 5xx, error 1/1357046, or a 2xx without message id; sender actions are
// answered without one.
SendAnswer judge_meta_exchange(const std::expected<HttpResponse, HttpFailure>& exchange, int attempt,
                               bool sender_action = false);

}  // namespace posthorn
