// Passing a message on: to whom, with which words, and why not.
#pragma once
#include <string>
#include <vector>

#include "automation/rule_decision.h"
#include "storage/database.h"

namespace posthorn::automation {

struct ForwardTarget {
  ConversationId conversation;
  AccountId account;  // the conversation's own: it sends
  channels::Channel channel = channels::Channel::whatsapp;
};

// Where an effect passes the message on to. not_found, conflict: nowhere at the moment, in words for people:
// nobody has written from there within 24 hours, the account may not send, there is no such conversation.
Result<ForwardTarget> forward_target(Transaction& tx, const Situation& from, const Effect& effect,
                                     WallTime now);

// Who wrote, and what: "Ada (+491701234567): Hello".
std::string forward_words(const Situation& from);

// Whether the words can go along with the file as its caption; else they go before it. (Captions of images,
// videos and documents on WhatsApp, 1024 characters.)
bool fits_as_caption(const ForwardTarget& to, std::string_view message_type, std::string_view words);

}  // namespace posthorn::automation
