#include "messaging/send_rows.h"

#include <fmt/format.h>

#include "core/json_writer.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

std::optional<std::int64_t> or_null(std::int64_t value) {
  return value == 0 ? std::nullopt : std::optional<std::int64_t>(value);
}

std::uint32_t stored_bits(const StoredSend& send) {
  return send.delivery.bits | (send.row.resent ? delivery_bits::kResent : 0U);
}

// Campaign columns in the order of SendState; queued has none.
constexpr std::string_view kCountersSql =
    "UPDATE campaigns SET intents = intents + $2, accepted = accepted + $3, rejected = rejected + $4, "
    "deferred = deferred + $5, unknown = unknown + $6, unknown_final = unknown_final + $7, suppressed = "
    "suppressed + $8, "
    "cancelled = cancelled + $9, expired = expired + $10, sent = sent + $11, delivered = delivered + $12, "
    "read = read + $13, failed = failed + $14, held = held + $15, updated_at = $16 WHERE id = $1";

}  // namespace

Result<StoredSend> load_send(Transaction& tx, SendKey key) {
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("SELECT account_id, phone, state, attempt, intent_at, settled_at, due_at, wamid, code, "
               "delivery, sent_at, delivered_at, read_at, failed_at, detail FROM sends "
               "WHERE campaign_id = $1 AND row_no = $2",
               {key.campaign.value, key.row_no}));
  StoredSend send;
  PH_TRY_ASSIGN(send.exists, rows.next());
  if (!send.exists) return send;
  send.account = AccountId{rows.integer(0)};
  send.phone = static_cast<std::uint64_t>(rows.integer(1));
  const auto bits = static_cast<std::uint32_t>(rows.integer(9));
  send.row = {static_cast<SendState>(rows.integer(2)), static_cast<int>(rows.integer(3)),
              (bits & delivery_bits::kResent) != 0};
  send.intent_at = rows.integer(4);
  send.settled_at = rows.integer(5);
  send.due_at = rows.integer(6);
  send.wamid = rows.text(7);
  send.code = static_cast<int>(rows.integer(8));
  send.delivery = {bits & ~delivery_bits::kResent,
                   rows.integer(10),
                   rows.integer(11),
                   rows.integer(12),
                   rows.integer(13),
                   0};
  if ((bits & delivery_bits::kFailed) != 0) send.delivery.failed_code = send.code;
  send.detail = rows.text(14);
  return send;
}

Result<> save_send(Transaction& tx, SendKey key, const StoredSend& send) {
  constexpr std::string_view kUpdate =
      "UPDATE sends SET account_id = $3, phone = $4, state = $5, attempt = $6, intent_at = $7, settled_at = "
      "$8, due_at = $9, "
      "wamid = $10, code = $11, delivery = $12, sent_at = $13, delivered_at = $14, read_at = $15, failed_at "
      "= $16, "
      "detail = $17 WHERE campaign_id = $1 AND row_no = $2";
  constexpr std::string_view kInsert =
      "INSERT INTO sends (campaign_id, row_no, account_id, phone, state, attempt, intent_at, settled_at, "
      "due_at, wamid, code, "
      "delivery, sent_at, delivered_at, read_at, failed_at, detail) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
  std::optional<std::string_view> wamid, detail;
  if (!send.wamid.empty()) wamid = send.wamid;
  if (!send.detail.empty()) detail = send.detail;
  const Delivery& d = send.delivery;
  PH_TRY(tx.execute(
      send.exists ? kUpdate : kInsert,
      {key.campaign.value, key.row_no, send.account.value, send.phone, static_cast<int>(send.row.state),
       send.row.attempt, send.intent_at, or_null(send.settled_at), or_null(send.due_at), wamid, send.code,
       static_cast<std::int64_t>(stored_bits(send)), or_null(d.sent_at), or_null(d.delivered_at),
       or_null(d.read_at), or_null(d.failed_at), detail}));
  return {};
}

bool apply_event(StoredSend& send, SendEvent event, int attempt, SendPolicy policy, std::int64_t now,
                 std::int64_t due_at, bool* duplicate) {
  const SendStep step = next_step(send.row, event, attempt, policy);
  if (duplicate != nullptr) *duplicate = step.duplicate;
  if (!step.changed) return false;
  send.row = step.row;
  send.settled_at = now;
  switch (step.due) {
    case SendDue::none:
      send.due_at = 0;
      break;
    case SendDue::now:
      send.due_at = now;
      break;
    case SendDue::backoff:
    case SendDue::hold:
      send.due_at = due_at;
      break;
  }
  return true;
}

void Progress::moved(CampaignId campaign, SendState from, SendState to, std::int64_t rows) {
  if (!campaign || from == to || rows == 0) return;
  Delta& delta = deltas_[campaign];
  delta.states[static_cast<std::size_t>(from)] -= rows;
  delta.states[static_cast<std::size_t>(to)] += rows;
  if (to == SendState::accepted) delta.minute.accepted += rows;
  if (to == SendState::rejected) delta.minute.rejected += rows;
}

void Progress::changed(CampaignId campaign, const StoredSend& before, const StoredSend& after) {
  if (!campaign) return;
  moved(campaign, before.row.state, after.row.state);
  Delta& delta = deltas_[campaign];
  if (before.row.state != after.row.state) {
    if (before.row.state == SendState::rejected) --delta.errors[before.code].submission;
    if (after.row.state == SendState::rejected) ++delta.errors[after.code].submission;
  }
  count_delivery(delta, before, after);
}

void Progress::count_delivery(Delta& delta, const StoredSend& before, const StoredSend& after) {
  const DeliveryCounts old_counts = counts(before.delivery.bits);
  const DeliveryCounts new_counts = counts(after.delivery.bits);
  delta.sent += new_counts.sent - old_counts.sent;
  delta.delivered += new_counts.delivered - old_counts.delivered;
  delta.read += new_counts.read - old_counts.read;
  delta.failed += new_counts.failed - old_counts.failed;
  delta.held += new_counts.held - old_counts.held;
  delta.minute.delivered += new_counts.delivered - old_counts.delivered;
  delta.minute.read += new_counts.read - old_counts.read;
  delta.minute.failed += new_counts.failed - old_counts.failed;
  if (old_counts.failed == new_counts.failed && before.delivery.failed_code == after.delivery.failed_code)
    return;
  if (old_counts.failed != 0) --delta.errors[before.delivery.failed_code].delivery;
  if (new_counts.failed != 0) ++delta.errors[after.delivery.failed_code].delivery;
}

Result<> Progress::write(Transaction& tx) {
  for (const auto& [campaign, delta] : deltas_) {
    PH_TRY(write_counters(tx, campaign, delta, minute_ * 60'000'000));
    PH_TRY(write_errors(tx, campaign, delta));
    PH_TRY(write_minute(tx, campaign, delta.minute));
    PH_TRY_ASSIGN(const CampaignProgress progress, campaign_progress(tx, campaign));
    if (progress.settled()) settled_.push_back(campaign);
  }
  return {};
}

Result<> Progress::write_counters(Transaction& tx, CampaignId campaign, const Delta& d, std::int64_t now) {
  PH_TRY(tx.execute(kCountersSql, {campaign.value, d.states[1], d.states[2], d.states[3], d.states[4],
                                   d.states[5], d.states[6], d.states[7], d.states[8], d.states[9], d.sent,
                                   d.delivered, d.read, d.failed, d.held, now}));
  return {};
}

Result<> Progress::write_errors(Transaction& tx, CampaignId campaign, const Delta& delta) {
  for (const auto& [code, errors] : delta.errors) {
    if (errors.submission == 0 && errors.delivery == 0) continue;
    PH_TRY(tx.execute(
        "INSERT INTO campaign_errors (campaign_id, code, submission, delivery) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (campaign_id, code) DO UPDATE SET submission = campaign_errors.submission + "
        "excluded.submission, delivery = campaign_errors.delivery + excluded.delivery",
        {campaign.value, code, errors.submission, errors.delivery}));
  }
  return {};
}

Result<> Progress::write_minute(Transaction& tx, CampaignId campaign, const Minute& m) const {
  if (m.empty()) return {};
  PH_TRY(tx.execute(
      "INSERT INTO campaign_minutes (campaign_id, minute, accepted, rejected, delivered, read, failed) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (campaign_id, minute) DO UPDATE SET "
      "accepted = campaign_minutes.accepted + excluded.accepted, "
      "rejected = campaign_minutes.rejected + excluded.rejected, "
      "delivered = campaign_minutes.delivered + excluded.delivered, "
      "read = campaign_minutes.read + excluded.read, failed = campaign_minutes.failed + excluded.failed",
      {campaign.value, minute_, m.accepted, m.rejected, m.delivered, m.read, m.failed}));
  return {};
}

Result<CampaignProgress> campaign_progress(Transaction& tx, CampaignId campaign) {
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT state, total - intents - accepted - rejected - deferred - unknown - "
                         "unknown_final - suppressed "
                         "- cancelled - expired, intents, deferred, unknown FROM campaigns WHERE id = $1",
                         {campaign.value}));
  CampaignProgress progress;
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return progress;
  progress.state = rows.text(0);
  progress.queued = rows.integer(1);
  progress.intents = rows.integer(2);
  progress.deferred = rows.integer(3);
  progress.unknown = rows.integer(4);
  return progress;
}

Result<bool> pause_campaign(Transaction& tx, CampaignId campaign, std::string_view reason, std::int64_t now) {
  PH_TRY_ASSIGN(const std::int64_t changed,
                tx.execute("UPDATE campaigns SET state = 'paused', state_reason = $2, updated_at = $3 "
                           "WHERE id = $1 AND state = 'running'",
                           {campaign.value, reason, now}));
  if (changed == 0) return false;
  std::string data;
  JsonWriter(data).begin_object().member("reason", reason).member("automatic", true).end_object();
  PH_TRY(events::append(tx, wall_from_micros(now), "campaign.paused",
                        fmt::format("campaign:{}", campaign.value), data));
  return true;
}

Result<std::vector<CampaignId>> pause_campaigns_of(Transaction& tx, AccountId account,
                                                   std::string_view reason, std::int64_t now) {
  std::vector<CampaignId> running;
  {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("SELECT id FROM campaigns WHERE state = 'running' AND account_id = $1 ORDER BY id",
                           {account.value}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      running.push_back(CampaignId{rows.integer(0)});
    }
  }
  for (const CampaignId campaign : running) {
    PH_TRY(pause_campaign(tx, campaign, reason, now));
  }
  return running;
}

}  // namespace posthorn
