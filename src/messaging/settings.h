// Small settings the program itself owns, such as the sealed key for correlation tokens and the webhook
// verify token.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "storage/database.h"

namespace posthorn::settings {

Result<std::optional<std::string>> get(Transaction& tx, std::string_view name);
Result<> set(Transaction& tx, std::string_view name, std::string_view value);
// The stored value, or `candidate` after storing it. Draw the candidate (random, sealed) before the
// transaction; if two callers race, both get the one that was stored first.
Result<std::string> get_or_create(Transaction& tx, std::string_view name, std::string_view candidate);

}  // namespace posthorn::settings
