#include "broadcasts/campaign_store.h"

#include <fmt/format.h>

#include "core/json_writer.h"
#include "messaging/media_rows.h"
#include "storage/event_log.h"

namespace posthorn::campaigns {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, account_id, name, state, state_reason, upload_id, template_name, template_language, "
    "template, mapping, options, "
    "preflight, list_blob, problems_blob, total, intents, accepted, rejected, deferred, unknown, "
    "unknown_final, suppressed, "
    "cancelled, expired, sent, delivered, read, failed, held, created_by, created_at, updated_at, start_at, "
    "started_at, "
    "finished_at FROM campaigns ";

std::optional<WallTime> time_or_none(SqlRows& rows, int column) {
  if (rows.is_null(column)) return std::nullopt;
  return wall_from_micros(rows.integer(column));
}

CampaignCounters read_counters(SqlRows& rows, int first) {
  CampaignCounters c;
  for (std::int64_t* counter :
       {&c.total, &c.intents, &c.accepted, &c.rejected, &c.deferred, &c.unknown, &c.unknown_final,
        &c.suppressed, &c.cancelled, &c.expired, &c.sent, &c.delivered, &c.read, &c.failed, &c.held}) {
    *counter = rows.integer(first++);
  }
  c.queued = c.total - c.intents - c.accepted - c.rejected - c.deferred - c.unknown - c.unknown_final -
             c.suppressed - c.cancelled - c.expired;
  return c;
}

StoredCampaign read_row(SqlRows& rows) {
  StoredCampaign c;
  c.id = CampaignId{rows.integer(0)};
  c.account = AccountId{rows.integer(1)};
  c.name = rows.text(2);
  c.state = campaign_state_from(rows.text(3)).value_or(CampaignState::failed);
  c.state_reason = rows.text(4);
  c.upload = UploadId{rows.integer(5)};
  c.template_name = rows.text(6);
  c.template_language = rows.text(7);
  c.template_json = rows.text(8);
  c.mapping_json = rows.text(9);
  c.options_json = rows.text(10);
  c.preflight_json = rows.text(11);
  c.list_blob = rows.text(12);
  c.problems_blob = rows.text(13);
  c.counters = read_counters(rows, 14);
  c.created_by = rows.text(29);
  c.created_at = wall_from_micros(rows.integer(30));
  c.updated_at = wall_from_micros(rows.integer(31));
  c.start_at = time_or_none(rows, 32);
  c.started_at = time_or_none(rows, 33);
  c.finished_at = time_or_none(rows, 34);
  return c;
}

Result<std::vector<StoredCampaign>> read_all(Result<SqlRows> rows) {
  if (!rows) return std::unexpected(rows.error());
  std::vector<StoredCampaign> out;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows->next());
    if (!more) return out;
    out.push_back(read_row(*rows));
  }
}

SqlArg id_or_null(UploadId id) {
  return id ? SqlArg(id.value) : SqlArg(nullptr);
}

SqlArg micros_or_null(std::optional<WallTime> time) {
  return time ? SqlArg(to_micros(*time)) : SqlArg(nullptr);
}

Result<> must_change_one(Result<std::int64_t> changed, CampaignId id) {
  if (!changed) return std::unexpected(changed.error());
  if (*changed == 1) return {};
  return fail(ErrorCode::not_found, fmt::format("there is no broadcast {}", id.value), "broadcast");
}

// What an earlier pre-flight wrote, unless it is what comes again.
Result<> let_lists_go(Transaction& tx, CampaignId id) {
  std::vector<std::string> blobs;
  {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("SELECT list_blob, problems_blob FROM campaigns WHERE id = $1", {id.value}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    if (found) blobs = {std::string(rows.text(0)), std::string(rows.text(1))};
  }
  for (const std::string& blob : blobs) {
    if (blob.empty()) continue;
    PH_TRY(attachments::let_go(tx, blob));
  }
  return {};
}

}  // namespace

Result<CampaignId> insert(Transaction& tx, const StoredCampaign& c, WallTime now) {
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("INSERT INTO campaigns (account_id, name, state, upload_id, template_name, "
                         "template_language, mapping, options, "
                         "created_by, created_at, updated_at) VALUES ($1, $2, 'draft', $3, $4, $5, $6, $7, "
                         "$8, $9, $9) RETURNING id",
                         {c.account.value, c.name, id_or_null(c.upload), c.template_name, c.template_language,
                          c.mapping_json, c.options_json, c.created_by, to_micros(now)}));
  PH_TRY(rows.next());
  return CampaignId{rows.integer(0)};
}

Result<StoredCampaign> get(Transaction& tx, CampaignId id) {
  static const std::string sql = std::string(kSelect) + "WHERE id = $1";
  PH_TRY_ASSIGN(std::vector<StoredCampaign> found, read_all(tx.query(sql, {id.value})));
  if (found.empty())
    return fail(ErrorCode::not_found, fmt::format("there is no broadcast {}", id.value), "broadcast");
  return std::move(found.front());
}

Result<std::vector<StoredCampaign>> list(Transaction& tx, std::int64_t before_id, int limit) {
  static const std::string sql = std::string(kSelect) + "WHERE $1 = 0 OR id < $1 ORDER BY id DESC LIMIT $2";
  return read_all(tx.query(sql, {before_id, limit}));
}

Result<std::vector<StoredCampaign>> in_states(Transaction& tx, std::initializer_list<CampaignState> states) {
  static const std::string sql = std::string(kSelect) + "WHERE state = $1 ORDER BY id";
  std::vector<StoredCampaign> out;
  for (const CampaignState state : states) {
    PH_TRY_ASSIGN(std::vector<StoredCampaign> some, read_all(tx.query(sql, {to_string(state)})));
    for (StoredCampaign& c : some) out.push_back(std::move(c));
  }
  return out;
}

Result<> save_draft(Transaction& tx, const StoredCampaign& c, WallTime now) {
  PH_TRY(let_lists_go(tx, c.id));
  PH_TRY(tx.execute("DELETE FROM campaign_segments WHERE campaign_id = $1", {c.id.value}));
  return must_change_one(
      tx.execute("UPDATE campaigns SET name = $2, account_id = $3, upload_id = $4, template_name = $5, "
                 "template_language = $6, "
                 "mapping = $7, options = $8, template = '', preflight = '', list_blob = '', problems_blob = "
                 "'', total = 0, "
                 "start_at = NULL, updated_at = $9 WHERE id = $1",
                 {c.id.value, c.name, c.account.value, id_or_null(c.upload), c.template_name,
                  c.template_language, c.mapping_json, c.options_json, to_micros(now)}),
      c.id);
}

Result<> save_preflight(Transaction& tx, const StoredCampaign& c,
                        const std::vector<ListSegment>& list_segments, WallTime now) {
  PH_TRY(let_lists_go(tx, c.id));
  PH_TRY(tx.execute("DELETE FROM campaign_segments WHERE campaign_id = $1", {c.id.value}));
  for (std::size_t i = 0; i < list_segments.size(); ++i) {
    const ListSegment& s = list_segments[i];
    PH_TRY(
        tx.execute("INSERT INTO campaign_segments (campaign_id, segment, first_row, last_row, next_row, "
                   "utc_offset_minutes) "
                   "VALUES ($1, $2, $3, $4, $3, $5)",
                   {c.id.value, static_cast<std::int64_t>(i), s.first_row, s.last_row, s.key}));
  }
  return must_change_one(
      tx.execute("UPDATE campaigns SET template = $2, preflight = $3, list_blob = $4, problems_blob = $5, "
                 "total = $6, updated_at = $7 WHERE id = $1",
                 {c.id.value, c.template_json, c.preflight_json, c.list_blob, c.problems_blob,
                  c.counters.total, to_micros(now)}),
      c.id);
}

Result<CampaignState> apply(Transaction& tx, CampaignId id, CampaignEvent event, std::string_view reason,
                            WallTime now, std::optional<WallTime> start_at) {
  PH_TRY_ASSIGN(const StoredCampaign before, get(tx, id));
  PH_TRY_ASSIGN(const CampaignState state, next_state(before.state, event));
  std::optional<WallTime> started = before.started_at;
  if (state == CampaignState::running && !started) started = now;
  const std::optional<WallTime> finished = is_terminal(state) ? std::optional(now) : std::nullopt;
  PH_TRY(
      tx.execute("UPDATE campaigns SET state = $2, state_reason = $3, start_at = COALESCE($4, start_at), "
                 "started_at = $5, "
                 "finished_at = $6, updated_at = $7 WHERE id = $1",
                 {id.value, to_string(state), reason, micros_or_null(start_at), micros_or_null(started),
                  micros_or_null(finished), to_micros(now)}));
  std::string data;
  JsonWriter(data).begin_object().member("campaign", id.value).member("reason", reason).end_object();
  PH_TRY(events::append(tx, now, fmt::format("campaign.{}", to_string(state)),
                        fmt::format("campaign:{}", id.value), data));
  return state;
}

Result<std::vector<SegmentRow>> segments(Transaction& tx, CampaignId id) {
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT segment, first_row, last_row, next_row, utc_offset_minutes, not_before FROM "
                         "campaign_segments WHERE campaign_id = $1 ORDER BY segment",
                         {id.value}));
  std::vector<SegmentRow> out;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return out;
    out.push_back({static_cast<int>(rows.integer(0)), rows.integer(1), rows.integer(2), rows.integer(3),
                   static_cast<int>(rows.integer(4)), wall_from_micros(rows.integer(5))});
  }
}

Result<> set_not_before(Transaction& tx, CampaignId id, int segment, WallTime not_before) {
  PH_TRY(tx.execute("UPDATE campaign_segments SET not_before = $3 WHERE campaign_id = $1 AND segment = $2",
                    {id.value, segment, to_micros(not_before)}));
  return {};
}

Result<UploadRow> upload(Transaction& tx, UploadId id) {
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT file_name, blob, size FROM uploads WHERE id = $1", {id.value}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) {
    return fail(ErrorCode::not_found,
                fmt::format("there is no upload {}; upload the recipient file first", id.value), "upload");
  }
  return UploadRow{id, std::string(rows.text(0)), std::string(rows.text(1)), rows.integer(2)};
}

}  // namespace posthorn::campaigns
