// The webhook parser: never crashes, and every event's raw slice lies inside the body.
#include <cstdlib>

#include "channels/whatsapp/webhook.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace posthorn::whatsapp;
  const std::string body(reinterpret_cast<const char*>(data), size);
  for (const WebhookEvent& event : parse_webhook(body)) {
    const bool inside =
        event.raw.data() >= body.data() && event.raw.data() + event.raw.size() <= body.data() + body.size();
    if (!inside || event.origin == nullptr || event.natural_key().empty()) std::abort();
  }
  return 0;
}
