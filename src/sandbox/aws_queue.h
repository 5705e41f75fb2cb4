// The sandbox's SQS: one standard queue (SQS API reference). At least once and in any order, as promised: a
// message that is not deleted before its visibility timeout comes again.
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
  std::uint64_t calls = 0;
};

class AwsQueue : public std::enable_shared_from_this<AwsQueue> {
 public:
  AwsQueue(const AwsConfig& config, Clock& clock, Dice& dice) : config_(config), clock_(clock), dice_(dice) {}

  void stop() { stopped_ = true; }  // after this neither clock nor configuration are touched any more
  void clear();

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
  boost::json::array take(std::size_t most, Duration visibility);
  Reply remove_batch(const boost::json::value& body);
  Reply hide_batch(const boost::json::value& body);
  bool hide(std::string_view receipt, Duration visibility);
  Message* held_by(std::string_view receipt);
  bool issued(std::string_view receipt) const;

  const AwsConfig& config_;
  Clock& clock_;
  Dice& dice_;
  std::map<std::uint64_t, Message> messages_;  // by the order they were put in
  std::uint64_t next_ = 1;
  bool stopped_ = false;
  SqsStats stats_;
};

}  // namespace posthorn::sandbox
