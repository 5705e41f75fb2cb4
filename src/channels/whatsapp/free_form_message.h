// Contents of messages that need an open window: request bodies for POST /{phone number id}/messages without
// the members that say to whom (messaging_product, recipient_type, to, recipient) and in answer to what
// (context).
//
// Sources: Meta's text, reaction, media, interactive list and reply button message references; OpenAPI v23.0.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace posthorn::whatsapp {

// Characters are code points.
inline constexpr std::size_t kMaxTextBody = 4096, kMaxInteractiveBody = 1024, kMaxListBody = 4096,
                             kMaxInteractiveHeader = 60, kMaxInteractiveFooter = 60, kMaxButtonTitle = 20,
                             kMaxRowTitle = 24, kMaxRowDescription = 72, kMaxSectionTitle = 24,
                             kMaxCaption = 1024, kMaxFileName = 240;
inline constexpr std::size_t kMaxButtons = 3, kMaxRows = 10, kMaxSections = 10;
inline constexpr std::size_t kMaxButtonId = 256, kMaxRowId = 200;  // bytes

Result<std::string> text_content(std::string_view body, bool preview_url = false);

// An empty emoji takes the reaction back. The target must be at most 30 days old.
Result<std::string> reaction_content(std::string_view wamid, std::string_view emoji);

struct ReplyButton {
  std::string_view id, title;
};
struct InteractiveFrame {
  std::string_view header, body, footer;  // header and footer may be empty
};
Result<std::string> buttons_content(const InteractiveFrame& frame, std::span<const ReplyButton> buttons);

struct ListRow {
  std::string_view id, title, description;
};
struct ListSection {
  std::string_view title;
  std::span<const ListRow> rows;
};
Result<std::string> list_content(const InteractiveFrame& frame, std::string_view button,
                                 std::span<const ListSection> sections);

// image, video, audio, voice, document or sticker by the id of an upload. Captions go with image, video and
// document, file names with documents; elsewhere they must be empty.
struct MediaContent {
  std::string_view kind, media_id, caption, file_name;
};
Result<std::string> media_content(const MediaContent& media);

// As what a file of this type and size (bytes) may be sent: "image", "video", "audio", "voice", "document",
// "sticker", or empty when WhatsApp does not take it at all. `wanted` is what it was when it came; a picture
// that is too large to be one goes as a document. Source: Meta's supported media types.
std::string_view sendable_as(std::string_view wanted, std::string_view mime_type, std::uint64_t size);

}  // namespace posthorn::whatsapp
