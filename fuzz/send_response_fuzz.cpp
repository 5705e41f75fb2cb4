// The error classifier: the first two bytes choose the HTTP status, the rest is the answer's body.
#include <cstdlib>

#include "channels/whatsapp/send_response.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace posthorn;
  using namespace posthorn::whatsapp;
  if (size < 2) return 0;
  const int status = (data[0] * 256 + data[1]) % 600;
  HttpHeaders headers;
  headers.set("Retry-After",
              std::string(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 6)));
  const std::string body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const SendAnswer answer = interpret_send_response(status, headers, body);
  const bool accepted = answer.kind == SendAnswer::Kind::accepted;
  if (accepted != !answer.wamid.empty()) std::abort();
  if (accepted && (status < 200 || status > 299)) std::abort();
  if (answer.kind == SendAnswer::Kind::failed && (answer.info == nullptr || !answer.info->definitive))
    std::abort();
  if (answer.kind == SendAnswer::Kind::unknown && answer.why.empty()) std::abort();
  answer.error.summary();
  return 0;
}
