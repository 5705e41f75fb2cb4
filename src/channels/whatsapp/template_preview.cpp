// A message as a person would see it.
#include <fmt/format.h>

#include "channels/whatsapp/template_message.h"

namespace posthorn::whatsapp {
namespace {

class Preview {
 public:
  Preview(const Template& t, const SlotValues& values) : template_(t), values_(values) {}

  std::string text() {
    part(template_.header, template_.body, template_.footer, "");
    if (template_.code_expiration_minutes > 0)
      line(fmt::format("This code expires in {} minutes.", template_.code_expiration_minutes));
    if (template_.limited_time_offer)
      line(fmt::format("[offer] {} {}", template_.offer_text, value("limited_time_offer.expiration", "")));
    buttons(template_.buttons, "");
    for (std::size_t i = 0; i < template_.cards.size(); ++i) {
      line(fmt::format("--- card {} ---", i + 1));
      const std::string prefix = fmt::format("card.{}.", i);
      part(template_.cards[i].header, template_.cards[i].body, "", prefix);
      buttons(template_.cards[i].buttons, prefix);
    }
    return std::move(out_);
  }

 private:
  std::string value(const std::string& slot, std::string_view fallback) const {
    const auto it = values_.find(slot);
    return it != values_.end() && !it->second.empty() ? it->second : std::string(fallback);
  }

  void line(std::string_view text) {
    if (!out_.empty()) out_ += '\n';
    out_ += text;
  }

  // `single` is the slot of a text with one placeholder; otherwise slots are prefix + name.
  std::string filled(const TemplateText& text, const std::string& prefix, const std::string& single) const {
    std::string out;
    std::size_t position = 0;
    for (const Placeholder& p : text.placeholders) {
      const std::string_view shown = std::string_view(text.text).substr(p.begin, p.end - p.begin);
      out.append(text.text, position, p.begin - position);
      out += value(single.empty() ? prefix + p.name : single, shown);
      position = p.end;
    }
    return out.append(text.text, position);
  }

  void header(const TemplateHeader& h, const std::string& prefix) {
    const std::string base = prefix + "header.";
    switch (h.kind) {
      case HeaderKind::none:
        return;
      case HeaderKind::text:
        return line(filled(h.text, base, base + "text"));
      case HeaderKind::image:
        return line(fmt::format("[image {}]", value(base + "media", "")));
      case HeaderKind::video:
        return line(fmt::format("[video {}]", value(base + "media", "")));
      case HeaderKind::gif:
        return line(fmt::format("[gif {}]", value(base + "media", "")));
      case HeaderKind::document:
        return line(fmt::format("[document {}]", value(base + "filename", value(base + "media", ""))));
      case HeaderKind::location:
        return line(fmt::format("[location {} {}, {}]", value(base + "location.name", ""),
                                value(base + "location.latitude", ""),
                                value(base + "location.longitude", "")));
      case HeaderKind::product:
        return line(fmt::format("[product {}]", value(base + "product.id", "")));
    }
  }

  void part(const TemplateHeader& h, const TemplateText& body, const std::string& footer,
            const std::string& prefix) {
    header(h, prefix);
    if (!body.text.empty()) line(filled(body, prefix + "body.", ""));
    if (!footer.empty()) line(footer);
  }

  void buttons(const std::vector<TemplateButton>& list, const std::string& prefix) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      const TemplateButton& b = list[i];
      const std::string base = fmt::format("{}button.{}.", prefix, i);
      std::string detail = b.phone_number;
      if (b.kind == ButtonKind::url)
        detail = filled(b.url, "", template_.authentication() ? "body.1" : base + "url");
      if (b.kind == ButtonKind::copy_code) detail = value(base + "copy_code", "");
      line(fmt::format("[{}{}{}]", b.label.empty() ? b.type : b.label, detail.empty() ? "" : ": ", detail));
    }
  }

  const Template& template_;
  const SlotValues& values_;
  std::string out_;
};

}  // namespace

std::string render_preview(const Template& message_template, const SlotValues& values) {
  return Preview(message_template, values).text();
}

std::string CompiledTemplateMessage::preview(std::span<const std::string_view> values) const {
  SlotValues all = options_.constants;
  for (std::size_t i = 0; i < values.size() && i < slots_.size(); ++i)
    all[slots_[i].name] = std::string(values[i]);
  return render_preview(template_, all);
}

}  // namespace posthorn::whatsapp
