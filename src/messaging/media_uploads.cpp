#include "messaging/media_uploads.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/json.h"

namespace posthorn::media_uploads {
namespace {

// Wherever in the request: in the message itself, or in a template's header.
void collect_ids(const json::value& value, std::vector<std::string>& ids) {
  constexpr std::array<std::string_view, 5> kKinds = {"image", "video", "audio", "document", "sticker"};
  if (value.is_array()) {
    for (const json::value& one : value.get_array()) collect_ids(one, ids);
  }
  if (!value.is_object()) return;
  for (const auto& member : value.get_object()) {
    const bool media = std::ranges::find(kKinds, std::string_view(member.key())) != kKinds.end();
    if (const auto id = JsonView(member.value())["id"].string_or(""); media && !id.empty())
      ids.emplace_back(id);
    collect_ids(member.value(), ids);
  }
}

}  // namespace

Result<std::optional<MediaUpload>> find(Transaction& tx, AccountId account, std::string_view sha256_hex,
                                        WallTime now, Duration needed) {
  PH_TRY_ASSIGN(auto rows, tx.query("SELECT media_id, mime_type, uploaded_at FROM media_uploads "
                                    "WHERE account_id = $1 AND sha256 = $2 AND uploaded_at > $3",
                                    {account, sha256_hex, now + needed - kMediaKept}));
  PH_TRY_ASSIGN(const bool any, rows.next());
  if (!any) return std::nullopt;
  return MediaUpload{std::string(rows.text(0)), std::string(rows.text(1)), wall_from_micros(rows.integer(2))};
}

Result<> record(Transaction& tx, AccountId account, std::string_view sha256_hex, const MediaUpload& u) {
  PH_TRY(
      tx.execute("INSERT INTO media_uploads (account_id, sha256, media_id, mime_type, uploaded_at) VALUES "
                 "($1, $2, $3, $4, $5) "
                 "ON CONFLICT (account_id, sha256) DO UPDATE SET media_id = excluded.media_id, "
                 "mime_type = excluded.mime_type, uploaded_at = excluded.uploaded_at",
                 {account, sha256_hex, u.media_id, u.mime_type, u.uploaded_at}));
  return {};
}

Result<> forget(Transaction& tx, AccountId account, std::string_view media_id) {
  PH_TRY(
      tx.execute("DELETE FROM media_uploads WHERE account_id = $1 AND media_id = $2", {account, media_id}));
  return {};
}

Result<> forget_those_of(Transaction& tx, MessageId message) {
  AccountId account;
  std::vector<std::string> ids;
  {
    PH_TRY_ASSIGN(auto rows, tx.query("SELECT s.account_id, s.payload FROM messages m JOIN single_sends s ON "
                                      "s.row_no = m.send_row WHERE m.id = $1 AND m.send_row <> 0",
                                      {message}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    if (!found) return {};
    account = AccountId{rows.integer(0)};
    const auto payload = parse_json(rows.text(1));
    if (payload) collect_ids(*payload, ids);
  }
  for (const std::string& id : ids) {
    PH_TRY(forget(tx, account, id));
  }
  return {};
}

Result<std::int64_t> prune(Transaction& tx, WallTime now) {
  return tx.execute("DELETE FROM media_uploads WHERE uploaded_at <= $1", {now - kMediaKept});
}

}  // namespace posthorn::media_uploads
