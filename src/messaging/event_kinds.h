// Which kinds of events somebody wants: "message.received", "message.*", "*".
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace posthorn {

class EventKinds {
 public:
  EventKinds() = default;  // every kind
  // Names of kinds as docs/events.md has them, with "*" alone or as the last part. An empty list is every
  // kind. invalid_argument names the entry, "kinds[2]".
  static Result<EventKinds> parse(std::span<const std::string> patterns);
  // The same from one text with commas, as addresses have it: "message.*,call.updated".
  static Result<EventKinds> parse_list(std::string_view text);

  bool matches(std::string_view kind) const;
  const std::vector<std::string>& patterns() const { return patterns_; }  // empty: every kind

 private:
  std::vector<std::string> patterns_;
};

}  // namespace posthorn
