// Reads and validates the body of POST /{phone}/messages as strictly as Meta does.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "core/time.h"
#include "sandbox/graph_error.h"
#include "sandbox/media.h"
#include "sandbox/template_store.h"

namespace posthorn::sandbox {

enum class MessageKind { template_message, free_form, mark_read };

struct CheckedMessage {
  MessageKind kind = MessageKind::free_form;
  std::string_view to, recipient, token;  // valid until the next check
  std::string_view type;
  std::string_view target;  // wamid of mark_read and reactions
  const Template* message_template = nullptr;
};

class MessageChecker {
 public:
  MessageChecker(TemplateStore& templates, const MediaStore& media);
  ~MessageChecker();
  // `number`: index of the sending number (media ids belong to one).
  Graph<CheckedMessage> check(std::string_view body, std::size_t number, WallTime now);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace posthorn::sandbox
