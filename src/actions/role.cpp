#include "actions/role.h"

#include <array>

namespace posthorn {
namespace {
constexpr std::array<std::string_view, 4> kNames = {"viewer", "agent", "marketer", "admin"};
}

std::string_view to_string(Role role) {
  return kNames[static_cast<std::size_t>(role)];
}

std::optional<Role> role_from(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == text) return static_cast<Role>(i);
  return std::nullopt;
}

}  // namespace posthorn
