// What the sandbox's Amazon is like. The names of docs/sandbox.md, section "Amazon".
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/secret.h"
#include "core/time.h"

namespace posthorn::sandbox {

struct AwsConfig {
  std::string region = "eu-central-1", account = "123456789012";
  std::string access_key_id = "AKIASANDBOXPOSTHORN0";
  Secret secret_access_key = Secret("SandboxSecret/0000000000000000000000+Key");
  Secret session_token;                                   // empty: calls must have none
  std::vector<std::string> topics = {"whatsapp-events"};  // names; events of numbers go to the first
  std::string queue = "whatsapp-events", dead_queue = "whatsapp-events-dead";
  int max_receive_count = 0;  // of `queue`, then a message goes to `dead_queue`; 0: no redrive policy
  std::string bucket = "posthorn-sandbox-media";
  int signature_version = 2;  // of SNS, 1 or 2
  int retries = 3;            // SNS's default policy for HTTP: three more attempts, 20 s apart
  Duration retry_pause = std::chrono::seconds(20);
  Duration answer_timeout = std::chrono::seconds(15);
  std::size_t max_in_flight = 32;                    // deliveries of SNS at once
  bool raw_queue = false;                            // raw message delivery to the queue
  Duration visibility = std::chrono::seconds(30);    // where ReceiveMessage names none
  Duration longest_wait = std::chrono::seconds(20);  // of a long poll, whatever it asks for
  std::string role = "posthorn-sandbox";             // that STS has keys for
  std::string external_id;                           // it must be asked with; empty: with none
  Secret web_identity_token = Secret("sandbox-web-identity-token");
  Duration keys_live{};  // of temporary keys, whatever they were asked for; 0: as asked for
  Duration clock_tolerance = std::chrono::minutes(5);  // of signatures

  std::string topic_arn(std::string_view name) const;
  std::string foreign_topic_arn() const;  // of somebody else's account
  std::string queue_arn() const;
  std::string dead_queue_arn() const;
  std::string queue_path() const;  // of its URL: "/123456789012/whatsapp-events"
  std::string dead_queue_path() const;
  std::string role_arn() const;
};

// How Amazon calls the number and the business account of Meta's id: "phone-number-id-…", "waba-…", and the
// ARNs.
std::string aws_number_id(std::string_view meta_id);
std::string aws_number_arn(const AwsConfig& config, std::string_view meta_id);
std::string aws_waba_id(std::string_view meta_id);
std::string aws_waba_arn(const AwsConfig& config, std::string_view meta_id);

}  // namespace posthorn::sandbox
