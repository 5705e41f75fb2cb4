#include "messaging/send_state.h"

#include <array>

namespace posthorn {
namespace {

constexpr std::array<std::string_view, kSendStates> kWords = {
    "queued",  "intent",        "accepted",   "rejected",  "deferred",
    "unknown", "unknown_final", "suppressed", "cancelled", "expired"};

SendStep stay(SendRow row) {
  return {row, SendDue::none, false, false};
}

SendStep move(SendRow row, SendState to, SendDue due = SendDue::none) {
  row.state = to;
  return {row, due, true, false};
}

SendStep again(SendRow row, SendDue due) {
  ++row.attempt;
  return move(row, SendState::deferred, due);
}

bool waits(SendRow row) {
  return row.state == SendState::queued || row.state == SendState::deferred;
}

// An answer belongs to the request in flight, or to one that was given up as unknown before the answer came.
bool answers(SendRow row, int attempt) {
  const bool open = row.state == SendState::intent || row.state == SendState::unknown;
  return open && (attempt == 0 || attempt == row.attempt);
}

// The channel has the message: its own word for it, or an echo. Wins from every state.
SendStep proven(SendRow row, int attempt) {
  const bool later_went_out =
      attempt != 0 && attempt < row.attempt &&
      (row.state == SendState::intent || row.state == SendState::accepted || row.state == SendState::unknown);
  if (row.state == SendState::accepted) {
    SendStep step = stay(row);
    step.duplicate = later_went_out;
    return step;
  }
  if (row.state == SendState::queued && attempt > 0) row.attempt = attempt;
  SendStep step = move(row, SendState::accepted);
  step.duplicate = later_went_out;
  return step;
}

SendStep give_up_hold(SendRow row, SendPolicy policy) {
  if (row.state != SendState::unknown) return stay(row);
  if (policy == SendPolicy::at_most_once || row.resent) return move(row, SendState::unknown_final);
  row.resent = true;
  return again(row, SendDue::now);
}

}  // namespace

std::string_view to_string(SendState state) {
  return kWords.at(static_cast<std::size_t>(state));
}

std::optional<SendState> send_state_from(std::string_view word) {
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (kWords[i] == word) return static_cast<SendState>(i);
  }
  return std::nullopt;
}

SendStep next_step(SendRow row, SendEvent event, int attempt, SendPolicy policy) {
  const bool in_flight = row.state == SendState::intent && (attempt == 0 || attempt == row.attempt);
  switch (event) {
    case SendEvent::intent:
      return waits(row) ? move(row, SendState::intent) : stay(row);
    case SendEvent::accepted:
    case SendEvent::echo:
      return proven(row, attempt);
    case SendEvent::rejected:
      return answers(row, attempt) ? move(row, SendState::rejected) : stay(row);
    case SendEvent::deferred:
      return in_flight ? again(row, SendDue::backoff) : stay(row);
    case SendEvent::not_sent:
      return in_flight ? move(row, SendState::deferred, SendDue::backoff) : stay(row);
    case SendEvent::unknown:
      return in_flight ? move(row, SendState::unknown, SendDue::hold) : stay(row);
    case SendEvent::crash_recovered:
      return row.state == SendState::intent ? move(row, SendState::unknown, SendDue::hold) : stay(row);
    case SendEvent::hold_expired:
      return give_up_hold(row, policy);
    case SendEvent::suppressed:
      return waits(row) ? move(row, SendState::suppressed) : stay(row);
    case SendEvent::cancelled:
      return waits(row) ? move(row, SendState::cancelled) : stay(row);
    case SendEvent::expired:
      return waits(row) ? move(row, SendState::expired) : stay(row);
    case SendEvent::resend_requested:
      if (row.state != SendState::unknown_final) return stay(row);
      row.resent = true;
      return again(row, SendDue::now);
  }
  return stay(row);
}

}  // namespace posthorn
