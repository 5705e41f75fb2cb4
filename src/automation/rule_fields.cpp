#include "automation/rule_fields.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "automation/rule_text.h"

namespace posthorn::automation {

std::unexpected<Error> wrong(const JsonView& view, std::string_view what) {
  const std::string field = view.path().empty() ? "the definition" : view.path();
  return fail(ErrorCode::invalid_argument, fmt::format("{} {}", field, what), view.path());
}

Result<> check_members(const JsonView& view, std::initializer_list<std::string_view> allowed) {
  if (!view.exists()) return {};
  const json::object* object = view.raw()->if_object();
  if (object == nullptr) return wrong(view, "must be an object");
  for (const auto& member : *object) {
    const std::string_view key(member.key().data(), member.key().size());
    if (std::ranges::find(allowed, key) != allowed.end()) continue;
    return wrong(view[key], fmt::format("is not known here; there are {}", fmt::join(allowed, ", ")));
  }
  return {};
}

Result<std::string> text_member(const JsonView& view, std::string_view key, std::string_view fallback) {
  const JsonView member = view[key];
  if (!member.exists()) return std::string(fallback);
  const json::string* text = member.raw()->if_string();
  if (text == nullptr) return wrong(member, "must be a text");
  return std::string(text->data(), text->size());
}

Result<bool> flag_member(const JsonView& view, std::string_view key, bool fallback) {
  const JsonView member = view[key];
  if (!member.exists()) return fallback;
  if (!member.raw()->is_bool()) return wrong(member, "must be true or false");
  return member.raw()->get_bool();
}

Result<std::int64_t> number_member(const JsonView& view, std::string_view key, std::int64_t fallback,
                                   std::int64_t least, std::int64_t most) {
  const JsonView member = view[key];
  if (!member.exists()) return fallback;
  const Result<std::int64_t> number = member.integer();
  if (number && *number >= least && *number <= most) return *number;
  return wrong(member, fmt::format("must be a whole number from {} to {}", least, most));
}

Result<std::vector<std::string>> texts_member(const JsonView& view, std::string_view key, std::size_t most) {
  const JsonView member = view[key];
  std::vector<std::string> texts;
  if (!member.exists()) return texts;
  const json::array* list = member.raw()->if_array();
  if (list == nullptr) return wrong(member, "must be a list of texts");
  if (list->size() > most) return wrong(member, fmt::format("may have at most {} entries", most));
  for (std::size_t i = 0; i < list->size(); ++i) {
    const json::string* text = (*list)[i].if_string();
    if (text == nullptr || text->empty() || text->size() > 200)
      return wrong(member[i], "must be a text of 1 to 200 bytes");
    texts.emplace_back(text->data(), text->size());
  }
  return texts;
}

Result<> check_characters(const JsonView& view, std::string_view text, std::size_t least, std::size_t most) {
  const std::size_t length = character_count(text);
  if (length < least) return wrong(view, "is missing");
  if (length > most)
    return wrong(view, fmt::format("has {} characters; at most {} are allowed", length, most));
  return {};
}

}  // namespace posthorn::automation
