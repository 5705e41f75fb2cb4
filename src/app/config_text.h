// The settings in force as people may see them.
#pragma once
#include <string>

#include "platform/config.h"

namespace posthorn {

// "key = value" lines in the order of the reference; secrets show only whether they are set.
std::string config_text(const Config& config);

}  // namespace posthorn
