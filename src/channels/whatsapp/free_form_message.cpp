#include "channels/whatsapp/free_form_message.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "channels/whatsapp/slot_values.h"
#include "core/json_writer.h"

namespace posthorn::whatsapp {
namespace {

Result<> check_length(std::string_view what, std::string_view text, std::size_t least, std::size_t most) {
  const std::size_t length = count_characters(text);
  if (length >= least && length <= most) return {};
  if (length < least)
    return fail(ErrorCode::invalid_argument, fmt::format("{} is missing", what), std::string(what));
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} has {} characters; at most {} are allowed", what, length, most),
              std::string(what));
}

Result<> check_id(std::string_view what, std::string_view id, std::size_t most) {
  if (!id.empty() && id.size() <= most) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} has {} bytes; it needs 1 to {}", what, id.size(), most), std::string(what));
}

Result<> check_unique(std::string_view what, std::string_view text, std::set<std::string_view>& seen) {
  if (seen.insert(text).second) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("{} '{}' appears twice", what, text),
              std::string(what));
}

Result<> check_frame(const InteractiveFrame& frame, std::size_t most) {
  PH_TRY(check_length("header", frame.header, 0, kMaxInteractiveHeader));
  PH_TRY(check_length("body", frame.body, 1, most));
  return check_length("footer", frame.footer, 0, kMaxInteractiveFooter);
}

// Up to the opening of "action".
void begin_interactive(JsonWriter& out, std::string_view type, const InteractiveFrame& frame) {
  out.begin_object().member("type", "interactive").key("interactive").begin_object().member("type", type);
  if (!frame.header.empty())
    out.key("header").begin_object().member("type", "text").member("text", frame.header).end_object();
  out.key("body").begin_object().member("text", frame.body).end_object();
  if (!frame.footer.empty()) out.key("footer").begin_object().member("text", frame.footer).end_object();
  out.key("action").begin_object();
}

void end_interactive(JsonWriter& out) {
  out.end_object().end_object().end_object();
}

Result<> check_rows(std::span<const ListSection> sections) {
  std::size_t rows = 0;
  std::set<std::string_view> ids;
  for (const ListSection& section : sections) {
    PH_TRY(check_length("section title", section.title, sections.size() > 1 ? 1 : 0, kMaxSectionTitle));
    if (section.rows.empty())
      return fail(ErrorCode::invalid_argument, fmt::format("section '{}' has no rows", section.title),
                  "rows");
    rows += section.rows.size();
    for (const ListRow& row : section.rows) {
      PH_TRY(check_id("row id", row.id, kMaxRowId));
      PH_TRY(check_unique("row id", row.id, ids));
      PH_TRY(check_length("row title", row.title, 1, kMaxRowTitle));
      PH_TRY(check_length("row description", row.description, 0, kMaxRowDescription));
    }
  }
  if (rows <= kMaxRows) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("a list has at most {} rows in all its sections together, not {}", kMaxRows, rows),
              "rows");
}

struct FileType {
  std::string_view mime_type, kind;
};
constexpr auto kFileTypes = std::to_array<FileType>({
    {"image/jpeg", "image"},
    {"image/png", "image"},
    {"image/webp", "sticker"},
    {"video/mp4", "video"},
    {"video/3gpp", "video"},
    {"audio/aac", "audio"},
    {"audio/amr", "audio"},
    {"audio/mpeg", "audio"},
    {"audio/mp4", "audio"},
    {"audio/ogg", "audio"},
    {"text/plain", "document"},
    {"application/pdf", "document"},
    {"application/msword", "document"},
    {"application/vnd.ms-excel", "document"},
    {"application/vnd.ms-powerpoint", "document"},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "document"},
    {"application/vnd.openxmlformats-officedocument.presentationml.presentation", "document"},
});

constexpr std::uint64_t kMegabyte = 1024 * 1024;
struct SizeLimit {
  std::string_view kind;
  std::uint64_t bytes;
};
constexpr auto kSizeLimits = std::to_array<SizeLimit>({
    {"image", 5 * kMegabyte},
    {"sticker", 500 * 1024},
    {"video", 16 * kMegabyte},
    {"audio", 16 * kMegabyte},
    {"voice", 16 * kMegabyte},
    {"document", 100 * kMegabyte},
});

bool fits(std::string_view kind, std::uint64_t size) {
  const auto* limit = std::ranges::find(kSizeLimits, kind, &SizeLimit::kind);
  return limit != kSizeLimits.end() && size <= limit->bytes;
}

}  // namespace

Result<std::string> text_content(std::string_view body, bool preview_url) {
  PH_TRY(check_length("text", body, 1, kMaxTextBody));
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("type", "text").key("text").begin_object();
  json.member("preview_url", preview_url).member("body", body).end_object().end_object();
  return out;
}

Result<std::string> reaction_content(std::string_view wamid, std::string_view emoji) {
  if (wamid.empty()) return fail(ErrorCode::invalid_argument, "message_id is missing", "message_id");
  PH_TRY(check_length("emoji", emoji, 0, 16));
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("type", "reaction").key("reaction").begin_object();
  json.member("message_id", wamid).member("emoji", emoji).end_object().end_object();
  return out;
}

Result<std::string> buttons_content(const InteractiveFrame& frame, std::span<const ReplyButton> buttons) {
  PH_TRY(check_frame(frame, kMaxInteractiveBody));
  if (buttons.empty() || buttons.size() > kMaxButtons) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("there must be 1 to {} buttons, not {}", kMaxButtons, buttons.size()), "buttons");
  }
  std::set<std::string_view> ids, titles;
  std::string out;
  JsonWriter json(out);
  begin_interactive(json, "button", frame);
  json.key("buttons").begin_array();
  for (const ReplyButton& button : buttons) {
    PH_TRY(check_id("button id", button.id, kMaxButtonId));
    PH_TRY(check_length("button title", button.title, 1, kMaxButtonTitle));
    PH_TRY(check_unique("button id", button.id, ids));
    PH_TRY(check_unique("button title", button.title, titles));
    json.begin_object().member("type", "reply").key("reply").begin_object();
    json.member("id", button.id).member("title", button.title).end_object().end_object();
  }
  json.end_array();
  end_interactive(json);
  return out;
}

Result<std::string> list_content(const InteractiveFrame& frame, std::string_view button,
                                 std::span<const ListSection> sections) {
  PH_TRY(check_frame(frame, kMaxListBody));
  PH_TRY(check_length("button", button, 1, kMaxButtonTitle));
  if (sections.empty() || sections.size() > kMaxSections) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("there must be 1 to {} sections, not {}", kMaxSections, sections.size()),
                "sections");
  }
  PH_TRY(check_rows(sections));
  std::string out;
  JsonWriter json(out);
  begin_interactive(json, "list", frame);
  json.member("button", button).key("sections").begin_array();
  for (const ListSection& section : sections) {
    json.begin_object();
    if (!section.title.empty()) json.member("title", section.title);
    json.key("rows").begin_array();
    for (const ListRow& row : section.rows) {
      json.begin_object().member("id", row.id).member("title", row.title);
      if (!row.description.empty()) json.member("description", row.description);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array();
  end_interactive(json);
  return out;
}

Result<std::string> media_content(const MediaContent& media) {
  const bool captioned = media.kind == "image" || media.kind == "video" || media.kind == "document";
  if (!captioned && media.kind != "audio" && media.kind != "voice" && media.kind != "sticker")
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no kind of media", media.kind), "kind");
  if (!is_media_id(media.media_id))
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no media id", media.media_id), "media_id");
  PH_TRY(check_length("caption", media.caption, 0, captioned ? kMaxCaption : 0));
  PH_TRY(check_length("file_name", media.file_name, 0, media.kind == "document" ? kMaxFileName : 0));
  const std::string_view type = media.kind == "voice" ? "audio" : media.kind;
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("type", type).key(type).begin_object().member("id", media.media_id);
  if (media.kind == "voice") json.member("voice", true);
  if (!media.caption.empty()) json.member("caption", media.caption);
  if (!media.file_name.empty()) json.member("filename", media.file_name);
  json.end_object().end_object();
  return out;
}

std::string_view sendable_as(std::string_view wanted, std::string_view mime_type, std::uint64_t size) {
  mime_type = mime_type.substr(0, mime_type.find(';'));
  while (mime_type.ends_with(' ')) mime_type.remove_suffix(1);
  const auto* known = std::ranges::find(kFileTypes, mime_type, &FileType::mime_type);
  if (known == kFileTypes.end() || size == 0) return {};
  const bool as_voice = wanted == "voice" && mime_type == "audio/ogg";
  const std::string_view kind = as_voice ? "voice" : known->kind;
  if (wanted == "document" && kind != "sticker" && fits("document", size)) return "document";
  if (fits(kind, size)) return kind;
  return kind != "sticker" && fits("document", size) ? "document" : std::string_view();
}

}  // namespace posthorn::whatsapp
