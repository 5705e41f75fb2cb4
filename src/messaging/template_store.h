// Message templates as Meta last told us about them. SQL only: every function works inside the caller's
// transaction.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/time.h"
#include "storage/database.h"

namespace posthorn {

struct StoredTemplate {
  TemplateId id;
  std::string business_id;
  std::string meta_id;
  std::string name;
  std::string language;  // 'en_US'
  std::string status;    // APPROVED, PENDING, REJECTED, PAUSED, DISABLED, …, and ours: MISSING_AT_META
  std::string category;  // MARKETING, UTILITY, AUTHENTICATION
  std::string correct_category;  // announced recategorisation; empty: none
  std::string quality;           // GREEN, YELLOW, RED, UNKNOWN
  std::string parameter_format;  // POSITIONAL or NAMED
  std::string components;        // Meta's JSON, verbatim
  std::string reason;            // rejection or pause reason, Meta's word
  WallTime synced_at;
};

inline constexpr std::string_view kTemplateMissing =
    "MISSING_AT_META";  // was there, and a full sync no longer shows it

// Empty fields do not narrow.
struct TemplateFilter {
  std::string business_id = {};
  std::string status = {};
  std::string category = {};
  std::string language = {};
  std::string name_contains = {};
  int limit = 1000;
  int offset = 0;
};

// What a template webhook tells (message_template_status_update, …_quality_update, template_category_update).
struct TemplateUpdate {
  std::string business_id;
  std::string meta_id = {};  // matched first; name and language otherwise
  std::string name = {};
  std::string language = {};
  std::optional<std::string> status = {};
  std::optional<std::string> reason = {};
  std::optional<std::string> quality = {};
  std::optional<std::string> category = {};
  std::optional<std::string> correct_category = {};
};

namespace templates {

enum class UpsertOutcome { added, changed, same };

// Inserts or replaces by (business_id, name, language). `id` of the argument is ignored.
Result<UpsertOutcome> upsert(Transaction& tx, const StoredTemplate& t);

// After a complete sync that began at `sync_started`: every template of the business not seen since is marked
// kTemplateMissing. Returns those newly marked.
Result<std::vector<StoredTemplate>> mark_missing(Transaction& tx, std::string_view business_id,
                                                 WallTime sync_started);

// Applies a webhook. nullopt when we do not know the template (a sync will bring it). Otherwise its row
// before and after.
struct Applied {
  StoredTemplate before;
  StoredTemplate after;
};
Result<std::optional<Applied>> apply(Transaction& tx, const TemplateUpdate& update);

Result<StoredTemplate> get(Transaction& tx, std::string_view business_id, std::string_view name,
                           std::string_view language);  // not_found says which languages exist, if any
Result<std::optional<StoredTemplate>> find_by_meta_id(Transaction& tx, std::string_view meta_id);
Result<std::vector<StoredTemplate>> list(Transaction& tx, const TemplateFilter& filter);  // by name, language

}  // namespace templates
}  // namespace posthorn
