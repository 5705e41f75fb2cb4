// For consumers of the event log: an event that cannot be handled, whatever is wrong with it, is passed over
// after a few tries, told in the log and counted. It holds up neither the events behind it nor the next
// start.
#pragma once
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "platform/log.h"
#include "platform/metrics.h"
#include "storage/event_log.h"

namespace posthorn {

// An error that says nothing about the event: the store is full, slow or closing.
bool is_of_the_store(const Error& error);

// One transaction's look at events. Without `pass_over` the first event that fails ends it.
class EventTries {
 public:
  explicit EventTries(bool pass_over) : pass_over_(pass_over) {}

  // Runs `handle` for the event. An error ends the look; what was passed over is none.
  template <class F>
  Result<> run(const LoggedEvent& event, F&& handle) {
    Result<> done;
    try {
      done = handle();
    } catch (const std::exception& error) {
      done = fail(ErrorCode::internal, error.what());
    }
    if (done) return {};
    return failed(event, std::move(done.error()));
  }
  std::vector<std::string> take_passed_over() { return std::move(passed_over_); }

 private:
  Result<> failed(const LoggedEvent& event, Error error);

  bool pass_over_;
  std::vector<std::string> passed_over_;
};

// The consumer's memory between looks.
class EventPatience {
 public:
  // `consumer` is the label of posthorn_events_passed_over_total and must be a literal.
  EventPatience(std::string_view consumer, Log& log, Metrics& metrics);

  bool exhausted() const { return failures_ >= kTries; }
  void failed(const Error& error);                              // a look ended with an error
  void succeeded(const std::vector<std::string>& passed_over);  // or without; tells and counts these

 private:
  static constexpr int kTries = 5;
  std::string_view consumer_;
  Log& log_;
  Counter& passed_over_;
  int failures_ = 0;  // in a row, that an event may be to blame for
};

}  // namespace posthorn
