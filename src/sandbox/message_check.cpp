#include "sandbox/message_check.h"

#include "sandbox/json_text.h"
#include "sandbox/message_dom.h"

namespace posthorn::sandbox {
namespace {

constexpr std::size_t kMaxToken = 512;  // biz_opaque_callback_data, Meta's message reference

Graph<> check_sendable(const Template& t) {
  const std::string name = "template name (" + t.name + ")";
  if (t.status == "PAUSED") return graph_fail(132015, name + " is paused due to low quality");
  if (t.status == "DISABLED") return graph_fail(132016, name + " is disabled");
  if (t.status != "APPROVED")
    return graph_fail(132001, name + " is not approved in " + t.language + "; its status is " + t.status);
  return {};
}

}  // namespace

std::int64_t Node::integer() const {
  if (!there) return -1;
  std::int64_t number = -1;
  if (element.get(number) == simdjson::SUCCESS) return number;
  const std::string_view digits = text();
  if (digits.empty() || digits.size() > 18 ||
      digits.find_first_not_of("0123456789") != std::string_view::npos)
    return -1;
  number = 0;
  for (const char c : digits) number = number * 10 + (c - '0');
  return number;
}

Graph<> check_media_object(Node media, const CheckContext& context, std::string_view place) {
  const std::string where(place);
  if (!media.is_object()) return graph_fail(131008, where + " is required");
  const Node id = media["id"], link = media["link"];
  if (id.there) {
    if (!id.is_string()) return graph_fail(100, "Param " + where + "['id'] must be a string.");
    const MediaFile* file = context.media.find(id.text(), context.now);
    if (file == nullptr || file->number != context.number)
      return graph_fail(
          100, "Param " + where + "['id'] is not a valid whatsapp business account media attachment ID");
    return {};
  }
  const std::string_view url = link.text();
  if (!link.there) return graph_fail(131008, where + ": one of 'id' or 'link' is required");
  if (!url.starts_with("https://") && !url.starts_with("http://"))
    return graph_fail(100, "Param " + where + "['link'] is not a valid URI.");
  return {};
}

struct MessageChecker::Impl {
  TemplateStore& templates;
  const MediaStore& media;
  dom::parser parser;

  Graph<CheckedMessage> check_read(Node root) const {
    CheckedMessage message;
    message.kind = MessageKind::mark_read;
    message.target = root["message_id"].text();
    if (root["status"].text() != "read") return graph_fail(100, "Param status must be one of {READ}");
    if (!message.target.starts_with("wamid.")) return graph_fail(131009, "The message_id is not valid");
    return message;
  }

  Graph<> check_envelope(Node root, CheckedMessage& message) const {
    const Node to = root["to"], recipient = root["recipient"], token = root["biz_opaque_callback_data"];
    if (to.there && !to.is_string()) return graph_fail(100, "Param to must be a string.");
    if (recipient.there && !recipient.is_string())
      return graph_fail(100, "Param recipient must be a string.");
    if (!to.there && !recipient.there) return graph_fail(100, "The parameter to is required.");
    const Node who = root["recipient_type"];
    if (who.there && who.text() != "individual")
      return graph_fail(131009, "Param recipient_type must be individual here.");
    if (token.there && (!token.is_string() || token.text().size() > kMaxToken))
      return graph_fail(131009, "Param biz_opaque_callback_data must be a string of at most 512 characters.");
    message.to = to.text();
    message.recipient = recipient.text();
    message.token = token.text();
    return {};
  }

  Graph<> check_template_message(Node content, CheckedMessage& message, const CheckContext& context) {
    message.kind = MessageKind::template_message;
    const std::string_view name = content["name"].text(), language = content["language"]["code"].text();
    if (!content.is_object())
      return graph_fail(131008, "Parameter 'template' is mandatory for type 'template'");
    if (name.empty()) return graph_fail(131008, "Param template['name'] is required.");
    if (language.empty()) return graph_fail(131008, "Param template['language']['code'] is required.");
    const Template* t = templates.find(name, language);
    if (t == nullptr)
      return graph_fail(
          132001, "template name (" + std::string(name) + ") does not exist in " + std::string(language));
    if (auto sendable = check_sendable(*t); !sendable) return sendable;
    message.message_template = t;
    return check_template(content["components"], *t, context);
  }

  Graph<CheckedMessage> check(std::string_view body, const CheckContext& context) {
    dom::element element;
    if (parser.parse(body.data(), body.size()).get(element) != simdjson::SUCCESS || !element.is_object())
      return graph_fail(100, "The request body is not a valid JSON object.");
    const Node root(element);
    if (root["messaging_product"].text() != "whatsapp")
      return graph_fail(100, "The parameter messaging_product is required.");
    if (root["status"].there) return check_read(root);
    CheckedMessage message;
    if (auto good = check_envelope(root, message); !good) return std::unexpected(good.error());
    message.type = root["type"].there ? root["type"].text() : "text";
    Graph<> content;
    if (message.type == "template")
      content = check_template_message(root["template"], message, context);
    else
      content = check_free_form(message.type, root[message.type], context);
    if (!content) return std::unexpected(content.error());
    if (message.type == "reaction") message.target = root["reaction"]["message_id"].text();
    return message;
  }
};

MessageChecker::MessageChecker(TemplateStore& templates, const MediaStore& media)
    : impl_(std::make_unique<Impl>(templates, media)) {}
MessageChecker::~MessageChecker() = default;

Graph<CheckedMessage> MessageChecker::check(std::string_view body, std::size_t number, WallTime now) {
  const CheckContext context{impl_->media, number, now};
  return impl_->check(body, context);
}

}  // namespace posthorn::sandbox
