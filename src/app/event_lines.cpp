#include "app/event_lines.h"

#include <fmt/format.h>

namespace posthorn {
namespace {

constexpr std::size_t kLongestText = 200;  // bytes of a message that are shown

std::string harmless(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kLongestText)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  // A character that was cut in two, and C1 control characters, which UTF-8 writes as C2 80 … C2 9F.
  while (!out.empty() && text.size() > kLongestText &&
         (static_cast<unsigned char>(out.back()) & 0xc0) == 0x80)
    out.pop_back();
  if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xc0) out.pop_back();
  for (std::size_t i = 0; i + 1 < out.size(); ++i) {
    const auto first = static_cast<unsigned char>(out[i]), second = static_cast<unsigned char>(out[i + 1]);
    if (first == 0xc2 && second < 0xa0) out[i] = out[i + 1] = ' ';
  }
  return text.size() > kLongestText ? out + "…" : out;
}

// Who it is about, as people would name him.
std::string who(const JsonView& data) {
  const auto person = data["person"];
  if (const auto name = person["name"].string_or(""); !name.empty()) return harmless(name);
  return harmless(person["addresses"][std::size_t{0}]["value"].string_or(""));
}

std::string what(const JsonView& data) {
  const auto message = data["message"];
  const auto text = message["text"].string_or("");
  if (message.exists() && data["status"].exists()) return harmless(data["status"].string_or(""));
  if (message.exists() && text.empty()) return fmt::format("[{}]", harmless(message["type"].string_or("")));
  if (message.exists()) return harmless(text);
  for (const auto* member : {"summary", "reason", "change", "state", "status", "emoji", "url"}) {
    const auto value = data[member].string_or("");
    if (!value.empty()) return harmless(value);
  }
  return {};
}

}  // namespace

std::vector<StreamedEvent> EventStreamParser::feed(std::string_view bytes) {
  rest_.append(bytes);
  std::vector<StreamedEvent> out;
  std::size_t begin = 0;
  while (true) {
    const auto end = rest_.find('\n', begin);
    if (end == std::string::npos) break;
    auto line = std::string_view(rest_).substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    take_line(line, out);
    begin = end + 1;
  }
  rest_.erase(0, begin);
  return out;
}

void EventStreamParser::take_line(std::string_view line, std::vector<StreamedEvent>& out) {
  if (line.empty()) {
    if (any_) out.push_back({last_id_, name_.empty() ? "message" : name_, data_});
    name_.clear();
    data_.clear();
    any_ = false;
    return;
  }
  if (line.starts_with(':')) return;
  const auto colon = line.find(':');
  const auto field = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "id") last_id_ = std::string(value);
  if (field == "event") name_ = std::string(value);
  if (field == "data") data_ += (data_.empty() ? "" : "\n") + std::string(value);
  any_ = any_ || field == "id" || field == "event" || field == "data";
}

std::string event_line(const json::value& event) {
  const JsonView view(event), data = view["data"];
  const auto at = view["timestamp"].string_or("");
  std::string line =
      fmt::format("{:>8}  {}  {:<22}  {:<18}", view["id"].integer_or(0), harmless(at),
                  harmless(view["type"].string_or("")), harmless(view["subject"].string_or("")));
  const auto name = who(data), text = what(data);
  if (!name.empty()) line += "  " + name + (text.empty() ? "" : ":");
  if (!text.empty()) line += (name.empty() ? "  " : " ") + text;
  while (line.ends_with(' ')) line.pop_back();
  return line + "\n";
}

}  // namespace posthorn
