// One queue of Amazon SQS (API reference, version 2012-11-05; JSON protocol).
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "channels/aws/aws_client.h"
#include "core/result.h"
#include "platform/async.h"

namespace posthorn::aws {

struct QueueMessage {
  std::string id;
  std::string receipt;  // of this receiving; a later one voids it
  std::string body;
  int receive_count = 0;  // 0: not told
};

inline constexpr std::size_t kQueueBatch = 10;  // most messages in one call

class MessageQueue {
 public:
  virtual ~MessageQueue() = default;
  // Up to kQueueBatch messages, hidden from others for `visibility`; waits up to `wait` (at most 20 s) for
  // the first.
  virtual Task<Result<std::vector<QueueMessage>>> receive(Duration wait, Duration visibility) = 0;
  // At most kQueueBatch receipts. Returns the receipts that were not deleted: those messages will come again.
  virtual Task<Result<std::vector<std::string>>> remove(std::vector<std::string> receipts) = 0;
  // Hides them for `visibility` from now on; zero: give them back at once. Returns the receipts it did not
  // work for.
  virtual Task<Result<std::vector<std::string>>> hide(std::vector<std::string> receipts,
                                                      Duration visibility) = 0;
  // Every call under way and every later one ends with `cancelled`.
  virtual void close() = 0;
};

class SqsQueue final : public MessageQueue {
 public:
  struct Ports {
    Network& network;
    Clock& clock;
    Random& random;
    Executor executor;
    Credentials& credentials;
  };
  // `endpoint`: server instead of the URL's host; empty: that. The Region of the URL wins over `region`.
  static Result<std::unique_ptr<SqsQueue>> create(Ports ports, std::string queue_url, std::string region,
                                                  std::string endpoint);
  ~SqsQueue() override;
  Task<Result<std::vector<QueueMessage>>> receive(Duration wait, Duration visibility) override;
  Task<Result<std::vector<std::string>>> remove(std::vector<std::string> receipts) override;
  Task<Result<std::vector<std::string>>> hide(std::vector<std::string> receipts,
                                              Duration visibility) override;
  void close() override;

 private:
  struct Impl;
  explicit SqsQueue(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// "https://sqs.eu-central-1.amazonaws.com/1/q" → "eu-central-1"; empty for other hosts.
std::string region_of_queue(std::string_view queue_url);
// Pure; entries without body or receipt are left out.
Result<std::vector<QueueMessage>> read_messages(std::string_view answer);

}  // namespace posthorn::aws
