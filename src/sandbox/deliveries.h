// What happens to accepted messages as time goes by: sent, delivered, read, answered. One calendar, no timer
// each.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "sandbox/wakeup.h"
#include "sandbox/webhooks.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

class Deliveries {
 public:
  Deliveries(World& world, Webhooks& webhooks, Executor executor);

  void start();
  void stop() { wakeup_.stop(); }

  // Begins the journey of a message that is in the ledger.
  void begin(MessageId message);
  void release_held(bool deliver);
  bool idle() const { return calendar_.empty(); }
  void clear() { calendar_.clear(); }

  // Called whenever a phone has got a message.
  void on_delivered(std::function<void(const Message&)> call) { on_delivered_ = std::move(call); }
  // A message from the user; `content` is its JSON object (see Sandbox::send_from_phone). Returns its name.
  Result<std::string> inbound(std::uint64_t phone, std::size_t number, std::string_view content);
  void preference(std::uint64_t phone, std::size_t number, bool stopped);

 private:
  enum class Step : std::uint8_t { fail, send, deliver, read, reply, opt_out };
  struct Event {
    MessageId message;
    Step step;
  };
  void schedule(MonotonicTime when, MessageId message, Step step);
  void wake();
  void run(const Event& event, MonotonicTime now);
  void deliver(const Message& message, const Journey& journey, MonotonicTime now);
  int error_for(const Message& message, const Journey& journey) const;

  World& world_;
  Webhooks& webhooks_;
  Calendar<Event> calendar_;
  std::function<void(const Message&)> on_delivered_;
  bool started_ = false;
  Wakeup wakeup_;
};

}  // namespace posthorn::sandbox
