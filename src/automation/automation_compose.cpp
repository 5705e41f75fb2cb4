#include "automation/automation_compose.h"

#include <vector>

#include <fmt/format.h>

#include "automation/rule_text.h"
#include "channels/whatsapp/free_form_message.h"
#include "core/json_writer.h"

namespace posthorn::automation {
namespace {

using channels::Channel;

// Meta's Send API references: Instagram counts bytes, Messenger characters.
constexpr std::size_t kInstagramBytes = 1000, kMessengerCharacters = 2000;
constexpr std::size_t kWhatsAppCharacters = 4096;
constexpr std::uint64_t kMegabyte = 1024 * 1024;

Result<> check_text(Channel channel, std::string_view text) {
  const std::size_t length = channel == Channel::instagram ? text.size() : character_count(text);
  const std::size_t most = channel == Channel::instagram ? kInstagramBytes : kMessengerCharacters;
  if (length > 0 && length <= most) return {};
  return fail(ErrorCode::too_large,
              fmt::format("a text on {} has 1 to {} {}, not {}", channels::to_string(channel), most,
                          channel == Channel::instagram ? "bytes" : "characters", length),
              "text");
}

// How many bytes of the text one message may have, whole characters.
std::size_t longest_piece(Channel channel, std::string_view text) {
  const bool bytes = channel == Channel::instagram;
  const std::size_t most = bytes                           ? kInstagramBytes
                           : channel == Channel::messenger ? kMessengerCharacters
                                                           : kWhatsAppCharacters;
  std::size_t end = 0, used = 0;
  while (end < text.size()) {
    std::size_t next = end + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0U) == 0x80U) ++next;
    used += bytes ? next - end : 1;
    if (used > most) break;
    end = next;
  }
  return end;
}

void append_line(std::string& text, std::string_view line) {
  if (line.empty()) return;
  if (!text.empty()) text += '\n';
  text += line;
}

Result<std::string> quick_replies(Channel channel, const Menu& menu) {
  std::string text;
  append_line(text, menu.header);
  append_line(text, menu.body);
  append_line(text, menu.footer);
  PH_TRY(check_menu(menu, channel));
  PH_TRY(check_text(channel, text));
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("message").begin_object().member("text", text).key("quick_replies").begin_array();
  for (const MenuSection& section : menu.sections) {
    for (const MenuRow& row : section.rows) {
      json.begin_object().member("content_type", "text").member("title", row.title);
      json.member("payload", choice_id(menu.name, row.id)).end_object();
    }
  }
  json.end_array().end_object().end_object();
  return out;
}

Result<std::string> buttons(const Menu& menu) {
  std::vector<std::string> ids;
  std::vector<whatsapp::ReplyButton> list;
  for (const MenuSection& section : menu.sections)
    for (const MenuRow& row : section.rows) ids.push_back(choice_id(menu.name, row.id));
  std::size_t next = 0;
  for (const MenuSection& section : menu.sections)
    for (const MenuRow& row : section.rows) list.push_back({ids[next++], row.title});
  return whatsapp::buttons_content({menu.header, menu.body, menu.footer}, list);
}

Result<std::string> list(const Menu& menu) {
  std::vector<std::vector<std::string>> ids(menu.sections.size());
  std::vector<std::vector<whatsapp::ListRow>> rows(menu.sections.size());
  std::vector<whatsapp::ListSection> sections;
  for (std::size_t s = 0; s < menu.sections.size(); ++s) {
    for (const MenuRow& row : menu.sections[s].rows) ids[s].push_back(choice_id(menu.name, row.id));
    for (std::size_t r = 0; r < ids[s].size(); ++r)
      rows[s].push_back({ids[s][r], menu.sections[s].rows[r].title, menu.sections[s].rows[r].description});
    sections.push_back({menu.sections[s].title, rows[s]});
  }
  return whatsapp::list_content({menu.header, menu.body, menu.footer}, menu.button, sections);
}

// Send API of Instagram and Messenger: image 8 MB, audio, video and file 25 MB.
std::string_view attachment_type(std::string_view mime_type, std::uint64_t size) {
  if (size == 0 || size > 25 * kMegabyte) return {};
  if (mime_type.starts_with("image/")) return size <= 8 * kMegabyte ? "image" : std::string_view();
  if (mime_type.starts_with("audio/")) return "audio";
  return mime_type.starts_with("video/") ? "video" : "file";
}

}  // namespace

Result<std::string> compose_text(Channel channel, std::string_view text, bool preview) {
  if (channel == Channel::whatsapp) return whatsapp::text_content(text, preview);
  PH_TRY(check_text(channel, text));
  std::string out;
  JsonWriter(out).begin_object().key("message").begin_object().member("text", text).end_object().end_object();
  return out;
}

std::vector<std::string_view> text_parts(Channel channel, std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t fits = longest_piece(channel, text);
    if (fits == text.size()) break;
    const std::size_t blank = text.substr(0, fits + 1).find_last_of(" \n");
    const bool at_blank = blank != std::string_view::npos && blank > fits / 2;
    parts.push_back(text.substr(0, at_blank ? blank : fits));
    text.remove_prefix(at_blank ? blank + 1 : fits);
  }
  if (!text.empty()) parts.push_back(text);
  return parts;
}

Result<std::string> compose_menu(Channel channel, const Menu& menu) {
  if (channel != Channel::whatsapp) return quick_replies(channel, menu);
  return menu.style == MenuStyle::buttons ? buttons(menu) : list(menu);
}

std::string_view media_kind(Channel channel, const OutgoingMedia& media) {
  if (channel == Channel::whatsapp) return whatsapp::sendable_as(media.kind, media.mime_type, media.size);
  return attachment_type(media.mime_type, media.size);
}

Result<std::string> compose_media(Channel channel, const OutgoingMedia& media) {
  const std::string_view kind = media_kind(channel, media);
  if (kind.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} takes no file of type '{}' and {} bytes", channels::to_string(channel),
                            media.mime_type, media.size),
                "mime_type");
  }
  if (channel == Channel::whatsapp) {
    const bool captioned = kind == "image" || kind == "video" || kind == "document";
    return whatsapp::media_content({kind, media.media_id, captioned ? media.caption : std::string_view(),
                                    kind == "document" ? media.file_name : std::string_view()});
  }
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("message").begin_object().key("attachment").begin_object().member("type", kind);
  json.key("payload").begin_object().member("attachment_id", media.media_id).end_object();
  json.end_object().end_object().end_object();
  return out;
}

}  // namespace posthorn::automation
