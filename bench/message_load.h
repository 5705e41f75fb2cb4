// Messages of people, one in each signed webhook, and what the store must hold afterwards.
#pragma once
#include <string>
#include <vector>

#include "load.h"
#include "support.h"

namespace posthorn::bench {

struct MessageLoad {
  std::int64_t messages = 0;  // different ones; some of them are sent twice on top
  std::int64_t people = 0;    // who write in turn, in an order that looks like chance
  std::int64_t stride = 1;    // between their phone numbers: 50 spreads 10,000 people over 500,000
  std::string tag;            // in the messages' ids: different in each run on one store
};

std::string phone_of(std::int64_t person);  // digits
std::string bsuid_of(std::int64_t person);
std::string name_of(std::int64_t person);

std::vector<std::string> message_requests(const MessageLoad& load);
// Adds the sandbox's number unless it is there.
Task<Result<>> ensure_number(Product product);
// Sends them all, waits until they are applied, and proves by the tables that each message was stored exactly
// once, in the conversation of who wrote it. `seconds`, if given: from the first request until all was
// applied.
Task<Result<Measured>> send_messages(Product product, const std::vector<std::string>& requests,
                                     double per_second, std::int64_t messages, double* seconds);

}  // namespace posthorn::bench
