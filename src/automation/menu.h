// Menus: what a person may choose from, and what each choice does. Checked against Meta's limits when they
// are saved; nothing is ever cut.
//
// Limits: Meta's interactive list and reply button references (WhatsApp), quick replies reference (Instagram,
// Messenger).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "channels/conversation_events.h"
#include "core/ids.h"
#include "core/json.h"
#include "core/result.h"

namespace posthorn::automation {

enum class ChoiceAction { none, text, url, menu };  // none: a person will answer
std::string_view to_string(ChoiceAction action);

struct MenuRow {
  std::string id;           // unique in the menu: letters, digits, '-', '_', '.'; at most 100
  std::string title;        // 1 to 24 characters, unique; 20 where it becomes a button or quick reply
  std::string description;  // at most 72 characters; shown in lists only
  ChoiceAction action = ChoiceAction::none;
  std::string value;  // url: the link; menu: another menu's name
  std::string text;   // text: the answer; url: words before the link
  friend bool operator==(const MenuRow&, const MenuRow&) = default;
};
struct MenuSection {
  std::string title;  // at most 24 characters; required when there are several sections
  std::vector<MenuRow> rows;
  friend bool operator==(const MenuSection&, const MenuSection&) = default;
};

enum class MenuStyle { list, buttons };  // WhatsApp; the other channels show quick replies

struct Menu {
  std::string name;  // 1 to 40 of a-z, 0-9, '-', '_'
  MenuStyle style = MenuStyle::list;
  std::string header;  // at most 60 characters; may be empty
  std::string body;  // 1 to 4096 characters in a list, 1024 with buttons; may hold placeholders (rule_text.h)
  std::string footer;                 // at most 60 characters
  std::string button;                 // opens the list: 1 to 20 characters
  std::vector<MenuSection> sections;  // 1 to 10, at most 10 rows together; buttons: one section, 3 rows
  friend bool operator==(const Menu&, const Menu&) = default;
};

// A menu as it is stored: for one account, or (account 0) for all that have none of this name.
struct StoredMenu {
  AccountId account;
  bool enabled = true;
  Menu menu;
};

// What the channel gets as the id of a choice: "menu:<menu>:<row>".
std::string choice_id(std::string_view menu, std::string_view row);

// From JSON; also takes buttonText, bodyText, rowId, actionType (invoke_action, open_url, send_text),
// actionValue and answerText. Errors name the field.
Result<Menu> parse_menu(std::string_view name, const json::value& definition);
json::object to_json(const Menu& menu);

// Whether this channel would show it whole. parse_menu() has checked for WhatsApp already.
Result<> check_menu(const Menu& menu, channels::Channel channel);

// The menus that hold at one moment.
class MenuBook {
 public:
  MenuBook() = default;
  explicit MenuBook(std::vector<StoredMenu> menus) : menus_(std::move(menus)) {}

  // The account's own, or the one for all; null if there is none or it is switched off.
  const Menu* find(AccountId account, std::string_view name) const;

  struct Choice {
    const Menu* menu = nullptr;
    const MenuRow* row = nullptr;
  };
  // What was chosen, if `payload` is the id of a row of a menu that holds.
  std::optional<Choice> choice(AccountId account, std::string_view payload) const;
  bool empty() const { return menus_.empty(); }

 private:
  std::vector<StoredMenu> menus_;
};

}  // namespace posthorn::automation
