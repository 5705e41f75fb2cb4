#include "messaging/event_patience.h"

#include <fmt/format.h>

namespace posthorn {

bool is_of_the_store(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::resource_exhausted ||
         error.code == ErrorCode::deadline_exceeded || error.code == ErrorCode::cancelled;
}

Result<> EventTries::failed(const LoggedEvent& event, Error error) {
  if (!pass_over_ || is_of_the_store(error)) return std::unexpected(std::move(error));
  passed_over_.push_back(fmt::format("event {} ({}): {}", event.id.value, event.kind, error.message));
  return {};
}

EventPatience::EventPatience(std::string_view consumer, Log& log, Metrics& metrics)
    : consumer_(consumer),
      log_(log),
      passed_over_(metrics.counter("posthorn_events_passed_over_total",
                                   "Events that a consumer of the event log could not handle",
                                   {{"consumer", std::string(consumer)}})) {}

void EventPatience::failed(const Error& error) {
  if (!is_of_the_store(error)) ++failures_;
}

void EventPatience::succeeded(const std::vector<std::string>& passed_over) {
  failures_ = 0;
  for (const std::string& event : passed_over) {
    passed_over_.add();
    log_.error("events.passed_over", {{"consumer", consumer_}, {"event", event}});
  }
}

}  // namespace posthorn
