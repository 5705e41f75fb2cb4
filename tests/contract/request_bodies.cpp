// Prints every kind of request body that Posthorn can send, one JSON document a line: {"name": …, "body": …}.
// The contract test holds them against Meta's OpenAPI description.
#include <cstdio>

#include <fmt/format.h>

#include "unit/whatsapp/template_samples.h"

namespace {

using namespace posthorn;
using namespace posthorn::whatsapp;

int print(std::string_view name, const Result<std::string>& body) {
  if (!body) {
    fmt::print(stderr, "{}: {}\n", name, body.error().message);
    return 1;
  }
  fmt::print("{{\"name\":\"{}\",\"body\":{}}}\n", name, *body);
  return 0;
}

Result<std::string> rendered(const TemplateSample& sample) {
  std::vector<std::string_view> values;
  PH_TRY_ASSIGN(const CompiledTemplateMessage message, compile_sample(sample, true, &values));
  PH_TRY(message.check(values));
  std::string out;
  message.render(out, {"491701234567", ""}, values, "v1.0.1.2.1.abc");
  return out;
}

}  // namespace

int main() {
  int failures = 0;
  for (const TemplateSample& sample : template_samples())
    failures += print("template/" + sample.name, rendered(sample));
  failures += print("text", text_message({"491701234567", ""}, "You will get no more messages."));
  failures += print("text/reply", text_message({"491701234567", ""}, "Thank you", "wamid.A"));
  failures += print("mark_read", mark_read("wamid.A"));
  failures += print("mark_read/typing", mark_read("wamid.A", true));
  return failures == 0 ? 0 : 1;
}
