// Template parser, compiler and renderer: the first line is the components JSON, the rest one value a line.
// What check() accepts must render as valid JSON.
#include <cstdlib>

#include "channels/whatsapp/template_message.h"
#include "core/json.h"

namespace {

using namespace posthorn;
using namespace posthorn::whatsapp;

void check_rendering(const Template& parsed, std::string_view values_text, bool types) {
  CompileOptions options;
  for (const Slot& slot : variables(parsed)) {
    options.variables.push_back(slot.name);
    if (types && slot.type == SlotType::text && slot.name.starts_with("body."))
      options.types[slot.name] = SlotType::currency;
  }
  std::vector<std::string_view> values;
  for (std::size_t i = 0; i < options.variables.size(); ++i) {
    const std::size_t end = std::min(values_text.find('\n'), values_text.size());
    values.push_back(values_text.substr(0, end));
    values_text.remove_prefix(std::min(end + 1, values_text.size()));
  }
  const Result<CompiledTemplateMessage> message =
      CompiledTemplateMessage::compile(parsed, std::move(options));
  if (!message) return;
  if (message->preview(values).size() > 64 * 1024 * 1024) std::abort();
  if (!message->check(values)) return;
  std::string out;
  message->render(out, {"491701234567", ""}, values, "token");
  if (!parse_json(out)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  TemplateFacts facts;
  facts.name = "fuzz";
  facts.language = "en";
  facts.category = size % 3 == 0 ? "AUTHENTICATION" : "MARKETING";
  facts.parameter_format = size % 2 == 0 ? "NAMED" : "POSITIONAL";
  const Result<Template> parsed = parse_template(std::move(facts), input.substr(0, end));
  if (!parsed) return 0;
  check_sendable(*parsed);
  input.remove_prefix(std::min(end + 1, input.size()));
  check_rendering(*parsed, input, false);
  check_rendering(*parsed, input, true);
  return 0;
}
