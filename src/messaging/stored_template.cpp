#include "messaging/stored_template.h"

#include <boost/json/serialize.hpp>

namespace posthorn {

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

}  // namespace posthorn
