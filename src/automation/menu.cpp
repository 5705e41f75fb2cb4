#include "automation/menu.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "automation/rule_fields.h"
#include "automation/rule_text.h"
#include "channels/whatsapp/free_form_message.h"

namespace posthorn::automation {
namespace {

constexpr std::size_t kMaxMenuName = 40, kMaxChoiceId = 100, kMaxUrl = 2000, kMaxAnswer = 4096;
constexpr std::size_t kMaxQuickReplies = 13, kMaxQuickReplyTitle = 20;
constexpr std::size_t kMaxInstagramBytes = 1000, kMaxMessengerCharacters = 2000;
constexpr std::string_view kChoicePrefix = "menu:";

struct ActionName {
  std::string_view name;
  ChoiceAction action;
};
constexpr auto kActionNames = std::to_array<ActionName>({
    {"none", ChoiceAction::none},
    {"text", ChoiceAction::text},
    {"url", ChoiceAction::url},
    {"menu", ChoiceAction::menu},
    {"send_text", ChoiceAction::text},
    {"open_url", ChoiceAction::url},
    {"invoke_action", ChoiceAction::menu},
});

bool is_name(std::string_view text, std::size_t most, bool capitals) {
  return !text.empty() && text.size() <= most && std::ranges::all_of(text, [capitals](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           (capitals && ((c >= 'A' && c <= 'Z') || c == '.'));
  });
}

// A member under its name or the older one; an error when both are given.
Result<std::string> either(const JsonView& view, std::string_view key, std::string_view older) {
  if (view[key].exists() && view[older].exists())
    return wrong(view[older], fmt::format("says the same as {}; leave it out", key));
  return text_member(view, view[older].exists() ? older : key);
}

Result<ChoiceAction> parse_action(const JsonView& row) {
  PH_TRY_ASSIGN(const std::string name, either(row, "action", "actionType"));
  if (name.empty()) return ChoiceAction::none;
  const auto* known = std::ranges::find(kActionNames, std::string_view(name), &ActionName::name);
  if (known != kActionNames.end()) return known->action;
  return wrong(row["action"], "must be text, url, menu or none");
}

bool is_link(std::string_view text) {
  return (text.starts_with("https://") || text.starts_with("http://")) && text.size() <= kMaxUrl &&
         text.find_first_of(" \t\r\n\"<>") == std::string_view::npos &&
         text.find('.') != std::string_view::npos;
}

// What the row's action needs.
Result<> check_action(const JsonView& view, const MenuRow& row) {
  if (row.action == ChoiceAction::text) {
    PH_TRY(check_characters(view["text"], row.text, 1, kMaxAnswer));
  } else if (row.action == ChoiceAction::url) {
    if (!is_link(row.value))
      return wrong(view["value"], "must be a link that begins with https:// or http://");
    PH_TRY(check_characters(view["text"], row.text, 0, kMaxAnswer - kMaxUrl - 1));
  } else if (row.action == ChoiceAction::menu) {
    if (!is_name(row.value, kMaxMenuName, false)) return wrong(view["value"], "must be the name of a menu");
  }
  return check_placeholders(row.text, view["text"].path());
}

Result<MenuRow> parse_row(const JsonView& view, std::size_t title_limit) {
  PH_TRY(check_members(view, {"id", "title", "description", "action", "value", "text", "rowId", "actionType",
                              "actionValue", "answerText"}));
  MenuRow row;
  PH_TRY_ASSIGN(row.id, either(view, "id", "rowId"));
  PH_TRY_ASSIGN(row.title, text_member(view, "title"));
  PH_TRY_ASSIGN(row.description, text_member(view, "description"));
  PH_TRY_ASSIGN(row.action, parse_action(view));
  PH_TRY_ASSIGN(row.value, either(view, "value", "actionValue"));
  PH_TRY_ASSIGN(row.text, either(view, "text", "answerText"));
  if (!is_name(row.id, kMaxChoiceId, true))
    return wrong(view["id"], fmt::format("must be 1 to {} letters, digits, '-', '_' or '.'", kMaxChoiceId));
  PH_TRY(check_characters(view["title"], row.title, 1, title_limit));
  PH_TRY(check_characters(view["description"], row.description, 0, whatsapp::kMaxRowDescription));
  PH_TRY(check_action(view, row));
  return row;
}

Result<MenuSection> parse_section(const JsonView& view, std::size_t title_limit) {
  PH_TRY(check_members(view, {"title", "rows"}));
  MenuSection section;
  PH_TRY_ASSIGN(section.title, text_member(view, "title"));
  PH_TRY(check_characters(view["title"], section.title, 0, whatsapp::kMaxSectionTitle));
  const JsonView rows = view["rows"];
  if (rows.size() == 0) return wrong(rows, "must be a list with at least one row");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    PH_TRY_ASSIGN(MenuRow row, parse_row(rows[i], title_limit));
    section.rows.push_back(std::move(row));
  }
  return section;
}

// What holds for the rows together.
Result<> check_rows(const JsonView& sections, const Menu& menu) {
  const std::size_t most = menu.style == MenuStyle::buttons ? whatsapp::kMaxButtons : whatsapp::kMaxRows;
  std::size_t rows = 0;
  std::set<std::string_view> ids, titles;
  for (std::size_t s = 0; s < menu.sections.size(); ++s) {
    const MenuSection& section = menu.sections[s];
    if (menu.sections.size() > 1 && section.title.empty())
      return wrong(sections[s]["title"], "is missing; with several sections each needs a title");
    for (std::size_t r = 0; r < section.rows.size(); ++r) {
      const JsonView view = sections[s]["rows"][r];
      if (!ids.insert(section.rows[r].id).second) return wrong(view["id"], "appears twice in the menu");
      if (!titles.insert(section.rows[r].title).second)
        return wrong(view["title"], "appears twice in the menu");
      ++rows;
    }
  }
  if (rows > most)
    return wrong(sections, fmt::format("have {} rows together; at most {} are allowed", rows, most));
  return {};
}

Result<> parse_sections(const JsonView& view, Menu& menu) {
  const JsonView sections = view["sections"];
  const bool buttons = menu.style == MenuStyle::buttons;
  const std::size_t most = buttons ? 1 : whatsapp::kMaxSections;
  if (sections.size() == 0 || sections.size() > most)
    return wrong(sections, fmt::format("must be a list of 1 to {} sections", most));
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const std::size_t title_limit = buttons ? whatsapp::kMaxButtonTitle : whatsapp::kMaxRowTitle;
    PH_TRY_ASSIGN(MenuSection section, parse_section(sections[i], title_limit));
    menu.sections.push_back(std::move(section));
  }
  return check_rows(sections, menu);
}

Result<> parse_frame(const JsonView& view, Menu& menu) {
  PH_TRY_ASSIGN(const std::string style, text_member(view, "style", "list"));
  if (style != "list" && style != "buttons") return wrong(view["style"], "must be list or buttons");
  menu.style = style == "buttons" ? MenuStyle::buttons : MenuStyle::list;
  PH_TRY_ASSIGN(menu.header, text_member(view, "header"));
  PH_TRY_ASSIGN(menu.body, either(view, "body", "bodyText"));
  PH_TRY_ASSIGN(menu.footer, text_member(view, "footer"));
  PH_TRY_ASSIGN(menu.button, either(view, "button", "buttonText"));
  const bool buttons = menu.style == MenuStyle::buttons;
  PH_TRY(check_characters(view["header"], menu.header, 0, whatsapp::kMaxInteractiveHeader));
  PH_TRY(check_characters(view["body"], menu.body, 1,
                          buttons ? whatsapp::kMaxInteractiveBody : whatsapp::kMaxListBody));
  PH_TRY(check_characters(view["footer"], menu.footer, 0, whatsapp::kMaxInteractiveFooter));
  PH_TRY(check_characters(view["button"], menu.button, buttons ? 0 : 1, whatsapp::kMaxButtonTitle));
  return check_placeholders(menu.body, "body");
}

json::object row_json(const MenuRow& row) {
  json::object out;
  out["id"] = row.id;
  out["title"] = row.title;
  if (!row.description.empty()) out["description"] = row.description;
  out["action"] = to_string(row.action);
  if (!row.value.empty()) out["value"] = row.value;
  if (!row.text.empty()) out["text"] = row.text;
  return out;
}

}  // namespace

std::string_view to_string(ChoiceAction action) {
  return std::ranges::find(kActionNames, action, &ActionName::action)->name;
}

std::string choice_id(std::string_view menu, std::string_view row) {
  return fmt::format("{}{}:{}", kChoicePrefix, menu, row);
}

Result<Menu> parse_menu(std::string_view name, const json::value& definition) {
  if (!is_name(name, kMaxMenuName, false)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a menu's name is 1 to {} of a-z, 0-9, '-' and '_'", kMaxMenuName), "menu_id");
  }
  const JsonView view(definition);
  if (!definition.is_object()) return wrong(view, "must be an object");
  PH_TRY(check_members(view, {"style", "header", "body", "footer", "button", "sections", "bodyText",
                              "buttonText", "menuId", "menu_id"}));
  Menu menu;
  menu.name = std::string(name);
  PH_TRY(parse_frame(view, menu));
  PH_TRY(parse_sections(view, menu));
  return menu;
}

json::object to_json(const Menu& menu) {
  json::array sections;
  for (const MenuSection& section : menu.sections) {
    json::array rows;
    for (const MenuRow& row : section.rows) rows.emplace_back(row_json(row));
    json::object out;
    if (!section.title.empty()) out["title"] = section.title;
    out["rows"] = std::move(rows);
    sections.emplace_back(std::move(out));
  }
  json::object out;
  out["style"] = menu.style == MenuStyle::buttons ? "buttons" : "list";
  if (!menu.header.empty()) out["header"] = menu.header;
  out["body"] = menu.body;
  if (!menu.footer.empty()) out["footer"] = menu.footer;
  if (!menu.button.empty()) out["button"] = menu.button;
  out["sections"] = std::move(sections);
  return out;
}

Result<> check_menu(const Menu& menu, channels::Channel channel) {
  if (channel == channels::Channel::whatsapp) return {};
  const std::size_t words = menu.header.size() + menu.body.size() + menu.footer.size() + 4;
  const bool too_long =
      channel == channels::Channel::instagram ? words > kMaxInstagramBytes : words > kMaxMessengerCharacters;
  if (too_long) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("header, body and footer are too long for {}; together at most {} bytes",
                    channels::to_string(channel),
                    channel == channels::Channel::instagram ? kMaxInstagramBytes : kMaxMessengerCharacters),
        "body");
  }
  std::size_t rows = 0;
  for (const MenuSection& section : menu.sections) {
    rows += section.rows.size();
    for (const MenuRow& row : section.rows) {
      if (character_count(row.title) <= kMaxQuickReplyTitle) continue;
      return fail(ErrorCode::invalid_argument,
                  fmt::format("the title '{}' is too long for {}; at most {} characters are shown there",
                              row.title, channels::to_string(channel), kMaxQuickReplyTitle),
                  "sections");
    }
  }
  if (rows <= kMaxQuickReplies) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("at most {} quick replies are shown", kMaxQuickReplies), "sections");
}

const Menu* MenuBook::find(AccountId account, std::string_view name) const {
  const StoredMenu* found = nullptr;
  for (const StoredMenu& stored : menus_) {
    if (stored.menu.name != name || (stored.account && stored.account != account)) continue;
    if (found == nullptr || stored.account) found = &stored;
  }
  return found != nullptr && found->enabled ? &found->menu : nullptr;
}

std::optional<MenuBook::Choice> MenuBook::choice(AccountId account, std::string_view payload) const {
  if (!payload.starts_with(kChoicePrefix)) return std::nullopt;
  payload.remove_prefix(kChoicePrefix.size());
  const std::size_t colon = payload.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const Menu* menu = find(account, payload.substr(0, colon));
  if (menu == nullptr) return std::nullopt;
  for (const MenuSection& section : menu->sections) {
    const auto row = std::ranges::find(section.rows, payload.substr(colon + 1), &MenuRow::id);
    if (row != section.rows.end()) return Choice{menu, &*row};
  }
  return std::nullopt;
}

}  // namespace posthorn::automation
