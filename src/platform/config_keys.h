// The table of settings: the one declaration of every key. parse_config() and the documentation read it.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "platform/config.h"

namespace posthorn {

// Where a value goes; the alternative is the key's type. Secret: a string that is never shown.
using ConfigSlot =
    std::variant<std::int64_t& (*)(Config&), double& (*)(Config&), std::string& (*)(Config&),
                 std::vector<std::string>& (*)(Config&), Duration& (*)(Config&), Secret& (*)(Config&)>;

struct ConfigRange {  // of numbers; of durations in seconds
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();
};

struct ConfigKey {
  std::string_view name;  // "http.port"
  ConfigSlot slot;
  std::string_view default_text;  // as in a variable: lists with commas
  ConfigRange range;
  bool (*valid)(std::string_view text);  // of a text or of each entry of a list; nullptr: any
  std::string_view wanted;               // completes "must be …"
  std::string_view help;                 // one sentence or two
};

std::span<const ConfigKey> config_keys();

bool is_secret(const ConfigKey& key);
std::string environment_name(const ConfigKey& key);  // "POSTHORN_HTTP_PORT"
std::string_view type_name(const ConfigKey& key);    // "whole number", "duration", …

}  // namespace posthorn
