// Which values a template wants, and whether it may be sent at all.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "channels/whatsapp/template.h"

namespace posthorn::whatsapp {
namespace {

struct TypeWord {
  SlotType type;
  std::string_view word;
};
constexpr std::array kTypeWords = std::to_array<TypeWord>({
    {SlotType::text, "text"},
    {SlotType::currency, "currency"},
    {SlotType::date_time, "date_time"},
    {SlotType::media, "media"},
    {SlotType::file_name, "file_name"},
    {SlotType::latitude, "latitude"},
    {SlotType::longitude, "longitude"},
    {SlotType::place, "place"},
    {SlotType::url_suffix, "url_suffix"},
    {SlotType::otp_code, "otp_code"},
    {SlotType::payload, "payload"},
    {SlotType::coupon_code, "coupon_code"},
    {SlotType::flow_token, "flow_token"},
    {SlotType::flow_data, "flow_data"},
    {SlotType::product_id, "product_id"},
    {SlotType::catalog_id, "catalog_id"},
    {SlotType::product_sections, "product_sections"},
    {SlotType::order_details, "order_details"},
    {SlotType::order_status, "order_status"},
    {SlotType::expiration, "expiration"},
    {SlotType::minutes, "minutes"},
    {SlotType::url, "url"},
    {SlotType::title, "title"},
});

// Limits in characters; sources: Meta's template and message references.
constexpr std::size_t kHeaderText = 60;
constexpr std::size_t kBodyText = 1024;
constexpr std::size_t kUrl = 2000;
constexpr std::size_t kPayload = 128;
constexpr std::size_t kCoupon = 20;
constexpr std::size_t kOfferCoupon = 15;
constexpr std::size_t kOtpCode = 15;
constexpr std::size_t kPlaceName = 100;
constexpr std::size_t kPlaceAddress = 300;
constexpr std::size_t kFileName = 240;

class SlotLister {
 public:
  explicit SlotLister(const Template& t) : template_(t) {}

  std::vector<Slot> list() {
    header(template_.header, "", "Header");
    body(template_.body, "", "Body");
    if (template_.limited_time_offer) {
      add("limited_time_offer.expiration", SlotType::expiration, "Offer, end", template_.offer_expires);
    }
    if (template_.order_status()) add("order_status", SlotType::order_status, "Order status", true);
    for (std::size_t i = 0; i < template_.buttons.size(); ++i) button(template_.buttons[i], i, "", "Button");
    for (std::size_t i = 0; i < template_.cards.size(); ++i) card(template_.cards[i], i);
    if (template_.tap_target) {
      add("tap_target.url", SlotType::url, "Header tap, address", false, kUrl);
      add("tap_target.title", SlotType::title, "Header tap, title", false, kHeaderText);
    }
    return std::move(slots_);
  }

 private:
  void add(std::string name, SlotType type, std::string label, bool required, std::size_t limit = 0,
           std::string example = {}) {
    slots_.push_back({std::move(name), type, std::move(label), required, limit, std::move(example)});
  }

  void header(const TemplateHeader& h, const std::string& prefix, const std::string& where) {
    const std::string name = prefix + "header.";
    switch (h.kind) {
      case HeaderKind::none:
        return;
      case HeaderKind::text:
        return header_text(h.text, name, where);
      case HeaderKind::image:
      case HeaderKind::video:
      case HeaderKind::gif:
        return add(name + "media", SlotType::media, where + ", media", true);
      case HeaderKind::document:
        add(name + "media", SlotType::media, where + ", document", true);
        return add(name + "filename", SlotType::file_name, where + ", file name", false, kFileName);
      case HeaderKind::location:
        add(name + "location.latitude", SlotType::latitude, where + ", latitude", true);
        add(name + "location.longitude", SlotType::longitude, where + ", longitude", true);
        add(name + "location.name", SlotType::place, where + ", name of the place", false, kPlaceName);
        return add(name + "location.address", SlotType::place, where + ", address of the place", false,
                   kPlaceAddress);
      case HeaderKind::product:
        add(name + "product.id", SlotType::product_id, where + ", product", true);
        return add(name + "product.catalog", SlotType::catalog_id, where + ", catalog", true);
    }
  }

  void header_text(const TemplateText& text, const std::string& name, const std::string& where) {
    if (text.placeholders.empty()) return;
    add(name + "text", SlotType::text,
        fmt::format("{}, variable {{{{{}}}}}", where, text.placeholders.front().name), true, kHeaderText,
        text.examples.empty() ? "" : text.examples.front());
  }

  void body(const TemplateText& text, const std::string& prefix, const std::string& where) {
    std::vector<std::string> names;
    for (const Placeholder& p : text.placeholders) {
      if (std::ranges::find(names, p.name) == names.end()) names.push_back(p.name);
    }
    // Positional variables are sent in the order of their numbers, wherever they stand in the text.
    if (!template_.named()) {
      std::ranges::sort(names, [](const std::string& a, const std::string& b) {
        return a.size() != b.size() ? a.size() < b.size() : a < b;
      });
    }
    const bool code = template_.authentication();
    for (std::size_t i = 0; i < names.size(); ++i) {
      add(prefix + "body." + names[i], code ? SlotType::otp_code : SlotType::text,
          fmt::format("{}, variable {{{{{}}}}}", where, names[i]), true, code ? kOtpCode : kBodyText,
          i < text.examples.size() ? text.examples[i] : "");
    }
  }

  void button(const TemplateButton& b, std::size_t index, const std::string& prefix,
              const std::string& where) {
    const std::string name = fmt::format("{}button.{}.", prefix, index);
    const std::string label = fmt::format("{} \"{}\"", where, b.label.empty() ? b.type : b.label);
    switch (b.kind) {
      case ButtonKind::quick_reply:
        return add(name + "payload", SlotType::payload, label + ", payload", false, kPayload);
      case ButtonKind::url:
        return url_button(b, name, label);
      case ButtonKind::copy_code:
        return add(name + "copy_code", SlotType::coupon_code, label + ", code", true,
                   template_.limited_time_offer ? kOfferCoupon : kCoupon, b.example);
      case ButtonKind::flow:
        add(name + "flow_token", SlotType::flow_token, label + ", token", false);
        return add(name + "flow_data", SlotType::flow_data, label + ", first screen's data", false);
      case ButtonKind::catalog:
        return add(name + "thumbnail", SlotType::product_id, label + ", thumbnail product", false);
      case ButtonKind::multi_product:
        add(name + "thumbnail", SlotType::product_id, label + ", thumbnail product", true);
        return add(name + "sections", SlotType::product_sections, label + ", sections", true);
      case ButtonKind::voice_call:
        add(name + "ttl_minutes", SlotType::minutes, label + ", valid for minutes", false);
        return add(name + "payload", SlotType::payload, label + ", payload", false, 512);
      case ButtonKind::order_details:
        return add(name + "order_details", SlotType::order_details, label + ", order", true);
      case ButtonKind::otp:  // takes the code of the body
      case ButtonKind::phone_number:
      case ButtonKind::single_product:  // takes the product of the header
      case ButtonKind::request_contact_info:
      case ButtonKind::other:
        return;
    }
  }

  void url_button(const TemplateButton& b, const std::string& name, const std::string& label) {
    if (b.url.placeholders.empty() || template_.authentication()) return;
    const std::size_t fixed =
        b.url.text.size() - (b.url.placeholders.front().end - b.url.placeholders.front().begin);
    add(name + "url", SlotType::url_suffix, label + ", end of the address", true,
        kUrl - std::min(kUrl, fixed), b.example);
  }

  void card(const TemplateCard& c, std::size_t index) {
    const std::string prefix = fmt::format("card.{}.", index);
    const std::string where = fmt::format("Card {}", index + 1);
    header(c.header, prefix, where + ", header");
    body(c.body, prefix, where + ", body");
    for (std::size_t i = 0; i < c.buttons.size(); ++i) button(c.buttons[i], i, prefix, where + ", button");
  }

  const Template& template_;
  std::vector<Slot> slots_;
};

struct StatusAdvice {
  std::string_view status, advice;
};
constexpr std::array kStatusAdvice = std::to_array<StatusAdvice>({
    {"PENDING", "Meta is still reviewing it; wait for its approval."},
    {"REJECTED", "Meta rejected it; correct it and submit it again, or choose another template."},
    {"PAUSED", "Meta paused it for low quality; wait until the pause ends or choose another template."},
    {"DISABLED", "Meta disabled it for good; make a new template."},
    {"IN_APPEAL", "An appeal is running; wait for Meta's decision."},
    {"PENDING_DELETION", "It is being deleted; choose another template."},
    {"DELETED", "It was deleted; choose another template."},
    {"LIMIT_EXCEEDED", "The account has too many templates; delete some and submit it again."},
    {"ARCHIVED", "It is archived; bring it back in WhatsApp Manager or choose another template."},
    {"LOCKED", "Meta has locked it; choose another template."},
});

bool is_unknown_button(const TemplateButton& b) {
  return b.kind == ButtonKind::other;
}

}  // namespace

std::string_view to_string(SlotType type) {
  const auto* entry = std::ranges::find(kTypeWords, type, &TypeWord::type);
  return entry == kTypeWords.end() ? "text" : entry->word;
}

std::optional<SlotType> slot_type_from(std::string_view text) {
  const auto* entry = std::ranges::find(kTypeWords, text, &TypeWord::word);
  if (entry == kTypeWords.end()) return std::nullopt;
  return entry->type;
}

std::vector<Slot> variables(const Template& message_template) {
  return SlotLister(message_template).list();
}

std::vector<TemplateProblem> check_sendable(const Template& t) {
  std::vector<TemplateProblem> problems;
  const TemplateFacts& facts = t.facts;
  if (facts.status != "APPROVED") {
    const auto* entry =
        std::ranges::find(kStatusAdvice, std::string_view(facts.status), &StatusAdvice::status);
    const std::string_view advice =
        entry == kStatusAdvice.end() ? "Only approved templates can be sent." : entry->advice;
    problems.push_back(
        {true, fmt::format("Template \"{}\" ({}) is {}, not APPROVED. {}{}{}", facts.name, facts.language,
                           facts.status.empty() ? "of unknown status" : facts.status, advice,
                           facts.reason.empty() ? "" : " Reason: ", facts.reason)});
  }
  if (!facts.correct_category.empty() && facts.correct_category != facts.category) {
    problems.push_back(
        {false, fmt::format("Meta will move template \"{}\" from {} to {}; its price and rules change then.",
                            facts.name, facts.category, facts.correct_category)});
  }
  if (facts.quality == "RED") {
    problems.push_back(
        {false,
         fmt::format("Template \"{}\" has RED quality: Meta may pause it in the middle of a broadcast.",
                     facts.name)});
  }
  if (std::ranges::any_of(t.buttons, is_unknown_button)) {
    problems.push_back(
        {false,
         fmt::format(
             "Template \"{}\" has a button of a kind unknown to this version; it is sent without values.",
             facts.name)});
  }
  if (t.body.text.empty() && t.cards.empty()) {
    problems.push_back({true, fmt::format("Template \"{}\" has no body; it cannot be sent.", facts.name)});
  }
  return problems;
}

}  // namespace posthorn::whatsapp
