#include "sandbox/media.h"

#include <algorithm>
#include <array>

#include "platform/crypto.h"

namespace posthorn::sandbox {
namespace {

constexpr Duration kLifetime = std::chrono::hours(24 * 30);

struct MediaRule {
  std::string_view mime;
  std::size_t limit;  // bytes
};
constexpr std::size_t kMega = 1024 * 1024;
constexpr auto kRules = std::to_array<MediaRule>({
    {"image/jpeg", 5 * kMega},
    {"image/png", 5 * kMega},
    {"image/webp", kMega / 2},
    {"video/mp4", 16 * kMega},
    {"video/3gpp", 16 * kMega},
    {"audio/aac", 16 * kMega},
    {"audio/amr", 16 * kMega},
    {"audio/mpeg", 16 * kMega},
    {"audio/mp4", 16 * kMega},
    {"audio/ogg", 16 * kMega},
    {"text/plain", 100 * kMega},
    {"application/pdf", 100 * kMega},
    {"application/msword", 100 * kMega},
    {"application/vnd.ms-excel", 100 * kMega},
    {"application/vnd.ms-powerpoint", 100 * kMega},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", 100 * kMega},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 100 * kMega},
    {"application/vnd.openxmlformats-officedocument.presentationml.presentation", 100 * kMega},
});

// The value of `name` in "form-data; name=\"file\"; filename=\"a.jpg\"" or "multipart/form-data; boundary=x".
std::string_view parameter(std::string_view header, std::string_view name) {
  std::size_t at = 0;
  while ((at = header.find(name, at)) != std::string_view::npos) {
    const bool starts = at == 0 || header[at - 1] == ' ' || header[at - 1] == ';';
    at += name.size();
    if (!starts || at >= header.size() || header[at] != '=') continue;
    std::string_view value = header.substr(at + 1);
    if (value.starts_with('"')) return value.substr(1, value.find('"', 1) - 1);
    return value.substr(0, value.find(';'));
  }
  return {};
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return (x | 32) == (y | 32); });
}

std::string_view header_of(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !same_name(line.substr(0, colon), name)) continue;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  }
  return {};
}

void take_part(MediaForm& form, std::string_view part) {
  const std::size_t blank = part.find("\r\n\r\n");
  if (blank == std::string_view::npos) return;
  const std::string_view head = part.substr(0, blank), content = part.substr(blank + 4);
  const std::string_view name = parameter(header_of(head, "Content-Disposition"), "name");
  if (name == "messaging_product") form.messaging_product = content;
  if (name == "type") form.type = content;
  if (name == "file") {
    form.file = content;
    form.file_type = header_of(head, "Content-Type");
  }
}

}  // namespace

Graph<MediaForm> read_media_form(std::string_view content_type, std::string_view body) {
  const std::string_view boundary = parameter(content_type, "boundary");
  if (!content_type.starts_with("multipart/form-data") || boundary.empty())
    return graph_fail(100, "The upload must be multipart/form-data");
  const std::string line = "--" + std::string(boundary);
  const std::string next = "\r\n" + line;
  if (!body.starts_with(line)) return graph_fail(100, "The upload does not begin with its boundary");
  body.remove_prefix(line.size());
  MediaForm form;
  while (body.starts_with("\r\n")) {
    body.remove_prefix(2);
    const std::size_t end = body.find(next);
    if (end == std::string_view::npos) return graph_fail(100, "The upload ends in the middle of a part");
    take_part(form, body.substr(0, end));
    body.remove_prefix(end + next.size());
  }
  return form;
}

Graph<std::string> check_media(const MediaForm& form) {
  if (form.messaging_product != "whatsapp")
    return graph_fail(100, "The parameter messaging_product is required.");
  if (form.file.empty()) return graph_fail(100, "The parameter file is required.");
  std::string_view mime = form.file_type.empty() ? form.type : form.file_type;
  mime = mime.substr(0, mime.find(';'));
  const auto* rule = std::ranges::find(kRules, mime, &MediaRule::mime);
  if (rule == kRules.end())
    return graph_fail(100,
                      "Param file must be a file with one of the supported types. Received file of type '" +
                          std::string(mime) + "'.");
  if (form.file.size() > rule->limit)
    return graph_fail(131053, "The file is larger than " + std::to_string(rule->limit) + " bytes");
  return std::string(mime);
}

const MediaFile& MediaStore::put(std::size_t number, std::string mime, std::string bytes, WallTime now) {
  MediaFile file;
  file.id = std::to_string(next_id_);
  next_id_ += 7;
  file.mime = std::move(mime);
  file.sha256 = to_hex(posthorn::sha256(bytes));
  file.bytes = std::move(bytes);
  file.number = number;
  file.at = now;
  std::string id = file.id;
  return files_.insert_or_assign(std::move(id), std::move(file)).first->second;
}

const MediaFile* MediaStore::find(std::string_view id, WallTime now) const {
  const auto it = files_.find(id);
  return it == files_.end() || now - it->second.at > kLifetime ? nullptr : &it->second;
}

bool MediaStore::remove(std::string_view id) {
  const auto it = files_.find(id);
  if (it == files_.end()) return false;
  files_.erase(it);
  return true;
}

}  // namespace posthorn::sandbox
