// Who may do what. Each role may do everything the roles before it may.
#pragma once
#include <optional>
#include <string_view>

namespace posthorn {

enum class Role {
  viewer,    // sees broadcasts, reports, templates and numbers
  agent,     // also sends single messages
  marketer,  // also makes, starts and stops broadcasts; manages uploads and the suppression list
  admin,     // also adds numbers and keys, and looks after the server
};

std::string_view to_string(Role role);
std::optional<Role> role_from(std::string_view text);
constexpr bool allows(Role has, Role needs) {
  return static_cast<int>(has) >= static_cast<int>(needs);
}

}  // namespace posthorn
