// Broadcasts from upload to report: what people and programs can do with a campaign. Each call is one action
// of the API.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broadcasts/campaign_counters.h"
#include "broadcasts/campaign_state.h"
#include "core/ids.h"
#include "core/json.h"
#include "core/result.h"
#include "core/time.h"
#include "platform/async.h"

namespace posthorn {

// Everything a person decides about a broadcast. Fields left out keep their defaults.
struct CampaignDraft {
  std::string name;
  AccountId account;  // the sending number
  UploadId upload;    // the recipient file
  std::string template_name;
  std::string template_language = "en_US";
  json::object mapping;          // broadcasts/mapping.h
  std::string phone_column;      // empty: found automatically
  std::string default_region;    // ISO 3166-1 alpha-2; empty: from configuration
  bool at_least_once = false;    // re-send unknown outcomes once after the hold (may duplicate)
  double error_share_pause = 0;  // 0: from configuration
  // Local-time sending: each recipient gets the message when his own clock shows between these minutes of the
  // day.
  bool local_time = false;
  int quiet_from_minute = 21 * 60;  // no sending from here …
  int quiet_until_minute = 8 * 60;  // … until here
};

struct Campaign {
  CampaignId id;
  std::string name;
  AccountId account;
  CampaignState state = CampaignState::draft;
  std::string state_reason;
  std::string template_name, template_language;
  CampaignCounters counters;
  std::optional<WallTime> start_at, started_at, finished_at;
  WallTime created_at, updated_at;
  json::object preflight;      // summary of the last pre-flight; empty before
  double rate_per_second = 0;  // over the last seconds; 0 when not running
  std::optional<Duration> time_left;
};

// One line of the per-recipient report.
struct RecipientRow {
  std::int64_t row_no = 0, source_line = 0;
  std::string phone;       // digits
  std::string submission;  // queued, intent, accepted, …
  std::string delivery;    // "", sent, delivered, read, failed
  int code = 0;
  std::string meaning, next_step;  // of the code, from the error table
  std::string detail;              // Meta's own words, or why the row did not fit the template
  std::string wamid;
  int attempt = 0;
  std::optional<WallTime> intent_at, settled_at, sent_at, delivered_at, read_at, failed_at;
};

struct StartOptions {
  std::optional<WallTime> at;  // empty: now
  bool acknowledge_warnings =
      false;  // needed when pre-flight warned (budget too small, template quality RED, …)
};

class CampaignService {
 public:
  virtual ~CampaignService() = default;

  // Called once at start-up, after the dispatchers exist: scheduled and running campaigns go on where they
  // were.
  virtual Task<Result<>> resume_after_start() = 0;

  virtual Task<Result<CampaignId>> create(CampaignDraft draft, std::string actor) = 0;
  virtual Task<Result<>> update(CampaignId id, CampaignDraft draft, std::string actor) = 0;  // back to draft
  virtual Task<Result<Campaign>> get(CampaignId id) = 0;
  virtual Task<Result<std::vector<Campaign>>> list(std::int64_t before_id,
                                                   int limit) = 0;  // newest first; 0: from the top

  // Columns, sample rows, guessed phone column, proposed mapping for the template (when named).
  virtual Task<Result<json::object>> inspect_upload(UploadId upload, AccountId account,
                                                    std::string template_name, std::string language) = 0;
  // Rendered messages of chosen source lines (or the first `count`).
  virtual Task<Result<json::array>> preview(CampaignId id, std::vector<std::int64_t> lines, int count) = 0;
  // Compiles the list and says exactly what will happen: accepted, rejected, duplicate, suppressed; template
  // and media checks; budget, time, cost; warnings and blockers. Runs to its end even if the caller goes
  // away.
  virtual Task<Result<json::object>> preflight(CampaignId id, std::string actor) = 0;
  // The message as row `line` would get it, to one number, at once, through the API lane. Returns the send's
  // row number.
  virtual Task<Result<std::int64_t>> send_test(CampaignId id, std::string phone, std::int64_t line,
                                               std::string actor) = 0;

  virtual Task<Result<Campaign>> start(CampaignId id, StartOptions options, std::string actor) = 0;
  virtual Task<Result<Campaign>> pause(CampaignId id, std::string reason, std::string actor) = 0;
  virtual Task<Result<Campaign>> resume(CampaignId id, std::string actor) = 0;
  virtual Task<Result<Campaign>> cancel(CampaignId id, std::string actor) = 0;
  // Puts unknown_final rows back into the queue; needs accept_duplicate_risk, and is audited with the row
  // count.
  virtual Task<Result<std::int64_t>> resend_unknown(CampaignId id, bool accept_duplicate_risk,
                                                    std::string actor) = 0;

  // Totals, errors with meaning and next step, minutes.
  virtual Task<Result<json::object>> report(CampaignId id) = 0;
  // Recipients in row order after `after_row`; `state` filters by submission or delivery word ("" for all).
  virtual Task<Result<std::vector<RecipientRow>>> recipients(CampaignId id, std::int64_t after_row, int limit,
                                                             std::string state) = 0;
  // The report as CSV in pieces, safe against formula injection; `write` returns an error when the reader is
  // gone.
  using ChunkSink = std::function<Task<Result<>>(std::string_view)>;
  virtual Task<Result<>> export_csv(CampaignId id, ChunkSink write) = 0;
  virtual Task<Result<>> export_problems_csv(CampaignId id,
                                             ChunkSink write) = 0;  // rejected and duplicate rows
};

}  // namespace posthorn
