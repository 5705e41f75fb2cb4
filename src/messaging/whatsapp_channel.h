// The WhatsApp side of SendChannel: one phone number at Meta's Graph API, its answers judged by the error
// table.
#pragma once
#include <expected>
#include <string>

#include "channels/whatsapp/graph_client.h"
#include "channels/whatsapp/send_response.h"
#include "messaging/send_channel.h"
#include "platform/http_client.h"

namespace posthorn {

class WhatsAppChannel final : public SendChannel {
 public:
  WhatsAppChannel(whatsapp::GraphClient& graph, std::string phone_number_id)
      : graph_(graph), phone_number_id_(std::move(phone_number_id)) {}
  void append_body(std::string& out, std::string_view payload, std::string_view token) const override;
  Task<SendAnswer> send(std::string body, int attempt, std::function<void()> on_last_byte) override;

 private:
  whatsapp::GraphClient& graph_;
  std::string phone_number_id_;
};

// Pure: what one exchange means for what happens next. Only a request that was handed over whole leaves doubt
// (I5).
SendAnswer judge_exchange(const std::expected<HttpResponse, HttpFailure>& exchange, int attempt);

}  // namespace posthorn
