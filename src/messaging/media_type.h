// What a file is, by its bytes; whether that fits what it was said to be; and what WhatsApp takes.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace posthorn {

inline constexpr std::size_t kSniffBytes = 4096;  // the first bytes of a file are enough

enum class MediaFamily : std::uint8_t { image, video, audio, document, text, page, unknown };

struct SniffedType {
  std::string_view mime_type;  // empty: not known
  std::string_view extension;  // ".jpg"
  MediaFamily family = MediaFamily::unknown;
};
// `head` is the file's beginning, kSniffBytes of it or all. HTML, SVG and other things that browsers run are
// of family `page`.
SniffedType sniff(std::string_view head);

struct MediaVerdict {
  std::string mime_type;  // "audio/ogg; codecs=opus"
  std::string extension;  // with dot
};
// `kind` as in channels::Attachment; `told` may be empty, wrong or have parameters. invalid_argument says in
// words why these bytes are not what a person sent: an error page as an image, a program as a sticker.
Result<MediaVerdict> judge_media(std::string_view kind, std::string_view told, std::string_view head);

// Most bytes that are taken of a kind that people send. Wider than what we may send (SupportedMedia), because
// their phones send more.
std::uint64_t incoming_limit(std::string_view kind);

// Hex as attachments keep it, from hex or base64 (Meta's webhooks and its media endpoint differ); empty if it
// is neither.
std::string hash_as_hex(std::string_view told);

// What WhatsApp takes from us (Cloud API media reference, "Supported media types").
struct SupportedMedia {
  std::string_view category;  // audio, document, image, sticker, video
  std::string_view name;
  std::string_view mime_type;
  std::string_view extension;
  std::uint64_t limit;  // bytes
};
std::span<const SupportedMedia> supported_media();
// The first entry for a type; parameters ("; codecs=opus") do not count.
const SupportedMedia* find_supported(std::string_view mime_type);

}  // namespace posthorn
