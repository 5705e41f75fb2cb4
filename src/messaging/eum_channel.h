// The side of SendChannel for WhatsApp numbers that are linked to AWS End User Messaging Social.
#pragma once
#include <expected>
#include <string>

#include "channels/aws/eum_client.h"
#include "messaging/send_channel.h"

namespace posthorn {

class EumChannel final : public SendChannel {
 public:
  // `phone_number`: account.transport_id.
  EumChannel(aws::EumClient& social, std::string phone_number)
      : social_(social), phone_number_(std::move(phone_number)) {}
  void append_body(std::string& out, std::string_view payload, std::string_view token) const override;
  Task<SendAnswer> send(std::string body, int attempt, std::function<void()> on_last_byte) override;

 private:
  aws::EumClient& social_;
  std::string phone_number_;
};

// Pure: what one exchange means for what happens next. The id in the answer is Amazon's; statuses tell
// Meta's, and find the row by our token. Failures inside Amazon or Meta (5xx) leave doubt: the message may
// have been sent.
SendAnswer judge_eum_exchange(const std::expected<HttpResponse, HttpFailure>& exchange, int attempt);

}  // namespace posthorn
