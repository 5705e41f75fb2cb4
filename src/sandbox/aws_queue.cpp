#include "sandbox/aws_queue.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>

#include "core/result.h"
#include "platform/crypto.h"
#include "sandbox/aws_queue_json.h"
#include "sandbox/aws_topics.h"
#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace {

namespace js = boost::json;
using namespace queue_json;

// A long poll looks so often whether something has come.
constexpr Duration kLook = std::chrono::milliseconds(20);

}  // namespace

void AwsQueue::clear() {
  messages_.clear();
  stats_ = {};
  chaos = {};
}

std::string AwsQueue::put(std::string body) {
  return put_later(std::move(body), Duration::zero());
}

std::string AwsQueue::put_later(std::string body, Duration later) {
  Message message;
  message.id = aws_uuid(dice_);
  message.body = std::move(body);
  message.put_at = clock_.now();
  message.visible_at = message.put_at + later;
  message.sent = clock_.wall_now();
  ++stats_.put;
  const std::string id = message.id;
  if (dice_.chance(chaos.duplicate)) messages_.emplace(next_++, message);
  messages_.emplace(next_++, std::move(message));
  return id;
}

// A message keeps its id and its time when it moves (SQS developer guide, "Dead-letter queues").
void AwsQueue::bury_spent() {
  if (dead_letters_ == nullptr || config_.max_receive_count == 0) return;
  const MonotonicTime now = clock_.now();
  for (auto at = messages_.begin(); at != messages_.end();) {
    Message& message = at->second;
    if (message.visible_at > now || message.receptions < config_.max_receive_count) {
      ++at;
      continue;
    }
    message.visible_at = now;
    message.receptions = 0;
    message.receipt.clear();
    ++stats_.dead;
    ++dead_letters_->stats_.put;
    dead_letters_->messages_.emplace(dead_letters_->next_++, std::move(message));
    at = messages_.erase(at);
  }
}

std::size_t AwsQueue::visible() const {
  const MonotonicTime now = clock_.now();
  return static_cast<std::size_t>(
      std::ranges::count_if(messages_, [now](const auto& one) { return one.second.visible_at <= now; }));
}

AwsQueue::Message* AwsQueue::held_by(std::string_view receipt) {
  const auto found = messages_.find(place_of(receipt));
  return found != messages_.end() && found->second.receipt == receipt ? &found->second : nullptr;
}

bool AwsQueue::issued(std::string_view receipt) const {
  const std::uint64_t place = place_of(receipt);
  return place > 0 && place < next_;
}

js::array AwsQueue::take(std::size_t most, Duration visibility) {
  bury_spent();
  const MonotonicTime now = clock_.now();
  js::array out;
  for (auto& [place, message] : messages_) {
    if (out.size() >= most) break;
    if (message.visible_at > now) continue;
    message.visible_at = now + visibility;
    message.receipt = fmt::format("{}-{}-{:016x}", place, ++message.receptions, dice_.next());
    ++stats_.received;
    if (message.receptions > 1) ++stats_.redelivered;
    const js::object attributes{{"ApproximateReceiveCount", std::to_string(message.receptions)},
                                {"SentTimestamp", std::to_string(to_micros(message.sent) / 1000)}};
    out.push_back(js::object{{"MessageId", message.id},
                             {"ReceiptHandle", message.receipt},
                             {"MD5OfBody", md5_of(message.body)},
                             {"Body", message.body},
                             {"Attributes", attributes}});
  }
  return out;
}

Task<HttpResponse> AwsQueue::receive(std::shared_ptr<AwsQueue> self, js::value body) {
  const double most = number_of(body, "MaxNumberOfMessages", 1), wait = number_of(body, "WaitTimeSeconds", 0);
  const double visibility =
      number_of(body, "VisibilityTimeout", static_cast<double>(self->config_.visibility.count()) / 1e6);
  if (most < 1 || most > 10 || wait < 0 || wait > 20 || visibility < 0 || visibility > kLongestHidden)
    co_return refusal(
        "InvalidParameterValue",
        "MaxNumberOfMessages is 1 to 10, WaitTimeSeconds 0 to 20, VisibilityTimeout 0 to 43200");
  if (self->dice_.chance(self->chaos.receive_failure)) co_return broken();
  const MonotonicTime end = self->clock_.now() + std::min(seconds(wait), self->config_.longest_wait);
  js::array found;
  while (true) {
    found = self->take(static_cast<std::size_t>(most), seconds(visibility));
    const MonotonicTime now = self->clock_.now();
    if (!found.empty() || now >= end) break;
    co_await self->clock_.sleep_for(std::min(end - now, kLook));
    if (self->stopped_) co_return broken();
  }
  if (!found.empty() && self->dice_.chance(self->chaos.lost_answer)) co_return broken();
  js::object out;  // the member is absent when there is none
  if (!found.empty()) out["Messages"] = std::move(found);
  co_return answer(std::move(out));
}

AwsQueue::Reply AwsQueue::remove_batch(const js::value& body) {
  auto entries = entries_of(body);
  if (!entries) return std::unexpected(std::move(entries.error()));
  js::array successful, unsuccessful;
  for (const js::value& entry : *entries) {
    const std::string id = text_of(entry, "Id"), receipt = text_of(entry, "ReceiptHandle");
    if (dice_.chance(chaos.delete_failure)) {
      ++stats_.failed_deletes;
      unsuccessful.push_back(failed(id, "InternalError", false, "We encountered an internal error."));
      continue;
    }
    if (!issued(receipt)) {
      unsuccessful.push_back(failed(id, "ReceiptHandleIsInvalid", true, "The receipt handle has expired"));
      continue;
    }
    // An old handle is taken, but need not delete (SQS developer guide, "Queue and message identifiers").
    const bool newest = held_by(receipt) != nullptr;
    if (newest) messages_.erase(place_of(receipt));
    ++(newest ? stats_.deleted : stats_.late_deletes);
    successful.push_back(js::object{{"Id", id}});
  }
  return js::object{{"Successful", std::move(successful)}, {"Failed", std::move(unsuccessful)}};
}

bool AwsQueue::hide(std::string_view receipt, Duration visibility) {
  Message* message = held_by(receipt);
  if (message == nullptr || message->visible_at <= clock_.now()) return false;
  message->visible_at = clock_.now() + visibility;
  return true;
}

AwsQueue::Reply AwsQueue::hide_batch(const js::value& body) {
  auto entries = entries_of(body);
  if (!entries) return std::unexpected(std::move(entries.error()));
  js::array successful, unsuccessful;
  for (const js::value& entry : *entries) {
    const std::string id = text_of(entry, "Id"), receipt = text_of(entry, "ReceiptHandle");
    const double wanted = number_of(entry, "VisibilityTimeout", -1);
    if (wanted < 0 || wanted > kLongestHidden)
      unsuccessful.push_back(failed(id, "InvalidParameterValue", true, "VisibilityTimeout is 0 to 43200"));
    else if (!issued(receipt))
      unsuccessful.push_back(failed(id, "ReceiptHandleIsInvalid", true, "The receipt handle is invalid"));
    else if (!hide(receipt, seconds(wanted)))
      unsuccessful.push_back(failed(id, "MessageNotInflight", true, "The message is not in flight"));
    else
      successful.push_back(js::object{{"Id", id}});
  }
  return js::object{{"Successful", std::move(successful)}, {"Failed", std::move(unsuccessful)}};
}

Task<HttpResponse> AwsQueue::call(std::shared_ptr<AwsQueue> self, std::string operation, js::value body) {
  struct Operation {
    std::string_view name;
    Reply (AwsQueue::*handler)(const js::value&);
  };
  static constexpr auto kOperations =
      std::to_array<Operation>({{"DeleteMessageBatch", &AwsQueue::remove_batch},
                                {"ChangeMessageVisibilityBatch", &AwsQueue::hide_batch},
                                {"SendMessage", &AwsQueue::send},
                                {"SendMessageBatch", &AwsQueue::send_batch},
                                {"DeleteMessage", &AwsQueue::remove},
                                {"ChangeMessageVisibility", &AwsQueue::change_visibility},
                                {"GetQueueAttributes", &AwsQueue::attributes},
                                {"SetQueueAttributes", &AwsQueue::set_attributes},
                                {"PurgeQueue", &AwsQueue::purge}});
  ++self->stats_.calls;
  if (operation == "ReceiveMessage") co_return co_await receive(self, std::move(body));
  const auto known = std::ranges::find(kOperations, operation, &Operation::name);
  if (known == kOperations.end())
    co_return refusal("UnsupportedOperation", "The sandbox's queue does not know " + operation);
  Reply reply = (*self.*known->handler)(body);
  if (!reply) co_return std::move(reply.error());
  co_return answer(std::move(*reply));
}

}  // namespace posthorn::sandbox
