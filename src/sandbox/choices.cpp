#include "sandbox/choices.h"

#include <algorithm>

#include <boost/json.hpp>

#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace js = boost::json;
namespace {

const js::array& list_in(const js::value* holder, std::string_view name) {
  static const js::array kNone;
  const js::value* list = holder == nullptr ? nullptr : member(*holder, name);
  return list != nullptr && list->is_array() ? list->get_array() : kNone;
}

const js::value* at(const js::value* holder, std::string_view name) {
  return holder == nullptr ? nullptr : member(*holder, name);
}

void add_interactive(std::vector<Choice>& out, const js::value& interactive) {
  const js::value* action = member(interactive, "action");
  for (const js::value& button : list_in(action, "buttons"))
    if (const js::value* reply = member(button, "reply"))
      out.push_back({Choice::Kind::button_reply, text_of(*reply, "id"), text_of(*reply, "title"), {}});
  for (const js::value& section : list_in(action, "sections"))
    for (const js::value& row : list_in(&section, "rows"))
      out.push_back(
          {Choice::Kind::list_reply, text_of(row, "id"), text_of(row, "title"), text_of(row, "description")});
}

// The payload a send gave to the button at `index`; the button's own text otherwise.
std::string payload_of(const js::value& body, std::size_t index, const std::string& fallback) {
  for (const js::value& component : list_in(member(body, "template"), "components")) {
    const js::value* position = member(component, "index");
    if (text_of(component, "sub_type") != "quick_reply" || position == nullptr) continue;
    const std::string shown =
        position->is_string() ? std::string(position->get_string()) : js::serialize(*position);
    const js::array& parameters = list_in(&component, "parameters");
    if (shown == std::to_string(index) && !parameters.empty())
      return text_of(parameters.front(), "payload", fallback);
  }
  return fallback;
}

void add_template(std::vector<Choice>& out, const js::object& definition, const js::value& body) {
  const js::value whole(definition);
  for (const js::value& component : list_in(&whole, "components")) {
    if (text_of(component, "type") != "BUTTONS") continue;
    std::size_t index = 0;
    for (const js::value& button : list_in(&component, "buttons")) {
      const std::string title = text_of(button, "text");
      if (text_of(button, "type") == "QUICK_REPLY")
        out.push_back({Choice::Kind::template_button, payload_of(body, index, title), title, {}});
      ++index;
    }
  }
}

void add_postbacks(std::vector<Choice>& out, const js::value& holder) {
  for (const js::value& button : list_in(&holder, "buttons"))
    if (text_of(button, "type") == "postback")
      out.push_back({Choice::Kind::postback, text_of(button, "payload"), text_of(button, "title"), {}});
}

}  // namespace

std::vector<Choice> choices_of(const World& world, const Message& message) {
  std::vector<Choice> out;
  js::error_code ec;
  const std::string_view text = world.ledger.body(message.id);
  const js::value body = text.empty() ? js::value() : js::parse(text, ec);
  if (const js::value* interactive = member(body, "interactive")) add_interactive(out, *interactive);
  const std::string_view subject = world.ledger.subject_name(message.subject);
  const std::size_t slash = subject.find('/');
  if (slash == std::string_view::npos) return out;
  const auto& all = world.templates.all();
  const auto found = std::ranges::find_if(all, [&](const auto& entry) {
    return entry.second.name == subject.substr(0, slash) &&
           entry.second.language == subject.substr(slash + 1);
  });
  if (found != all.end()) add_template(out, found->second.definition, body);
  return out;
}

std::vector<Choice> choices_of(const js::value& message) {
  std::vector<Choice> out;
  for (const js::value& reply : list_in(&message, "quick_replies"))
    out.push_back({Choice::Kind::quick_reply, text_of(reply, "payload"), text_of(reply, "title"), {}});
  const js::value* payload = at(member(message, "attachment"), "payload");
  if (payload == nullptr) return out;
  add_postbacks(out, *payload);
  for (const js::value& element : list_in(payload, "elements")) add_postbacks(out, element);
  return out;
}

const Choice* pick(const std::vector<Choice>& choices, const js::value& wanted) {
  if (choices.empty()) return nullptr;
  js::error_code ec;
  if (wanted.is_number()) {
    const auto position = wanted.to_number<std::int64_t>(ec);
    const bool there = !ec && position >= 1 && static_cast<std::size_t>(position) <= choices.size();
    return there ? &choices[static_cast<std::size_t>(position) - 1] : nullptr;
  }
  if (!wanted.is_string()) return &choices.front();
  const std::string_view name = wanted.get_string();
  const auto it =
      std::ranges::find_if(choices, [&](const Choice& c) { return c.id == name || c.title == name; });
  return it == choices.end() ? nullptr : &*it;
}

std::optional<Message> last_sent(const World& world, std::uint64_t phone) {
  const std::vector<Message> all = world.ledger.messages_for(phone);
  return all.empty() ? std::nullopt : std::optional(all.back());
}

}  // namespace posthorn::sandbox
