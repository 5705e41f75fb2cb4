// Calls to AWS End User Messaging Social (API reference, version 2024-01-01; REST with JSON): WhatsApp
// numbers that are linked to an AWS account.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channels/aws/aws_client.h"

namespace posthorn::aws {

struct EumMedia {
  std::string mime_type;
  std::uint64_t size = 0;  // bytes; 0: not told
};

struct EumPhoneNumber {
  std::string arn, id;  // either names the number in calls
  std::string meta_id;  // Meta's phone number id
  std::string phone_number, display_name, quality_rating;
};

struct EumAccount {
  std::string arn, id;  // "waba-…"
  std::string waba_id;  // Meta's
  std::string name, registration_status;
  std::vector<std::string> event_destinations;  // ARNs: where events go, at most one today
};

class EumClient {
 public:
  explicit EumClient(AwsClient& client) : client_(client) {}

  // Lets the service write the file to {key_prefix}{media id}.{extension} in our bucket. not_found: gone.
  // `phone_number` is an id of the service or an ARN.
  Task<Result<EumMedia>> media_to_s3(std::string phone_number, std::string media_id, std::string bucket,
                                     std::string key_prefix);
  // One WhatsApp message, a Cloud API body, one attempt. There is no idempotency key.
  Task<std::expected<HttpResponse, HttpFailure>> send_message(std::string phone_number, std::string body,
                                                              std::function<void()> on_last_byte);
  Task<Result<std::vector<EumAccount>>> linked_accounts();  // all pages
  Task<Result<std::vector<EumPhoneNumber>>> phone_numbers(std::string account_id);

 private:
  Task<Result<std::string>> get(std::string target);
  AwsClient& client_;
};

struct EumAccountPage {
  std::vector<EumAccount> accounts;
  std::string next_token;  // empty: the last page
};
Result<EumAccountPage> read_linked_accounts(std::string_view json);
Result<std::vector<EumPhoneNumber>> read_phone_numbers(std::string_view json);

}  // namespace posthorn::aws
