// POST /{phone}/messages: the one path that must be fast.
#pragma once
#include <functional>
#include <string_view>

#include "sandbox/answer.h"
#include "sandbox/deliveries.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

class SendRoute {
 public:
  SendRoute(World& world, Deliveries& deliveries) : world_(world), deliveries_(deliveries) {}

  // The token has been checked. `marketing_only`: the marketing_messages edge.
  Answer send(const Number& number, std::string_view body, bool marketing_only);
  // The answer under a fault; `process` does what was asked for (empty: nothing is), if the fault lets it
  // happen.
  Answer meet(const Fault& fault, const std::function<Answer()>& process);
  // A fault for management and media calls, if one is due.
  bool management_fault(Answer& answer);

 private:
  Answer process(const Number& number, std::string_view body, bool marketing_only);
  Graph<std::string> accept(const Number& number, std::string_view body, bool marketing_only);
  Graph<std::uint64_t> recipient_of(const CheckedMessage& message, const Number& number) const;
  Graph<> check_account(const Number& number, MonotonicTime now);
  Graph<> check_recipient(const CheckedMessage& message, const Number& number, std::uint64_t phone,
                          MonotonicTime now);
  std::string record(const CheckedMessage& message, const Number& number, std::uint64_t phone,
                     std::string_view body);
  Answer failure(const GraphFailure& failure);

  World& world_;
  Deliveries& deliveries_;
};

}  // namespace posthorn::sandbox
