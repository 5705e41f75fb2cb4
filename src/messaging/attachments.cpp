#include "messaging/attachments.h"

#include <fmt/format.h>

#include "platform/crypto.h"

namespace posthorn::attachments {
namespace {

const std::string kColumns =
    "SELECT id, message_id, position, account_id, kind, media_id, url, told_type, told_sha256, file_name, "
    "state, "
    "blob, size, mime_type, path, attempts, next_try_at, error FROM attachments ";
const std::string kOfMessage = kColumns + "WHERE message_id = $1 ORDER BY position, id";
const std::string kOne = kColumns + "WHERE id = $1";

constexpr std::size_t kHexDigits = 64;

StoredAttachment read_row(SqlRows& r) {
  StoredAttachment a;
  a.id = AttachmentId{r.integer(0)};
  a.message = MessageId{r.integer(1)};
  a.position = static_cast<int>(r.integer(2));
  a.account = AccountId{r.integer(3)};
  a.kind = r.text(4);
  a.media_id = r.text(5);
  a.url = r.text(6);
  a.told_type = r.text(7);
  a.told_sha256 = r.text(8);
  a.file_name = r.text(9);
  a.state = static_cast<AttachmentState>(r.integer(10));
  a.blob = r.text(11);
  a.size = static_cast<std::uint64_t>(r.integer(12));
  a.mime_type = r.text(13);
  a.path = r.text(14);
  a.attempts = static_cast<int>(r.integer(15));
  a.next_try_at = wall_from_micros(r.integer(16));
  a.error = r.text(17);
  return a;
}

// Channels write the hash in hexadecimal or base64, the latter in both alphabets and with padding or without.
// Whatever is neither cannot be compared with and counts as not told.
std::string hex_hash(std::string_view told) {
  std::string text(told);
  if (text.size() == kHexDigits) {
    for (char& c : text) {
      if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    }
    return from_hex(text) ? text : std::string();
  }
  while (!text.empty() && text.back() == '=') text.pop_back();
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  const Result<std::string> bytes = from_base64url(text);
  return bytes && bytes->size() == kHexDigits / 2 ? to_hex(*bytes) : std::string();
}

Result<std::vector<std::string>> blobs_of(Transaction& tx, MessageId message) {
  std::vector<std::string> blobs;
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("SELECT DISTINCT blob FROM attachments WHERE message_id = $1 AND blob <> '' ORDER BY blob",
               {message}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return blobs;
    blobs.emplace_back(rows.text(0));
  }
}

}  // namespace

Result<> add(Transaction& tx, MessageId message, AccountId account,
             const std::vector<channels::Attachment>& list, WallTime now) {
  std::int64_t position = 0;
  for (const channels::Attachment& a : list) {
    PH_TRY(
        tx.execute("INSERT INTO attachments (message_id, position, account_id, kind, media_id, url, "
                   "told_type, told_sha256, "
                   "file_name, next_try_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                   {message, position++, account, a.kind, a.media_id, a.url, a.mime_type, hex_hash(a.sha256),
                    a.file_name, now}));
  }
  return {};
}

Result<std::vector<StoredAttachment>> of_message(Transaction& tx, MessageId message) {
  std::vector<StoredAttachment> list;
  PH_TRY_ASSIGN(SqlRows rows, tx.query(kOfMessage, {message}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return list;
    list.push_back(read_row(rows));
  }
}

Result<StoredAttachment> get(Transaction& tx, AttachmentId id) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query(kOne, {id}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return fail(ErrorCode::not_found, fmt::format("There is no attachment {}.", id.value), "id");
  return read_row(rows);
}

Result<std::vector<std::string>> forget(Transaction& tx, MessageId message) {
  PH_TRY_ASSIGN(const std::vector<std::string> blobs, blobs_of(tx, message));
  PH_TRY(
      tx.execute("UPDATE attachments SET state = 4, media_id = '', url = '', told_sha256 = '', file_name = "
                 "'', blob = '', "
                 "size = 0, path = '', error = '' WHERE message_id = $1",
                 {message}));
  std::vector<std::string> orphaned;
  for (const std::string& blob : blobs) {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("SELECT 1 FROM attachments WHERE blob = $1 AND blob <> '' LIMIT 1", {blob}));
    PH_TRY_ASSIGN(const bool shared, rows.next());
    if (shared) continue;
    PH_TRY(tx.execute("INSERT INTO unused_blobs (blob) VALUES ($1) ON CONFLICT (blob) DO NOTHING", {blob}));
    orphaned.push_back(blob);
  }
  return orphaned;
}

}  // namespace posthorn::attachments
