#include "messaging/send_state.h"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn {
namespace {

using enum SendState;
using E = SendEvent;

std::vector<SendState> all_states() {
  std::vector<SendState> states;
  for (int i = 0; i < kSendStates; ++i) states.push_back(static_cast<SendState>(i));
  return states;
}

// The whole table for at_most_once, one line a state, one column an event; '.' means "stays". The letters are
// the states.
//                              intent acc rej def unk not echo hold crash supp canc exp resend
struct TableLine {
  SendState from;
  const char* to;
};
constexpr TableLine kTable[] = {
    {queued, "I A . . . . A . . S C E ."},        {intent, ". A R D U D A . U . . . ."},
    {accepted, ". . . . . . . . . . . . ."},      {rejected, ". A . . . . A . . . . . ."},
    {deferred, "I A . . . . A . . S C E ."},      {unknown, ". A R . . . A F . . . . ."},
    {unknown_final, ". A . . . . A . . . . . D"}, {suppressed, ". A . . . . A . . . . . ."},
    {cancelled, ". A . . . . A . . . . . ."},     {expired, ". A . . . . A . . . . . ."},
};

SendState state_of_letter(char letter, SendState from) {
  switch (letter) {
    case 'I':
      return intent;
    case 'A':
      return accepted;
    case 'R':
      return rejected;
    case 'D':
      return deferred;
    case 'U':
      return unknown;
    case 'F':
      return unknown_final;
    case 'S':
      return suppressed;
    case 'C':
      return cancelled;
    case 'E':
      return expired;
    default:
      return from;
  }
}

TEST(SendState, EveryStateAndEventDoesWhatTheTableSays) {
  ASSERT_EQ(std::size(kTable), static_cast<std::size_t>(kSendStates));
  for (const TableLine& line : kTable) {
    for (int e = 0; e < kSendEvents; ++e) {
      const char letter = line.to[e * 2];
      const SendStep step = next_step({line.from, 3, false}, static_cast<E>(e), 3);
      EXPECT_EQ(step.row.state, state_of_letter(letter, line.from)) << to_string(line.from) << " event " << e;
      EXPECT_EQ(step.changed, letter != '.') << to_string(line.from) << " event " << e;
    }
  }
}

TEST(SendState, OnlyDeferredAndResentRowsCountAnAttempt) {
  for (const SendState from : all_states()) {
    for (int e = 0; e < kSendEvents; ++e) {
      for (const SendPolicy policy : {SendPolicy::at_most_once, SendPolicy::at_least_once}) {
        const SendStep step = next_step({from, 3, false}, static_cast<E>(e), 3, policy);
        const auto event = static_cast<E>(e);
        const bool counts = step.changed && step.row.state == deferred && event != E::not_sent;
        EXPECT_EQ(step.row.attempt, counts ? 4 : 3) << to_string(from) << " event " << e;
      }
    }
  }
}

TEST(SendState, DueTellsWhenToLookAgain) {
  EXPECT_EQ(next_step({intent, 1}, E::deferred, 1).due, SendDue::backoff);
  EXPECT_EQ(next_step({intent, 1}, E::not_sent, 1).due, SendDue::backoff);
  EXPECT_EQ(next_step({intent, 1}, E::unknown, 1).due, SendDue::hold);
  EXPECT_EQ(next_step({intent, 1}, E::crash_recovered, 0).due, SendDue::hold);
  EXPECT_EQ(next_step({unknown_final, 1}, E::resend_requested, 0).due, SendDue::now);
  EXPECT_EQ(next_step({intent, 1}, E::accepted, 1).due, SendDue::none);
}

TEST(SendState, AnAnswerToAnEarlierAttemptDoesNotTouchTheLaterOne) {
  for (const E answer : {E::rejected, E::deferred, E::unknown, E::not_sent}) {
    EXPECT_FALSE(next_step({intent, 2}, answer, 1).changed);
  }
}

TEST(SendState, AnEchoOfAnEarlierAttemptIsToldAsDuplicateOnlyWhenALaterOneWentOut) {
  EXPECT_TRUE(next_step({intent, 2}, E::echo, 1).duplicate);
  EXPECT_TRUE(next_step({unknown, 2}, E::echo, 1).duplicate);
  EXPECT_TRUE(next_step({accepted, 2}, E::echo, 1).duplicate);
  EXPECT_FALSE(next_step({deferred, 2}, E::echo, 1).duplicate);
  EXPECT_FALSE(next_step({accepted, 2}, E::echo, 2).duplicate);
  EXPECT_FALSE(next_step({accepted, 2}, E::echo, 0).duplicate);
}

TEST(SendState, AnEchoForALostRowRestoresItsAttempt) {
  const SendStep step = next_step({queued, 1}, E::echo, 3);
  EXPECT_EQ(step.row, (SendRow{accepted, 3, false}));
}

TEST(SendState, AtLeastOnceSendsAgainExactlyOnce) {
  SendStep step = next_step({unknown, 1}, E::hold_expired, 0, SendPolicy::at_least_once);
  EXPECT_EQ(step.row, (SendRow{deferred, 2, true}));
  EXPECT_EQ(step.due, SendDue::now);
  step = next_step(step.row, E::intent, 0);
  step = next_step(step.row, E::unknown, 2);
  step = next_step(step.row, E::hold_expired, 0, SendPolicy::at_least_once);
  EXPECT_EQ(step.row.state, unknown_final);
}

// I7: the echo and everything else that can happen to one attempt, in every order, ends accepted.
TEST(SendState, EchoSettlesInEveryOrder) {
  std::vector<E> events = {E::accepted, E::crash_recovered, E::echo, E::hold_expired, E::unknown};
  std::sort(events.begin(), events.end());
  do {
    SendRow row{intent, 1, false};
    for (const E event : events) row = next_step(row, event, 1).row;
    EXPECT_EQ(row.state, accepted);
    EXPECT_EQ(row.attempt, 1);
  } while (std::next_permutation(events.begin(), events.end()));
}

TEST(SendState, NothingLeavesATerminalStateButByEvidenceOrTheOperator) {
  for (const SendState from : all_states()) {
    if (!is_terminal(from)) continue;
    for (int e = 0; e < kSendEvents; ++e) {
      const auto event = static_cast<E>(e);
      if (event == E::accepted || event == E::echo || event == E::resend_requested) continue;
      EXPECT_FALSE(next_step({from, 1}, event, 1).changed) << to_string(from) << " event " << e;
    }
  }
}

TEST(SendState, WordsGoBothWays) {
  for (const SendState state : all_states()) EXPECT_EQ(send_state_from(to_string(state)), state);
  EXPECT_EQ(send_state_from("sent"), std::nullopt);
  EXPECT_EQ(send_state_from(""), std::nullopt);
}

}  // namespace
}  // namespace posthorn
