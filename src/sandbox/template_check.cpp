// A template message against the stored template: every variable must get one value of the right kind.
#include <algorithm>
#include <array>

#include "sandbox/json_text.h"
#include "sandbox/message_dom.h"

namespace posthorn::sandbox {
namespace {

constexpr std::size_t kMaxHeaderText = 60, kMaxPayload = 256, kMaxOtp = 15, kMaxCoupon = 20, kMaxButtons = 10;
constexpr int kCount = 132000, kTooLong = 132005, kFormat = 132012, kBadText = 132018, kMissing = 131008,
              kInvalid = 131009;

constexpr auto kFormatNames = std::to_array<std::string_view>(
    {"NONE", "TEXT", "IMAGE", "VIDEO", "DOCUMENT", "GIF", "LOCATION", "PRODUCT"});
constexpr auto kFormatTypes =
    std::to_array<std::string_view>({"", "text", "image", "video", "document", "gif", "location", "product"});
constexpr auto kButtonNames =
    std::to_array<std::string_view>({"QuickReply", "Url", "PhoneNumber", "CopyCode", "Otp", "Flow", "Catalog",
                                     "Mpm", "Spm", "OrderDetails", "VoiceCall", "RequestContactInfo"});
constexpr auto kButtonSubTypes = std::to_array<std::string_view>(
    {"quick_reply", "url", "phone_number", "copy_code", "url", "flow", "catalog", "mpm", "spm",
     "order_details", "voice_call", "request_contact_info"});

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return out;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return (x | 32) == (y | 32); });
}

std::unexpected<GraphFailure> wrong_count(std::string_view place, std::size_t got, std::size_t expected) {
  return graph_fail(kCount, std::string(place) + ": number of localizable_params (" + std::to_string(got) +
                                ") does not match the expected number of params (" +
                                std::to_string(expected) + ")");
}

bool forbidden_in_value(std::string_view text) {
  return text.find_first_of("\n\r\t") != std::string_view::npos ||
         text.find("     ") != std::string_view::npos;
}

Graph<std::string_view> value_text(Node parameter, std::string_view place) {
  const std::string_view type = parameter["type"].text();
  if (type == "text") {
    if (!parameter["text"].is_string())
      return graph_fail(kMissing, std::string(place) + ": the parameter text is required");
    return parameter["text"].text();
  }
  if (type == "currency") {
    const Node c = parameter["currency"];
    if (!c["fallback_value"].is_string() || c["code"].text().size() != 3 || !c["amount_1000"].is_number())
      return graph_fail(kFormat,
                        std::string(place) + ": currency needs fallback_value, code and amount_1000");
    return c["fallback_value"].text();
  }
  if (type == "date_time") {
    const Node d = parameter["date_time"];
    if (!d["fallback_value"].is_string())
      return graph_fail(kFormat, std::string(place) + ": date_time needs fallback_value");
    return d["fallback_value"].text();
  }
  return graph_fail(kFormat,
                    std::string(place) + ": Format mismatch, expected TEXT, received " + upper(type));
}

Graph<> check_name(Node parameter, const Placeholders& expected, std::uint64_t& seen,
                   std::string_view place) {
  const std::string_view name = parameter["parameter_name"].text();
  const auto it = std::ranges::find(expected.names, name);
  if (name.empty()) return graph_fail(100, std::string(place) + ": Parameter name is missing or empty");
  if (it == expected.names.end())
    return graph_fail(kFormat, std::string(place) + ": parameter_name \"" + std::string(name) +
                                   "\" is not in the template");
  const std::uint64_t bit = 1ULL << ((it - expected.names.begin()) & 63);
  if ((seen & bit) != 0)
    return graph_fail(kFormat,
                      std::string(place) + ": parameter_name \"" + std::string(name) + "\" is given twice");
  seen |= bit;
  return {};
}

Graph<> check_texts(Node parameters, const Placeholders& expected, bool named, std::size_t limit,
                    std::string_view place) {
  const std::size_t got = parameters.size();
  if (got != expected.names.size()) return wrong_count(place, got, expected.names.size());
  if (got == 0) return {};
  std::size_t length = expected.fixed;
  std::uint64_t seen = 0;
  for (const dom::element item : parameters.array()) {
    const Node parameter(item);
    if (named)
      if (auto good = check_name(parameter, expected, seen, place); !good) return good;
    const auto text = value_text(parameter, place);
    if (!text) return std::unexpected(text.error());
    if (text->empty())
      return graph_fail(kMissing, std::string(place) + ": Parameter of type text is missing text value");
    if (forbidden_in_value(*text))
      return graph_fail(
          kBadText, std::string(place) +
                        ": Param text cannot have new-line/tab characters or more than 4 consecutive spaces");
    length += count_characters(*text);
  }
  if (length > limit)
    return graph_fail(kTooLong, std::string(place) + ": text is too long (" + std::to_string(length) +
                                    " characters, at most " + std::to_string(limit) + ")");
  return {};
}

Graph<> check_header_location(Node location) {
  if (!location["latitude"].there || !location["longitude"].there)
    return graph_fail(kMissing, "header: location needs latitude and longitude");
  return {};
}

Graph<> check_header(Node parameters, const CardShape& card, bool named, const CheckContext& context) {
  if (card.header == HeaderFormat::none)
    return parameters.size() == 0 ? Graph<>() : Graph<>(wrong_count("header", parameters.size(), 0));
  if (card.header == HeaderFormat::text)
    return check_texts(parameters, card.header_text, named, kMaxHeaderText, "header");
  const auto format = static_cast<std::size_t>(card.header);
  const Node parameter = parameters.first();
  const std::string_view type = parameter["type"].text();
  if (type != kFormatTypes[format])
    return graph_fail(kFormat, "header: Format mismatch, expected " + std::string(kFormatNames[format]) +
                                   ", received " + (type.empty() ? "UNKNOWN" : upper(type)));
  if (parameters.size() != 1) return wrong_count("header", parameters.size(), 1);
  if (card.header == HeaderFormat::location) return check_header_location(parameter["location"]);
  if (card.header == HeaderFormat::product) {
    if (parameter["product"]["product_retailer_id"].text().empty())
      return graph_fail(kMissing, "header: product_retailer_id is required");
    return {};
  }
  return check_media_object(parameter[type], context, type);
}

Graph<> button_text(Node parameter, std::size_t limit, std::string_view place) {
  const std::string_view text = parameter["text"].text();
  if (parameter["type"].text() != "text")
    return graph_fail(kFormat, std::string(place) + " expects a parameter of type text");
  if (text.empty())
    return graph_fail(kMissing, std::string(place) + ": Parameter of type text is missing text value");
  if (text.size() > limit)
    return graph_fail(kTooLong,
                      std::string(place) + ": text is longer than " + std::to_string(limit) + " characters");
  if (forbidden_in_value(text))
    return graph_fail(kBadText, std::string(place) + ": Param text cannot have new-line/tab characters");
  return {};
}

Graph<> check_coupon(Node parameter, std::string_view place) {
  const std::string_view code = parameter["coupon_code"].text();
  if (parameter["type"].text() != "coupon_code" || code.empty())
    return graph_fail(kFormat, std::string(place) + " expects a coupon_code");
  if (code.size() > kMaxCoupon)
    return graph_fail(kTooLong, std::string(place) + ": coupon_code is longer than 20 characters");
  return {};
}

Graph<> check_products(Node action, std::string_view place) {
  const Node sections = action["sections"];
  std::size_t products = 0;
  if (action["thumbnail_product_retailer_id"].text().empty() || sections.size() < 1 || sections.size() > 10)
    return graph_fail(kMissing,
                      std::string(place) + " requires thumbnail_product_retailer_id and 1 to 10 sections");
  for (const dom::element section : sections.array()) products += Node(section)["product_items"].size();
  if (products < 1 || products > 30)
    return graph_fail(kInvalid, std::string(place) + " takes 1 to 30 products");
  return {};
}

Graph<> check_order(Node order, std::string_view place) {
  for (const std::string_view member : {"reference_id", "type", "currency"})
    if (order[member].text().empty())
      return graph_fail(kMissing,
                        std::string(place) + ": order_details['" + std::string(member) + "'] is required");
  if (!order["total_amount"]["value"].is_number() || !order["order"].is_object())
    return graph_fail(kMissing, std::string(place) + ": order_details needs total_amount and order");
  return {};
}

Graph<> check_action(ButtonKind kind, Node parameter, std::string_view place) {
  const Node action = parameter["action"];
  if (parameter["type"].text() != "action" || !action.is_object())
    return graph_fail(kFormat, std::string(place) + " expects a parameter of type action");
  if (kind == ButtonKind::mpm) return check_products(action, place);
  if (kind == ButtonKind::order_details) return check_order(action["order_details"], place);
  return {};
}

Graph<> check_payload(Node parameter, std::string_view place) {
  if (parameter["type"].text() != "payload" || !parameter["payload"].is_string())
    return graph_fail(kFormat, std::string(place) + " expects a payload");
  if (parameter["payload"].text().size() > kMaxPayload)
    return graph_fail(kInvalid, std::string(place) + ": payload is longer than 256 characters");
  return {};
}

Graph<> check_button_value(const ButtonShape& button, Node parameter, std::string_view place) {
  switch (button.kind) {
    case ButtonKind::quick_reply:
      return check_payload(parameter, place);
    case ButtonKind::url:
      if (!button.needs_parameter)
        return graph_fail(kCount, std::string(place) + " has no variable in the template");
      return button_text(parameter, 2000, place);
    case ButtonKind::otp:
      return button_text(parameter, kMaxOtp, place);
    case ButtonKind::copy_code:
      return check_coupon(parameter, place);
    case ButtonKind::flow:
    case ButtonKind::catalog:
    case ButtonKind::mpm:
    case ButtonKind::order_details:
      return check_action(button.kind, parameter, place);
    default:
      return {};
  }
}

std::string button_place(std::size_t index, ButtonKind kind) {
  return "buttons: Button at index " + std::to_string(index) + " of type " +
         std::string(kButtonNames[static_cast<std::size_t>(kind)]);
}

Graph<> check_button(Node component, const CardShape& card, std::uint32_t& seen) {
  const std::int64_t index = component["index"].integer();
  if (index < 0) return graph_fail(kMissing, "buttons: index is required and must be a number");
  if (static_cast<std::size_t>(index) >= card.buttons.size())
    return graph_fail(
        kFormat, "buttons: Button at index " + std::to_string(index) + " does not exist in the template");
  const ButtonShape& button = card.buttons[static_cast<std::size_t>(index)];
  const std::string_view sub_type = component["sub_type"].text();
  if (!same_word(sub_type, kButtonSubTypes[static_cast<std::size_t>(button.kind)]))
    return graph_fail(kFormat, button_place(static_cast<std::size_t>(index), button.kind) +
                                   " does not match sub_type " + std::string(sub_type));
  seen |= 1U << index;
  const Node parameters = component["parameters"];
  if (parameters.size() == 0 && !button.needs_parameter) return {};
  if (parameters.size() == 0)
    return graph_fail(kMissing,
                      button_place(static_cast<std::size_t>(index), button.kind) + " requires a parameter");
  auto good = check_button_value(button, parameters.first(), "buttons");
  if (!good && good.error().details.starts_with("buttons"))
    good.error().details.replace(0, 7, button_place(static_cast<std::size_t>(index), button.kind));
  return good;
}

Graph<> check_offer(Node parameter, const CheckContext& context) {
  const std::int64_t expires = parameter["limited_time_offer"]["expiration_time_ms"].integer();
  if (parameter["type"].text() != "limited_time_offer")
    return graph_fail(kFormat, "limited_time_offer: a parameter of type limited_time_offer is required");
  if (expires < 0) return graph_fail(kMissing, "limited_time_offer: expiration_time_ms is required");
  if (expires * 1000 <= to_micros(context.now))
    return graph_fail(kInvalid, "limited_time_offer: expiration_time_ms must be in the future");
  return {};
}

// Which parts of a card a send has given values for.
struct Given {
  bool header = false, body = false, offer = false, carousel = false;
  std::uint32_t buttons = 0;
};

struct CardChecker {
  const TemplateShape& shape;
  const CardShape& card;
  const CheckContext& context;
  bool top;
  Given given = {};

  Graph<> cards(Node list) {
    given.carousel = true;
    if (list.size() != shape.cards.size())
      return graph_fail(kFormat, "carousel: number of cards (" + std::to_string(list.size()) +
                                     ") does not match the expected number of cards (" +
                                     std::to_string(shape.cards.size()) + ")");
    std::uint32_t seen = 0;
    std::size_t position = 0;
    for (const dom::element item : list.array()) {
      const Node one(item);
      const std::int64_t index =
          one["card_index"].there ? one["card_index"].integer() : static_cast<std::int64_t>(position);
      if (index < 0 || static_cast<std::size_t>(index) >= shape.cards.size() || (seen & (1U << index)) != 0)
        return graph_fail(kFormat, "carousel: card_index must name each card once, from 0");
      seen |= 1U << index;
      ++position;
      CardChecker inner{shape, shape.cards[static_cast<std::size_t>(index)], context, false};
      if (auto good = inner.check(one["components"]); !good) return good;
    }
    return {};
  }

  Graph<> component(Node c) {
    const std::string_view type = c["type"].text();
    if (same_word(type, "body") && !given.body) {
      given.body = true;
      return check_texts(c["parameters"], card.body, shape.named, card.body_limit, "body");
    }
    if (same_word(type, "header") && !given.header) {
      given.header = true;
      return check_header(c["parameters"], card, shape.named, context);
    }
    if (same_word(type, "button")) return check_button(c, card, given.buttons);
    if (top && same_word(type, "limited_time_offer") && shape.limited_time_offer) {
      given.offer = true;
      return check_offer(c["parameters"].first(), context);
    }
    if (top && same_word(type, "carousel") && !shape.cards.empty()) return cards(c["cards"]);
    if (top && same_word(type, "tap_target_configuration")) return {};
    return graph_fail(
        kFormat, "components: \"" + std::string(type) + "\" is unknown, given twice or not in the template");
  }

  // What the template needs and the send did not mention.
  Graph<> missing() const {
    if (!given.body && !card.body.names.empty()) return wrong_count("body", 0, card.body.names.size());
    if (!given.header && (card.header != HeaderFormat::none))
      if (auto good = check_header(Node(), card, shape.named, context); !good) return good;
    for (std::size_t i = 0; i < std::min(card.buttons.size(), kMaxButtons); ++i)
      if (card.buttons[i].needs_parameter && (given.buttons & (1U << i)) == 0)
        return graph_fail(kMissing, button_place(i, card.buttons[i].kind) + " requires a parameter");
    if (top && shape.offer_expires && !given.offer)
      return graph_fail(kMissing, "limited_time_offer: expiration_time_ms is required");
    if (top && !shape.cards.empty() && !given.carousel)
      return graph_fail(kFormat, "carousel: cards are required");
    return {};
  }

  Graph<> check(Node components) {
    if (components.there && !components.is_array())
      return graph_fail(100, "Param template['components'] must be an array.");
    if (components.there)
      for (const dom::element c : components.array())
        if (auto good = component(Node(c)); !good) return good;
    return missing();
  }
};

}  // namespace

Graph<> check_template(Node components, const Template& t, const CheckContext& context) {
  CardChecker checker{t.shape, t.shape.top, context, true};
  return checker.check(components);
}

}  // namespace posthorn::sandbox
