// Prints every kind of request body that Posthorn can send, one JSON document a line: {"name": …, "body": …}.
// The contract test holds them against Meta's OpenAPI description.
#include <cstdio>

#include <fmt/format.h>

#include "channels/whatsapp/free_form_message.h"
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

// A content with the members that say to whom it goes.
Result<std::string> addressed(const Result<std::string>& content) {
  if (!content) return content;
  return R"({"messaging_product":"whatsapp","recipient_type":"individual","to":"+491701234567",)" +
         content->substr(1);
}

int print_free_forms() {
  const ReplyButton buttons[] = {{"menu:main:yes", "Yes"}, {"menu:main:no", "No"}};
  const ListRow rows[] = {{"menu:main:hours", "Opening hours", "When we are there"},
                          {"menu:main:more", "More", ""}};
  const ListSection sections[] = {{"First", rows}};
  int failures = print("content/text", addressed(text_content("See https://example.com", true)));
  failures += print("content/reaction", addressed(reaction_content("wamid.A", "👍")));
  failures += print("content/reaction/removed", addressed(reaction_content("wamid.A", "")));
  failures += print("content/buttons",
                    addressed(buttons_content({"Shop", "What is it about?", "Any time"}, buttons)));
  failures +=
      print("content/list", addressed(list_content({"Shop", "What is it about?", ""}, "Choose", sections)));
  const MediaContent media[] = {{"image", "1234567890", "Look", ""},
                                {"video", "1234567890", "Look", ""},
                                {"document", "1234567890", "Look", "a.pdf"},
                                {"audio", "1234567890", "", ""},
                                {"voice", "1234567890", "", ""},
                                {"sticker", "1234567890", "", ""}};
  for (const MediaContent& one : media)
    failures += print(fmt::format("content/{}", one.kind), addressed(media_content(one)));
  return failures;
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
  failures += print_free_forms();
  return failures == 0 ? 0 : 1;
}
