#include "automation/notification_recipients.h"

#include <algorithm>
#include <array>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "platform/mailer.h"

namespace posthorn {
namespace {

constexpr std::array<std::string_view, 3> kFiles = {"none", "links", "files"};
constexpr int kLongestDigest = 24 * 60;

constexpr std::string_view kSelect =
    "SELECT id, address, name, enabled, settings, failures, last_error, created_at, updated_at "
    "FROM notification_recipients ";

Result<std::vector<NotificationRecipient>> read_all(Result<SqlRows> found) {
  PH_TRY_ASSIGN(SqlRows rows, std::move(found));
  std::vector<NotificationRecipient> all;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    NotificationRecipient& one = all.emplace_back();
    one.id = NotificationRecipientId{rows.integer(0)};
    one.address = rows.text(1);
    one.name = rows.text(2);
    one.enabled = rows.integer(3) != 0;
    PH_TRY_ASSIGN(const json::value settings, parse_json(rows.text(4)));
    PH_TRY_ASSIGN(one.settings, notification_recipients::parse_settings(settings.as_object()));
    one.failures = static_cast<int>(rows.integer(5));
    one.last_error = rows.text(6);
    one.created_at = wall_from_micros(rows.integer(7));
    one.updated_at = wall_from_micros(rows.integer(8));
  }
}

Result<> read_flag(const json::object& given, const char* name, bool& into) {
  const json::value* value = given.if_contains(name);
  if (value == nullptr) return {};
  const std::string field = fmt::format("settings.{}", name);
  if (!value->is_bool()) return fail(ErrorCode::invalid_argument, field + " must be true or false", field);
  into = value->get_bool();
  return {};
}

Result<> read_accounts(const json::object& given, std::vector<std::int64_t>& into) {
  const json::value* value = given.if_contains("accounts");
  if (value == nullptr) return {};
  const json::array* list = value->if_array();
  const bool ids =
      list != nullptr && std::ranges::all_of(*list, [](const json::value& v) { return v.is_int64(); });
  if (!ids)
    return fail(ErrorCode::invalid_argument,
                "settings.accounts must be a list of account ids (see list_channels)", "settings.accounts");
  for (const json::value& id : *list) into.push_back(id.get_int64());
  return {};
}

Result<> refuse_unknown(const json::object& given) {
  constexpr std::array<std::string_view, 5> kKnown = {"accounts", "inbound", "outbound", "digest_minutes",
                                                      "attachments"};
  for (const auto& member : given) {
    const std::string name(member.key());
    if (std::ranges::find(kKnown, std::string_view(name)) != kKnown.end()) continue;
    return fail(ErrorCode::invalid_argument,
                fmt::format("settings has no \"{}\"; it knows {}", name, fmt::join(kKnown, ", ")),
                "settings." + name);
  }
  return {};
}

}  // namespace

std::string_view to_string(MailFiles files) {
  return kFiles[static_cast<std::size_t>(files)];
}

namespace notification_recipients {

Result<NotificationSettings> parse_settings(const json::object& given) {
  NotificationSettings out;
  PH_TRY(refuse_unknown(given));
  PH_TRY(read_accounts(given, out.accounts));
  PH_TRY(read_flag(given, "inbound", out.inbound));
  PH_TRY(read_flag(given, "outbound", out.outbound));
  if (const json::value* minutes = given.if_contains("digest_minutes")) {
    if (!minutes->is_int64() || minutes->get_int64() < 0 || minutes->get_int64() > kLongestDigest)
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("settings.digest_minutes must be a number from 0 (at once) to {}", kLongestDigest),
          "settings.digest_minutes");
    out.digest_minutes = static_cast<int>(minutes->get_int64());
  }
  if (const json::value* files = given.if_contains("attachments")) {
    const std::string word(files->is_string() ? std::string_view(files->get_string()) : std::string_view());
    const auto found = std::ranges::find(kFiles, std::string_view(word));
    if (found == kFiles.end())
      return fail(ErrorCode::invalid_argument, "settings.attachments must be none, links or files",
                  "settings.attachments");
    out.files = static_cast<MailFiles>(found - kFiles.begin());
  }
  return out;
}

json::object settings_view(const NotificationSettings& s) {
  json::object out;
  json::array accounts;
  for (const std::int64_t id : s.accounts) accounts.emplace_back(id);
  out["accounts"] = std::move(accounts);
  out["inbound"] = s.inbound;
  out["outbound"] = s.outbound;
  out["digest_minutes"] = s.digest_minutes;
  out["attachments"] = to_string(s.files);
  return out;
}

Result<NotificationRecipient> save(Transaction& tx, std::string_view address, std::string_view name,
                                   bool enabled, const NotificationSettings& settings, WallTime now) {
  if (!is_mail_address(address))
    return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is no e-mail address", address), "address");
  const std::string text = json::serialize(settings_view(settings));
  PH_TRY(tx.execute(
      "INSERT INTO notification_recipients (address, name, enabled, settings, created_at, updated_at) "
      "VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (address) DO UPDATE SET name = $2, enabled = $3, "
      "settings = $4, failures = 0, last_error = '', updated_at = $5",
      {address, name, enabled, text, now}));
  return get_by_address(tx, address);
}

Result<NotificationRecipient> get(Transaction& tx, NotificationRecipientId id) {
  static const std::string sql = std::string(kSelect) + "WHERE id = $1";
  PH_TRY_ASSIGN(auto found, read_all(tx.query(sql, {id})));
  if (found.empty())
    return fail(ErrorCode::not_found, fmt::format("there is no notification recipient {}", id.value), "id");
  return std::move(found.front());
}

Result<NotificationRecipient> get_by_address(Transaction& tx, std::string_view address) {
  static const std::string sql = std::string(kSelect) + "WHERE address = $1";
  PH_TRY_ASSIGN(auto found, read_all(tx.query(sql, {address})));
  if (found.empty())
    return fail(ErrorCode::not_found, fmt::format("nobody is notified at {}", address), "address");
  return std::move(found.front());
}

Result<std::vector<NotificationRecipient>> list(Transaction& tx) {
  static const std::string sql = std::string(kSelect) + "ORDER BY id";
  return read_all(tx.query(sql, {}));
}

Result<> remove(Transaction& tx, NotificationRecipientId id) {
  PH_TRY_ASSIGN(const auto removed, tx.execute("DELETE FROM notification_recipients WHERE id = $1", {id}));
  if (removed == 0)
    return fail(ErrorCode::not_found, fmt::format("there is no notification recipient {}", id.value), "id");
  PH_TRY(tx.execute("DELETE FROM notification_queue WHERE recipient_id = $1", {id}));
  PH_TRY(tx.execute("DELETE FROM notification_mails WHERE recipient_id = $1", {id}));
  return {};
}

Result<> note_outcome(Transaction& tx, NotificationRecipientId id, std::string_view refusal, WallTime now) {
  if (refusal.empty()) {
    PH_TRY(tx.execute(
        "UPDATE notification_recipients SET failures = 0, last_error = '' WHERE id = $1 AND failures > 0",
        {id}));
    return {};
  }
  PH_TRY(tx.execute(
      "UPDATE notification_recipients SET failures = failures + 1, last_error = $2, updated_at = $3, "
      "enabled = CASE WHEN failures + 1 >= $4 THEN 0 ELSE enabled END WHERE id = $1",
      {id, refusal, now, kMostRefusals}));
  return {};
}

}  // namespace notification_recipients
}  // namespace posthorn
