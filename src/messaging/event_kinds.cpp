#include "messaging/event_kinds.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthorn {
namespace {

constexpr std::size_t kLongest = 100;  // characters of a pattern
constexpr std::size_t kMostKinds = 100;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

bool is_pattern(std::string_view text) {
  if (text == "*") return true;
  if (text.ends_with(".*")) text.remove_suffix(2);
  return !text.empty() && text.size() <= kLongest && !text.starts_with('.') && !text.ends_with('.') &&
         std::ranges::all_of(text, is_name_character);
}

}  // namespace

Result<EventKinds> EventKinds::parse(std::span<const std::string> patterns) {
  if (patterns.size() > kMostKinds)
    return fail(ErrorCode::invalid_argument, fmt::format("kinds may have {} entries at most", kMostKinds),
                "kinds");
  EventKinds kinds;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (!is_pattern(patterns[i])) {
      const auto field = fmt::format("kinds[{}]", i);
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} must be a kind such as message.received, message.* or *, not '{}'", field,
                              patterns[i].substr(0, kLongest)),
                  field);
    }
    kinds.patterns_.push_back(patterns[i]);
  }
  return kinds;
}

Result<EventKinds> EventKinds::parse_list(std::string_view text) {
  std::vector<std::string> patterns;
  while (!text.empty()) {
    const auto comma = text.find(',');
    auto entry = text.substr(0, comma);
    while (entry.starts_with(' ')) entry.remove_prefix(1);
    while (entry.ends_with(' ')) entry.remove_suffix(1);
    patterns.emplace_back(entry);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return parse(patterns);
}

bool EventKinds::matches(std::string_view kind) const {
  return patterns_.empty() || std::ranges::any_of(patterns_, [kind](const std::string& pattern) {
           if (pattern == "*") return true;
           if (!pattern.ends_with(".*")) return pattern == kind;
           return kind.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
         });
}

}  // namespace posthorn
