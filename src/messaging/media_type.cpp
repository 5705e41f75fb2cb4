#include "messaging/media_type.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "platform/crypto.h"

namespace posthorn {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kKilobyte = 1024, kMegabyte = 1024 * kKilobyte;

// Bytes at a fixed place. Sources: the formats' own specifications.
struct Magic {
  std::size_t offset;
  std::string_view bytes;
  SniffedType type;
};
constexpr auto kMagic = std::to_array<Magic>({
    {0, "\xff\xd8\xff"sv, {"image/jpeg", ".jpg", MediaFamily::image}},
    {0, "\x89PNG\r\n\x1a\n"sv, {"image/png", ".png", MediaFamily::image}},
    {0, "GIF87a"sv, {"image/gif", ".gif", MediaFamily::image}},
    {0, "GIF89a"sv, {"image/gif", ".gif", MediaFamily::image}},
    {0, "%PDF-"sv, {"application/pdf", ".pdf", MediaFamily::document}},
    {0, "#!AMR-WB\n"sv, {"audio/amr-wb", ".awb", MediaFamily::audio}},
    {0, "#!AMR\n"sv, {"audio/amr", ".amr", MediaFamily::audio}},
    {0, "ID3"sv, {"audio/mpeg", ".mp3", MediaFamily::audio}},
    {0, "fLaC"sv, {"audio/flac", ".flac", MediaFamily::audio}},
    {0, "\x1a\x45\xdf\xa3"sv, {"video/webm", ".webm", MediaFamily::video}},
    {0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, {"application/x-ole-storage", ".bin", MediaFamily::document}},
    {0, "{\\rtf"sv, {"application/rtf", ".rtf", MediaFamily::document}},
    {0, "Rar!\x1a\x07"sv, {"application/vnd.rar", ".rar", MediaFamily::document}},
    {0, "7z\xbc\xaf\x27\x1c"sv, {"application/x-7z-compressed", ".7z", MediaFamily::document}},
    {0, "\x1f\x8b"sv, {"application/gzip", ".gz", MediaFamily::document}},
});

// The brand of an ISO base media file (ISO/IEC 14496-12) stands at byte 8.
struct Brand {
  std::string_view prefix;
  SniffedType type;
};
constexpr auto kBrands = std::to_array<Brand>({
    {"M4A", {"audio/mp4", ".m4a", MediaFamily::audio}},
    {"M4B", {"audio/mp4", ".m4a", MediaFamily::audio}},
    {"3g2", {"video/3gpp2", ".3g2", MediaFamily::video}},
    {"3g", {"video/3gpp", ".3gp", MediaFamily::video}},
    {"qt", {"video/quicktime", ".mov", MediaFamily::video}},
    {"avif", {"image/avif", ".avif", MediaFamily::image}},
    {"heic", {"image/heic", ".heic", MediaFamily::image}},
    {"heix", {"image/heic", ".heic", MediaFamily::image}},
    {"mif1", {"image/heif", ".heif", MediaFamily::image}},
    {"", {"video/mp4", ".mp4", MediaFamily::video}},
});

// Types that share a container and are told apart by what the sender says (OLE, ZIP).
struct Office {
  std::string_view mime_type, extension, folder;  // `folder` inside the ZIP
};
constexpr auto kOpenXml = std::to_array<Office>({
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx", "word/"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx", "xl/"},
    {"application/vnd.openxmlformats-officedocument.presentationml.presentation", ".pptx", "ppt/"},
});
constexpr auto kOle = std::to_array<Office>({
    {"application/msword", ".doc", ""},
    {"application/vnd.ms-excel", ".xls", ""},
    {"application/vnd.ms-powerpoint", ".ppt", ""},
    {"application/vnd.ms-outlook", ".msg", ""},
});
// Text that is known by what the sender says only.
constexpr auto kTexts = std::to_array<Office>({
    {"text/csv", ".csv", ""},
    {"text/vcard", ".vcf", ""},
    {"text/x-vcard", ".vcf", ""},
    {"text/calendar", ".ics", ""},
    {"application/json", ".json", ""},
    {"text/markdown", ".md", ""},
});

constexpr SniffedType kZip{"application/zip", ".zip", MediaFamily::document};
constexpr SniffedType kText{"text/plain", ".txt", MediaFamily::text};
constexpr SniffedType kHtml{"text/html", ".html", MediaFamily::page};
constexpr SniffedType kSvg{"image/svg+xml", ".svg", MediaFamily::page};
constexpr SniffedType kXml{"text/xml", ".xml", MediaFamily::page};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// "Audio/OGG; codecs=opus" → "audio/ogg"
std::string bare_type(std::string_view told) {
  std::string out = lower(told.substr(0, told.find(';')));
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

bool at(std::string_view head, std::size_t offset, std::string_view bytes) {
  return head.size() >= offset + bytes.size() && head.substr(offset, bytes.size()) == bytes;
}

unsigned byte(std::string_view head, std::size_t i) {
  return static_cast<unsigned char>(head[i]);
}

// Frames without a tag before them: MPEG audio (ISO/IEC 11172-3) and ADTS (ISO/IEC 13818-7), which differ in
// the layer bits.
std::optional<SniffedType> sniff_frames(std::string_view head) {
  if (head.size() < 4 || byte(head, 0) != 0xff || (byte(head, 1) & 0xe0U) != 0xe0) return std::nullopt;
  const unsigned layer = (byte(head, 1) >> 1U) & 3U;
  if (layer == 0) {
    if ((byte(head, 1) & 0xf0U) != 0xf0) return std::nullopt;
    return SniffedType{"audio/aac", ".aac", MediaFamily::audio};
  }
  if ((byte(head, 2) & 0xf0U) == 0xf0) return std::nullopt;  // no such bit rate
  return SniffedType{"audio/mpeg", ".mp3", MediaFamily::audio};
}

SniffedType sniff_ogg(std::string_view head) {
  if (head.contains("OpusHead"sv)) return {"audio/ogg; codecs=opus", ".ogg", MediaFamily::audio};
  if (head.contains("\x80theora"sv)) return {"video/ogg", ".ogv", MediaFamily::video};
  return {"audio/ogg", ".ogg", MediaFamily::audio};
}

SniffedType sniff_zip(std::string_view head) {
  for (const Office& office : kOpenXml) {
    if (head.contains(office.folder)) return {office.mime_type, office.extension, MediaFamily::document};
  }
  return kZip;
}

std::optional<SniffedType> sniff_container(std::string_view head) {
  if (at(head, 4, "ftyp")) {
    const auto brand = head.substr(8, 4);
    return std::ranges::find_if(kBrands, [&](const Brand& b) { return brand.starts_with(b.prefix); })->type;
  }
  if (at(head, 0, "RIFF") && at(head, 8, "WEBP"))
    return SniffedType{"image/webp", ".webp", MediaFamily::image};
  if (at(head, 0, "RIFF") && at(head, 8, "WAVE")) return SniffedType{"audio/wav", ".wav", MediaFamily::audio};
  if (at(head, 0, "RIFF") && at(head, 8, "AVI "))
    return SniffedType{"video/x-msvideo", ".avi", MediaFamily::video};
  if (at(head, 0, "OggS")) return sniff_ogg(head);
  if (at(head, 0, "PK\x03\x04"sv) || at(head, 0, "PK\x05\x06"sv)) return sniff_zip(head);
  return std::nullopt;
}

// What a browser might take for a page (WHATWG MIME sniffing, and more on the safe side).
std::optional<SniffedType> sniff_page(std::string_view head) {
  std::string text = lower(head.substr(0, 1024));
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  text.erase(0, std::min(text.find_first_not_of(" \t\r\n\f"), text.size()));
  if (text.contains("<svg")) return kSvg;
  for (const auto tag :
       {"<!doctype html"sv, "<html"sv, "<head"sv, "<body"sv, "<script"sv, "<iframe"sv, "<style"sv, "<title"sv,
        "<meta"sv, "<table"sv, "<div"sv, "<h1"sv, "<img"sv, "<a "sv}) {
    if (text.starts_with(tag)) return kHtml;
  }
  if (text.starts_with("<!--") || text.starts_with("<?xml")) return text.contains("<html") ? kHtml : kXml;
  return std::nullopt;
}

bool is_text(std::string_view head) {
  if (head.starts_with("\xff\xfe") || head.starts_with("\xfe\xff")) return true;  // UTF-16
  return !head.empty() && std::ranges::all_of(head, [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u >= 0x20 || c == '\t' || c == '\n' || c == '\r' || c == '\f';
  });
}

template <std::size_t N>
const Office* find_type(const std::array<Office, N>& table, std::string_view mime_type) {
  const auto found = std::ranges::find(table, mime_type, &Office::mime_type);
  return found == table.end() ? nullptr : &*found;
}

// What a container holds, as the sender says, where the bytes do not contradict.
SniffedType refine(SniffedType sniffed, std::string_view told) {
  const Office* office = nullptr;
  if (sniffed.mime_type == "application/x-ole-storage") office = find_type(kOle, told);
  if (sniffed.mime_type == kZip.mime_type) office = find_type(kOpenXml, told);
  if (sniffed.family == MediaFamily::text) office = find_type(kTexts, told);
  if (office != nullptr) return {office->mime_type, office->extension, sniffed.family};
  return sniffed;
}

// Which families fit a kind. Kinds without an entry are of any: documents, and what channels will invent.
struct Fit {
  std::string_view kind;
  bool image, video, audio;
};
constexpr auto kFits = std::to_array<Fit>({
    {"image", true, false, false},
    {"sticker", true, true, false},  // Messenger's moving stickers are small videos
    {"like_heart", true, false, false},
    {"video", false, true, false},
    {"audio", false, true, true},  // Instagram sends voice in MP4 that looks like video
    {"voice", false, true, true},
    {"reel", true, true, false},
    {"ig_reel", true, true, false},
    {"ig_post", true, true, false},
    {"share", true, true, false},
    {"story", true, true, false},
    {"ig_story", true, true, false},
    {"story_mention", true, true, false},
    {"story_reply", true, true, false},
    {"ephemeral", true, true, true},
    {"media", true, true, true},
});

bool fits(const Fit& fit, MediaFamily family) {
  return (family == MediaFamily::image && fit.image) || (family == MediaFamily::video && fit.video) ||
         (family == MediaFamily::audio && fit.audio);
}

// Sound in a container that is also used for pictures gets the name for sound.
SniffedType as_sound(SniffedType type) {
  if (type.mime_type == "video/mp4" || type.mime_type == "video/quicktime")
    return {"audio/mp4", ".m4a", MediaFamily::audio};
  if (type.mime_type == "video/3gpp") return {"audio/3gpp", ".3gp", MediaFamily::audio};
  if (type.mime_type == "video/webm") return {"audio/webm", ".webm", MediaFamily::audio};
  return type;
}

std::string words(SniffedType type) {
  return type.mime_type.empty() ? "of no known type" : std::string(type.mime_type);
}

struct Limit {
  std::string_view kind;
  std::uint64_t bytes;
};
constexpr auto kIncoming = std::to_array<Limit>({
    {"sticker", 5 * kMegabyte},
    {"like_heart", 5 * kMegabyte},
    {"image", 25 * kMegabyte},
    {"audio", 25 * kMegabyte},
    {"voice", 25 * kMegabyte},
});
constexpr std::uint64_t kLargestIncoming = 100 * kMegabyte;  // Meta's error 131052 beyond it

constexpr auto kSupported = std::to_array<SupportedMedia>({
    {"audio", "AAC", "audio/aac", ".aac", 16 * kMegabyte},
    {"audio", "AMR", "audio/amr", ".amr", 16 * kMegabyte},
    {"audio", "MP3", "audio/mpeg", ".mp3", 16 * kMegabyte},
    {"audio", "MP4 audio", "audio/mp4", ".m4a", 16 * kMegabyte},
    {"audio", "OGG (Opus codec, mono)", "audio/ogg", ".ogg", 16 * kMegabyte},
    {"document", "Text", "text/plain", ".txt", 100 * kMegabyte},
    {"document", "PDF", "application/pdf", ".pdf", 100 * kMegabyte},
    {"document", "Word 97", "application/msword", ".doc", 100 * kMegabyte},
    {"document", "Excel 97", "application/vnd.ms-excel", ".xls", 100 * kMegabyte},
    {"document", "PowerPoint 97", "application/vnd.ms-powerpoint", ".ppt", 100 * kMegabyte},
    {"document", "Word", kOpenXml[0].mime_type, ".docx", 100 * kMegabyte},
    {"document", "Excel", kOpenXml[1].mime_type, ".xlsx", 100 * kMegabyte},
    {"document", "PowerPoint", kOpenXml[2].mime_type, ".pptx", 100 * kMegabyte},
    {"image", "JPEG (8 bit, RGB or RGBA)", "image/jpeg", ".jpg", 5 * kMegabyte},
    {"image", "PNG (8 bit, RGB or RGBA)", "image/png", ".png", 5 * kMegabyte},
    {"sticker", "WebP, moving", "image/webp", ".webp", 500 * kKilobyte},
    {"sticker", "WebP, still", "image/webp", ".webp", 100 * kKilobyte},
    {"video", "MP4 (H.264, AAC)", "video/mp4", ".mp4", 16 * kMegabyte},
    {"video", "3GPP (H.264, AAC)", "video/3gpp", ".3gp", 16 * kMegabyte},
});

}  // namespace

SniffedType sniff(std::string_view head) {
  if (const auto container = sniff_container(head)) return *container;
  for (const Magic& magic : kMagic) {
    if (at(head, magic.offset, magic.bytes)) return magic.type;
  }
  if (const auto frames = sniff_frames(head)) return *frames;
  if (const auto page = sniff_page(head)) return *page;
  if (is_text(head)) return kText;
  return {};
}

Result<MediaVerdict> judge_media(std::string_view kind, std::string_view told, std::string_view head) {
  if (head.empty()) return fail(ErrorCode::invalid_argument, "the file is empty");
  const std::string told_type = bare_type(told);
  SniffedType type = refine(sniff(head), told_type);
  const auto fit = std::ranges::find(kFits, kind, &Fit::kind);
  if (fit != kFits.end()) {
    if (!fits(*fit, type.family)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("it was sent as {}, but its bytes are {}", kind, words(type)));
    }
    if (fit->audio && !fit->image) type = as_sound(type);
  } else if (type.family == MediaFamily::page && told_type != type.mime_type &&
             !told_type.starts_with("text/") && !told_type.ends_with("xml")) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("it was sent as {}, but its bytes are {}: most likely an error page",
                            told_type.empty() ? kind : std::string_view(told_type), words(type)));
  }
  if (type.mime_type.empty()) return MediaVerdict{"application/octet-stream", ".bin"};
  return MediaVerdict{std::string(type.mime_type), std::string(type.extension)};
}

std::uint64_t incoming_limit(std::string_view kind) {
  const auto found = std::ranges::find(kIncoming, kind, &Limit::kind);
  return found == kIncoming.end() ? kLargestIncoming : found->bytes;
}

std::string hash_as_hex(std::string_view told) {
  if (told.size() == 64) {
    std::string hex = lower(told);
    if (from_hex(hex)) return hex;
  }
  std::string url_safe(told);
  while (url_safe.ends_with('=')) url_safe.pop_back();
  std::ranges::replace(url_safe, '+', '-');
  std::ranges::replace(url_safe, '/', '_');
  const auto bytes = from_base64url(url_safe);
  return bytes && bytes->size() == 32 ? to_hex(std::string_view(*bytes)) : std::string();
}

std::span<const SupportedMedia> supported_media() {
  return kSupported;
}

const SupportedMedia* find_supported(std::string_view mime_type) {
  const auto found = std::ranges::find(kSupported, bare_type(mime_type), &SupportedMedia::mime_type);
  return found == kSupported.end() ? nullptr : &*found;
}

}  // namespace posthorn
