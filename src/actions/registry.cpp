#include "actions/registry.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthorn {

Registry::Registry(std::vector<Action> actions) : actions_(std::move(actions)) {}

const Action* Registry::find(std::string_view name) const {
  const auto found = std::ranges::find(actions_, name, &Action::name);
  return found == actions_.end() ? nullptr : &*found;
}

Result<const Action*> Registry::get(std::string_view name) const {
  if (const auto* action = find(name)) return action;
  const auto known = names();
  const auto nearest = nearest_name(name, known);
  const auto hint = nearest.empty() ? std::string("list_actions shows all of them")
                                    : fmt::format("did you mean '{}'?", nearest);
  return fail(ErrorCode::not_found, fmt::format("there is no action '{}'; {}", name.substr(0, 80), hint),
              "action");
}

std::vector<std::string> Registry::names() const {
  std::vector<std::string> out;
  for (const auto& action : actions_) out.push_back(action.name);
  std::ranges::sort(out);
  return out;
}

std::vector<std::string> Registry::categories() const {
  std::vector<std::string> out;
  for (const auto& action : actions_)
    if (std::ranges::find(out, action.category) == out.end()) out.push_back(action.category);
  return out;
}

}  // namespace posthorn
