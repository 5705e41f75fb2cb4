#include "messaging/template_store.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthorn::templates {

namespace {

#define PH_SELECT_TEMPLATE                                                                         \
  "SELECT id, business_id, meta_id, name, language, status, category, correct_category, quality, " \
  "parameter_format, "                                                                             \
  "components, reason, synced_at FROM templates "
constexpr std::string_view kByKey =
    PH_SELECT_TEMPLATE "WHERE business_id = $1 AND name = $2 AND language = $3";
constexpr std::string_view kByMetaId = PH_SELECT_TEMPLATE "WHERE meta_id = $1 ORDER BY id LIMIT 1";
constexpr std::string_view kOfBusinessByMetaId =
    PH_SELECT_TEMPLATE "WHERE business_id = $1 AND meta_id = $2 ORDER BY id LIMIT 1";
constexpr std::string_view kNotSeenSince =
    PH_SELECT_TEMPLATE "WHERE business_id = $1 AND synced_at < $2 AND status <> $3 ORDER BY name, language";
constexpr std::string_view kFiltered = PH_SELECT_TEMPLATE
    "WHERE ($1 = '' OR business_id = $1) AND ($2 = '' OR status = $2) AND ($3 = '' OR category = $3) "
    "AND ($4 = '' OR language = $4) AND ($5 = '%%' OR name LIKE $5 ESCAPE '\\') ORDER BY name, language, id "
    "LIMIT $6 OFFSET $7";
#undef PH_SELECT_TEMPLATE

StoredTemplate row(SqlRows& r) {
  StoredTemplate t;
  t.id = TemplateId{r.integer(0)};
  std::string* const texts[] = {&t.business_id,      &t.meta_id, &t.name,
                                &t.language,         &t.status,  &t.category,
                                &t.correct_category, &t.quality, &t.parameter_format,
                                &t.components,       &t.reason};
  for (int i = 0; i < 11; ++i) *texts[i] = r.text(i + 1);
  t.synced_at = wall_from_micros(r.integer(12));
  return t;
}

Result<std::vector<StoredTemplate>> read_all(Result<SqlRows> found) {
  PH_TRY_ASSIGN(auto rows, std::move(found));
  std::vector<StoredTemplate> result;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return result;
    result.push_back(row(rows));
  }
}

Result<std::optional<StoredTemplate>> read_one(Result<SqlRows> found) {
  PH_TRY_ASSIGN(auto all, read_all(std::move(found)));
  if (all.empty()) return std::nullopt;
  return std::move(all.front());
}

bool same_content(const StoredTemplate& a, const StoredTemplate& b) {
  return std::tie(a.meta_id, a.status, a.category, a.correct_category, a.quality, a.parameter_format,
                  a.components, a.reason) == std::tie(b.meta_id, b.status, b.category, b.correct_category,
                                                      b.quality, b.parameter_format, b.components, b.reason);
}

Result<> check(const StoredTemplate& t) {
  const std::pair<const char*, const std::string&> required[] = {
      {"business_id", t.business_id}, {"name", t.name}, {"language", t.language}, {"status", t.status}};
  for (const auto& [field, value] : required) {
    if (value.empty())
      return fail(ErrorCode::invalid_argument, fmt::format("A template needs '{}'.", field), field);
  }
  return {};
}

Result<> save_state(Transaction& tx, const StoredTemplate& t) {
  PH_TRY(
      tx.execute("UPDATE templates SET status = $2, reason = $3, quality = $4, category = $5, "
                 "correct_category = $6 WHERE id = $1",
                 {t.id, t.status, t.reason, t.quality, t.category, t.correct_category}));
  return {};
}

Result<std::optional<StoredTemplate>> find_for(Transaction& tx, const TemplateUpdate& u) {
  if (!u.meta_id.empty()) {
    PH_TRY_ASSIGN(auto by_id, read_one(tx.query(kOfBusinessByMetaId, {u.business_id, u.meta_id})));
    if (by_id) return by_id;
  }
  return read_one(tx.query(kByKey, {u.business_id, u.name, u.language}));
}

std::string like_pattern(std::string_view part) {
  std::string pattern = "%";
  for (const char c : part) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + '%';
}

Result<StoredTemplate> explain_missing(Transaction& tx, std::string_view business_id, std::string_view name,
                                       std::string_view language) {
  PH_TRY_ASSIGN(
      auto rows,
      tx.query("SELECT language FROM templates WHERE business_id = $1 AND name = $2 ORDER BY language",
               {business_id, name}));
  std::string languages;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) break;
    languages += fmt::format("{}{}", languages.empty() ? "" : ", ", rows.text(0));
  }
  if (languages.empty()) {
    return fail(
        ErrorCode::not_found,
        fmt::format("There is no template '{}'. Check the name, or run 'posthorn template sync' if it "
                    "is new at Meta.",
                    name),
        "template");
  }
  return fail(ErrorCode::not_found,
              fmt::format("Template '{}' exists in {}, but not in '{}'. Choose one of its languages.", name,
                          languages, language),
              "language");
}

}  // namespace

Result<UpsertOutcome> upsert(Transaction& tx, const StoredTemplate& t) {
  PH_TRY(check(t));
  PH_TRY_ASSIGN(const auto before, read_one(tx.query(kByKey, {t.business_id, t.name, t.language})));
  PH_TRY(
      tx.execute("INSERT INTO templates (business_id, meta_id, name, language, status, category, "
                 "correct_category, quality, parameter_format, "
                 "components, reason, synced_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
                 "ON CONFLICT (business_id, name, language) DO UPDATE SET meta_id = excluded.meta_id, status "
                 "= excluded.status, "
                 "category = excluded.category, correct_category = excluded.correct_category, quality = "
                 "excluded.quality, "
                 "parameter_format = excluded.parameter_format, components = excluded.components, reason = "
                 "excluded.reason, "
                 "synced_at = excluded.synced_at",
                 {t.business_id, t.meta_id, t.name, t.language, t.status, t.category, t.correct_category,
                  t.quality, t.parameter_format, t.components, t.reason, t.synced_at}));
  if (!before) return UpsertOutcome::added;
  return same_content(*before, t) ? UpsertOutcome::same : UpsertOutcome::changed;
}

Result<std::vector<StoredTemplate>> mark_missing(Transaction& tx, std::string_view business_id,
                                                 WallTime sync_started) {
  PH_TRY_ASSIGN(auto missing,
                read_all(tx.query(kNotSeenSince, {business_id, sync_started, kTemplateMissing})));
  for (StoredTemplate& t : missing) {
    t.status = kTemplateMissing;
    PH_TRY(save_state(tx, t));
  }
  return missing;
}

Result<std::optional<Applied>> apply(Transaction& tx, const TemplateUpdate& u) {
  PH_TRY_ASSIGN(auto found, find_for(tx, u));
  if (!found) return std::nullopt;
  Applied applied{*found, std::move(*found)};
  StoredTemplate& t = applied.after;
  t.status = u.status.value_or(t.status);
  t.reason = u.reason.value_or(t.reason);
  t.quality = u.quality.value_or(t.quality);
  t.category = u.category.value_or(t.category);
  t.correct_category = u.correct_category.value_or(t.correct_category);
  PH_TRY(save_state(tx, t));
  return applied;
}

Result<StoredTemplate> get(Transaction& tx, std::string_view business_id, std::string_view name,
                           std::string_view language) {
  PH_TRY_ASSIGN(auto found, read_one(tx.query(kByKey, {business_id, name, language})));
  if (found) return std::move(*found);
  return explain_missing(tx, business_id, name, language);
}

Result<std::optional<StoredTemplate>> find_by_meta_id(Transaction& tx, std::string_view meta_id) {
  return read_one(tx.query(kByMetaId, {meta_id}));
}

Result<std::vector<StoredTemplate>> list(Transaction& tx, const TemplateFilter& f) {
  const std::string name = like_pattern(f.name_contains);
  return read_all(tx.query(kFiltered, {f.business_id, f.status, f.category, f.language, name,
                                       std::max(f.limit, 0), std::max(f.offset, 0)}));
}

}  // namespace posthorn::templates
