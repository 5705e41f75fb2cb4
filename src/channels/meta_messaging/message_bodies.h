// Bodies of POST /{account}/messages. Source: Meta's Send API references of Messenger and of Instagram's
// messaging API.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "channels/conversation_events.h"
#include "channels/meta_messaging/client.h"
#include "core/result.h"

namespace posthorn::meta_messaging {

inline constexpr std::size_t kMaxTextInstagram = 1000;  // bytes of UTF-8
inline constexpr std::size_t kMaxTextMessenger = 2000;  // UTF-16 units
inline constexpr std::size_t kMaxQuickReplies = 13;
inline constexpr std::size_t kMaxQuickReplyTitle = 20;     // code points; Meta cuts what is longer
inline constexpr std::size_t kMaxQuickReplyPayload = 256;  // bytes; the smaller of two limits that are told
inline constexpr std::size_t kMaxMetadata = 1000;          // bytes

// To whom, and on what terms.
struct Addressing {
  channels::Channel channel = channels::Channel::messenger;
  Login login = Login::facebook;
  std::string recipient;   // scoped id
  std::string comment_id;  // a private reply to this comment instead of `recipient`: once, within seven days
  std::string reply_to;    // mid of the message that is quoted; empty: none
  bool human_agent = false;  // the HUMAN_AGENT tag: only for what a person typed, never for automation
};

// In pieces that the channel takes, cut between paragraphs, lines or words where there are any near the
// limit, else between characters as people see them (grapheme clusters). At least one piece unless the text
// is blank.
std::vector<std::string> split_text(std::string_view text, channels::Channel channel);

// invalid_argument names the field. One body for each piece; only the first one quotes.
Result<std::vector<std::string>> text_bodies(const Addressing& to, std::string_view text);
// kind: image, video, audio, file ("document" counts as file); `url` is public HTTPS that Meta fetches at
// once.
Result<std::string> attachment_body(const Addressing& to, std::string_view kind, std::string_view url);

struct QuickReply {
  std::string title;    // 1 to 20 characters
  std::string payload;  // comes back when it is tapped; empty: the title
};
Result<std::string> quick_reply_body(const Addressing& to, std::string_view text,
                                     const std::vector<QuickReply>& replies);

enum class SenderAction { typing_on, typing_off, mark_seen };
std::string sender_action_body(std::string_view recipient, SenderAction action);
std::string react_body(std::string_view recipient, std::string_view mid, std::string_view reaction = "love");
std::string unreact_body(std::string_view recipient, std::string_view mid);

// The body with message.metadata, which comes back in Messenger's echo: the key by which an unknown outcome
// is settled. Bodies without "message" (sender actions) stay as they are, and so does what is no JSON object.
std::string with_metadata(std::string payload, std::string_view token);

}  // namespace posthorn::meta_messaging
