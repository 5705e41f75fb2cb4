// Any body, by any way: never crashes, and every event's raw slice lies inside the body or the unwrapped
// text.
#include <cstdlib>

#include "channels/parse_webhook.h"

namespace {

using namespace posthorn::channels;

bool inside(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void check(std::string_view source, std::string_view body) {
  std::deque<std::string> unwrapped;
  for (const WebhookEvent& event : parse_webhook(source, body, unwrapped)) {
    bool found = inside(event.raw, body);
    for (const std::string& text : unwrapped) found |= inside(event.raw, text);
    if (!found || event.origin == nullptr || event.natural_key().empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  for (const std::string_view source : {kFromMeta, kFromSns, kFromSqs}) check(source, body);
  return 0;
}
