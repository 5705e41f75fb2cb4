#include "actions/template_sync.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "actions/account_runtime.h"
#include "platform/clock.h"

namespace posthorn {
namespace {

StoredTemplate as_stored(const whatsapp::Template& t, const std::string& business_id, WallTime now) {
  StoredTemplate row;
  row.business_id = business_id;
  row.meta_id = t.facts.id;
  row.name = t.facts.name;
  row.language = t.facts.language;
  row.status = t.facts.status;
  row.category = t.facts.category;
  row.correct_category =
      t.facts.correct_category == t.facts.category ? std::string() : t.facts.correct_category;
  row.quality = t.facts.quality;
  row.parameter_format = t.facts.parameter_format;
  row.components = json::serialize(t.components);
  row.reason = t.facts.reason;
  row.synced_at = now;
  return row;
}

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

Result<whatsapp::Template> parse_stored(const StoredTemplate& stored) {
  whatsapp::TemplateFacts facts;
  facts.id = stored.meta_id;
  facts.name = stored.name;
  facts.language = stored.language;
  facts.status = stored.status;
  facts.category = stored.category;
  facts.correct_category = stored.correct_category;
  facts.quality = stored.quality;
  facts.parameter_format = stored.parameter_format;
  facts.reason = stored.reason;
  return whatsapp::parse_template(std::move(facts), stored.components);
}

}  // namespace posthorn
