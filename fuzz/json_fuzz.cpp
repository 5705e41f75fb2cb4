// JSON from strangers: any bytes. What parse_json() accepts keeps the promises of core/json.h and reads back
// the same.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include <boost/json/serialize.hpp>

#include "core/json.h"

using namespace posthorn;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

std::size_t depth_of(const json::value& value) {
  std::size_t deepest = 0;
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) deepest = std::max(deepest, depth_of(member.value()));
    return deepest + 1;
  }
  if (const auto* array = value.if_array()) {
    for (const json::value& element : *array) deepest = std::max(deepest, depth_of(element));
    return deepest + 1;
  }
  return 0;
}

bool has_fraction(const json::value& value) {
  if (const auto* object = value.if_object()) {
    return std::any_of(object->begin(), object->end(),
                       [](const auto& member) { return has_fraction(member.value()); });
  }
  if (const auto* array = value.if_array()) return std::any_of(array->begin(), array->end(), has_fraction);
  return value.is_double();
}

// Every accessor on every node: errors are values, never exceptions.
void visit(const JsonView& view) {
  view.string_or("");
  view.integer_or(0);
  view.boolean_or(false);
  for (const bool refused : {!view.string(), !view.integer(), !view.number(), !view.boolean()}) {
    require(refused || view.exists());
  }
  if (const auto object = view.object()) {
    for (const auto& member : **object) visit(view[member.key()]);
  }
  if (view.array()) {
    for (std::size_t i = 0; i < view.size(); ++i) visit(view[i]);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<json::value> parsed = parse_json(text);
  if (!parsed) {
    require(!parsed.error().message.empty());
    return 0;
  }
  require(depth_of(*parsed) <= kMaxJsonDepth);
  visit(JsonView(*parsed));
  const std::string written = json::serialize(*parsed);
  const Result<json::value> again = parse_json(written);
  require(again.has_value());
  // Boost.JSON rounds fractions in the last place, so only trees without any come back bit for bit.
  require(has_fraction(*parsed) || *again == *parsed);
  return 0;
}
