// How things look in answers: one function a thing, so that it looks the same everywhere.
#pragma once
#include <optional>

#include "actions/key_store.h"
#include "actions/parked_events.h"
#include "actions/upload_store.h"
#include "broadcasts/campaign_service.h"
#include "core/json.h"
#include "messaging/accounts.h"
#include "messaging/audit.h"
#include "messaging/suppressions.h"
#include "messaging/template_store.h"

namespace posthorn {

json::value optional_time(const std::optional<WallTime>& t);  // null when absent
json::value time_or_null(WallTime t);                         // null for the epoch, which stands for "never"

json::object view(const Campaign& campaign);
json::object view(const RecipientRow& row);
json::object view(const Account& account);  // never the token
json::object view(const ApiKeyInfo& key);   // never the key
json::object view(const UploadInfo& upload);
json::object view(const StoredTemplate& stored);
json::object view(const Suppression& entry);
json::object view(const AuditEntry& entry);
json::object view(const ParkedEventView& event);

template <class List>
json::array views(const List& list) {
  json::array out;
  for (const auto& entry : list) out.emplace_back(view(entry));
  return out;
}

}  // namespace posthorn
