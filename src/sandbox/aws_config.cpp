#include "sandbox/aws_config.h"

#include "platform/crypto.h"

namespace posthorn::sandbox {
namespace {

// 32 hex digits that follow from Meta's id, so that tests need not ask.
std::string derived(std::string_view kind, std::string_view meta_id) {
  return to_hex(sha256(std::string(kind) + std::string(meta_id))).substr(0, 32);
}

std::string arn(const AwsConfig& config, std::string_view service, std::string_view resource) {
  return "arn:aws:" + std::string(service) + ":" + config.region + ":" + config.account + ":" +
         std::string(resource);
}

}  // namespace

std::string AwsConfig::topic_arn(std::string_view name) const {
  return arn(*this, "sns", name);
}
std::string AwsConfig::foreign_topic_arn() const {
  return "arn:aws:sns:" + region + ":999988887777:" + (topics.empty() ? "events" : topics.front());
}
std::string AwsConfig::queue_arn() const {
  return arn(*this, "sqs", queue);
}
std::string AwsConfig::queue_path() const {
  return "/" + account + "/" + queue;
}

std::string AwsConfig::dead_queue_arn() const {
  return arn(*this, "sqs", dead_queue);
}
std::string AwsConfig::dead_queue_path() const {
  return "/" + account + "/" + dead_queue;
}
std::string AwsConfig::role_arn() const {
  return "arn:aws:iam::" + account + ":role/" + role;
}

std::string aws_number_id(std::string_view meta_id) {
  return "phone-number-id-" + derived("number", meta_id);
}
std::string aws_number_arn(const AwsConfig& config, std::string_view meta_id) {
  return arn(config, "social-messaging", "phone-number-id/" + derived("number", meta_id));
}
std::string aws_waba_id(std::string_view meta_id) {
  return "waba-" + derived("waba", meta_id);
}
std::string aws_waba_arn(const AwsConfig& config, std::string_view meta_id) {
  return arn(config, "social-messaging", "waba/" + derived("waba", meta_id));
}

}  // namespace posthorn::sandbox
