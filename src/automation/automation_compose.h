// What is decided → what the channels take: request bodies without recipient, as outgoing_messages wants
// them. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "automation/menu.h"
#include "channels/conversation_events.h"
#include "core/result.h"

namespace posthorn::automation {

// `preview` shows the first link (WhatsApp; the others always do). too_large: over the channel's limit.
Result<std::string> compose_text(channels::Channel channel, std::string_view text, bool preview = false);

// A text of any length in pieces that the channel takes, cut at blanks where there are any. Nothing is lost
// but those blanks.
std::vector<std::string_view> text_parts(channels::Channel channel, std::string_view text);

// A list or buttons on WhatsApp, quick replies elsewhere. The menu's texts are sent as they are.
Result<std::string> compose_menu(channels::Channel channel, const Menu& menu);

struct OutgoingMedia {
  std::string_view kind;  // what it was when it came: image, voice, …
  std::string_view mime_type, media_id, caption, file_name;
  std::uint64_t size = 0;
};
// What the channel would show it as: image, video, audio, voice, document, sticker, file; empty: it takes no
// such file.
std::string_view media_kind(channels::Channel channel, const OutgoingMedia& media);
// Captions are left out where the channel has none.
Result<std::string> compose_media(channels::Channel channel, const OutgoingMedia& media);

}  // namespace posthorn::automation
