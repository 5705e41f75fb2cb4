#include "actions/template_sync.h"

#include <fmt/format.h>

#include "actions/account_runtime.h"
#include "platform/clock.h"

namespace posthorn {
namespace {

Result<TemplateSync> store(Transaction& tx, const std::vector<StoredTemplate>& rows,
                           const std::string& business_id, WallTime began) {
  TemplateSync outcome;
  for (const auto& row : rows) {
    PH_TRY_ASSIGN(const auto what, templates::upsert(tx, row));
    ++outcome.total;
    if (what == templates::UpsertOutcome::added) ++outcome.added;
    if (what == templates::UpsertOutcome::changed) ++outcome.changed;
  }
  PH_TRY_ASSIGN(const auto missing, templates::mark_missing(tx, business_id, began));
  for (const auto& t : missing) outcome.missing.push_back(fmt::format("{} ({})", t.name, t.language));
  return outcome;
}

}  // namespace

Task<Result<TemplateSync>> sync_templates(Services& services, Account account) {
  PH_CO_TRY_ASSIGN(auto* graph, services.accounts->graph(account));
  const auto began = services.clock->wall_now();
  std::vector<std::string> unreadable;
  PH_CO_TRY_ASSIGN(const auto found, co_await graph->list_templates(account.business_id, &unreadable));
  std::vector<StoredTemplate> rows;
  for (const auto& t : found) rows.push_back(as_stored(t, account.business_id, services.clock->wall_now()));
  auto write = [rows = std::move(rows), business = account.business_id, began](Transaction& tx) {
    return store(tx, rows, business, began);
  };
  PH_CO_TRY_ASSIGN(auto outcome, co_await services.database->write(std::move(write)));
  outcome.unreadable = std::move(unreadable);
  co_return outcome;
}

}  // namespace posthorn
