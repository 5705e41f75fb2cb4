// The sandbox's SQS: a standard queue and its dead-letter queue (SQS API reference). At least once and in any
// order, as promised: a message that is not deleted before its visibility timeout comes again, until a
// redrive policy moves it.
#pragma once
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "platform/async.h"
#include "platform/clock.h"
#include "sandbox/answer.h"
#include "sandbox/aws_config.h"
#include "sandbox/dice.h"

namespace posthorn::sandbox {

struct SqsChaos {
  double duplicate = 0;        // put in twice
  double delete_failure = 0;   // of the entries of a batch: InternalError, the message stays
  double receive_failure = 0;  // of the calls: 500
  double lost_answer = 0;      // of the calls: messages are hidden, but the answer is 500
};

struct SqsStats {
  std::uint64_t put = 0, received = 0, deleted = 0;
  std::uint64_t redelivered = 0;     // receptions beyond a message's first
  std::uint64_t late_deletes = 0;    // with a receipt handle that is not the newest: nothing happened
  std::uint64_t failed_deletes = 0;  // on purpose
  std::uint64_t dead = 0;            // moved to the dead-letter queue
  std::uint64_t calls = 0;
};

class AwsQueue : public std::enable_shared_from_this<AwsQueue> {
 public:
  enum class Role { events, dead_letters };
  AwsQueue(AwsConfig& config, Role role, Clock& clock, Dice& dice)
      : config_(config), role_(role), clock_(clock), dice_(dice) {}

  void stop() { stopped_ = true; }  // after this neither clock nor configuration are touched any more
  void clear();

  // Where messages go that were received as often as the policy allows; this must outlive them. Only a queue
  // with one has a redrive policy.
  void set_dead_letters(AwsQueue& other) { dead_letters_ = &other; }
  std::string arn() const { return role_ == Role::events ? config_.queue_arn() : config_.dead_queue_arn(); }
  std::string path() const {
    return role_ == Role::events ? config_.queue_path() : config_.dead_queue_path();
  }

  SqsChaos chaos;
  std::string put(std::string body);  // the MessageId

  // One call whose signature was found good: "ReceiveMessage" and so on, with its JSON body.
  static Task<HttpResponse> call(std::shared_ptr<AwsQueue> self, std::string operation,
                                 boost::json::value body);

  const SqsStats& stats() const { return stats_; }
  std::size_t messages() const { return messages_.size(); }  // visible and in flight
  std::size_t visible() const;

 private:
  struct Message {
    std::string id, body, receipt;
    MonotonicTime visible_at{}, put_at{};
    WallTime sent;
    int receptions = 0;
  };
  using Reply = std::expected<boost::json::object, HttpResponse>;
  static Task<HttpResponse> receive(std::shared_ptr<AwsQueue> self, boost::json::value body);
  void bury_spent();
  Reply send(const boost::json::value& body);
  Reply send_batch(const boost::json::value& body);
  Reply remove(const boost::json::value& body);
  Reply change_visibility(const boost::json::value& body);
  Reply attributes(const boost::json::value& body);
  Reply set_attributes(const boost::json::value& body);
  Reply purge(const boost::json::value& body);
  std::string put_later(std::string body, Duration later);
  boost::json::array take(std::size_t most, Duration visibility);
  Reply remove_batch(const boost::json::value& body);
  Reply hide_batch(const boost::json::value& body);
  bool hide(std::string_view receipt, Duration visibility);
  Message* held_by(std::string_view receipt);
  bool issued(std::string_view receipt) const;

  AwsConfig& config_;
  Role role_;
  Clock& clock_;
  Dice& dice_;
  std::map<std::uint64_t, Message> messages_;  // by the order they were put in
  AwsQueue* dead_letters_ = nullptr;
  std::uint64_t next_ = 1;
  bool stopped_ = false;
  SqsStats stats_;
};

}  // namespace posthorn::sandbox
