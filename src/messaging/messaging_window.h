// Until when a business may write freely, by channel. Pure.
//
// Sources: Meta's customer service window (24 h from the user's last message) and free entry point (72 h) for
// WhatsApp; the standard messaging window (24 h from the last user action) and the human agent tag (7 days)
// for Instagram and Messenger.
#pragma once
#include "channels/conversation_events.h"
#include "core/time.h"

namespace posthorn {

struct WindowFacts {
  channels::Channel channel = channels::Channel::whatsapp;
  WallTime last_inbound{};  // the person's last message; epoch: never
  WallTime last_action{};  // the person's last act that opens the standard window (messages, taps, reactions)
  WallTime free_until{};   // end of a free entry point window; epoch: none
};

struct MessagingWindow {
  WallTime free_form_until{};    // epoch: closed. Free-form messages may be sent before
  WallTime human_agent_until{};  // Instagram, Messenger: a person may answer with the tag before; epoch: not
                                 // at all
  WallTime free_of_charge_until{};  // WhatsApp; epoch: none
  bool open(WallTime now) const { return now < free_form_until; }
  bool human_agent(WallTime now) const { return now < human_agent_until; }
};

MessagingWindow messaging_window(const WindowFacts& facts);

}  // namespace posthorn
