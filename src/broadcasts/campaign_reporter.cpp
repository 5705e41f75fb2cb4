#include "broadcasts/campaign_reporter.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "broadcasts/csv_writer.h"
#include "broadcasts/recipient_list.h"
#include "channels/whatsapp/error_table.h"
#include "core/time_text.h"
#include "messaging/delivery.h"
#include "messaging/send_state.h"

namespace posthorn {
namespace {

constexpr int kPage = 1000;        // rows read at once
constexpr int kMostRows = 10'000;  // of one call
constexpr std::size_t kExportChunk = 64 * 1024;

constexpr std::array<std::string_view, 5> kDeliveryWords{"held", "sent", "delivered", "read", "failed"};

bool is_delivery_word(std::string_view word) {
  return std::find(kDeliveryWords.begin(), kDeliveryWords.end(), word) != kDeliveryWords.end();
}

// --- Rows of `sends`
// -------------------------------------------------------------------------------------------------

std::optional<WallTime> time_or_none(SqlRows& rows, int column) {
  if (rows.is_null(column)) return std::nullopt;
  return wall_from_micros(rows.integer(column));
}

void explain_code(RecipientRow& row) {
  if (row.code == 0) return;
  const whatsapp::ErrorInfo& info = whatsapp::find_error(row.code);
  row.meaning = info.meaning;
  row.next_step = info.next_step;
}

RecipientRow read_send(SqlRows& rows) {
  RecipientRow out;
  out.row_no = rows.integer(0);
  const std::int64_t phone = rows.integer(1);
  out.phone = phone == 0 ? std::string() : std::to_string(phone);
  out.submission = to_string(static_cast<SendState>(rows.integer(2)));
  out.delivery = delivery_word(static_cast<std::uint32_t>(rows.integer(3)));
  out.code = static_cast<int>(rows.integer(4));
  out.wamid = rows.text(5);
  out.attempt = static_cast<int>(rows.integer(6));
  out.intent_at = time_or_none(rows, 7);
  out.settled_at = time_or_none(rows, 8);
  out.sent_at = time_or_none(rows, 9);
  out.delivered_at = time_or_none(rows, 10);
  out.read_at = time_or_none(rows, 11);
  out.failed_at = time_or_none(rows, 12);
  out.detail = rows.text(13);
  explain_code(out);
  return out;
}

Result<std::vector<RecipientRow>> read_sends(Transaction& tx, CampaignId id, std::int64_t after_row,
                                             std::int64_t last_row, int limit) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT row_no, phone, state, delivery, code, wamid, attempt, "
                                       "intent_at, settled_at, sent_at, delivered_at, "
                                       "read_at, failed_at, detail FROM sends WHERE campaign_id = $1 AND "
                                       "row_no > $2 AND row_no <= $3 ORDER BY row_no LIMIT $4",
                                       {id.value, after_row, last_row, limit}));
  std::vector<RecipientRow> out;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return out;
    out.push_back(read_send(rows));
  }
}

// --- The list and the sends, side by side
// --------------------------------------------------------------------------------

Task<Result<std::unique_ptr<RecipientListReader>>> open_list(CampaignPorts ports,
                                                             const StoredCampaign* campaign) {
  if (campaign->list_blob.empty()) {
    co_return fail(ErrorCode::conflict, "the broadcast has no recipient list yet; run pre-flight first");
  }
  PH_CO_TRY_ASSIGN(std::unique_ptr<FileReader> file, co_await ports.blobs.open(campaign->list_blob));
  co_return co_await RecipientListReader::open(std::move(file));
}

// The rows from after_row + 1 on, up to `count`, sent or not.
Task<Result<std::vector<RecipientRow>>> read_page(CampaignPorts ports, CampaignId id,
                                                  RecipientListReader* list, std::string_view word_for_queued,
                                                  std::int64_t after_row, int count) {
  std::vector<RecipientRow> out;
  while (static_cast<int>(out.size()) < count) {
    const auto wanted = static_cast<std::size_t>(count) - out.size();
    PH_CO_TRY_ASSIGN(const RecipientBatch batch,
                     co_await list->read(after_row + 1 + static_cast<std::int64_t>(out.size()), wanted));
    if (batch.rows.empty()) break;
    for (const ListedRecipient& listed : batch.rows) {
      RecipientRow row;
      row.row_no = listed.row_no;
      row.source_line = static_cast<std::int64_t>(listed.source_line);
      row.phone = listed.phone.to_digits();
      row.submission = word_for_queued;
      out.push_back(std::move(row));
    }
  }
  if (out.empty()) co_return out;
  const std::int64_t last = out.back().row_no;
  auto load = [&](Transaction& tx) {
    return read_sends(tx, id, after_row, last, static_cast<int>(out.size()));
  };
  PH_CO_TRY_ASSIGN(std::vector<RecipientRow> sends, co_await ports.database.read(load));
  for (RecipientRow& send : sends) {
    RecipientRow& row = out[static_cast<std::size_t>(send.row_no - after_row - 1)];
    send.source_line = row.source_line;
    if (send.phone.empty()) send.phone = row.phone;
    row = std::move(send);
  }
  co_return out;
}

std::string_view queued_word(const StoredCampaign& campaign) {
  return campaign.state == CampaignState::cancelled ? "cancelled" : "queued";
}

bool matches(const RecipientRow& row, std::string_view state) {
  return state.empty() || (is_delivery_word(state) ? row.delivery == state : row.submission == state);
}

// --- Report
// -------------------------------------------------------------------------------------------------------------

Result<json::array> error_lines(Transaction& tx, CampaignId id) {
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT code, submission, delivery FROM campaign_errors WHERE campaign_id = $1 "
                         "ORDER BY submission + delivery DESC, code",
                         {id.value}));
  json::array out;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return out;
    const int code = static_cast<int>(rows.integer(0));
    json::object line{{"code", code}, {"at_submission", rows.integer(1)}, {"at_delivery", rows.integer(2)}};
    if (code == 0) {
      line["meaning"] = "The values of these rows do not fit the template.";
      line["next_step"] =
          "See the detail of each row in the export, correct the file and send them in a new broadcast.";
    } else {
      const whatsapp::ErrorInfo& info = whatsapp::find_error(code);
      line["meaning"] = info.meaning;
      line["next_step"] = info.next_step;
    }
    out.push_back(std::move(line));
  }
}

Result<json::array> minute_lines(Transaction& tx, CampaignId id) {
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("SELECT minute, accepted, rejected, delivered, read, failed FROM campaign_minutes WHERE "
               "campaign_id = $1 ORDER BY minute",
               {id.value}));
  json::array out;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return out;
    out.push_back(json::object{{"minute", iso_time(WallTime(std::chrono::minutes(rows.integer(0))))},
                               {"accepted", rows.integer(1)},
                               {"rejected", rows.integer(2)},
                               {"delivered", rows.integer(3)},
                               {"read", rows.integer(4)},
                               {"failed", rows.integer(5)}});
  }
}

json::value time_or_null(std::optional<WallTime> time) {
  return time ? json::value(iso_time(*time)) : json::value(nullptr);
}

// --- Export
// -------------------------------------------------------------------------------------------------------------

std::string time_text(std::optional<WallTime> time) {
  return time ? iso_time(*time) : std::string();
}

void write_header(CsvWriter& csv) {
  for (const char* name :
       {"row", "line", "phone", "submission", "delivery", "code", "meaning", "next_step", "detail", "wamid",
        "attempt", "intent_at", "settled_at", "sent_at", "delivered_at", "read_at", "failed_at"}) {
    csv.cell(name);
  }
  csv.end_row();
}

void write_row(CsvWriter& csv, const RecipientRow& row) {
  csv.cell(row.row_no).cell(row.source_line).cell(row.phone).cell(row.submission).cell(row.delivery);
  if (row.code == 0)
    csv.cell("");
  else
    csv.cell(static_cast<std::int64_t>(row.code));
  csv.cell(row.meaning)
      .cell(row.next_step)
      .cell(row.detail)
      .cell(row.wamid)
      .cell(static_cast<std::int64_t>(row.attempt));
  for (const auto& time :
       {row.intent_at, row.settled_at, row.sent_at, row.delivered_at, row.read_at, row.failed_at}) {
    csv.cell(time_text(time));
  }
  csv.end_row();
}

Task<Result<StoredCampaign>> load(CampaignPorts ports, CampaignId id) {
  auto get = [id](Transaction& tx) { return campaigns::get(tx, id); };
  co_return co_await ports.database.read(get);
}

}  // namespace

Result<> check_recipient_filter(const std::string& state) {
  if (state.empty() || is_delivery_word(state) || send_state_from(state)) return {};
  return fail(ErrorCode::invalid_argument,
              "unknown state; use queued, intent, accepted, rejected, deferred, unknown, unknown_final, "
              "suppressed, cancelled, expired, "
              "held, sent, delivered, read or failed",
              "state");
}

Task<Result<json::object>> CampaignReporter::report(CampaignId id) {
  StoredCampaign campaign;
  json::object out;
  auto read = [&](Transaction& tx) -> Result<bool> {
    PH_TRY_ASSIGN(campaign, campaigns::get(tx, id));
    PH_TRY_ASSIGN(out["errors"], error_lines(tx, id));
    PH_TRY_ASSIGN(out["minutes"], minute_lines(tx, id));
    return true;
  };
  PH_CO_TRY(co_await ports_.database.read(read));
  out["id"] = id.value;
  out["name"] = campaign.name;
  out["state"] = to_string(campaign.state);
  out["state_reason"] = campaign.state_reason;
  out["totals"] = to_json(campaign.counters);
  out["started_at"] = time_or_null(campaign.started_at);
  out["finished_at"] = time_or_null(campaign.finished_at);
  out["preflight"] = campaign.preflight_json.empty()
                         ? json::value(nullptr)
                         : parse_json(campaign.preflight_json).value_or(json::value(nullptr));
  co_return out;
}

Task<Result<std::vector<RecipientRow>>> CampaignReporter::recipients(CampaignId id, std::int64_t after_row,
                                                                     int limit, std::string state) {
  if (limit < 1 || limit > kMostRows) {
    co_return fail(ErrorCode::invalid_argument, fmt::format("must be from 1 to {}", kMostRows), "limit");
  }
  PH_CO_TRY(check_recipient_filter(state));
  PH_CO_TRY_ASSIGN(const StoredCampaign campaign, co_await load(ports_, id));
  PH_CO_TRY_ASSIGN(const std::unique_ptr<RecipientListReader> list, co_await open_list(ports_, &campaign));
  std::vector<RecipientRow> out;
  std::int64_t at = after_row;
  while (static_cast<int>(out.size()) < limit) {
    const int wanted = state.empty() ? std::min(kPage, limit - static_cast<int>(out.size())) : kPage;
    PH_CO_TRY_ASSIGN(std::vector<RecipientRow> page,
                     co_await read_page(ports_, id, list.get(), queued_word(campaign), at, wanted));
    if (page.empty()) break;
    at = page.back().row_no;
    for (RecipientRow& row : page) {
      if (static_cast<int>(out.size()) < limit && matches(row, state)) out.push_back(std::move(row));
    }
  }
  co_return out;
}

Task<Result<>> CampaignReporter::export_csv(CampaignId id, CampaignService::ChunkSink write) {
  PH_CO_TRY_ASSIGN(const StoredCampaign campaign, co_await load(ports_, id));
  PH_CO_TRY_ASSIGN(const std::unique_ptr<RecipientListReader> list, co_await open_list(ports_, &campaign));
  std::string text;
  CsvWriter csv(text);
  write_header(csv);
  std::int64_t at = 0;
  while (true) {
    PH_CO_TRY_ASSIGN(const std::vector<RecipientRow> page,
                     co_await read_page(ports_, id, list.get(), queued_word(campaign), at, kPage));
    if (page.empty()) break;
    at = page.back().row_no;
    for (const RecipientRow& row : page) write_row(csv, row);
    if (text.size() >= kExportChunk) {
      PH_CO_TRY(co_await write(text));
      text.clear();
    }
  }
  co_return co_await write(text);
}

Task<Result<>> CampaignReporter::export_problems_csv(CampaignId id, CampaignService::ChunkSink write) {
  PH_CO_TRY_ASSIGN(const StoredCampaign campaign, co_await load(ports_, id));
  if (campaign.problems_blob.empty()) {
    co_return fail(ErrorCode::conflict, "the broadcast has not been checked yet; run pre-flight first");
  }
  PH_CO_TRY_ASSIGN(const std::unique_ptr<FileReader> file,
                   co_await ports_.blobs.open(campaign.problems_blob));
  std::string chunk(kExportChunk, '\0');
  for (std::uint64_t at = 0;;) {
    const std::span<char> space(chunk.data(), chunk.size());
    PH_CO_TRY_ASSIGN(const std::size_t n, co_await file->read_at(at, space));
    if (n == 0) co_return Result<>{};
    const std::string_view bytes(chunk.data(), n);
    PH_CO_TRY(co_await write(bytes));
    at += n;
  }
}

}  // namespace posthorn
