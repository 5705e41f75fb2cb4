// What others than the bridge ask of a queue: senders, operators and their tools (Amazon SQS API reference).
#include <algorithm>
#include <array>
#include <charconv>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "sandbox/aws_queue.h"
#include "sandbox/aws_queue_json.h"
#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace {

namespace js = boost::json;
using namespace queue_json;

constexpr std::size_t kLongestBody = 1024 * 1024;
constexpr double kLongestDelay = 900;  // seconds

// Why a message cannot be sent; empty: it can.
struct Flaw {
  std::string_view code;
  std::string message;
};
Flaw flaw_of(const js::value& message) {
  const std::string body = text_of(message, "MessageBody");
  const double delay = number_of(message, "DelaySeconds", 0);
  if (body.empty()) return {"MissingParameter", "The request must contain the parameter MessageBody."};
  if (body.size() > kLongestBody)
    return {"InvalidParameterValue", "One or more parameters are invalid: too long"};
  if (delay < 0 || delay > kLongestDelay) return {"InvalidParameterValue", "DelaySeconds is 0 to 900"};
  if (member(message, "MessageAttributes") != nullptr)
    return {"UnsupportedOperation", "The sandbox's queues keep no message attributes"};
  return {};
}

// {"deadLetterTargetArn","maxReceiveCount"}: the count as a number or a text, as tools write it. 0: not one.
int receive_count_of(const js::value& policy) {
  const double n = number_of(policy, "maxReceiveCount", 0);
  if (n >= 1 && n <= 1000) return static_cast<int>(n);
  const std::string text = text_of(policy, "maxReceiveCount");
  int out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out >= 1 && out <= 1000 ? out : 0;
}

}  // namespace

AwsQueue::Reply AwsQueue::send(const js::value& body) {
  if (const Flaw flaw = flaw_of(body); !flaw.code.empty())
    return std::unexpected(refusal(flaw.code, flaw.message));
  const std::string text = text_of(body, "MessageBody");
  const std::string id = put_later(text, seconds(number_of(body, "DelaySeconds", 0)));
  return js::object{{"MessageId", id}, {"MD5OfMessageBody", md5_of(text)}};
}

AwsQueue::Reply AwsQueue::send_batch(const js::value& body) {
  auto entries = entries_of(body);
  if (!entries) return std::unexpected(std::move(entries.error()));
  js::array successful, unsuccessful;
  for (const js::value& entry : *entries) {
    const std::string id = text_of(entry, "Id"), text = text_of(entry, "MessageBody");
    if (const Flaw flaw = flaw_of(entry); !flaw.code.empty()) {
      unsuccessful.push_back(failed(id, flaw.code, true, flaw.message));
      continue;
    }
    const std::string message = put_later(text, seconds(number_of(entry, "DelaySeconds", 0)));
    successful.push_back(js::object{{"Id", id}, {"MessageId", message}, {"MD5OfMessageBody", md5_of(text)}});
  }
  return js::object{{"Successful", std::move(successful)}, {"Failed", std::move(unsuccessful)}};
}

AwsQueue::Reply AwsQueue::remove(const js::value& body) {
  const std::string receipt = text_of(body, "ReceiptHandle");
  if (!issued(receipt))
    return std::unexpected(refusal("ReceiptHandleIsInvalid", "The receipt handle is not valid"));
  if (dice_.chance(chaos.delete_failure)) {
    ++stats_.failed_deletes;
    return std::unexpected(broken());
  }
  const bool newest = held_by(receipt) != nullptr;
  if (newest) messages_.erase(place_of(receipt));
  ++(newest ? stats_.deleted : stats_.late_deletes);
  return js::object{};
}

AwsQueue::Reply AwsQueue::change_visibility(const js::value& body) {
  const std::string receipt = text_of(body, "ReceiptHandle");
  const double wanted = number_of(body, "VisibilityTimeout", -1);
  if (wanted < 0 || wanted > kLongestHidden)
    return std::unexpected(refusal("InvalidParameterValue", "VisibilityTimeout is 0 to 43200"));
  if (!issued(receipt))
    return std::unexpected(refusal("ReceiptHandleIsInvalid", "The receipt handle is not valid"));
  if (!hide(receipt, seconds(wanted)))
    return std::unexpected(refusal("MessageNotInflight", "The message is not in flight"));
  return js::object{};
}

// All of them, whichever were asked for.
AwsQueue::Reply AwsQueue::attributes(const js::value&) {
  bury_spent();
  const std::size_t seen = visible();
  js::object out{{"QueueArn", arn()},
                 {"ApproximateNumberOfMessages", std::to_string(seen)},
                 {"ApproximateNumberOfMessagesNotVisible", std::to_string(messages_.size() - seen)},
                 {"VisibilityTimeout", std::to_string(config_.visibility.count() / 1'000'000)}};
  if (dead_letters_ != nullptr && config_.max_receive_count > 0)
    out["RedrivePolicy"] = js::serialize(js::object{{"deadLetterTargetArn", dead_letters_->arn()},
                                                    {"maxReceiveCount", config_.max_receive_count}});
  return js::object{{"Attributes", std::move(out)}};
}

AwsQueue::Reply AwsQueue::set_attributes(const js::value& body) {
  const js::value* given = member(body, "Attributes");
  const js::value none(js::object{});
  for (const auto& [name, value] : (given != nullptr && given->is_object() ? *given : none).get_object()) {
    const std::string text = value.is_string() ? std::string(value.get_string()) : std::string();
    if (name != "RedrivePolicy")
      return std::unexpected(
          refusal("InvalidAttributeName", "The sandbox does not know the attribute " + std::string(name)));
    js::error_code ec;
    const js::value policy = text.empty() ? none : js::parse(text, ec);
    const int count = text.empty() || ec ? 0 : receive_count_of(policy);
    const bool ours =
        dead_letters_ != nullptr && text_of(policy, "deadLetterTargetArn") == dead_letters_->arn();
    if (!text.empty() && (ec || !ours || count == 0))
      return std::unexpected(
          refusal("InvalidAttributeValue",
                  "RedrivePolicy names the sandbox's dead-letter queue and a count of 1 to 1000"));
    config_.max_receive_count = count;
  }
  return js::object{};
}

AwsQueue::Reply AwsQueue::purge(const js::value&) {
  messages_.clear();
  return js::object{};
}

}  // namespace posthorn::sandbox
