// Port: the process environment. The only place that reads it, so that everything else gets its settings as
// values.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn {

// Empty optional when the variable is not set; an empty string when it is set to nothing.
std::optional<std::string> environment_variable(const std::string& name);

// Every variable whose name starts with `prefix`, by full name.
std::map<std::string, std::string> environment_with_prefix(std::string_view prefix);

}  // namespace posthorn
