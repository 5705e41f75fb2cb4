// The way in through a queue: receive → commit → delete. A message leaves the queue only after it is durable
// here, so a crash at any instant makes it come again, and the natural keys of its events make the second
// time harmless.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "channels/aws/sqs_client.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/log.h"
#include "platform/metrics.h"
#include "platform/random.h"

namespace posthorn {

struct SqsIntakeOptions {
  int pollers = 2;
  std::vector<std::string> topics;  // of SNS envelopes; messages of other topics stay in the queue
  Duration wait = std::chrono::seconds(20);
  Duration visibility = std::chrono::seconds(60);  // renewed while the store is slow
  Duration first_pause = std::chrono::seconds(1);  // after a failure; doubles
  Duration longest_pause = std::chrono::minutes(1);
  // A message that is not taken in is left to the queue's dead-letter policy, and not seen again for so long.
  Duration refused_pause = std::chrono::minutes(15);
};

struct SqsIntakeStats {
  std::uint64_t received = 0;   // messages
  std::uint64_t committed = 0;  // of these durable here
  std::uint64_t deleted = 0;
  std::uint64_t refused = 0;  // foreign topics
  bool reachable = false;     // the last poll was answered
  std::string problem;        // why not; empty: none
};

class SqsIntake {
 public:
  // Commits the body and returns; Intake::accept().
  using Accept = std::function<Task<Result<JournalId>>(std::string body, std::string source)>;
  struct Ports {
    aws::MessageQueue& queue;
    Accept accept;
    Clock& clock;
    Random& random;  // spreads the retries
    Log& log;
    Metrics& metrics;
    Executor executor;
  };
  SqsIntake(Ports ports, SqsIntakeOptions options);
  ~SqsIntake();

  void start();
  Task<> stop();  // closes the queue and waits for the pollers; what is not committed then comes again

  const SqsIntakeStats& stats() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// May this message of a queue be taken in? The queue's own policy says who may write to it, so nothing is
// verified; but an SNS envelope must be of one of `topics`, as over HTTP. Pure.
Result<> admit_queue_message(std::string_view body, const std::vector<std::string>& topics);

}  // namespace posthorn
