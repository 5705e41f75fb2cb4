// The submission state machine: what became of handing one message to the channel. A pure function.
//
// A send is not idempotent: an answer may be lost after the message left. That is why `unknown` is a state of
// its own and why evidence that the channel has the message (its answer, or a status carrying our token: an
// "echo") wins over everything else, in whichever order the two arrive and even if the row itself was lost
// (invariants I5 to I8, docs/architecture.md).
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace posthorn {

// Values are stored in sends.state. A recipient without a row is queued.
enum class SendState : std::uint8_t {
  queued = 0,    // never stored
  intent = 1,    // committed; the request may be leaving at this moment
  accepted = 2,  // the channel took it; delivery is another story (delivery.h)
  rejected = 3,  // the channel refused it for good; sends.code says why
  deferred = 4,  // provably not with the channel; next attempt at sends.due_at
  unknown = 5,   // the channel may or may not have it; held until sends.due_at for an echo
  unknown_final =
      6,  // no echo came although webhooks work; named to the operator, not sent again without his word
  suppressed = 7,  // on the suppression list; never left
  cancelled = 8,   // the campaign was cancelled before it left
  expired = 9,     // too late to be of use before it could leave
};

constexpr int kSendStates = 10;
constexpr bool is_terminal(SendState s) {
  return s != SendState::queued && s != SendState::intent && s != SendState::deferred &&
         s != SendState::unknown;
}
std::string_view to_string(SendState state);
std::optional<SendState> send_state_from(std::string_view word);

// What to do with an outcome that stays unknown after the hold. Values are stored in single_sends.policy.
enum class SendPolicy : std::uint8_t {
  at_most_once = 0,   // never sent twice; at most the in-flight window is lost in a crash (I3)
  at_least_once = 1,  // sent again once; at most the in-flight window is received twice (I4)
};

enum class SendEvent : std::uint8_t {
  intent,    // the dispatcher takes the row
  accepted,  // answers of the channel …
  rejected,
  deferred,         // … "not now": refused with a code that may be retried; costs an attempt
  unknown,          // … none, or none that can be understood, after the last byte left
  not_sent,         // the request provably never left whole; costs no attempt
  echo,             // a status webhook carrying our token
  hold_expired,     // the hold of an unknown row is over and the webhook path proven alive
  crash_recovered,  // found in `intent` at start-up
  suppressed,
  cancelled,
  expired,
  resend_requested,  // an operator accepts the risk of a duplicate (audited by the caller)
};
constexpr int kSendEvents = 13;

// What the machine needs to know of a row. `attempt` is the number the next or present request carries,
// from 1.
struct SendRow {
  SendState state = SendState::queued;
  int attempt = 1;
  bool resent = false;  // sent again although the first outcome was unknown: the recipient may have it twice
  friend bool operator==(const SendRow&, const SendRow&) = default;
};

enum class SendDue : std::uint8_t {
  none,     // due_at becomes NULL
  now,      // may leave at once
  backoff,  // the caller chooses the delay
  hold,     // wait for an echo
};

struct SendStep {
  SendRow row;
  SendDue due = SendDue::none;
  bool changed = false;  // false: the event does not apply here, the row stays as it is
  bool duplicate =
      false;  // an earlier attempt turns out to have been taken although a later one went out too
};

// `attempt` is the attempt the event is about; 0 when it is not known or not about one.
SendStep next_step(SendRow row, SendEvent event, int attempt, SendPolicy policy = SendPolicy::at_most_once);

}  // namespace posthorn
