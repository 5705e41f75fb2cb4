#include "actions/views.h"

#include "core/time_text.h"

namespace posthorn {

json::value optional_time(const std::optional<WallTime>& t) {
  return t ? json::value(iso_time(*t)) : json::value(nullptr);
}

json::value time_or_null(WallTime t) {
  return t == WallTime{} ? json::value(nullptr) : json::value(iso_time(t));
}

json::object view(const Campaign& c) {
  json::object out;
  out["id"] = c.id.value;
  out["name"] = c.name;
  out["account_id"] = c.account.value;
  out["state"] = to_string(c.state);
  out["state_reason"] = c.state_reason;
  out["template_name"] = c.template_name;
  out["template_language"] = c.template_language;
  out["counters"] = to_json(c.counters);
  out["rate_per_second"] = c.rate_per_second;
  out["seconds_left"] =
      c.time_left ? json::value(std::chrono::duration<double>(*c.time_left).count()) : json::value(nullptr);
  out["start_at"] = optional_time(c.start_at);
  out["started_at"] = optional_time(c.started_at);
  out["finished_at"] = optional_time(c.finished_at);
  out["created_at"] = iso_time(c.created_at);
  out["updated_at"] = iso_time(c.updated_at);
  out["preflight"] = c.preflight;
  return out;
}

json::object view(const RecipientRow& r) {
  json::object out;
  out["row"] = r.row_no;
  out["line"] = r.source_line;
  out["phone"] = r.phone;
  out["submission"] = r.submission;
  out["delivery"] = r.delivery;
  out["code"] = r.code;
  out["meaning"] = r.meaning;
  out["next_step"] = r.next_step;
  out["detail"] = r.detail;
  out["message_id"] = r.wamid;
  out["attempt"] = r.attempt;
  out["intent_at"] = optional_time(r.intent_at);
  out["settled_at"] = optional_time(r.settled_at);
  out["sent_at"] = optional_time(r.sent_at);
  out["delivered_at"] = optional_time(r.delivered_at);
  out["read_at"] = optional_time(r.read_at);
  out["failed_at"] = optional_time(r.failed_at);
  return out;
}

json::object view(const Account& a) {
  json::object out;
  out["id"] = a.id.value;
  out["channel"] = a.channel;
  out["login"] = a.login;
  out["transport"] = a.transport;
  out["name"] = a.name;
  out["business_id"] = a.business_id;
  out["portfolio"] = a.portfolio;
  out["sender_id"] = a.sender_id;
  out["display_number"] = a.display_number;
  out["verified_name"] = a.verified_name;
  out["status"] = a.status;
  out["quality"] = a.quality;
  out["throughput"] = a.throughput;
  out["throughput_level"] = a.throughput_level;
  out["messaging_tier"] = a.messaging_tier;
  out["blocked_reason"] = a.blocked_reason;
  out["created_at"] = iso_time(a.created_at);
  out["updated_at"] = iso_time(a.updated_at);
  return out;
}

json::object view(const ApiKeyInfo& k) {
  json::object out;
  out["id"] = k.id.value;
  out["name"] = k.name;
  out["role"] = to_string(k.role);
  out["created_at"] = iso_time(k.created_at);
  out["last_used_at"] = optional_time(k.last_used_at);
  out["revoked_at"] = optional_time(k.revoked_at);
  return out;
}

json::object view(const UploadInfo& u) {
  json::object out;
  out["id"] = u.id.value;
  out["file_name"] = u.file_name;
  out["size"] = u.size;
  out["sha256"] = u.blob;
  out["created_by"] = u.created_by;
  out["created_at"] = iso_time(u.created_at);
  return out;
}

json::object view(const StoredTemplate& t) {
  json::object out;
  out["id"] = t.id.value;
  out["business_id"] = t.business_id;
  out["meta_id"] = t.meta_id;
  out["name"] = t.name;
  out["language"] = t.language;
  out["status"] = t.status;
  out["category"] = t.category;
  out["correct_category"] = t.correct_category;
  out["quality"] = t.quality;
  out["parameter_format"] = t.parameter_format;
  out["reason"] = t.reason;
  out["synced_at"] = iso_time(t.synced_at);
  return out;
}

json::object view(const Suppression& s) {
  json::object out;
  out["phone"] = s.phone.to_string();
  out["business_id"] = s.business_id;
  out["source"] = s.source;
  out["detail"] = s.detail;
  out["created_at"] = iso_time(s.created_at);
  return out;
}

json::object view(const AuditEntry& e) {
  json::object out;
  out["id"] = e.id;
  out["at"] = iso_time(e.at);
  out["actor"] = e.actor;
  out["action"] = e.action;
  out["subject"] = e.subject;
  out["detail"] = e.detail;
  out["hash"] = e.hash;
  return out;
}

json::object view(const ParkedEventView& e) {
  json::object out;
  out["id"] = e.id;
  out["journal_id"] = e.journal_id;
  out["reason"] = e.reason;
  out["body"] = e.body;
  out["parked_at"] = iso_time(e.parked_at);
  out["attempts"] = e.attempts;
  return out;
}

}  // namespace posthorn
