#include <algorithm>
#include <array>

#include "sandbox/json_text.h"
#include "sandbox/message_dom.h"

namespace posthorn::sandbox {
namespace {

constexpr std::size_t kMaxText = 4096, kMaxCaption = 1024, kMaxTitle = 20, kMaxButtonId = 256;

Graph<> limited(Node value, std::size_t limit, std::string_view place, bool required) {
  const std::string where(place);
  if (!value.there && !required) return {};
  if (!value.is_string() || value.text().empty())
    return graph_fail(131008, "The parameter " + where + " is required.");
  if (count_characters(value.text()) > limit)
    return graph_fail(100,
                      "Param " + where + " must be at most " + std::to_string(limit) + " characters long.");
  return {};
}

Graph<> check_text(Node content, const CheckContext&) {
  return limited(content["body"], kMaxText, "text['body']", true);
}

template <const char* Kind, bool Caption>
Graph<> check_media_kind(Node content, const CheckContext& context) {
  if (auto good = check_media_object(content, context, Kind); !good) return good;
  if (!Caption) return {};
  return limited(content["caption"], kMaxCaption, std::string(Kind) + "['caption']", false);
}

Graph<> check_location(Node content, const CheckContext&) {
  if (!content["latitude"].there || !content["longitude"].there)
    return graph_fail(131008, "The parameters location['latitude'] and location['longitude'] are required.");
  return {};
}

Graph<> check_contacts(Node content, const CheckContext&) {
  if (content.size() == 0) return graph_fail(131008, "The parameter contacts is required.");
  for (const dom::element contact : content.array())
    if (Node(contact)["name"]["formatted_name"].text().empty())
      return graph_fail(131008, "The parameter contacts[]['name']['formatted_name'] is required.");
  return {};
}

Graph<> check_reaction(Node content, const CheckContext&) {
  if (!content["message_id"].text().starts_with("wamid."))
    return graph_fail(131009, "Param reaction['message_id'] is not valid.");
  if (!content["emoji"].is_string())
    return graph_fail(131008, "The parameter reaction['emoji'] is required.");
  return {};
}

Graph<> check_reply_buttons(Node action) {
  const Node buttons = action["buttons"];
  if (buttons.size() < 1 || buttons.size() > 3)
    return graph_fail(131009, "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3");
  for (const dom::element b : buttons.array()) {
    const Node reply = Node(b)["reply"];
    if (auto good =
            limited(reply["title"], kMaxTitle, "interactive['action']['buttons'][]['reply']['title']", true);
        !good)
      return good;
    if (auto good =
            limited(reply["id"], kMaxButtonId, "interactive['action']['buttons'][]['reply']['id']", true);
        !good)
      return good;
  }
  return {};
}

Graph<> check_list(Node action) {
  std::size_t rows = 0;
  const Node sections = action["sections"];
  if (auto good = limited(action["button"], kMaxTitle, "interactive['action']['button']", true); !good)
    return good;
  if (sections.size() < 1 || sections.size() > 10)
    return graph_fail(131009, "Invalid sections count. Min allowed: 1, Max allowed: 10");
  for (const dom::element section : sections.array()) rows += Node(section)["rows"].size();
  if (rows < 1 || rows > 10) return graph_fail(131009, "Total row count exceed max allowed count: 10");
  return {};
}

constexpr auto kInteractiveTypes = std::to_array<std::string_view>(
    {"button", "list", "cta_url", "flow", "product", "product_list", "catalog_message",
     "location_request_message", "address_message", "call_permission_request", "voice_call",
     "request_contact_info", "carousel", "order_details", "order_status"});

Graph<> check_interactive(Node content, const CheckContext&) {
  const std::string_view type = content["type"].text();
  if (std::ranges::find(kInteractiveTypes, type) == kInteractiveTypes.end())
    return graph_fail(131009, "Interactive type \"" + std::string(type) + "\" is not supported.");
  if (!content["action"].is_object())
    return graph_fail(131008, "The parameter interactive['action'] is required.");
  const bool optional_body = type == "product" || type == "call_permission_request";
  if (auto good = limited(content["body"]["text"], type == "list" ? kMaxText : kMaxCaption,
                          "interactive['body']['text']", !optional_body);
      !good)
    return good;
  if (type == "button") return check_reply_buttons(content["action"]);
  if (type == "list") return check_list(content["action"]);
  return {};
}

constexpr char kImage[] = "image", kVideo[] = "video", kAudio[] = "audio", kDocument[] = "document",
               kSticker[] = "sticker";

struct TypeCheck {
  std::string_view type;
  Graph<> (*check)(Node, const CheckContext&);
};
constexpr auto kTypes = std::to_array<TypeCheck>({{"text", check_text},
                                                  {"image", check_media_kind<kImage, true>},
                                                  {"video", check_media_kind<kVideo, true>},
                                                  {"audio", check_media_kind<kAudio, false>},
                                                  {"document", check_media_kind<kDocument, true>},
                                                  {"sticker", check_media_kind<kSticker, false>},
                                                  {"location", check_location},
                                                  {"contacts", check_contacts},
                                                  {"reaction", check_reaction},
                                                  {"interactive", check_interactive}});

}  // namespace

Graph<> check_free_form(std::string_view type, Node content, const CheckContext& context) {
  const auto* row = std::ranges::find(kTypes, type, &TypeCheck::type);
  if (row == kTypes.end())
    return graph_fail(100,
                      "Param type must be one of {AUDIO, CONTACTS, DOCUMENT, IMAGE, INTERACTIVE, LOCATION, "
                      "REACTION, STICKER, TEMPLATE, TEXT, VIDEO} - got \"" +
                          std::string(type) + "\".");
  if (!content.there) return graph_fail(100, "The parameter " + std::string(type) + " is required.");
  return row->check(content, context);
}

}  // namespace posthorn::sandbox
