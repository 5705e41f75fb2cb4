#include "sandbox/messaging_check.h"

#include <algorithm>
#include <array>

#include <boost/json.hpp>

#include "sandbox/answer.h"
#include "sandbox/json_text.h"
#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace js = boost::json;
namespace {

constexpr std::size_t kInstagramText = 1000, kMessengerText = 2000, kMostReplies = 13, kMostElements = 10;
constexpr std::size_t kMostButtons = 3, kButtonText = 640, kMetadata = 1000, kPayload = 1000;

constexpr auto kActions =
    std::to_array<std::string_view>({"typing_on", "typing_off", "mark_seen", "react", "unreact"});
constexpr auto kTypes = std::to_array<std::string_view>({"RESPONSE", "UPDATE", "MESSAGE_TAG"});
constexpr auto kReplyTypes = std::to_array<std::string_view>({"text", "user_phone_number", "user_email"});

template <class List>
bool among(const List& list, std::string_view value) {
  return std::ranges::find(list, value) != list.end();
}

std::unexpected<GraphFailure> bad(std::string what, int subcode = 0) {
  return graph_fail(100, std::move(what), subcode);
}

std::size_t size_of(const js::value* list) {
  return list != nullptr && list->is_array() ? list->get_array().size() : 0;
}

Graph<> check_text(const js::value& text, bool instagram) {
  if (!text.is_string() || text.get_string().empty())
    return bad("Param message[text] must be a non-empty string.");
  const std::string_view words = text.get_string();
  if (instagram && words.size() > kInstagramText)
    return bad("Length of param message[text] must be less than or equal to 1000 bytes");
  if (!instagram && count_characters(words) > kMessengerText)
    return bad("Length of param message[text] must be less than or equal to 2000");
  return {};
}

Graph<> check_quick_replies(const js::value& message) {
  const js::value* list = member(message, "quick_replies");
  if (list == nullptr) return {};
  if (!list->is_array() || list->get_array().empty() || list->get_array().size() > kMostReplies)
    return bad("Param message[quick_replies] must have 1 to 13 elements.");
  for (const js::value& reply : list->get_array()) {
    const std::string type = text_of(reply, "content_type");
    if (!among(kReplyTypes, type))
      return bad("Param content_type must be one of {TEXT, USER_PHONE_NUMBER, USER_EMAIL}");
    if (type == "text" && (text_of(reply, "title").empty() || text_of(reply, "payload").empty()))
      return bad("Params title and payload are required for text quick replies.");
    if (text_of(reply, "payload").size() > kPayload)
      return bad("Param payload is longer than 1000 characters.");
  }
  return {};
}

Graph<> check_buttons(const js::value& holder, bool required) {
  const js::value* list = member(holder, "buttons");
  if (list == nullptr && !required) return {};
  if (size_of(list) < 1 || size_of(list) > kMostButtons)
    return bad("Param buttons must have 1 to 3 elements.");
  for (const js::value& button : list->get_array()) {
    const std::string type = text_of(button, "type");
    const bool web = type == "web_url", postback = type == "postback";
    if (text_of(button, "title").empty()) return bad("Param buttons[title] is required.");
    if (web && text_of(button, "url").empty()) return bad("Param buttons[url] is required.");
    if (postback && text_of(button, "payload").empty()) return bad("Param buttons[payload] is required.");
    if (!web && !postback && type != "phone_number")
      return bad("Param buttons[type] is not supported: " + type);
  }
  return {};
}

Graph<> check_template(const js::value& payload, bool instagram) {
  const std::string type = text_of(payload, "template_type");
  if (type == "button") {
    const std::string text = text_of(payload, "text");
    if (text.empty() || count_characters(text) > kButtonText)
      return bad("Param text must have 1 to 640 characters.");
    return check_buttons(payload, true);
  }
  const js::value* elements = member(payload, "elements");
  if (type != "generic" && type != "product")
    return instagram || type.empty() ? bad("Param template_type is not supported: " + type) : Graph<>();
  if (size_of(elements) < 1 || size_of(elements) > kMostElements)
    return bad("Param elements must have 1 to 10 elements.");
  for (const js::value& element : elements->get_array()) {
    if (type == "product") continue;
    const std::string title = text_of(element, "title");
    if (title.empty() || count_characters(title) > 80 || count_characters(text_of(element, "subtitle")) > 80)
      return bad("Params title (required) and subtitle of an element have at most 80 characters.");
    if (element.get_object().size() < 2) return bad("An element needs one more member beside its title.");
    if (auto good = check_buttons(element, false); !good) return good;
  }
  return {};
}

Graph<> check_attachment(const js::value& attachment, const MetaAccount& account,
                         const Messaging& messaging) {
  static constexpr auto kMedia = std::to_array<std::string_view>({"image", "audio", "video", "file"});
  const std::string type = text_of(attachment, "type");
  const js::value* payload = member(attachment, "payload");
  if (account.instagram() && type == "like_heart") return {};
  if (payload == nullptr || !payload->is_object())
    return bad("Param message[attachment][payload] is required.");
  if (type == "template") return check_template(*payload, account.instagram());
  if (account.instagram() && type == "MEDIA_SHARE")
    return text_of(*payload, "id").empty() ? bad("Param payload[id] is required.") : Graph<>();
  if (!among(kMedia, type)) return bad("Param message[attachment][type] is not supported: " + type, 2018047);
  if (const std::string id = text_of(*payload, "attachment_id"); !id.empty()) {
    const auto& known = const_cast<Messaging&>(messaging).attachments();
    return known.contains(id) ? Graph<>() : bad("The attachment id is not valid.", 2018074);
  }
  const std::string url = text_of(*payload, "url");
  if (!url.starts_with("https://") && !url.starts_with("http://"))
    return bad("Upload attachment failure: a URL or an attachment id is required.", 2018008);
  return {};
}

Graph<> check_message(const js::value& message, const MetaAccount& account, const Messaging& messaging,
                      CheckedSend& out) {
  const js::value *text = member(message, "text"), *one = member(message, "attachment"),
                  *many = member(message, "attachments");
  const int contents = (text != nullptr) + (one != nullptr) + (many != nullptr);
  if (contents != 1) return bad("Message must have exactly one of text, attachment and attachments.");
  if (text != nullptr)
    if (auto good = check_text(*text, account.instagram()); !good) return good;
  if (one != nullptr) {
    if (auto good = check_attachment(*one, account, messaging); !good) return good;
    const std::string type = text_of(*one, "type");
    out.slow_media = type == "audio" || type == "video";
  }
  const std::size_t most = account.instagram() ? 10 : 30;
  if (many != nullptr && (size_of(many) < 1 || size_of(many) > most))
    return bad("Param message[attachments] has too few or too many elements.");
  for (std::size_t i = 0; i < size_of(many); ++i) {
    if (text_of(many->get_array()[i], "type") != "image")
      return bad("Param message[attachments] takes images only.");
    if (auto good = check_attachment(many->get_array()[i], account, messaging); !good) return good;
  }
  if (auto good = check_quick_replies(message); !good) return good;
  if (const js::value* reply = member(message, "reply_to"))
    if (const_cast<Messaging&>(messaging).find_message(text_of(*reply, "mid")) == nullptr)
      return bad("Param reply_to[mid] is not a message of this conversation.");
  out.message = message.get_object();
  out.metadata = text_of(take(out.message, "metadata").is_string() ? message : js::value(), "metadata");
  if (out.metadata.size() > kMetadata) return bad("Param message[metadata] is longer than 1000 characters.");
  return {};
}

Graph<> check_tag(const js::value& body, const MetaAccount& account, CheckedSend& out) {
  const std::string type = text_of(body, "messaging_type");
  out.tag = text_of(body, "tag");
  if (!type.empty() && !among(kTypes, type))
    return bad("Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG}");
  if (type == "MESSAGE_TAG" && out.tag.empty()) return bad("Param tag is required with MESSAGE_TAG.");
  if (!out.tag.empty() && out.tag != "HUMAN_AGENT")
    return bad("The message tag " + out.tag + " is not supported any more.");
  if (!out.tag.empty() && type != "MESSAGE_TAG" && account.config.flavour != MetaFlavour::instagram_login)
    return bad("Param messaging_type must be MESSAGE_TAG with a tag.");
  if (!out.tag.empty() && !account.human_agent)
    return graph_fail(10, "The app has no permission for the human agent tag.");
  return {};
}

}  // namespace

Graph<CheckedSend> check_send(const js::value& body, const MetaAccount& account, const Messaging& messaging) {
  CheckedSend out;
  const js::value *recipient = member(body, "recipient"), *message = member(body, "message");
  if (recipient == nullptr || !recipient->is_object()) return bad("The parameter recipient is required");
  out.user = text_of(*recipient, "id");
  out.comment = text_of(*recipient, "comment_id");
  if (out.user.empty() == out.comment.empty())
    return bad("Param recipient must have one of id and comment_id, as a string");
  out.action = text_of(body, "sender_action");
  if (!out.action.empty()) {
    if (message != nullptr) return bad("Params message and sender_action exclude each other");
    if (!among(kActions, out.action)) return bad("Param sender_action is not supported: " + out.action);
    if (const js::value* payload = member(body, "payload")) out.action_payload = *payload;
    return out;
  }
  if (message == nullptr || !message->is_object()) return bad("The parameter message is required");
  if (auto good = check_tag(body, account, out); !good) return std::unexpected(good.error());
  if (auto good = check_message(*message, account, messaging, out); !good)
    return std::unexpected(good.error());
  return out;
}

std::string messaging_error_body(const GraphFailure& failure, std::uint64_t trace) {
  const std::string_view title =
      failure.details.empty() ? error_info(failure.code).title : std::string_view(failure.details);
  std::string out = R"({"error":{"message":)";
  append_meta_string(out, "(#" + std::to_string(failure.code) + ") " + std::string(title));
  out += R"(,"type":"OAuthException","code":)" + std::to_string(failure.code);
  if (failure.subcode != 0) out += R"(,"error_subcode":)" + std::to_string(failure.subcode);
  return out + R"(,"fbtrace_id":"A)" + std::to_string(trace) + "\"}}";
}

HttpResponse messaging_error(const GraphFailure& failure, std::uint64_t trace) {
  const bool ours = failure.code == 1 || failure.code == 2;
  return json_response(messaging_error_body(failure, trace), ours ? 500 : failure.code == 190 ? 401 : 400);
}

}  // namespace posthorn::sandbox
