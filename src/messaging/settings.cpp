#include "messaging/settings.h"

namespace posthorn::settings {

Result<std::optional<std::string>> get(Transaction& tx, std::string_view name) {
  PH_TRY_ASSIGN(auto rows, tx.query("SELECT value FROM settings WHERE name = $1", {name}));
  PH_TRY_ASSIGN(const bool any, rows.next());
  if (!any) return std::nullopt;
  return std::string(rows.text(0));
}

Result<> set(Transaction& tx, std::string_view name, std::string_view value) {
  PH_TRY(
      tx.execute("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value "
                 "= excluded.value",
                 {name, value}));
  return {};
}

Result<std::string> get_or_create(Transaction& tx, std::string_view name, std::string_view candidate) {
  PH_TRY(tx.execute("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                    {name, candidate}));
  PH_TRY_ASSIGN(auto stored, get(tx, name));
  return std::move(*stored);
}

}  // namespace posthorn::settings
